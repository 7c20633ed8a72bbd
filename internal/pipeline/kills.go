package pipeline

import (
	"log/slog"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/probes"
)

// justKilled is how long after a kill procfs and cgroupfs are still read for it. Later the victim is gone and the
// memory is filled anew, and in a storm of kills the reading would hold up the kills that follow.
const justKilled = 100 * time.Millisecond

// since returns how long before a boot time an event happened; false where that is unknown.
func since(e *event.Event, now uint64) (time.Duration, bool) {
	if e.BootNS == 0 {
		return 0, false
	}
	return time.Duration(now - min(now, e.BootNS)), true
}

const (
	// mostStuck limits how many command lines are being read at the same time; mostStuckOfCgroup how many of victims
	// in one cgroup, or of one that ran out, and mostStuckOfUser how many of a user's, other than root. So nobody whose
	// memory does not answer ends the reading for others.
	mostStuck         = 16
	mostStuckOfCgroup = 2
	mostStuckOfUser   = 4
	// victimPatience is how long to wait for one. Reading it takes about 50 µs.
	victimPatience = 20 * time.Millisecond
)

// victims reads the command lines of OOM victims from procfs. It complements the BPF program, which can only read the
// command line of a victim that triggered the OOM kill itself. The kernel takes the victim's mmap_lock for it, so a reading may
// block until the victim is gone: it has a goroutine of its own, which nobody waits for longer than victimPatience. victims is for
// one goroutine.
type victims struct {
	read  func(pid int32, most int) (procfs.Arguments, error)
	now   func() uint64
	after func(time.Duration) <-chan time.Time
	log   *slog.Logger

	mu     sync.Mutex
	stuck  map[share]int // readings under way
	warned bool          // that some are left out, since there was none under way
}

// share is what readings share a limit by; all of them have the zero one.
type share struct {
	cgroup, domain uint64 // the victim's own, and that which ran out, by id
	uid            uint32
}

// shares returns the limits that the reading for a kill counts against.
func shares(e *event.Event) map[share]int {
	limits := map[share]int{{}: mostStuck}
	if e.CgroupID != 0 {
		limits[share{cgroup: e.CgroupID}] = mostStuckOfCgroup
	}
	if e.OOM.CgroupID != 0 {
		limits[share{domain: e.OOM.CgroupID}] = mostStuckOfCgroup
	}
	if uid := e.OOM.Victim.UID; uid != nil && *uid != 0 {
		limits[share{uid: *uid}] = mostStuckOfUser
	}
	return limits
}

// begin reports whether the reading for a kill may be made. Where it may not, that is logged once, until none is under way.
func (v *victims) begin(limits map[share]int, pid int32) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	for s, most := range limits {
		if v.stuck[s] >= most {
			if !v.warned {
				v.warned = true
				v.log.Warn("command lines of OOM victims are missing: reading those of earlier ones has not ended, as where a process keeps its memory from being read",
					"waiting", v.stuck[share{}], "first_missing_pid", pid)
			}
			return false
		}
	}
	for s := range limits {
		v.stuck[s]++
	}
	return true
}

// end ends a reading.
func (v *victims) end(limits map[share]int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for s := range limits {
		if v.stuck[s]--; v.stuck[s] == 0 {
			delete(v.stuck, s)
		}
	}
	v.warned = v.warned && len(v.stuck) > 0
}

// victims returns nil where command lines are left out, or where procfs numbers processes otherwise than the host.
func (p *Pipeline) victims() *victims {
	if p.cfg.NoCommandLines || !p.hostPIDs {
		return nil
	}
	return &victims{read: p.fs.Proc.Arguments, now: probes.BootNow, after: time.After, log: p.cfg.Log, stuck: map[share]int{}}
}

// complete sets the command lines that are not known yet.
func (v *victims) complete(events []event.Event) {
	if v == nil {
		return
	}
	for i := range events {
		e := &events[i]
		if e.OOM == nil || e.OOM.Victim.CommandLine != "" {
			continue
		}
		if age, known := since(e, v.now()); !known || age > justKilled {
			continue
		}
		if a, ok := v.ask(e); ok && startedBefore(a.StartTime, e.BootNS) {
			e.OOM.Victim.CommandLine = event.CommandLine(a.Text, a.Cut)
			e.OOM.Victim.CommandLineCut = a.Cut && e.OOM.Victim.CommandLine != ""
		}
	}
}

// startedBefore reports whether a process started before a boot time. If it started after the kill, it is another process
// with the victim's PID.
func startedBefore(ticks, bootNS uint64) bool {
	return time.Duration(ticks)*procfs.ClockTick <= time.Duration(bootNS)
}

// ask reads one command line. It returns false if that fails or takes too long.
func (v *victims) ask(e *event.Event) (procfs.Arguments, bool) {
	pid, limits := e.OOM.Victim.PID, shares(e)
	if !v.begin(limits, pid) {
		return procfs.Arguments{}, false
	}
	answer := make(chan *procfs.Arguments, 1)
	go func() {
		defer v.end(limits)
		a, err := v.read(pid, event.MaxCommandLine)
		if err != nil { // as a rule it is gone
			answer <- nil
			return
		}
		answer <- &a
	}()
	select {
	case a := <-answer:
		if a == nil {
			return procfs.Arguments{}, false
		}
		return *a, true
	case <-v.after(victimPatience):
		return procfs.Arguments{}, false
	}
}

// domains reads what the memory that ran out was made of, once a batch for each cgroup. The kernel counts by CPU and adds
// the counts up when memory.stat is read; a BPF program cannot have it do so.
type domains struct {
	p    *Pipeline
	read map[string]reading // by path, "" is the host; nil before the first one
}

// reading holds what memory is made of, and the boot time at which that was read.
type reading struct {
	resources.MemoryParts

	at uint64
}

// complete sets what the memory was made of.
func (d *domains) complete(e *event.Event) {
	path := e.OOM.Cgroup
	switch e.OOM.Scope {
	case event.ScopeCgroup:
		if path == "" || !d.p.layout.HasMemory {
			return
		}
	case event.ScopeSystem:
		path = ""
	default: // of some memory nodes, which nothing tells apart
		return
	}
	if age, known := since(e, probes.BootNow()); !known || age > justKilled {
		return
	}
	m, read := d.read[path]
	if !read {
		m = reading{d.parts(path), probes.BootNow()}
		if d.read == nil {
			d.read = map[string]reading{}
		}
		d.read[path] = m
	}
	if m.MemoryParts == (resources.MemoryParts{}) {
		return
	}
	after, _ := since(e, m.at)
	e.OOM.Memory = &event.Memory{
		AnonBytes: m.AnonBytes, FileBytes: m.FileBytes, ShmemBytes: m.ShmemBytes, KernelBytes: m.KernelBytes,
		SockBytes: m.SockBytes, AfterMS: float64(after.Microseconds()) / 1e3,
	}
}

// parts reads what the memory of a cgroup is made of. What cannot be read is nil.
func (d *domains) parts(path string) resources.MemoryParts {
	read := d.p.fs.Resources.HostMemoryParts
	if path != "" {
		read = func() (resources.MemoryParts, error) { return resources.In(d.p.layout).MemoryParts(path) }
	}
	parts, err := read()
	if err != nil {
		d.p.cfg.Log.Debug("read what the memory is made of", "cgroup", path, "error", err)
	}
	return parts
}
