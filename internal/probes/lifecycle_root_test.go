//go:build root

package probes

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

// contain runs a shell script as a runtime does a container's program, in a new cgroup.
func contain(t *testing.T, w *watch, script string) (*process, cgroup) {
	t.Helper()
	c := makeCgroup(t, "container")
	w.await("cgroups", 1, func(e event.Event) bool {
		return e.Type == event.CgroupCreated && e.Cgroup.ID == c.id && e.Cgroup.Path == c.path &&
			e.PID == int32(os.Getpid())
	})
	p := startHelper(t, "contain "+script)
	c.add(p)
	p.release()
	return p, c
}

func of(typ event.Type, c cgroup) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == typ && e.CgroupID == c.id }
}

func (w *watch) awaitExit(c cgroup) event.Event {
	w.t.Helper()
	return w.await("exits", 1, of(event.ContainerExited, c))[0]
}

func TestContainerStart(t *testing.T) { byEveryMethod(t, containerStart) }

func containerStart(t *testing.T, methods ...Method) {
	w := startWatch(t, methods...)
	p, c := contain(t, w, "echo in; sh -c 'echo in too'; read end; exit 3")
	p.line()
	p.line()
	e := w.await("starts", 1, of(event.ContainerStarted, c))[0]
	if e.PID != p.pid || e.Comm != "sh" {
		t.Errorf("started %d (%s), want %d (sh)", e.PID, e.Comm, p.pid)
	}
	if e.Start.DurationMS == nil || *e.Start.DurationMS <= 0 {
		t.Errorf("took %v", e.Start.DurationMS)
	}
	var want event.NamespaceIDs
	for _, kind := range event.NamespaceTypes() {
		want[kind] = namespaceID(t, strconv.Itoa(int(p.pid)), kind.String())
	}
	if diff := cmp.Diff(want, e.Start.Namespaces); diff != "" {
		t.Errorf("namespaces (-/proc +told):\n%s", diff)
	}
	p.release()
	p.wait()
	exit := w.awaitExit(c)
	if diff := cmp.Diff(&event.Exit{Code: new(int32(3)), Cause: event.CauseExited}, exit.Exit); diff != "" || exit.PID != p.pid {
		t.Errorf("exit of %d (-want +got):\n%s", exit.PID, diff)
	}
	w.catchUp()
	if n := len(w.seen(of(event.ContainerStarted, c))); n != 1 {
		t.Errorf("%d starts", n)
	}
}

func TestContainerKilledBySomebody(t *testing.T) { byEveryMethod(t, containerKilledBySomebody) }

func containerKilledBySomebody(t *testing.T, methods ...Method) {
	for _, signal := range []unix.Signal{unix.SIGKILL, unix.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			w := startWatch(t, methods...)
			p, c := contain(t, w, "echo in; read end")
			p.line()
			if err := unix.Kill(int(p.pid), signal); err != nil {
				t.Fatal(err)
			}
			p.wait()
			got := w.awaitExit(c).Exit
			if got.By == nil || got.By.Comm == "" {
				t.Fatalf("nobody did it: %+v", got)
			}
			got.By.Comm, got.By.CgroupID = "", 0
			want := &event.Exit{
				Code: new(int32(128 + signal)), Signal: int32(signal), Cause: event.CauseSignal,
				By: &event.Process{PID: int32(os.Getpid())},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
		})
	}
}

