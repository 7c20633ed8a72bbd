package resources

import (
	"errors"
	"io/fs"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// OwnLimits reads the limits of the cgroup at path from three or four small files. It takes over that of memory, which is nil if
// unknown. In other hierarchies than the tracked one it uses the same path, as engines do. What cannot be read is unknown.
func (l Hierarchies) OwnLimits(path string, memory *fact.Limit) *fact.CgroupLimits {
	r := &resourceReader{tracked: l.Layout, path: path, pathIn: func(cgroupfs.Layout) string { return path }, buf: make([]byte, pseudofs.SmallFile)}
	limits := &fact.CgroupLimits{Memory: memory}
	if c, found := r.cgroup("memory"); found && !c.unconfined {
		if c.v1() {
			limits.Swap = swapBeyond(r.limit(c.dir, "memory.memsw.limit_in_bytes"), memory)
		} else {
			limits.Swap = r.limit(c.dir, "memory.swap.max")
		}
	}
	if c, found := r.cgroup("cpu"); found && !c.unconfined {
		if c.v1() {
			limits.CPU = r.quotaV1(c.dir)
		} else {
			limits.CPU = r.quotaV2(c.dir)
		}
	}
	if c, found := r.cgroup("pids"); found && !c.unconfined {
		limits.PIDs = r.limit(c.dir, "pids.max")
	}
	return limits
}

// Limits reads the limits of the cgroup at path. What cannot be read is unknown. It fails with fs.ErrNotExist if the tracked
// hierarchy has no such cgroup.
func (l Hierarchies) Limits(path string) (*fact.CgroupLimits, error) {
	watch, err := l.Watch(path)
	if err != nil {
		return nil, err
	}
	defer watch.Close()
	var m Memory
	err = watch.Limit(&m)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return l.OwnLimits(path, m.Limit()), nil
}
