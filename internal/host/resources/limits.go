package resources

import (
	"errors"
	"io/fs"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// OwnLimits are what a cgroup itself limits besides its memory; nil is unknown.
type OwnLimits struct {
	// SwapBytes is, on v1, what the limit of memory and swap together leaves beyond that of memory.
	SwapBytes *Limit[uint64]
	// QuotaCores is in CPUs, PIDs in processes and threads.
	QuotaCores *Limit[float64]
	PIDs       *Limit[uint64]
}

// OwnLimits reads the limits of the cgroup at path, of which that of memory is known or nil: three or four small files.
// In the hierarchies besides the tracked one it takes the same path, as engines do. What cannot be read is unknown.
func (l Hierarchies) OwnLimits(path string, memory *Limit[uint64]) OwnLimits {
	r := &resourceReader{tracked: l.Layout, path: path, pathIn: func(cgroupfs.Layout) string { return path }, buf: make([]byte, pseudofs.SmallFile)}
	var limits OwnLimits
	if c, found := r.cgroup("memory"); found && !c.unconfined {
		if c.v1() {
			limits.SwapBytes = swapBeyond(r.limit(c.dir, "memory.memsw.limit_in_bytes"), memory)
		} else {
			limits.SwapBytes = r.limit(c.dir, "memory.swap.max")
		}
	}
	if c, found := r.cgroup("cpu"); found && !c.unconfined {
		if c.v1() {
			limits.QuotaCores = r.quotaV1(c.dir)
		} else {
			limits.QuotaCores = r.quotaV2(c.dir)
		}
	}
	if c, found := r.cgroup("pids"); found && !c.unconfined {
		limits.PIDs = r.limit(c.dir, "pids.max")
	}
	return limits
}

// Limits reads the limits of the cgroup at path, its memory's and the others. What cannot be read is unknown; it
// fails with fs.ErrNotExist where the tracked hierarchy has no such cgroup.
func (l Hierarchies) Limits(path string) (memory *Limit[uint64], own OwnLimits, err error) {
	watch, err := l.Watch(path)
	if err != nil {
		return nil, own, err
	}
	defer watch.Close()
	var m Memory
	err = watch.Limit(&m)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, own, err
	}
	return m.Limit(), l.OwnLimits(path, m.Limit()), nil
}
