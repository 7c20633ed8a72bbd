//go:build root

package probes

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/resources"
)

const limitBytes = 48 << 20

// limit sets the memory limit, and keeps the cgroup from swapping instead.
func (c cgroup) limit(bytes int) {
	c.t.Helper()
	if hostLayout(c.t).Controller == "" {
		c.write("memory.max", strconv.Itoa(bytes))
		if _, err := os.Stat(filepath.Join(c.dir, "memory.swap.max")); err == nil {
			c.write("memory.swap.max", "0")
		}
		return
	}
	c.write("memory.limit_in_bytes", strconv.Itoa(bytes))
	c.write("memory.swappiness", "0")
}

// handDown makes the limit hold for the cgroups below, too.
func (c cgroup) handDown() {
	c.t.Helper()
	if hostLayout(c.t).Controller == "" {
		c.write("cgroup.subtree_control", "+memory")
	} else {
		c.write("memory.use_hierarchy", "1") // the default since 5.11
	}
}

// kills returns the kernel's count of the processes that it killed in the cgroup.
func (c cgroup) kills() uint64 {
	c.t.Helper()
	m, err := resources.In(hostLayout(c.t)).Memory(c.path)
	if err != nil || m.OOMKills == nil {
		c.t.Fatalf("OOM kills of %s: %v", c.path, err)
	}
	return *m.OOMKills
}

// kernelLog follows the kernel's log from now on.
type kernelLog struct {
	t    *testing.T
	file *os.File
}

func openKernelLog(t *testing.T) kernelLog {
	t.Helper()
	file, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, err := file.Seek(0, 2); err != nil {
		t.Fatal(err)
	}
	return kernelLog{t: t, file: file}
}

// killed is the kernel's own account of a kill.
type killed struct {
	tid                                int32
	anonKB, fileKB, shmemKB, pgtableKB uint64
	uid                                uint32
	oomScoreAdj                        int32
	constraint                         string // "" if the kernel had rate-limited its log
}

// next returns the next kill in the log.
func (l kernelLog) next() killed {
	l.t.Helper()
	if err := l.file.SetReadDeadline(time.Now().Add(patience)); err != nil {
		l.t.Fatal(err)
	}
	var constraint string
	for line := make([]byte, 8192); ; {
		n, err := l.file.Read(line)
		if errors.Is(err, unix.EPIPE) { // overtaken; lines that were pushed out are not needed
			continue
		}
		if err != nil {
			l.t.Fatal(err)
		}
		if _, text, found := bytes.Cut(line[:n], []byte("oom-kill:constraint=")); found {
			name, _, _ := bytes.Cut(text, []byte(","))
			constraint = string(name)
		}
		_, text, found := bytes.Cut(line[:n], []byte("Killed process "))
		if !found {
			continue
		}
		// 123 (name) total-vm:1kB, anon-rss:2kB, file-rss:3kB, shmem-rss:4kB, UID:0 pgtables:5kB oom_score_adj:0
		k := killed{constraint: constraint}
		words := strings.NewReplacer(",", " ", "kB", " ").Replace(string(text))
		if _, err := fmt.Sscan(words, &k.tid); err != nil {
			l.t.Fatalf("%q: %v", text, err)
		}
		for word := range strings.FieldsSeq(words) {
			name, value, _ := strings.Cut(word, ":")
			n, _ := strconv.ParseInt(value, 10, 64)
			switch name {
			case "anon-rss":
				k.anonKB = uint64(n)
			case "file-rss":
				k.fileKB = uint64(n)
			case "shmem-rss":
				k.shmemKB = uint64(n)
			case "pgtables":
				k.pgtableKB = uint64(n)
			case "UID":
				k.uid = uint32(n)
			case "oom_score_adj":
				k.oomScoreAdj = int32(n)
			}
		}
		return k
	}
}

// of returns the kernel's account of the kill of one thread.
func (l kernelLog) of(tid int32) killed {
	l.t.Helper()
	for {
		if k := l.next(); k.tid == tid {
			return k
		}
	}
}

func reported(v event.Victim) killed {
	return killed{
		tid: v.TID, anonKB: *v.AnonBytes >> 10, fileKB: *v.FileBytes >> 10, shmemKB: *v.ShmemBytes >> 10,
		pgtableKB: *v.PgtablesBytes >> 10, uid: *v.UID, oomScoreAdj: *v.OOMScoreAdj,
	}
}

// countsExactly reports whether the kernel includes in its log what each CPU has not yet counted.
func countsExactly(kernel string) bool {
	major, _, _ := strings.Cut(kernel, ".")
	n, _ := strconv.Atoi(major)
	return n >= 7
}

