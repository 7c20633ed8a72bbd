//go:build root

package pipeline_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// makeCgroup makes a cgroup in the tracked hierarchy that is removed with the test at the latest.
func makeCgroup(t *testing.T, path string) (dir string) {
	t.Helper()
	dir = filepath.Join(layout(t).Dir, path)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	})
	return dir
}

// join puts a process into a cgroup.
func join(t *testing.T, dir string, pid int32) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(int(pid))), 0); err != nil {
		t.Fatal(err)
	}
}

// startContained starts a shell with a mount namespace of its own in a cgroup, as a runtime does, and waits until it runs.
func startContained(t *testing.T, dir, script string) *process {
	t.Helper()
	p := start(t, "sh", "-c", `read line; exec unshare --mount sh -c "$0"`, "echo up; "+script)
	join(t, dir, p.pid)
	p.release()
	if got := p.line(); got != "up" {
		t.Fatalf("it writes %q", got)
	}
	return p
}

// release writes a line to the process.
func (p *process) release() {
	p.t.Helper()
	if _, err := p.in.Write([]byte("\n")); err != nil {
		p.t.Fatal(err)
	}
}

func (w *watched) container(id string) *model.Container {
	s := w.Snapshot()
	for i := range s.Containers {
		if s.Containers[i].ID == id {
			return &s.Containers[i]
		}
	}
	return nil
}

// made returns the event of a cgroup's creation; nil where there is none yet.
func (w *watched) made(path string) *event.Event {
	for _, e := range w.all(func(e *event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.Path == path }) {
		return &e
	}
	return nil
}

// caughtUp waits until what has happened by now is reported.
func (w *watched) caughtUp(t *testing.T, name string) {
	t.Helper()
	dir := makeCgroup(t, name)
	w.await(t, "a new cgroup", func() bool { return w.made("/"+filepath.Base(dir)) != nil }, nil)
}

// TestLostCgroups: while nobody reads, so many cgroups are made and removed that their ring overflows. A container among
// those whose events are lost is found all the same, its kills are its own, its end is reported, and none of the cgroups
// is said to be there when it is gone.
func TestLostCgroups(t *testing.T) {
	w := watchWith(t, func(cfg *pipeline.Config) { cfg.LifecycleRingBytes = uint32(os.Getpagesize()) })
	hold := make(chan struct{})
	w.Hold(hold)
	for i := range 200 {
		makeCgroup(t, fmt.Sprintf("nsviz-test-lost-%d-%d", os.Getpid(), i))
	}
	id := fmt.Sprintf("%slost-%d", runtime.DemoPrefix, os.Getpid())
	dir := makeCgroup(t, id)
	p := startContained(t, dir, "read line; exit 3")
	close(hold)
	w.await(t, "the container", func() bool {
		c := w.container(id)
		return c != nil && c.State == model.Running && c.InitPID == p.pid
	}, func() string { return fmt.Sprintf("%+v", w.container(id)) })

	limit(t, dir, 16<<20)
	const kills = 3
	for range kills {
		killOne(t, dir)
	}
	ours := func(e *event.Event) bool {
		return e.Type == event.OOMKill && e.Container != nil && e.Container.ID == id && !e.ContainerUnknown
	}
	w.await(t, "its kills", func() bool { return len(w.all(ours)) == kills }, nil)

	p.release()
	_ = p.cmd.Wait()
	w.await(t, "its end", func() bool {
		c := w.container(id)
		return c != nil && c.State == model.Exited && c.Exit != nil && c.Exit.Code != nil && *c.Exit.Code == 3
	}, func() string { return fmt.Sprintf("%+v", w.container(id)) })

	if e := w.made("/" + id); e == nil || e.Cgroup.Via != event.ViaReconcile {
		t.Fatalf("the ring did not overflow: %+v", e)
	}

	hold = make(chan struct{})
	w.Hold(hold)
	for i := range 200 {
		if err := os.Remove(filepath.Join(layout(t).Dir, fmt.Sprintf("nsviz-test-lost-%d-%d", os.Getpid(), i))); err != nil {
			t.Fatal(err)
		}
	}
	close(hold)
	there := func() (n int) {
		for _, g := range w.Full().Cgroups {
			if strings.HasPrefix(g.Path, "/nsviz-test-lost-") && g.Removed.IsZero() {
				n++
			}
		}
		return n
	}
	w.await(t, "all cgroups to be gone", func() bool { return there() == 0 }, func() string { return fmt.Sprintf("%d are still there", there()) })
	w.await(t, "the losses to be counted", func() bool { return w.Snapshot().Totals.Lost["lifecycle ring full"] > 0 }, nil)
	w.inOrder(t)
}

