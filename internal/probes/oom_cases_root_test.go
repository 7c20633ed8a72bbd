//go:build root

package probes

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
)

func (p *process) oomScoreAdj(n int) {
	p.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.pid), []byte(strconv.Itoa(n)), 0); err != nil {
		p.t.Fatal(err)
	}
}

// counter returns n of a line "name n" of one of the cgroup's files.
func (c cgroup) counter(file, name string) (n uint64) {
	c.t.Helper()
	text, err := os.ReadFile(filepath.Join(c.dir, file))
	if err != nil {
		c.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			if n, err = strconv.ParseUint(strings.TrimSpace(value), 10, 64); err != nil {
				c.t.Fatal(err)
			}
			return n
		}
	}
	c.t.Fatalf("%s of %s has no %s:\n%s", file, c.path, name, text)
	return 0
}

// lacks checks that this version of cgroups has no such file, so that there is nothing to test.
func (c cgroup) lacks(file string) {
	c.t.Helper()
	if _, err := os.Stat(filepath.Join(c.dir, file)); !errors.Is(err, fs.ErrNotExist) {
		c.t.Errorf("%s: %v, want none", file, err)
	}
}

// killedOnce checks that one kill in a cgroup was reported, and that the kernel counted one.
func (w *watch) killedOnce(home cgroup) event.Event {
	w.t.Helper()
	w.catchUp()
	found := w.seen(killsIn(home))
	if len(found) != 1 || home.kills() != 1 {
		w.t.Fatalf("%d kills reported, the kernel counted %d, want one: %+v", len(found), home.kills(), found)
	}
	return found[0]
}

// limitBelow: the limit of a cgroup below the container's is reached; the container has one of its own.
func limitBelow(t *testing.T, w *watch) {
	home := makeCgroup(t, "container")
	home.limit(4 * limitBytes)
	home.handDown()
	below := makeCgroupIn(t, home.path, "below")
	below.limit(limitBytes)
	p := startHelper(t, "hog")
	below.add(p)
	p.release()
	p.wait()
	e := w.killedOnce(below)
	if e.OOM.CgroupID != below.id || e.OOM.LimitBytes == nil || *e.OOM.LimitBytes != limitBytes || e.OOM.Scope != event.ScopeCgroup {
		t.Errorf("%+v with limit %s, want %d, %d", e.OOM, number(e.OOM.LimitBytes), below.id, limitBytes)
	}
}

// triggerElsewhere: in a pod with a common limit, one container asks for memory and the other one is killed.
func triggerElsewhere(t *testing.T, w *watch) {
	pod := makeCgroup(t, "pod")
	pod.limit(limitBytes)
	pod.handDown()
	asking, going := makeCgroupIn(t, pod.path, "asking"), makeCgroupIn(t, pod.path, "going")
	victim := startHelper(t, "hold 28")
	victim.oomScoreAdj(1000)
	going.add(victim)
	victim.release()
	victim.line()
	trigger := startHelper(t, "hold 28")
	asking.add(trigger)
	trigger.release()
	victim.wait()
	// The victim's memory may be freed too late for the trigger, so that it is killed as well.
	_ = trigger.in.Close()
	trigger.wait()
	e := w.killedOnce(going)
	if e.PID != victim.pid || *e.OOM.Victim.OOMScoreAdj != 1000 || e.CgroupID != going.id {
		t.Errorf("victim %+v in %d, want %d in %d", e.OOM.Victim, e.CgroupID, victim.pid, going.id)
	}
	if e.OOM.Victim.CommandLine != "" { // the victim's memory is not that of the process that asked
		t.Errorf("called %q", e.OOM.Victim.CommandLine)
	}
	if e.OOM.Trigger.PID != trigger.pid || e.OOM.Trigger.CgroupID != asking.id {
		t.Errorf("asked for by %+v, want %d in %d", e.OOM.Trigger, trigger.pid, asking.id)
	}
	if e.OOM.CgroupID != pod.id || *e.OOM.LimitBytes != limitBytes {
		t.Errorf("%d reached %s, want %d", e.OOM.CgroupID, number(e.OOM.LimitBytes), pod.id)
	}
	if n := len(w.seen(killsIn(asking))); uint64(n) != asking.kills() {
		t.Errorf("%d kills reported; the kernel counted %d", n, asking.kills())
	}
}

