//go:build root

package probes

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

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

// awaitExit returns the end of a container, without its refused processes, which another test checks.
func (w *watch) awaitExit(c cgroup) event.Event {
	w.t.Helper()
	e := w.await("exits", 1, of(event.ContainerExited, c))[0]
	e.Exit = new(*e.Exit)
	e.Exit.PIDsRefused = nil
	return e
}

func containerStart(t *testing.T, w *watch) {
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
		t.Errorf("namespaces (-/proc +reported):\n%s", diff)
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

func containerKilledBySomebody(t *testing.T, w *watch) {
	for _, signal := range []unix.Signal{unix.SIGKILL, unix.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			w := w.in(t)
			p, c := contain(t, w, "echo in; read end")
			p.line()
			if err := unix.Kill(int(p.pid), signal); err != nil {
				t.Fatal(err)
			}
			p.wait()
			got := new(*w.awaitExit(c).Exit)
			if got.By == nil || got.By.Comm == "" {
				t.Fatalf("nobody did it: %+v", got)
			}
			got.By = new(*got.By)
			got.By.Comm, got.By.CgroupID = "", 0
			want := &event.Exit{
				Code: new(int32(128 + signal)), Signal: int32(signal), Cause: event.CauseSignal,
				By: &event.Process{PID: int32(os.Getpid()), UID: new(uint32(os.Getuid()))},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
		})
	}
}

// containerEndsByItself: with a code, by a signal that it sends itself, and by one after others that it survived.
func containerEndsByItself(t *testing.T, w *watch) {
	for script, want := range map[string]event.Exit{
		"exit 3":        {Code: new(int32(3)), Cause: event.CauseExited},
		"kill -TERM $$": {Code: new(int32(143)), Signal: 15, Cause: event.CauseSignal},
		"trap : HUP; kill -HUP $$; trap '' TERM; kill -TERM $$; kill -KILL $$": {Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal},
	} {
		p, c := contain(t, w, script)
		p.wait()
		got := *w.awaitExit(c).Exit
		if got.By != nil && got.By.PID != p.pid {
			t.Errorf("%s: by %+v, want itself", script, got.By)
		}
		got.By, got.EarlierSignal = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", script, diff)
		}
	}
}