// agrees compares sizes exactly or, if the log has what the CPUs have not yet counted, to within that.
func (k killed) agrees(log killed, exact bool) bool {
	k.constraint = log.constraint
	if exact {
		cpus := uint64(ebpf.MustPossibleCPU())
		slack := cpus * max(32, 2*cpus) * uint64(os.Getpagesize()) >> 10 // percpu_counter_batch
		for _, size := range []struct{ reported, log *uint64 }{
			{&k.anonKB, &log.anonKB}, {&k.fileKB, &log.fileKB}, {&k.shmemKB, &log.shmemKB},
		} {
			if max(*size.reported, *size.log)-min(*size.reported, *size.log) <= slack {
				*size.reported = *size.log
			}
		}
	}
	return k == log
}

func killsIn(c cgroup) func(event.Event) bool {
	return func(e event.Event) bool { return e.Type == event.OOMKill && e.CgroupID == c.id }
}

func number(n *uint64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatUint(*n, 10)
}

// oomKill lets a process outgrow its cgroup's limit and compares the reported kill with the
// kernel's log and with the cgroup's own counter. The limit is that of the cgroup above.
func oomKill(t *testing.T, w *watch) {
	for _, levels := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d levels", levels), func(t *testing.T) {
			w := w.in(t)
			log := openKernelLog(t)
			domain := makeCgroup(t, "domain")
			domain.limit(limitBytes)
			home := domain
			for range levels - 1 {
				home.handDown()
				home = makeCgroupIn(t, home.path, "inner")
			}
			p := startHelper(t, "hog")
			home.add(p)
			p.release()
			if status := p.wait(); status.Signal() != unix.SIGKILL {
				t.Fatalf("the hog ended with %v", status)
			}
			e := w.await("kills", 1, killsIn(home))[0]
			if e.PID != p.pid || e.OOM.Victim.PID != p.pid || e.Comm != e.OOM.Victim.Comm || e.Comm == "" {
				t.Errorf("victim %d (%s), %d (%s), want %d", e.PID, e.Comm, e.OOM.Victim.PID, e.OOM.Victim.Comm, p.pid)
			}
			if got, want := reported(e.OOM.Victim), log.of(e.OOM.Victim.TID); !got.agrees(want, countsExactly(w.facts.Kernel)) {
				t.Errorf("sizes\nreported %+v\nlog  %+v", got, want)
			}
			if e.OOM.Scope != event.ScopeCgroup || e.OOM.CgroupID != domain.id {
				t.Errorf("scope %q, cgroup %d, want that of %s, %d", e.OOM.Scope, e.OOM.CgroupID, domain.path, domain.id)
			}
			if e.OOM.LimitBytes == nil || *e.OOM.LimitBytes != limitBytes {
				t.Errorf("limit %s, want %d", number(e.OOM.LimitBytes), limitBytes)
			}
			// Memory that the kernel must have goes beyond the limit; meanwhile others free some.
			if e.OOM.UsageBytes == nil || *e.OOM.UsageBytes > limitBytes*21/20 || *e.OOM.UsageBytes < limitBytes*9/10 {
				t.Errorf("usage %s of %d", number(e.OOM.UsageBytes), limitBytes)
			}
			if trigger := e.OOM.Trigger; trigger.PID != p.pid || trigger.CgroupID != home.id {
				t.Errorf("asked for by %+v, want %d in %d", trigger, p.pid, home.id)
			}
			if e.OOM.Victim.Init || e.OOM.Group {
				t.Errorf("the init of nothing, or killed with a group: %+v", e.OOM)
			}
			if !e.OOM.Victim.Starting {
				t.Error("no program of its own has run in its cgroup, and that is not said")
			}
			w.catchUp()
			if n := len(w.seen(killsIn(home))); n != 1 || home.kills() != 1 {
				t.Errorf("%d kills reported; the kernel counted %d", n, home.kills())
			}
		})
	}
}

// oomStorm has many processes killed, four of which are after memory at any time: some will be
// marked while they are already on their way out. Each kill of the kernel's log is reported once.
func oomStorm(t *testing.T, w *watch) {
	const rounds = 8
	log := openKernelLog(t)
	domain := makeCgroup(t, "storm")
	domain.limit(limitBytes)
	p := startHelper(t, fmt.Sprintf("hogs %d %s", rounds, domain.dir))
	p.release()
	p.line()
	p.wait()
	w.catchUp()
	found := w.seen(killsIn(domain))
	if n := domain.kills(); n != uint64(len(found)) || n != rounds {
		t.Errorf("%d kills reported of %d, the kernel counted %d", len(found), rounds, n)
	}
	decisions := map[uint64]bool{}
	for _, e := range found {
		log.of(e.OOM.Victim.TID) // in the same order; kills elsewhere on this host are skipped
		if e.OOM.Scope != event.ScopeCgroup || e.OOM.CgroupID != domain.id {
			t.Errorf("scope %q, cgroup %d, want that of %s, %d", e.OOM.Scope, e.OOM.CgroupID, domain.path, domain.id)
		}
		if decisions[e.OOM.Decision] {
			t.Errorf("decision %d came twice", e.OOM.Decision)
		}
		decisions[e.OOM.Decision] = true
	}
}