// threadIsTheVictim: the first thread of a process has ended, so that the kernel picks another one.
func threadIsTheVictim(t *testing.T, w *watch) {
	home := makeCgroup(t, "threads")
	home.limit(limitBytes)
	log := openKernelLog(t)
	p := startHelper(t, "hog-thread")
	home.add(p)
	p.release()
	if status := p.wait(); status.Signal() != unix.SIGKILL {
		t.Fatalf("it ended with %v", status)
	}
	e := w.killedOnce(home)
	if e.PID != p.pid || e.OOM.Victim.PID != p.pid || e.OOM.Victim.TID == p.pid {
		t.Errorf("victim %+v, want another thread of %d", e.OOM.Victim, p.pid)
	}
	if v := e.OOM.Victim; v.ProcessComm != "first" || v.Comm == "first" || v.Comm == "" || v.Comm != e.Comm {
		t.Errorf("the thread is called %q, the process %q", v.Comm, v.ProcessComm)
	}
	if by := e.OOM.Trigger; by.ProcessComm != "first" || by.Comm == "first" || by.Comm == "" {
		t.Errorf("the thread that asked is called %q, its process %q", by.Comm, by.ProcessComm)
	}
	if got, want := reported(e.OOM.Victim), log.of(e.OOM.Victim.TID); !got.agrees(want, countsExactly(w.facts.Kernel)) {
		t.Errorf("sizes\nreported %+v\nlog  %+v", got, want)
	}
}

// commandLines: if the victim asked for the memory itself, its command line is known, as in procfs. A page that
// cannot be read then, for example while the kernel balances memory nodes, is counted.
func commandLines(t *testing.T, w *watch) {
	known := 0
	defer func() {
		if known == 0 {
			t.Error("of none it is known")
		}
	}()
	for name, test := range map[string]struct {
		task string
		more []string
	}{
		"arguments":      {"hog", []string{"--queue", "", "\x1b\xff"}},
		"long arguments": {"hog", []string{strings.Repeat("long", 100)}},
		"a title":        {"titled-hog", []string{"what", "is", "covered"}},
		"a long title":   {"titled-hog", []string{strings.Repeat("long", 100)}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			home := makeCgroup(t, "called")
			home.limit(limitBytes)
			cmd := helperCommand(test.task)
			cmd.Args = append(cmd.Args, test.more...)
			p := start(t, cmd)
			home.add(p)
			if test.task != "hog" {
				p.release()
				p.line()
			}
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
			if err != nil {
				t.Fatal(err)
			}
			before := w.errorsAt("command_line")
			p.release()
			if status := p.wait(); status.Signal() != unix.SIGKILL {
				t.Fatalf("it ended with %v", status)
			}
			cut := len(text) > event.MaxCommandLine
			if cut {
				text = text[:event.MaxCommandLine]
			}
			v := w.killedOnce(home).OOM.Victim
			if v.CommandLine == "" {
				eventually(t, "that it could not be read is counted", func() bool { return w.errorsAt("command_line") > before })
				return
			}
			known++
			if want := event.CommandLine(text, cut); !strings.HasPrefix(v.CommandLine, want[:len(want)-1]) || len(v.CommandLine) > len(want) || v.CommandLineCut != cut {
				t.Errorf("called %q, cut %v; procfs had\n       %q, %v", v.CommandLine, v.CommandLineCut, want, cut)
			}
		})
	}
}

// sharedMemory: a process that shares the victim's memory is killed with it, but is not a victim of its own; the kernel
// counts one kill.
func sharedMemory(t *testing.T, w *watch) {
	home := makeCgroup(t, "shared")
	home.limit(limitBytes)
	p := startHelper(t, "hog-shared")
	home.add(p)
	p.release()
	other, err := strconv.Atoi(p.line())
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.PidfdOpen(other, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	p.release()
	if status := p.wait(); status.Signal() != unix.SIGKILL {
		t.Fatalf("it ended with %v", status)
	}
	// A pidfd is readable when its process has ended.
	ends := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(ends, int(patience.Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 || err != nil {
			t.Fatalf("%d, which shares the victim's memory, lives on: %v", other, err)
		}
		break
	}
	// The kernel may pick either of the two.
	if e := w.killedOnce(home); e.PID != p.pid && e.PID != int32(other) {
		t.Errorf("the victim is %d, want %d or %d", e.PID, p.pid, other)
	}
}

// countMarks counts how often the kernel marks a victim, killed or not, from now on.
func countMarks(t *testing.T) func() int {
	t.Helper()
	counts, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = counts.Close() })
	prog, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.RawTracepoint, License: "GPL",
		Instructions: asm.Instructions{
			asm.StoreImm(asm.RFP, -4, 0, asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.LoadMapPtr(asm.R1, counts.FD()),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "out"),
			asm.Mov.Imm(asm.R1, 1),
			asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
			asm.Mov.Imm(asm.R0, 0).WithSymbol("out"),
			asm.Return(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = prog.Close() })
	attached, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: "mark_victim", Program: prog})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = attached.Close() })
	return func() int {
		var n uint64
		if err := counts.Lookup(uint32(0), &n); err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
}

