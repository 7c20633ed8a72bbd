//go:build root

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
)

// counted is what the programs have counted at a place.
func (p *Probes) counted(t *testing.T, place gen.NsvizErrorPlace) uint64 {
	t.Helper()
	var perCPU []uint64
	if err := p.reader.maps.errors.Lookup(uint32(place), &perCPU); err != nil {
		t.Fatal(err)
	}
	var sum uint64
	for _, n := range perCPU {
		sum += n
	}
	return sum
}

// What a seccomp filter does with unshare and setns.
const (
	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	// fake has the calls return 0 without doing anything.
	fake = unix.SECCOMP_RET_ERRNO
)

// filterNamespaceCalls has seccomp answer this thread's calls of unshare and setns.
func filterNamespaceCalls(answer uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_UNSHARE, Jt: 2},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_SETNS, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		{Code: unix.BPF_RET | unix.BPF_K, K: answer},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// callFiltered makes n calls each of unshare and setns that seccomp answers.
func callFiltered(answer uint32, n int) error {
	want := error(nil)
	if errno := syscall.Errno(answer & 0xffff); errno != 0 {
		want = errno
	}
	if err := filterNamespaceCalls(answer); err != nil {
		return err
	}
	for range n {
		if err := unix.Unshare(unix.CLONE_NEWUTS); !errors.Is(err, want) {
			return fmt.Errorf("unshare: %w", err)
		}
		if err := unix.Setns(-1, 0); !errors.Is(err, want) {
			return fmt.Errorf("setns: %w", err)
		}
	}
	return nil
}

// seccompAnswers: calls that seccomp refuses or answers itself change nothing, so nothing of them is lost.
func seccompAnswers(t *testing.T, w *watch) {
	for _, task := range []string{"calls-refused", "calls-faked"} {
		t.Run(task, func(t *testing.T) {
			w := w.in(t)
			before := make([]uint64, len(w.streams))
			for i, s := range w.streams {
				before[i] = s.counted(t, gen.NsvizErrorPlaceERROR_MAP_CALLS)
			}
			p := startHelper(t, task+" 500")
			p.release()
			p.line()
			w.catchUp()
			for i, s := range w.streams {
				if lost := s.counted(t, gen.NsvizErrorPlaceERROR_MAP_CALLS) - before[i]; lost != 0 {
					t.Errorf("from %s on: %d of 1000 calls that seccomp answered are counted as lost", s.way, lost)
				}
			}
			if found := w.seen(func(e event.Event) bool { return e.PID == p.pid }); len(found) > 0 {
				t.Errorf("events of calls that changed nothing: %+v", found)
			}
			p.release()
			p.wait()
		})
	}
}