// containerIgnoresSignal: a signal that it survives is not the cause of its end.
func containerIgnoresSignal(t *testing.T, w *watch) {
	p, c := contain(t, w, "trap '' TERM; echo in; read end; kill -SEGV $$")
	p.line()
	if err := unix.Kill(int(p.pid), unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.release()
	p.wait()
	got := new(*w.awaitExit(c).Exit)
	ignored := got.EarlierSignal
	if ignored == nil || ignored.Signal != int32(unix.SIGTERM) || ignored.By.PID != int32(os.Getpid()) {
		t.Errorf("the signal that it ignored: %+v", ignored)
	}
	got.EarlierSignal = nil
	want := &event.Exit{Code: new(int32(128 + 11)), Signal: 11, Cause: event.CauseSignal}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

// containerKiller: the killer is reported. It kills from its own cgroup and as its own user, after
// another process's signal was ignored.
func containerKiller(t *testing.T, w *watch) {
	for name, prepare := range map[string]string{"handled": "trap : TERM", "ignored": "trap '' TERM"} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			p, c := contain(t, w, prepare+"; echo in; while :; do read end; done")
			p.line()
			const nobody = 65534
			elsewhere := makeCgroup(t, "killer")
			killer := start(t, exec.Command("setpriv", "--reuid", fmt.Sprint(nobody), "--clear-groups",
				"--inh-caps=+kill", "--ambient-caps=+kill", "sh", "-c", fmt.Sprintf("echo in; read go; kill -KILL %d", p.pid)))
			killer.line()
			elsewhere.add(killer)
			before := hostNow(t)
			if err := unix.Kill(int(p.pid), unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			after := hostNow(t)
			killer.release()
			killer.wait()
			p.wait()
			got := new(*w.awaitExit(c).Exit)
			earlier := got.EarlierSignal
			if earlier == nil || earlier.Signal != int32(unix.SIGTERM) || earlier.By.PID != int32(os.Getpid()) {
				t.Fatalf("asked in vain by %+v", earlier)
			}
			if earlier.Time.Before(before) || earlier.Time.After(after) {
				t.Errorf("asked at %v, want between %v and %v", earlier.Time, before, after)
			}
			got.EarlierSignal = nil
			want := &event.Exit{
				Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal,
				By: &event.Process{PID: killer.pid, Comm: "sh", UID: new(uint32(nobody)), CgroupID: elsewhere.id},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
		})
	}
}

// hostNow returns the current time by the clock of the events.
func hostNow(t *testing.T) time.Time {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return fixedClock(uint64(ts.Nano()))
}

func containerInitOOMKilled(t *testing.T, w *watch) {
	p, c := contain(t, w, fmt.Sprintf("echo in; read go; export %s=hog GOGC=off; exec /proc/%d/exe", helperVariable, os.Getpid()))
	p.line()
	c.limit(limitBytes)
	p.release() // the shell
	p.release() // the hog
	p.wait()
	if kill := w.await("kills", 1, killsIn(c))[0]; kill.PID != p.pid || !kill.OOM.Victim.Init || kill.OOM.Victim.Starting {
		t.Errorf("victim %d, init %d: %+v", kill.PID, p.pid, kill.OOM.Victim)
	}
	want := &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
	if diff := cmp.Diff(want, w.awaitExit(c).Exit); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

// containerChildOOMKilled: another process than the init dies in the container; the init goes on and ends by itself.
func containerChildOOMKilled(t *testing.T, w *watch) {
	c := makeCgroup(t, "container")
	c.limit(limitBytes) // before any process is in it, since lowering a limit may kill
	p := startHelper(t, "contain tail /dev/zero; tail /dev/zero | read it; exit 7")
	c.add(p)
	p.release()
	p.wait()
	want := &event.Exit{Code: new(int32(7)), Cause: event.CauseExited}
	if diff := cmp.Diff(want, w.awaitExit(c).Exit); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
	kills := w.seen(killsIn(c))
	if len(kills) != 2 || c.kills() != 2 {
		t.Errorf("%d kills reported, the kernel counted %d, want two", len(kills), c.kills())
	}
	for _, e := range kills {
		if e.PID == p.pid || e.OOM.Victim.Init || e.Comm != "tail" {
			t.Errorf("the victim is %+v, the init %d", e.OOM.Victim, p.pid)
		}
	}
}

// containerInEndedNamespace: the kernel kills a container in another one's PID namespace (docker run --pid=container:NAME)
// when PID 1 of that namespace dies, whatever the cause.
func containerInEndedNamespace(t *testing.T, w *watch) {
	for name, end := range map[string]func(first *process){
		"by itself": func(first *process) { _ = first.in.Close() },
		"killed":    func(first *process) { _ = first.cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			home := makeCgroup(t, "first")
			cmd := exec.Command("cat")
			cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
			first := start(t, cmd)
			home.add(first)

			c := makeCgroup(t, "container")
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			joins := exec.Command("sh", "-c", fmt.Sprintf("read go; exec nsenter --pid -t %d %s", first.pid, program))
			joins.Env = append(os.Environ(), helperVariable+"=contain trap : TERM; echo in; while :; do read end; done")
			p := start(t, joins)
			c.add(p)
			p.release() // the shell
			p.release() // the helper
			p.line()
			started := w.await("starts", 1, of(event.ContainerStarted, c))[0]
			if err := unix.Kill(int(started.PID), unix.SIGTERM); err != nil {
				t.Fatal(err)
			}
			end(first)
			first.wait()
			p.wait()
			got := new(*w.awaitExit(c).Exit)
			if asked := got.EarlierSignal; asked == nil || asked.Signal != int32(unix.SIGTERM) || asked.By.PID != int32(os.Getpid()) {
				t.Errorf("asked before by %+v", asked)
			}
			got.EarlierSignal = nil
			want := &event.Exit{
				Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal,
				PIDNamespaceEnded: &event.Process{PID: first.pid, Comm: "cat", UID: new(uint32(0)), CgroupID: home.id},
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
		})
	}
}

// containerInitInHostMounts: an init that joins the host's mount namespace (nsenter -t 1 -m, as
// privileged containers do) is still followed.
func containerInitInHostMounts(t *testing.T, w *watch) {
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

// TestThereBefore: containers that existed before the probes. Until the probes know every container, they also report
// unknown ones: a start in an existing cgroup, and the end of an existing PID 1. Afterwards they report
// only known ones.
func TestThereBefore(t *testing.T) {
	// A container's init that waits in its cgroup for the signal to start, and one that runs.
	starting := func(c cgroup) *process {
		p := startHelper(t, "contain exit 0")
		c.add(p)
		return p
	}
	running := func(c cgroup) *process {
		cmd := exec.Command("cat")
		cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID}
		p := start(t, cmd)
		c.add(p)
		return p
	}
	end := func(p *process) {
		_ = p.in.Close()
		p.wait()
	}
	homes := map[string]cgroup{}
	for _, name := range []string{"starts", "ends", "starts late", "ends late", "followed", "expected"} {
		homes[name] = makeCgroup(t, strings.ReplaceAll(name, " ", "-"))
	}
	starts, ends := starting(homes["starts"]), running(homes["ends"])
	startsLate, endsLate := starting(homes["starts late"]), running(homes["ends late"])
	noInit := start(t, isolated(exec.Command("cat")))
	homes["ends"].add(noInit)
	followed, dropped := start(t, isolated(exec.Command("cat"))), start(t, isolated(exec.Command("cat")))
	expected := starting(homes["expected"])

	w := startSearching(t)
	starts.release()
	if e := w.await("starts", 1, of(event.ContainerStarted, homes["starts"]))[0]; e.PID != starts.pid || e.Start.DurationMS != nil {
		t.Errorf("start of %d: %+v", e.PID, e.Start)
	}
	starts.wait()
	w.awaitExit(homes["starts"])
	end(noInit)
	end(ends)
	if e := w.awaitExit(homes["ends"]); e.PID != ends.pid || *e.Exit.Code != 0 {
		t.Errorf("exit of %d, not of %d: %+v", e.PID, ends.pid, e.Exit)
	}

	// Registering it twice does no harm.
	for range 2 {
		for _, p := range []*process{followed, dropped} {
			w.follow(p.pid, homes["followed"].id)
		}
		if err := w.Expect(homes["expected"].id); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := w.Unfollow(dropped.pid); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Settled(); err != nil {
		t.Fatal(err)
	}
	end(dropped)
	end(followed)
	if exit := w.awaitExit(homes["followed"]); exit.PID != followed.pid || *exit.Exit.Code != 0 {
		t.Errorf("%d: %+v", exit.PID, exit.Exit)
	}
	expected.release()
	expected.wait()
	if e := w.await("starts", 1, of(event.ContainerStarted, homes["expected"]))[0]; e.PID != expected.pid || e.Start.DurationMS != nil {
		t.Errorf("%d: %+v", e.PID, e.Start)
	}
	w.awaitExit(homes["expected"])
	startsLate.release()
	startsLate.wait()
	end(endsLate)
	w.catchUp()
	for name, want := range map[string][2]int{
		"starts": {1, 1}, "ends": {0, 1}, "starts late": {0, 0}, "ends late": {0, 0}, "followed": {0, 1}, "expected": {1, 1},
	} {
		count := [2]int{len(w.seen(of(event.ContainerStarted, homes[name]))), len(w.seen(of(event.ContainerExited, homes[name])))}
		if count != want {
			t.Errorf("%s: %d starts and exits, want %d", name, count, want)
		}
	}
}

// exitOfThreads: a process ends with its last thread, whichever that is, and with the status of
// wait(2).
func exitOfThreads(t *testing.T, w *watch) {
	home := makeCgroup(t, "threads")
	p := start(t, isolated(helperCommand("exit-thread 7")))
	w.follow(p.pid, home.id)
	p.release()
	status := p.wait()
	exit := w.awaitExit(home)
	if status.ExitStatus() != 7 || exit.PID != p.pid || *exit.Exit.Code != 7 {
		t.Errorf("wait says %d, reported %d of %d", status.ExitStatus(), *exit.Exit.Code, exit.PID)
	}
	w.catchUp()
	if n := len(w.seen(of(event.ContainerExited, home))); n != 1 {
		t.Errorf("%d exits", n)
	}
}
