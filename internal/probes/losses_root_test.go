//go:build root

package probes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// counted returns the programs' count at a place.
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

// The answers of a seccomp filter to unshare and setns.
const (
	refuse = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	// fake makes the calls return 0 without doing anything.
	fake = unix.SECCOMP_RET_ERRNO
)

// filterNamespaceCalls makes seccomp answer this thread's calls of unshare and setns.
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

// seccompAnswers: calls that seccomp refuses or answers itself change nothing, so no event is lost.
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
	p := startHelper(t, "unshare-later")
	p.release()
	p.line()
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
	w.await("creations", 2, namespaceEvents(event.NamespaceCreated, p.pid))
	w.await("losses", 1, func(e event.Event) bool {
		return e.Type == event.EventsLost && e.Lost.Reason == "call not remembered" && e.Lost.Count == 1
	})
	p.release()
	p.wait()
}

// TestStaleCallsMakeRoom: entries of calls with a missed return are removed and counted as lost: at once if it is known which
// threads are still in their call, else only old ones, when half of the room is taken.
func TestStaleCallsMakeRoom(t *testing.T) {
	const now = uint64(time.Hour)
	const young, aged, old = now - uint64(youngCall)/2, now - uint64(longestCall)/2, 1
	for _, test := range []struct {
		name    string
		entered []uint64 // by thread; there is room for 8
		inCall  func(tid int32) bool
		gone    []uint32
	}{
		{"known", []uint64{aged, old, old, young}, func(tid int32) bool { return tid == 1 }, []uint32{0, 2}},
		{"unknown, half full", []uint64{old, aged, old, young}, nil, []uint32{0, 2}},
		{"unknown, and there is room", []uint64{old, aged, young}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.inCall = test.inCall
			for tid, entered := range test.entered {
				if err := b.maps.calls.Put(uint32(tid), gen.NsvizNamespaceCall{EnteredNs: entered}); err != nil {
					t.Fatal(err)
				}
			}
			var batch Batch
			if err := b.countErrors(now, &batch); err != nil {
				t.Fatal(err)
			}
			for tid := range test.entered {
				var call gen.NsvizNamespaceCall
				want := !slices.Contains(test.gone, uint32(tid))
				if err := b.maps.calls.Lookup(uint32(tid), &call); (err == nil) != want {
					t.Errorf("thread %d: %v, want an entry: %v", tid, err, want)
				}
			}
			var lost uint64
			for _, e := range batch.Events {
				if e.Lost.Reason != event.LostCall {
					t.Errorf("unexpected loss %+v", e.Lost)
				}
				lost += e.Lost.Count
			}
			if want := uint64(len(test.gone)); lost != want || batch.Errors["map_calls"] != want {
				t.Errorf("%d counted as lost, %d errors, want %d", lost, batch.Errors["map_calls"], want)
			}
		})
	}
}

// TestFailedReadsAreCounted runs programs on pointers that lead nowhere.
func TestFailedReadsAreCounted(t *testing.T) {
	const nowhere = 0x10000 // in the user's part of the address space: no such read succeeds
	p := openProbes(t, hostConfig(t), fact.MethodRawTracepoint, fact.MethodTracepoint)
	spec, err := gen.LoadNsviz()
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string) *ebpf.Program {
		t.Helper()
		coll, err := ebpf.NewCollectionWithOptions(&ebpf.CollectionSpec{
			Maps: spec.Maps, Programs: map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}, Types: spec.Types, ByteOrder: spec.ByteOrder,
		}, ebpf.CollectionOptions{Cache: hostTypes, MapReplacements: p.maps})
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
		t.Errorf("reported as known, and nothing could be read: %+v, cgroup %d", v, kill.CgroupID)
	}
}

// startThrottled runs probes that let a source send that many events at once, and then no more for an hour.
func startThrottled(t *testing.T, burst uint64) *watch {
	t.Helper()
	cfg := hostConfig(t)
	cfg.ThrottleBurst, cfg.ThrottleInterval = burst, time.Hour
	s := &stream{Probes: openProbes(t, cfg), way: "the best", more: make(chan struct{}, 1)}
	if err := s.Settled(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, s.take) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &watch{t: t, stream: s, streams: []*stream{s}}
}

// TestFloodIsThrottled: if a user makes more namespaces than his share, the excess is counted for him, those of others
// are reported, and nothing is lost for lack of room.
func TestFloodIsThrottled(t *testing.T) {
	const burst, calls, uid = 50, 200, 65533
	w := startThrottled(t, burst)
	s := w.stream
	home := makeCgroup(t, "flood")
	flood := startHelper(t, fmt.Sprint("flood ", calls))
	home.add(flood)
	flood.release()
	flood.line()
	other := startHelper(t, "unshare 1")
	other.release()
	other.line()
	w.await("creations of another", 2, namespaceEvents(event.NamespaceCreated, other.pid))

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
	if reported != burst+1 { // at most a burst ahead of the clock
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
		if err := makeUserNamespace(); err != nil {
			return err
		}
	}
	return nil
}

// makeUserNamespace starts a child that makes one and ends at once.
func makeUserNamespace() error {
	// Like fork: the child is a copy of this thread, and does nothing that needs the Go runtime.
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
	return nil
}