// TestMissedReturnIsCounted: the result of a call whose return the programs did not see is lost, and counted when
// the same thread calls again.
func TestMissedReturnIsCounted(t *testing.T) {
	w := startWatch(t)
	p := startHelper(t, "unshare 1")
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads { // one of them calls
		tid, err := strconv.ParseUint(thread.Name(), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.maps[gen.NsvizMapCalls].Update(uint32(tid), gen.NsvizNamespaceCall{EnteredNs: 1}, ebpf.UpdateNoExist); err != nil {
			t.Fatal(err)
		}
	}
	p.release()
	p.line()
	w.await("births", 2, namespaceEvents(event.NamespaceCreated, p.pid))
	w.await("losses", 1, func(e event.Event) bool {
		return e.Type == event.EventsLost && e.Lost.Reason == "call not remembered" && e.Lost.Count == 1
	})
	p.release()
	p.wait()
}

// TestStaleCallsMakeRoom: entries of calls whose return was missed go when there is no room for new ones.
func TestStaleCallsMakeRoom(t *testing.T) {
	b := newBench(t)
	now := uint64(time.Hour)
	young := now - uint64(longestCall)/2
	for tid, entered := range []uint64{1, young, 1, young} {
		if err := b.maps.calls.Put(uint32(tid), gen.NsvizNamespaceCall{EnteredNs: entered}); err != nil {
			t.Fatal(err)
		}
	}
	b.count(gen.NsvizErrorPlaceERROR_MAP_CALLS, 1)
	if err := b.countErrors(now, &Batch{}); err != nil {
		t.Fatal(err)
	}
	for tid, want := range []bool{false, true, false, true} {
		var call gen.NsvizNamespaceCall
		if err := b.maps.calls.Lookup(uint32(tid), &call); (err == nil) != want {
			t.Errorf("thread %d: %v, want an entry: %v", tid, err, want)
		}
	}
}

// TestFailedReadsAreCounted runs programs on pointers that lead nowhere.
func TestFailedReadsAreCounted(t *testing.T) {
	const nowhere = 0x10000 // in the part of the address space that is the user's: no such read succeeds
	p := openProbes(t, hostConfig(t), RawTracepoint, Tracepoint)
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string) *ebpf.Program {
		t.Helper()
		coll, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{
			Maps: spec.Maps, Programs: map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}, Types: spec.Types, ByteOrder: spec.ByteOrder,
		}, ebpf.CollectionOptions{MapReplacements: p.maps})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(coll.Close)
		return coll.DetachProgram(name)
	}
	reads := func() uint64 { return p.counted(t, gen.NsvizErrorPlaceERROR_READ) }
	for name, args := range map[string][5]uint64{
		"cgroups_mkdir_raw_tp":    {nowhere, nowhere},
		"cgroups_attach_raw_tp":   {nowhere},
		"namespaces_fork_raw_tp":  {nowhere, nowhere},
		"lifecycle_exec_raw_tp":   {nowhere},
		"lifecycle_exit_raw_tp":   {nowhere},
		"lifecycle_signal_raw_tp": {uint64(unix.SIGKILL), 1, nowhere, 0, 0},
	} {
		prog := load(name)
		before := reads()
		if _, err := prog.Run(&ebpf.RunOptions{Context: args}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if reads() == before {
			t.Errorf("%s counted no failed read", name)
		}
		_ = prog.Close()
	}

	// The kernel has sent the victim a SIGKILL, as far as the programs know.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	name := "oom_victim_pid_raw_tp"
	if err := p.maps["kernel_kills"].Put(uint32(unix.Gettid()), struct {
		Task     uint64
		TID, Pad uint32
	}{nowhere, 77, 0}); err != nil {
		t.Fatal(err)
	}
	prog := load(name)
	defer func() { _ = prog.Close() }()
	before := reads()
	if _, err := prog.Run(&ebpf.RunOptions{Context: [5]uint64{77}}); err != nil {
		t.Fatal(err)
	}
	if reads() == before {
		t.Errorf("%s counted no failed read", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var kill *event.Event
	if err := p.Run(ctx, func(b Batch) {
		for _, e := range b.Events {
			if e.Type == event.OOMKill && e.OOM.Victim.TID == 77 {
				kill = &e
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if kill == nil {
		t.Fatal("no kill")
	}
	if v := kill.OOM.Victim; v.UID != nil || v.OOMScoreAdj != nil || v.AnonBytes != nil || kill.CgroupID != 0 {
		t.Errorf("told as known, and nothing could be read: %+v, cgroup %d", v, kill.CgroupID)
	}
}

// TestFloodIsThrottled: a user who makes more namespaces than his share has the rest counted under his name, others
// have theirs reported, and nothing is lost for want of room.
func TestFloodIsThrottled(t *testing.T) {
	const burst, calls, uid = 100, 1000, 65533
	cfg := hostConfig(t)
	cfg.ThrottleBurst, cfg.ThrottleInterval = burst, time.Hour
	w := &watch{t: t}
	s := &stream{Probes: openProbes(t, cfg), way: "the best", more: make(chan struct{}, 1)}
	w.stream, w.streams = s, []*stream{s}
	if err := s.Settled(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, s.take) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	home := makeCgroup(t, "flood")
	flood := startHelper(t, fmt.Sprint("flood ", calls))
	home.add(flood)
	flood.release()
	flood.line()
	other := startHelper(t, "unshare 1")
	other.release()
	other.line()
	w.await("births of another", 2, namespaceEvents(event.NamespaceCreated, other.pid))

	ofFlood := func(e event.Event) bool { return e.Type == event.NamespaceCreated && e.CgroupID == home.id }
	lost := func() (n uint64) {
		for _, e := range s.seen(func(e event.Event) bool { return e.Type == event.EventsLost && e.CgroupID == home.id }) {
			if e.Lost.Reason != event.LostThrottled || e.Lost.UID == nil || *e.Lost.UID != uid {
				t.Errorf("unexpected loss %+v", e.Lost)
			}
			n += e.Lost.Count
		}
		return n
	}
	eventually(t, "every namespace is reported or counted", func() bool {
		return uint64(len(s.seen(ofFlood)))+lost() >= calls
	})
	reported := len(s.seen(ofFlood))
	if got := uint64(reported) + lost(); got != calls {
		t.Errorf("%d reported and %d counted of %d", reported, lost(), calls)
	}
	if reported != burst+1 { // what is at most a burst ahead of the clock
		t.Errorf("%d reported and %d counted, with a burst of %d", reported, lost(), burst)
	}
	if n := s.counted(t, gen.NsvizErrorPlaceERROR_RING_EVENTS); n != 0 {
		t.Errorf("%d lost in a full ring", n)
	}
	for _, p := range []*process{flood, other} {
		p.release()
		p.wait()
	}
}

// floodNamespaces makes n user namespaces as an ordinary user, each by a process of its own that ends at once.
func floodNamespaces(uid, n int) error {
	if err := syscall.Setuid(uid); err != nil {
		return err
	}
	for range n {
		// Like fork: the child is a copy of this thread, and does nothing that takes the Go runtime.
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno != 0 {
			return fmt.Errorf("clone: %w", errno)
		}
		if pid == 0 {
			_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		if _, err := unix.Wait4(int(pid), nil, 0, nil); err != nil {
			return fmt.Errorf("wait: %w", err)
		}
	}
	return nil
}