// inOrder checks that no event came before an earlier one. The wall clock may be slowed down in between.
func (w *watched) inOrder(t *testing.T) {
	t.Helper()
	all := w.all(func(*event.Event) bool { return true })
	for i := 1; i < len(all); i++ {
		if late := all[i-1].Time.Sub(all[i].Time); late > time.Millisecond {
			t.Errorf("%s of %v after %s of %v, %v later", all[i].Type, all[i].Time, all[i-1].Type, all[i-1].Time, late)
		}
	}
}

// TestLongPath: a container whose cgroup's path no event can hold has its path and its name.
func TestLongPath(t *testing.T) {
	w := watch(t)
	path := ""
	for i := range 6 {
		path += "/nsviz-test-long-" + strconv.Itoa(os.Getpid()) + strings.Repeat("x", 190)
		if i == 0 {
			w.caughtUp(t, fmt.Sprintf("nsviz-test-mark-%d", os.Getpid()))
		}
		makeCgroup(t, path)
	}
	id := fmt.Sprintf("%slong-%d", runtime.DemoPrefix, os.Getpid())
	dir := makeCgroup(t, path+"/"+id)
	p := startContained(t, dir, "read line || :")
	w.await(t, "the container", func() bool {
		c := w.container(id)
		return c != nil && c.State == model.Running && c.InitPID == p.pid && c.CgroupPath == path+"/"+id
	}, func() string { return fmt.Sprintf("%+v", w.container(id)) })
	if e := w.made(path + "/" + id); e == nil || e.Cgroup.Via != "" {
		t.Errorf("its creation is %+v", e)
	}
	p.end()
}

// TestExecOfWhatRunsIsNoStart: a PID 1 that ran before nsviz and makes way for another program has not started then,
// however young it is.
func TestExecOfWhatRunsIsNoStart(t *testing.T) {
	id := fmt.Sprintf("%sexec-%d", runtime.DemoPrefix, os.Getpid())
	dir := makeCgroup(t, id)
	p := startContained(t, dir, `read line; exec sh -c "echo again; read line || :"`)
	w := watch(t)
	p.release()
	if got := p.line(); got != "again" {
		t.Fatalf("it writes %q", got)
	}
	w.caughtUp(t, fmt.Sprintf("nsviz-test-mark-%d", os.Getpid()))
	if starts := w.all(func(e *event.Event) bool { return e.Type == event.ContainerStarted && e.PID == p.pid }); len(starts) > 0 {
		t.Errorf("started: %+v", starts)
	}
	if c := w.container(id); c == nil || c.State != model.Running || c.InitPID != p.pid {
		t.Errorf("it is %+v", c)
	}
	p.end()
	w.await(t, "its end", func() bool { c := w.container(id); return c != nil && c.State == model.Exited && c.Exit != nil }, nil)
}

// TestHostnameLeavesNoTrace: another nsviz that asks for a host name is no one who joins the namespace.
func TestHostnameLeavesNoTrace(t *testing.T) {
	id := fmt.Sprintf("%suts-%d", runtime.DemoPrefix, os.Getpid())
	dir := makeCgroup(t, id)
	w := watch(t)
	p := start(t, "sh", "-c", "read line; exec unshare --mount --uts sh -c 'echo up; read line || :'")
	join(t, dir, p.pid)
	p.release()
	p.line()
	w.await(t, "the container", func() bool { c := w.container(id); return c != nil && c.State == model.Running }, nil)
	looker := startHelper(t, fmt.Sprint("hostname ", p.pid))
	looker.line()
	joined := func(e *event.Event) bool { return e.Type == event.NamespaceJoined && e.PID == looker.pid }
	w.await(t, "the look", func() bool { return len(w.all(joined)) > 0 }, nil)
	if e := w.all(joined)[0]; !e.Self {
		t.Errorf("not its own: %+v", e)
	}
	if stranger := exec.Command("nsenter", "--uts", "--target", strconv.Itoa(int(p.pid)), "true"); stranger.Run() != nil {
		t.Fatal("nsenter failed")
	}
	w.await(t, "a stranger in its history", func() bool {
		for _, m := range w.container(id).History {
			if m.Kind == model.EntryKind(event.NamespaceJoined) && m.By != nil && m.By.Comm == "nsenter" {
				return true
			}
		}
		return false
	}, nil)
	for _, m := range w.container(id).History {
		if m.Kind == model.EntryKind(event.NamespaceJoined) && m.By.Comm != "nsenter" {
			t.Errorf("in its history: %+v", m)
		}
	}
	p.end()
	looker.end()
}