// oomGroup: with memory.oom.group one decision kills all processes in the cgroup. cgroup v1 does not
// have it: there each victim is a decision of its own.
func oomGroup(t *testing.T, w *watch) {
	grouped := hostLayout(t).Controller == ""
	domain := makeCgroup(t, "group")
	domain.limit(limitBytes)
	if grouped {
		domain.write("memory.oom.group", "1")
	}
	victims := map[int32]bool{}
	var bystanders []*process
	for range 3 {
		p := startHelper(t, "hog")
		domain.add(p)
		victims[p.pid] = true
		bystanders = append(bystanders, p)
	}
	bystanders[0].release()
	if status := bystanders[0].wait(); status.Signal() != unix.SIGKILL {
		t.Errorf("%d ended with %v", bystanders[0].pid, status)
	}
	if !grouped { // the others are not killed along
		for _, p := range bystanders[1:] {
			_ = unix.Kill(int(p.pid), unix.SIGKILL)
		}
	}
	for _, p := range bystanders[1:] {
		if status := p.wait(); status.Signal() != unix.SIGKILL {
			t.Errorf("%d ended with %v", p.pid, status)
		}
	}
	w.catchUp()
	found := w.seen(killsIn(domain))
	if !grouped {
		// The number of kills one after the other is up to the kernel: each is a decision.
		decisions := map[uint64]bool{}
		for _, e := range found {
			decisions[e.OOM.Decision] = true
		}
		if len(found) == 0 || len(decisions) != len(found) {
			t.Errorf("%d kills by %d decisions, want one each", len(found), len(decisions))
		}
		return
	}
	// After the process that it chose, the kernel kills all others in the cgroup. It counts the chosen one again if
	// that is not gone yet, and marks it again if the marked thread is gone and another one is not.
	if n := domain.kills(); len(found) < len(victims) || uint64(len(found)) > n || uint64(len(found))+1 < n {
		t.Errorf("%d kills of %d processes reported, the kernel counted %d", len(found), len(victims), n)
	}
	killed := map[int32]bool{}
	for _, e := range found {
		if !victims[e.PID] || !e.OOM.Group {
			t.Errorf("%d was not there, or not killed with its group: %+v", e.PID, e.OOM)
		}
		killed[e.PID] = true
		if e.OOM.Decision != found[0].OOM.Decision || e.OOM.CgroupID != domain.id || e.OOM.Scope != event.ScopeCgroup {
			t.Errorf("%+v is of another decision than %+v", e.OOM, found[0].OOM)
		}
	}
	if len(killed) != len(victims) {
		t.Errorf("%d processes are reported, want %d", len(killed), len(victims))
	}
}

// loweredLimit: on cgroup v2 the process that lowers memory.max below the usage is the trigger, from
// outside of the cgroup. cgroup v1 refuses, and the SIGKILL that ends the process is no OOM kill.
func loweredLimit(t *testing.T, w *watch) {
	v1 := hostLayout(t).Controller != ""
	domain := makeCgroup(t, "lowered")
	p := startHelper(t, "hold 32")
	domain.add(p)
	p.release()
	p.line()
	if v1 {
		err := os.WriteFile(filepath.Join(domain.dir, "memory.limit_in_bytes"), []byte("8388608"), 0)
		if !errors.Is(err, unix.EBUSY) {
			t.Errorf("lowering the limit below the usage: %v, want EBUSY", err)
		}
		_ = unix.Kill(int(p.pid), unix.SIGKILL)
		p.wait()
		w.catchUp()
		if kills := w.seen(killsIn(domain)); len(kills) > 0 {
			t.Errorf("nothing ran out of memory, and still: %+v", kills)
		}
		return
	}
	domain.limit(8 << 20)
	p.wait()
	e := w.await("kills", 1, killsIn(domain))[0]
	if e.PID != p.pid || e.OOM.Scope != event.ScopeCgroup || e.OOM.CgroupID != domain.id || *e.OOM.LimitBytes != 8<<20 {
		t.Errorf("%d, %+v; want %d, for %d", e.PID, e.OOM, p.pid, domain.id)
	}
	// Or its victim, if that asks for some more at this very moment.
	if by := e.OOM.Trigger.PID; by != int32(os.Getpid()) && by != p.pid {
		t.Errorf("asked for by %+v, want %d", e.OOM.Trigger, os.Getpid())
	}
}
