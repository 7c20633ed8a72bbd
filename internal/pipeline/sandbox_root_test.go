//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// TestKillInASandbox: the kernel kills in a PID namespace that no container runtime has made, in a cgroup that says nothing. The kill is the
// sandbox's, not the host's. The sandbox is gone when its namespace is.
func TestKillInASandbox(t *testing.T) {
	w := watch(t)
	dir := makeCgroup(t, fmt.Sprintf("nsviz-test-sandbox-%d.scope", os.Getpid()))
	limit(t, dir, 16<<20)
	p := start(t, "sh", "-c", `read line; exec unshare --fork --pid sh -c "tail /dev/zero; echo killed; read line"`)
	join(t, dir, p.pid)
	hostKills := func() (n uint64) {
		for k, kills := range w.Snapshot().Totals.OOMKills {
			if k.Container == "" {
				n += kills
			}
		}
		return n
	}
	before := hostKills()
	p.release()
	if got := p.line(); got != "killed" {
		t.Fatalf("it writes %q", got)
	}
	var kill event.Event
	w.await(t, "the kill", func() bool {
		list := w.all(func(e *event.Event) bool {
			return e.Type == event.OOMKill && e.OOM.Victim.Cgroup != "" && e.OOM.Victim.Cgroup[1:] == fmt.Sprintf("nsviz-test-sandbox-%d.scope", os.Getpid())
		})
		if len(list) > 0 {
			kill = list[0]
		}
		return len(list) > 0
	}, nil)
	c := kill.OOM.Victim.Container
	if c == nil || c.Kind != event.KindSandbox || c.Runtime != "unshare" || c.Name != fmt.Sprintf("unshare-%d", p.pid) ||
		c.ID != fmt.Sprintf("pid-%d", kill.OOM.Victim.Namespaces[event.PID]) {
		t.Fatalf("killed in %+v: %+v", c, kill.OOM.Victim)
	}
	if hostKills() != before {
		t.Error("it counts as the host's")
	}
	there := w.container(c.ID)
	if there == nil || there.State != model.Running || there.OOMKillsAtLeast != 1 || there.OOMKills == nil {
		t.Errorf("the sandbox: %+v", there)
	}
	p.release()
	_ = p.cmd.Wait()
	w.await(t, "its end", func() bool { c := w.container(c.ID); return c != nil && c.State == model.Exited }, nil)
}

// TestKillBesideASandbox: a process whose next child would be in a PID namespace of its own is in the host's itself.
func TestKillBesideASandbox(t *testing.T) {
	w := watch(t)
	name := fmt.Sprintf("nsviz-test-beside-%d.scope", os.Getpid())
	dir := makeCgroup(t, name)
	limit(t, dir, 16<<20)
	p := start(t, "sh", "-c", `read line; exec unshare --pid tail /dev/zero`)
	join(t, dir, p.pid)
	p.release()
	_ = p.cmd.Wait()
	w.await(t, "the kill", func() bool {
		return len(w.all(func(e *event.Event) bool {
			return e.Type == event.OOMKill && e.OOM.Victim.Cgroup == "/"+name && e.Container == nil && !e.ContainerUnknown
		})) == 1
	}, nil)
}

// TestSandboxesAreFound: what the kernel isolates without a cgroup of its own is found when nsviz looks, and while it watches, with its
// processes, and is gone when its namespaces are. What waits outside is none of it, and neither is a chroot's mount namespace.
func TestSandboxesAreFound(t *testing.T) {
	const isolated = `exec unshare --user --map-root-user --fork --pid sh -c 'echo in; read line; echo $line'`
	inside := func() *process {
		t.Helper()
		p := start(t, "sh", "-c", isolated)
		if got := p.line(); got != "in" {
			t.Fatalf("it writes %q", got)
		}
		return p
	}
	before := inside()
	alone := start(t, "sh", "-c", `exec unshare --mount sh -c 'echo ready; read line'`)
	if got := alone.line(); got != "ready" {
		t.Fatalf("it writes %q", got)
	}
	find := func(s *model.Snapshot, maker int32) *model.Container {
		for i := range s.Quiet {
			if s.Quiet[i].Label == fmt.Sprintf("unshare-%d", maker) {
				return &s.Quiet[i]
			}
		}
		return nil
	}
	check := func(s *model.Snapshot, maker int32) {
		t.Helper()
		c := find(s, maker)
		if c == nil {
			t.Fatalf("not found among %+v", s.Quiet)
		}
		pids := members(t, c.Namespaces[event.PID].ID)
		if c.Kind != event.KindSandbox || c.Runtime != "unshare" || c.InitComm != "sh" || c.State != model.Running ||
			len(pids) != 1 || c.InitPID != pids[0] || c.Namespaces[event.User].Relation != model.RelationOwn {
			t.Errorf("%+v; its PID namespace has %v", c, pids)
		}
		for i := range s.Quiet {
			if q := &s.Quiet[i]; q.InitPID == maker || q.InitPID == alone.pid {
				t.Errorf("process %d is %+v", q.InitPID, q)
			}
		}
	}
	p, err := pipeline.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	look, err := p.Once(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check(look, before.pid)

	w := watch(t)
	w.await(t, "what was there", func() bool { return find(w.Snapshot(), before.pid) != nil }, nil)
	check(w.Snapshot(), before.pid)
	after := inside()
	w.await(t, "what is new", func() bool { return find(w.Snapshot(), after.pid) != nil }, nil)
	w.await(t, "its processes", func() bool { c := find(w.Snapshot(), after.pid); return c.Processes != nil && *c.Processes == 1 }, nil)
	check(w.Snapshot(), after.pid)
	for _, p := range []*process{before, after} {
		p.release()
		_ = p.cmd.Wait()
		w.await(t, "its end", func() bool { return find(w.Snapshot(), p.pid) == nil }, nil)
	}
	alone.release()
}

// members returns the processes in a PID namespace, as procfs shows them.
func members(t *testing.T, namespace uint64) []int32 {
	t.Helper()
	var list []int32
	links, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && to == fmt.Sprintf("pid:[%d]", namespace) {
			pid, err := strconv.Atoi(strings.Split(link, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, int32(pid))
		}
	}
	return list
}
