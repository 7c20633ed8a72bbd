package pipeline

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
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
	// mostStuck limits how many command lines are being read at the same time.
	mostStuck = 4
	// victimPatience is how long to wait for one. Reading it takes about 50 µs.
	victimPatience = 20 * time.Millisecond
)

// victims reads the command lines of OOM victims from procfs. It complements the BPF program, which can only read the
// command line of a victim that triggered the OOM kill itself. The kernel takes the victim's mmap_lock for it, so a reading may
// block until the victim is gone: it has a goroutine of its own, which nobody waits for longer than victimPatience. victims is for
// one goroutine.
type victims struct {
	read  func(pid int32, most int) (hostfs.Arguments, error)
	now   func() uint64
	after func(time.Duration) <-chan time.Time
	stuck chan struct{} // has an element for each reading under way
}

// victims returns nil where command lines are left out, or where procfs numbers processes otherwise than the host.
func (p *Pipeline) victims() *victims {
	if p.cfg.NoCommandLines || !p.hostPIDs {
		return nil
	}
	return &victims{read: p.fs.Arguments, now: probes.BootNow, after: time.After, stuck: make(chan struct{}, mostStuck)}
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
		if a, ok := v.ask(e.OOM.Victim.PID); ok && startedBefore(a.StartTime, e.BootNS) {
			e.OOM.Victim.CommandLine = event.CommandLine(a.Text, a.Cut)
			e.OOM.Victim.CommandLineCut = a.Cut && e.OOM.Victim.CommandLine != ""
		}
	}
}

// startedBefore reports whether a process started before a boot time. If it started after the kill, it is another process
// with the victim's PID.
func startedBefore(ticks, bootNS uint64) bool {
	return time.Duration(ticks)*clockTick <= time.Duration(bootNS)
}

// ask reads one command line. It returns false if that fails or takes too long.
func (v *victims) ask(pid int32) (hostfs.Arguments, bool) {
	select {
	case v.stuck <- struct{}{}:
	default:
		return hostfs.Arguments{}, false
	}
	answer := make(chan *hostfs.Arguments, 1)
	go func() {
		defer func() { <-v.stuck }()
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
			return hostfs.Arguments{}, false
		}
		return *a, true
	case <-v.after(victimPatience):
		return hostfs.Arguments{}, false
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
	hostfs.MemoryParts

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
	if m.MemoryParts == (hostfs.MemoryParts{}) {
		return
	}
	after, _ := since(e, m.at)
	e.OOM.Memory = &event.Memory{
		AnonBytes: m.AnonBytes, FileBytes: m.FileBytes, ShmemBytes: m.ShmemBytes, KernelBytes: m.KernelBytes,
		SockBytes: m.SockBytes, AfterMS: float64(after.Microseconds()) / 1e3,
	}
}

// parts reads what the memory of a cgroup is made of. What cannot be read is nil.
func (d *domains) parts(path string) hostfs.MemoryParts {
	read := d.p.fs.MemoryParts
	if path != "" {
		read = func() (hostfs.MemoryParts, error) { return d.p.layout.MemoryParts(path) }
	}
	parts, err := read()
	if err != nil {
		d.p.cfg.Log.Debug("read what the memory is made of", "cgroup", path, "error", err)
	}
	return parts
}
