//go:build root

package probes

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// TestEveryWayTellsTheSame hooks the kernel in every way that it allows, at the same time, and compares
// the streams of one workload event by event.
func TestEveryWayTellsTheSame(t *testing.T) {
	ways := everyWay(t)
	if len(ways) < 2 {
		t.Fatalf("only one way to hook this kernel: %v", ways)
	}
	watches := make([]*watch, len(ways))
	for i, way := range ways {
		watches[i] = startWatch(t, way...)
	}
	begin := makeCgroup(t, "begin")
	workload(t)
	end := makeCgroup(t, "end")

	var first map[int32][]string
	for i, w := range watches {
		w.await("ends", 1, func(e event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.ID == end.id })
		words := inWords(w.between(begin, end))
		for _, want := range []event.Type{
			event.NamespaceCreated, event.NamespaceJoined, event.CgroupCreated, event.CgroupRemoved,
			event.ContainerStarted, event.ContainerExited, event.OOMKill,
		} {
			if len(w.seen(func(e event.Event) bool { return e.Type == want })) == 0 {
				t.Errorf("from %s on: the workload made no %s", ways[i][0], want)
			}
		}
		if i == 0 {
			first = words
			continue
		}
		if diff := cmp.Diff(first, words); diff != "" {
			t.Errorf("by pid, from %s on and from %s on (-first +second):\n%s", ways[0][0], ways[i][0], diff)
		}
	}
}

// workload makes every kind of event, one after the other.
func workload(t *testing.T) {
	for _, flag := range flags() {
		start(t, exec.Command("unshare", flag, "-f", "true")).wait()
	}
	all := []string{"-m", "-p", "-n", "-i", "-u", "-U", "-r", "-C", "-T", "-f"}
	home := start(t, exec.Command("unshare", append(all, "sh", "-c", `read self rest </proc/self/stat; echo $self; read end`)...))
	inside := home.line()
	for _, flag := range flags() {
		start(t, exec.Command("nsenter", "-t", inside, flag, "true")).wait()
	}
	several := startHelper(t, "setns "+inside)
	several.release()
	several.line()
	several.release()
	several.wait()
	home.release()
	home.wait()
	refused := startHelper(t, "unshare-refused")
	refused.release()
	refused.line()
	refused.release()
	refused.wait()

	for _, flags := range []uintptr{unix.CLONE_NEWUTS, unix.CLONE_NEWPID | unix.CLONE_NEWNET, unix.CLONE_NEWUSER | unix.CLONE_NEWNS} {
		cmd := exec.Command("true")
		cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: flags}
		start(t, cmd).wait()
	}

	for _, script := range []string{"exit 3", "kill -TERM $$"} {
		c := makeCgroup(t, "container")
		p := startHelper(t, "contain "+script)
		c.add(p)
		p.release()
		p.wait()
	}
	hog := makeCgroup(t, "hog")
	hog.limit(limitBytes)
	storm := startHelper(t, "hogs 3 "+hog.dir)
	storm.release()
	storm.line()
	storm.release()
	storm.wait()
	c := makeCgroup(t, "init-hog")
	p := startHelper(t, "contain echo in; read go; tail /dev/zero; tail /dev/zero | read it; exit 7")
	c.add(p)
	p.release()
	p.line()
	c.limit(limitBytes)
	p.release()
	p.wait()
	removed := exec.Command("sh", "-c", "mkdir $0 && rmdir $0", hog.dir+"/gone")
	start(t, removed).wait()
}

// between is what happened from the making of one cgroup to that of another.
func (w *watch) between(begin, end cgroup) []event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	made := func(c cgroup) int {
		return slices.IndexFunc(w.events, func(e event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.ID == c.id })
	}
	from, to := made(begin), made(end)
	if from < 0 || to < from {
		w.t.Fatalf("the marks are at %d and %d of %d events", from, to, len(w.events))
	}
	return slices.Clone(w.events[from : to+1])
}

// inWords puts events into words by acting process, without what must differ between two ways to hook: the
// nanosecond, and whether ends of namespaces are told. Decisions are numbered anew; what is measured at
// different moments of one kill is left out, since others give memory back in between.
func inWords(events []event.Event) map[int32][]string {
	words := map[int32][]string{}
	decisions := map[uint64]uint64{}
	for _, e := range events {
		if e.Type == event.NamespaceFreed {
			continue
		}
		at := e.Time
		e.Time = time.Time{}
		if e.Start != nil {
			start := *e.Start
			start.DurationMS = nil
			start.Phases = slices.Clone(start.Phases)
			for i := range start.Phases {
				start.Phases[i].AtMS = 0
			}
			e.Start = &start
		}
		if e.OOM != nil {
			oom := *e.OOM
			if _, known := decisions[oom.Decision]; !known {
				decisions[oom.Decision] = uint64(len(decisions) + 1)
			}
			oom.Decision, oom.UsageBytes = decisions[oom.Decision], nil
			e.OOM = &oom
		}
		text, err := json.Marshal(e)
		if err != nil {
			text = fmt.Appendf(nil, "%v at %v", err, at)
		}
		words[e.PID] = append(words[e.PID], strings.Join([]string{string(text), fmt.Sprint("in cgroup ", e.CgroupID)}, " "))
	}
	return words
}
