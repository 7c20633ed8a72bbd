//go:build root

package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/host"
)

// TestMain also runs inside the containers, which run the same program as the test.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == Command {
		if err := Inside(os.Args[2:], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// newBare returns a maker of containers on this host, which are removed after the test.
func newBare(t *testing.T) *Bare {
	t.Helper()
	host, err := host.Open(host.Roots{})
	if err != nil {
		t.Fatal(err)
	}
	layout, err := host.Cgroups.Layout()
	if err != nil {
		t.Fatal(err)
	}
	b := NewBare(layout.Dir, layout.Controller == "")
	t.Cleanup(func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return b
}

// testName returns a container's name that no other test uses.
func testName(what string) string { return fmt.Sprintf("%stest-%s-%d", Prefix, what, os.Getpid()) }

// mustStart starts a container and returns it.
func mustStart(t *testing.T, b *Bare, spec Spec) *bareContainer {
	t.Helper()
	if err := b.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return b.find(spec.Name)
}

func namespace(t *testing.T, pid int, typ string) string {
	t.Helper()
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, typ))
	if err != nil {
		t.Fatal(err)
	}
	return link
}

func (c *bareContainer) pid() int { return c.init.Process.Pid }

func (c *bareContainer) procs(t *testing.T) []string {
	t.Helper()
	procs, err := os.ReadFile(filepath.Join(c.cgroup, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(procs))
}

func TestBareIsolation(t *testing.T) {
	b := newBare(t)
	web := mustStart(t, b, Spec{Name: testName("web"), Role: Idle, MemoryBytes: 64 * mib})
	sidecar := mustStart(t, b, Spec{Name: testName("sidecar"), Role: Idle, MemoryBytes: 32 * mib, NetworkOf: web.spec.Name})
	agent := mustStart(t, b, Spec{Name: testName("agent"), Role: Idle, HostPID: true, HostNetwork: true})
	own := os.Getpid()
	for _, c := range []struct {
		who    *bareContainer
		typ    string
		shares int // with which process; 0 is none
	}{
		{web, "mnt", 0}, {web, "pid", 0}, {web, "net", sidecar.pid()}, {web, "ipc", 0}, {web, "uts", 0}, {web, "user", own},
		{sidecar, "mnt", 0}, {sidecar, "pid", 0}, {sidecar, "net", web.pid()}, {sidecar, "ipc", 0}, {sidecar, "uts", 0},
		{agent, "mnt", 0}, {agent, "pid", own}, {agent, "net", own}, {agent, "ipc", 0}, {agent, "uts", 0},
	} {
		got := namespace(t, c.who.pid(), c.typ)
		if c.shares != 0 {
			if want := namespace(t, c.shares, c.typ); got != want {
				t.Errorf("%s: %s, want %s", c.who.spec.Name, got, want)
			}
			continue
		}
		for _, other := range []int{own, web.pid(), sidecar.pid(), agent.pid()} {
			if other != c.who.pid() && got == namespace(t, other, c.typ) {
				t.Errorf("%s: %s is that of process %d, too", c.who.spec.Name, got, other)
			}
		}
	}
	for _, c := range b.running {
		if !slices.Contains(c.procs(t), strconv.Itoa(c.pid())) {
			t.Errorf("%s: processes %v, want its init %d", c.spec.Name, c.procs(t), c.pid())
		}
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.pid()))
		if err != nil || string(args) != "nsviz\x00"+Command+"\x00idle\x00" {
			t.Errorf("%s: runs %q, %v", c.spec.Name, args, err)
		}
		limit, err := os.ReadFile(filepath.Join(c.cgroup, map[bool]string{true: "memory.max", false: "memory.limit_in_bytes"}[b.unified]))
		if err != nil {
			t.Fatal(err)
		}
		if want := strconv.FormatUint(c.spec.MemoryBytes, 10); c.spec.MemoryBytes != 0 && strings.TrimSpace(string(limit)) != want {
			t.Errorf("%s: limit %s, want %s", c.spec.Name, limit, want)
		}
	}
	// Its /proc shows only its own processes.
	inside, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/proc/[0-9]*", web.pid()))
	if err != nil || len(inside) != 1 || filepath.Base(inside[0]) != "1" {
		t.Errorf("inside there are the processes %v, %v", inside, err)
	}
}