// exitingIsNoKill: the kernel picks a process that is exiting already, marks it, so that it gets the
// memory that it needs to end, and kills nothing. A tracer stops it during its exit, with its memory.
func exitingIsNoKill(t *testing.T, w *watch) {
	home := makeCgroup(t, "exiting")
	home.limit(2 * limitBytes)
	// dd has only one thread, which is sure to stop. The hog's memory from before it came into the cgroup counts for the
	// hog, too, and so do its mapped files. So dd must have some memory: a block that it has read in one call and that
	// nothing needs.
	exiting := start(t, exec.Command("sh", "-c", "read go; exec dd if=/dev/zero bs=24000000 count=1 2>/dev/null"))
	asking := startHelper(t, "hog")
	home.add(exiting)
	exiting.oomScoreAdj(1000)
	exiting.release()
	if _, err := exiting.out.ReadByte(); err != nil {
		t.Fatal(err)
	}
	letGo := exiting.holdAtExit()
	marks := countMarks(t)
	home.add(asking)
	asking.release()
	asking.wait() // the other one is marked first, then this one is killed
	letGo()
	exiting.wait()
	w.catchUp()
	found := w.seen(killsIn(home))
	for _, e := range found {
		if e.PID == exiting.pid {
			t.Errorf("reported as killed: %+v", e.OOM.Victim)
		}
	}
	if n := marks(); uint64(len(found)) != home.kills() || n <= len(found) {
		t.Errorf("%d kills reported, the kernel counted %d, and marked %d victims", len(found), home.kills(), n)
	}
}

// holdAtExit kills a process and returns when it is at the beginning of its exit, where it stays until it is released.
func (p *process) holdAtExit() (letGo func()) {
	p.t.Helper()
	stopped, proceed, gone := make(chan error, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		// The tracer is a thread, which ends with its goroutine here; so no other goroutine runs on it.
		runtime.LockOSThread()
		_, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(p.pid), 0, unix.PTRACE_O_TRACEEXIT, 0, 0)
		if errno != 0 {
			stopped <- errno
			return
		}
		if err := unix.Kill(int(p.pid), unix.SIGKILL); err != nil {
			stopped <- err
			return
		}
		var status unix.WaitStatus
		_, err := unix.Wait4(int(p.pid), &status, 0, nil)
		if err == nil && status.TrapCause() != unix.PTRACE_EVENT_EXIT {
			err = fmt.Errorf("%d stopped with %#x", p.pid, status)
		}
		stopped <- err
		<-proceed
		_ = unix.PtraceDetach(int(p.pid))
	}()
	letGo = sync.OnceFunc(func() {
		close(proceed)
		<-gone
	})
	p.t.Cleanup(letGo)
	if err := <-stopped; err != nil {
		p.t.Fatal(err)
	}
	return letGo
}

// disabledKillsNothing: on cgroup v1 the OOM killer can be disabled for a cgroup; then a process that asks for
// memory waits.
func disabledKillsNothing(t *testing.T, w *watch) {
	home := makeCgroup(t, "disabled")
	home.limit(limitBytes)
	if hostLayout(t).Controller == "" {
		home.lacks("memory.oom_control")
		return
	}
	home.write("memory.oom_control", "1")
	p := startHelper(t, "hog")
	home.add(p)
	p.release()
	eventually(t, "under OOM", func() bool { return home.counter("memory.oom_control", "under_oom") == 1 })
	w.catchUp()
	if err := unix.Kill(int(p.pid), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.wait()
	w.catchUp()
	if found := w.seen(killsIn(home)); len(found) != 0 || home.kills() != 0 {
		t.Errorf("%d kills reported, the kernel counted %d, want none: %+v", len(found), home.kills(), found)
	}
}

// throttledIsNoKill: above memory.high of cgroup v2 a process is slowed down and not killed.
func throttledIsNoKill(t *testing.T, w *watch) {
	home := makeCgroup(t, "throttled")
	if hostLayout(t).Controller != "" {
		home.lacks("memory.high")
		return
	}
	home.write("memory.high", strconv.Itoa(16<<20))
	p := startHelper(t, "hold 20")
	home.add(p)
	p.release()
	eventually(t, "throttled", func() bool { return home.counter("memory.events", "high") > 0 })
	if err := unix.Kill(int(p.pid), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.wait()
	w.catchUp()
	if found := w.seen(killsIn(home)); len(found) != 0 || home.kills() != 0 {
		t.Errorf("%d kills reported, the kernel counted %d, want none: %+v", len(found), home.kills(), found)
	}
}