// TestContainerIgnoresSignal: a signal that it survives is not what ends it.
func TestContainerIgnoresSignal(t *testing.T) {
	w := startWatch(t)
	p, c := contain(t, w, "trap '' TERM; echo in; read end; kill -SEGV $$")
	p.line()
	if err := unix.Kill(int(p.pid), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.release()
	p.wait()
	want := &event.Exit{Code: new(int32(128 + 11)), Signal: 11, Cause: event.CauseSignal}
	if diff := cmp.Diff(want, w.awaitExit(c).Exit); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestContainerInitOOMKilled(t *testing.T) { byEveryMethod(t, containerInitOOMKilled) }

func containerInitOOMKilled(t *testing.T, methods ...Method) {
	w := startWatch(t, methods...)
	p, c := contain(t, w, fmt.Sprintf("echo in; read go; export %s=hog GOGC=off; exec /proc/%d/exe", helperVariable, os.Getpid()))
	p.line()
	c.limit(limitBytes)
	p.release() // the shell
	p.release() // the hog
	p.wait()
	if kill := w.await("kills", 1, killsIn(c))[0]; kill.PID != p.pid || !kill.OOM.Victim.Init {
		t.Errorf("victim %d, init %d: %+v", kill.PID, p.pid, kill.OOM.Victim)
	}
	want := &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
	if diff := cmp.Diff(want, w.awaitExit(c).Exit); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

// TestContainerInitInHostMounts: an init that joins the host's mount namespace (nsenter -t 1 -m, as
// privileged containers do) is followed all the same.
func TestContainerInitInHostMounts(t *testing.T) {
	w := startWatch(t)
	p, c := contain(t, w, fmt.Sprintf("exec nsenter -t %d -m sh -c 'echo in; read end; exit 5'", os.Getpid()))
	p.line()
	if id := namespaceID(t, strconv.Itoa(int(p.pid)), "mnt"); id != namespaceID(t, "self", "mnt") {
		t.Fatal("it is not in the host's mount namespace")
	}
	p.release()
	p.wait()
	if exit := w.awaitExit(c); exit.PID != p.pid || exit.Exit.Code == nil || *exit.Exit.Code != 5 {
		t.Errorf("%d: %+v", exit.PID, exit.Exit)
	}
}

// TestFollow: the exit of a process that was there before the probes, and of one taken back.
func TestFollow(t *testing.T) {
	home := makeCgroup(t, "followed")
	followed, dropped := start(t, isolated(exec.Command("cat"))), start(t, isolated(exec.Command("cat")))
	w := startWatch(t)
	for range 2 {
		for _, p := range []*process{followed, dropped} {
			if err := w.Follow(p.pid, home.id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := w.Unfollow(dropped.pid); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []*process{dropped, followed} {
		_ = p.in.Close()
		p.wait()
	}
	if exit := w.awaitExit(home); exit.PID != followed.pid || *exit.Exit.Code != 0 {
		t.Errorf("%d: %+v", exit.PID, exit.Exit)
	}
	w.catchUp()
	if n := len(w.seen(of(event.ContainerExited, home))); n != 1 {
		t.Errorf("%d exits", n)
	}
}

// TestExpect: the start in a cgroup that was there before the probes has no known duration.
func TestExpect(t *testing.T) {
	home := makeCgroup(t, "expected")
	w := startWatch(t)
	for range 2 {
		if err := w.Expect(home.id); err != nil {
			t.Fatal(err)
		}
	}
	p := startHelper(t, "contain read end")
	home.add(p)
	p.release()
	e := w.await("starts", 1, of(event.ContainerStarted, home))[0]
	if e.PID != p.pid || e.Start.DurationMS != nil {
		t.Errorf("%d: %+v", e.PID, e.Start)
	}
	p.release()
	p.wait()
}

// TestExitOfThreads: a process ends with its last thread, and as wait(2) tells it, whichever thread
// that is.
func TestExitOfThreads(t *testing.T) { byEveryMethod(t, exitOfThreads) }

func exitOfThreads(t *testing.T, methods ...Method) {
	w := startWatch(t, methods...)
	home := makeCgroup(t, "threads")
	p := start(t, isolated(helperCommand("exit-thread 7")))
	if err := w.Follow(p.pid, home.id); err != nil {
		t.Fatal(err)
	}
	p.release()
	status := p.wait()
	exit := w.awaitExit(home)
	if status.ExitStatus() != 7 || exit.PID != p.pid || *exit.Exit.Code != 7 {
		t.Errorf("wait says %d, told %d of %d", status.ExitStatus(), *exit.Exit.Code, exit.PID)
	}
	w.catchUp()
	if n := len(w.seen(of(event.ContainerExited, home))); n != 1 {
		t.Errorf("%d exits", n)
	}
}