// TestFloodFromManyCgroupsIsThrottled: a user with a part of the cgroups makes some there and moves from one to the other.
// His share stays the same, with any user ID, and every container that starts meanwhile is seen.
func TestFloodFromManyCgroupsIsThrottled(t *testing.T) {
	const burst, rounds, containers = 30, 60, 2
	const user, first = 65533, 300000 // the first of the IDs that are mapped into user namespaces
	userNS := func(outside int) *syscall.SysProcAttr {
		ids := []syscall.SysProcIDMap{{HostID: outside, Size: 1000}}
		return &syscall.SysProcAttr{
			Cloneflags: unix.CLONE_NEWUSER, UidMappings: ids, GidMappings: ids, Credential: &syscall.Credential{NoSetGroups: true},
		}
	}
	for _, test := range []struct {
		name       string
		level      int // of the cgroup that is given away
		owner      int
		task       string // before the flood's
		isolate    *syscall.SysProcAttr
		ids        int    // real user IDs that it changes between
		uid        uint32 // under which it counts
		namespaces bool   // whether its share of them is limited, too
	}{
		{"a user", 3, user, "as-user ", nil, 1, user, true},
		{"a user with many IDs", 3, user, "in-user-namespace ", nil, 1000, user, true},
		{"root", 2, 0, "", nil, 1, 0, false},
		{"root of a user namespace", 1, first, "", userNS(first), 1000, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := startThrottled(t, burst)
			home := makeCgroup(t, "flood")
			for level := 1; ; level++ {
				if err := os.Chmod(home.dir, 0o755); err != nil {
					t.Fatal(err)
				}
				if level == test.level {
					break
				}
				home = makeCgroupIn(t, home.path, "below")
			}
			for _, file := range []string{"", "cgroup.procs"} {
				if err := os.Chown(filepath.Join(home.dir, file), test.owner, test.owner); err != nil {
					t.Fatal(err)
				}
			}
			cmd := helperCommand(fmt.Sprintf("%sflood-cgroups %d %d %s", test.task, rounds, test.ids, home.dir))
			cmd.SysProcAttr = test.isolate
			flood := start(t, cmd)
			home.add(flood)
			pid := flood.pid
			if test.task == "in-user-namespace " {
				flood.release()
				if _, err := fmt.Sscan(flood.line(), &pid); err != nil {
					t.Fatal(err)
				}
				for file, ids := range map[string]string{"uid_map": fmt.Sprintf("0 %d 1\n1 %d 999", user, first), "gid_map": "0 0 1"} {
					if err := os.WriteFile(fmt.Sprintf("/proc/%d/%s", pid, file), []byte(ids), 0); err != nil {
						t.Fatal(err)
					}
				}
				flood.release()
				flood.line()
			}
			flood.release()
			for range containers {
				p, c := contain(t, w, "read end; exit 3")
				w.await("starts", 1, of(event.ContainerStarted, c))
				p.release()
				p.wait()
				w.await("exits", 1, of(event.ContainerExited, c))
			}
			flood.line()
			flood.release()
			flood.wait()

			count := func(types ...event.Type) int {
				return len(w.seen(func(e event.Event) bool { return e.PID == pid && slices.Contains(types, e.Type) }))
			}
			events := func() int { return count(event.CgroupCreated, event.CgroupRemoved) }
			namespaces := func() int { return count(event.NamespaceCreated) }
			lost := func() (n int) {
				for _, e := range w.seen(func(e event.Event) bool { return e.Type == event.EventsLost }) {
					if e.Lost.Reason != event.LostThrottled || e.Lost.UID == nil || *e.Lost.UID != test.uid || e.CgroupID == 0 {
						t.Errorf("unexpected loss %+v of %d", e.Lost, e.CgroupID)
					}
					n += int(e.Lost.Count)
				}
				return n
			}
			const made = 3 * rounds // cgroups that are made and removed, and namespaces
			eventually(t, "everything is reported or counted", func() bool { return events()+namespaces()+lost() >= made })
			t.Logf("of %d: %d of cgroups and %d of namespaces reported, %d lost", made, events(), namespaces(), lost())
			if n := events(); n != burst+1 {
				t.Errorf("%d events of cgroups, with a burst of %d", n, burst)
			}
			// The user may have made one before the flood.
			if n := namespaces(); test.namespaces && (n < burst || n > burst+1) || !test.namespaces && n != rounds {
				t.Errorf("%d events of namespaces of %d, with a burst of %d", n, rounds, burst)
			}
		})
	}
}

// floodCgroups makes cgroups, moves from each to the next and removes it, and makes a user namespace in each.
func floodCgroups(argument string) error {
	var n, ids int
	var dir string
	if _, err := fmt.Sscan(argument, &n, &ids, &dir); err != nil {
		return err
	}
	enter := func(dir string) error { return os.WriteFile(dir+"/cgroup.procs", []byte("0"), 0) }
	last := dir
	for i := range n {
		if ids > 1 { // the effective one stays root's, and with it what root may do
			if _, _, errno := unix.RawSyscall(unix.SYS_SETREUID, uintptr(i%ids), ^uintptr(0), 0); errno != 0 {
				return fmt.Errorf("setreuid: %w", errno)
			}
		}
		next := fmt.Sprint(dir, "/", i)
		if err := os.Mkdir(next, 0o755); err != nil {
			return err
		}
		if err := errors.Join(enter(next), makeUserNamespace()); err != nil {
			return err
		}
		if last != dir {
			if err := os.Remove(last); err != nil {
				return err
			}
		}
		last = next
	}
	return errors.Join(enter(dir), os.Remove(last))
}

// inUserNamespace runs a task in a child in a user namespace that this process makes, and writes the child's PID. When the
// child has IDs, with which it is root there, it execs once more.
func inUserNamespace(task string) error {
	cmd := helperCommand("exec " + task)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER, Pdeathsig: unix.SIGKILL}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Println(cmd.Process.Pid)
	return cmd.Wait()
}
