package kills

import (
	"log/slog"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// Domains reads what the memory that ran out was made of, once a batch for each cgroup. The kernel counts by CPU and adds
// the counts up when memory.stat is read; a BPF program cannot have it do so. Domains is for one goroutine.
type Domains struct {
	host   *resources.Reader
	layout cgroupfs.Layout
	now    func() uint64
	log    *slog.Logger

	read map[string]reading // in this batch, by path, "" is the host; nil before the first one
}

// NewDomains returns Domains that have read nothing yet.
func NewDomains(c Config) Domains {
	return Domains{host: c.Resources, layout: c.Layout, now: c.BootNow, log: c.Log}
}

// NextBatch forgets what was read for the kills of a batch.
func (d *Domains) NextBatch() { d.read = nil }

// reading holds what memory is made of, and the boot time at which that was read.
type reading struct {
	resources.MemoryParts

	at uint64
}

// Complete sets what the memory was made of, if the cgroup that ran out is known by its path.
func (d *Domains) Complete(e *event.Event) {
	path := e.OOM.Cgroup
	switch e.OOM.Scope {
	case event.ScopeCgroup:
		if path == "" || !d.layout.HasMemory {
			return
		}
	case event.ScopeSystem:
		path = ""
	default: // of some memory nodes, which nothing distinguishes
		return
	}
	if !isRecent(e, d.now()) {
		return
	}
	m, read := d.read[path]
	if !read {
		m = reading{d.parts(path), d.now()}
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
func (d *Domains) parts(path string) resources.MemoryParts {
	read := d.host.HostMemoryParts
	if path != "" {
		read = func() (resources.MemoryParts, error) { return resources.In(d.layout).MemoryParts(path) }
	}
	parts, err := read()
	if err != nil {
		d.log.Debug("read what the memory is made of", "cgroup", path, "error", err)
	}
	return parts
}