// Remove ends the processes and removes the cgroup of that container only.
func TestBareRemove(t *testing.T) {
	b := newBare(t)
	one := mustStart(t, b, Spec{Name: testName("one"), Role: Hog, MemoryBytes: 64 * mib})
	two := mustStart(t, b, Spec{Name: testName("two"), Role: Idle})
	if err := b.Remove(t.Context(), one.spec.Name); err != nil {
		t.Error(err)
	}
	if err := b.Remove(t.Context(), one.spec.Name); err != nil {
		t.Errorf("again: %v", err)
	}
	checkGone(t, one)
	if len(two.procs(t)) != 1 {
		t.Error("the other is gone, too")
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	checkGone(t, two)
}

func checkGone(t *testing.T, c *bareContainer) {
	t.Helper()
	if _, err := os.Stat(c.cgroup); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", c.cgroup, err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", c.pid())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("process %d is still there: %v", c.pid(), err)
	}
}

// A failed start returns the reason and leaves nothing; it does not touch others' cgroups.
func TestBareStartFails(t *testing.T) {
	b := newBare(t)
	taken := mustStart(t, b, Spec{Name: testName("taken"), Role: Idle})
	gone := mustStart(t, b, Spec{Name: testName("gone"), Role: Brief})
	<-gone.reaped
	empty := filepath.Join(b.root, testName("empty"))
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.Remove(empty); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		spec Spec
		says string
	}{
		{Spec{Name: taken.spec.Name, Role: Idle}, "file exists"},
		{Spec{Name: filepath.Base(empty), Role: Idle}, "file exists"},
		{Spec{Name: testName("orphan"), Role: Idle, NetworkOf: testName("nobody")}, "to share a network with"},
		{Spec{Name: testName("late"), Role: Idle, NetworkOf: gone.spec.Name}, "network namespace to share"},
	} {
		before := len(b.running)
		err := b.Start(t.Context(), c.spec)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want %q", c.spec, err, c.says)
		}
		if len(b.running) != before {
			t.Errorf("%+v is said to run", c.spec)
		}
		if _, err := os.Stat(filepath.Join(b.root, c.spec.Name)); strings.Contains(c.says, "share") && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v: its cgroup is left: %v", c.spec, err)
		}
	}
	if len(taken.procs(t)) != 1 {
		t.Error("the container that was there is gone")
	}
}

// Clean removes what belongs to no running demo, and reports the others, empty or not. A process that a killed demo was about to start may
// have a lock for a moment.
func TestBareClean(t *testing.T) {
	b := newBare(t)
	left := filepath.Join(b.root, testName("left"))
	if err := os.Mkdir(left, 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := lockDir(left)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = lock.Close() })
	alive := mustStart(t, b, Spec{Name: testName("alive"), Role: Idle})
	fresh := &bareContainer{spec: Spec{Name: testName("new")}, cgroup: filepath.Join(b.root, testName("new"))}
	if err := b.makeCgroup(fresh); err != nil {
		t.Fatal(err)
	}
	others, err := NewBare(b.root, b.unified).Clean(t.Context())
	if err != nil || !others {
		t.Errorf("others %v, %v; want to hear of %s", others, err, alive.spec.Name)
	}
	if _, err := os.Stat(fresh.cgroup); err != nil {
		t.Errorf("%s is gone: %v", fresh.cgroup, err)
	}
	if err := fresh.removeCgroup(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there: %v", left, err)
	}
	if len(alive.procs(t)) != 1 {
		t.Error("the container that was there is gone")
	}
}

// The hog is killed at its limit, by the kernel.
func TestBareHog(t *testing.T) {
	b := newBare(t)
	hog := mustStart(t, b, Spec{Name: testName("hog"), Role: Hog, MemoryBytes: 64 * mib})
	counter := map[bool]string{true: "memory.events", false: "memory.oom_control"}[b.unified]
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(90 * time.Second)
	for {
		counts, err := os.ReadFile(filepath.Join(hog.cgroup, counter))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(counts), "oom_kill 1\n") {
			break
		}
		select {
		case <-tick.C:
		case <-hog.reaped:
			t.Fatalf("the hog itself was killed:\n%s", counts)
		case <-deadline:
			t.Fatalf("nothing is killed:\n%s", counts)
		}
	}
	if !slices.Contains(hog.procs(t), strconv.Itoa(hog.pid())) {
		t.Error("the init is gone with the kill")
	}
}
