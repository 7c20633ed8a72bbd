package resources

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// ErrNoMemory reports that no hierarchy with the memory controller is mounted, so that limits on memory are unknown.
var ErrNoMemory = errors.New("no hierarchy with the memory controller is mounted")

// roomFiles names the files with a cgroup's limit and use, and the line of memory.stat.
type roomFiles struct{ limit, usage, inactive string }

func (l Hierarchies) roomFiles() roomFiles {
	if l.Controller == "" {
		return roomFiles{"memory.max", "memory.current", "inactive_file"}
	}
	return roomFiles{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"}
}

// MemoryRooms reads the limits on memory of the cgroup at path and those above it, from path upwards. If there are none, nothing
// is limited, as far as nsviz sees. A limit that is set above the cgroups that nsviz sees has no Cgroup, and its working set is a lower
// bound: that of the highest visible cgroup. If the cgroup is gone, the error matches fs.ErrNotExist.
func (l Hierarchies) MemoryRooms(path string) ([]fact.MemoryRoom, error) {
	if !l.HasMemory {
		return nil, ErrNoMemory
	}
	own, err := l.Directory(path)
	if err == nil {
		_, err = pseudofs.Lstat(own)
	}
	if err != nil {
		return nil, err
	}
	files := l.roomFiles()
	r := &resourceReader{tracked: l.Layout, path: path, buf: make([]byte, 2*pseudofs.SmallFile)}
	var rooms []fact.MemoryRoom
	top := own
	for at := path; ; at = at[:max(1, strings.LastIndexByte(at, '/'))] {
		dir, err := l.Directory(at)
		if err != nil {
			break // above what is mounted
		}
		top = dir
		if limit := r.limit(dir, files.limit); limit != nil && limit.Value != nil {
			rooms = append(rooms, fact.MemoryRoom{Cgroup: at, LimitBytes: uint64(*limit.Value), WorkingSetBytes: r.used(dir, files)})
		}
		if at == "/" || l.Controller != "" && r.apart(dir) {
			break
		}
	}
	if !l.Whole && l.Controller != "" {
		// The kernel's effective limit includes those above a partial mount, but does not show whose limit it is.
		var limit *uint64
		r.fields(own, "memory.stat", map[string]**uint64{"hierarchical_memory_limit": &limit})
		if limit != nil && *limit < min(lowestLimit(rooms), unlimitedFrom) {
			rooms = append(rooms, fact.MemoryRoom{LimitBytes: *limit, WorkingSetBytes: r.used(top, files)})
		}
	}
	if err := errors.Join(r.errs...); err != nil {
		return nil, fmt.Errorf("read the memory limits of %s: %w", path, err)
	}
	return rooms, nil
}

func lowestLimit(rooms []fact.MemoryRoom) uint64 {
	lowest := uint64(unlimitedFrom)
	for _, room := range rooms {
		lowest = min(lowest, room.LimitBytes)
	}
	return lowest
}

// used returns how much of a cgroup's memory the kernel could not reclaim at once.
func (r *resourceReader) used(dir string, files roomFiles) uint64 {
	usage := r.number(dir, files.usage)
	if usage == nil {
		return 0 // gone just now
	}
	inactive := r.inactive(dir, files)
	if inactive == nil {
		return *usage
	}
	return workingSet(*usage, *inactive)
}

// inactive returns how much of a cgroup's memory are cached files that were not used lately; nil is unknown.
func (r *resourceReader) inactive(dir string, files roomFiles) *uint64 {
	var bytes *uint64
	r.fields(dir, "memory.stat", map[string]**uint64{files.inactive: &bytes})
	return bytes
}

// workingSet returns what is left of a usage without inactive files, which may have been read a moment later.
func workingSet(usage, inactive uint64) uint64 { return usage - min(usage, inactive) }

// WorkingSet returns how much of the usage of the cgroup at path the kernel could not reclaim at once, in bytes: all but the cached
// files that were not used lately. nil is unknown.
func (l Hierarchies) WorkingSet(path string, usage uint64) (*uint64, error) {
	dir, err := l.Directory(path)
	if err != nil {
		return nil, err
	}
	r := &resourceReader{tracked: l.Layout, path: path, buf: make([]byte, 2*pseudofs.SmallFile)}
	inactive := r.inactive(dir, l.roomFiles())
	if inactive == nil {
		return nil, errors.Join(r.errs...)
	}
	return new(workingSet(usage, *inactive)), nil
}

// MemoryApart reports whether the cgroup at path ignores the limits on memory of those above it.
func (l Hierarchies) MemoryApart(path string) bool {
	dir, err := l.Directory(path)
	if err != nil || l.Controller == "" {
		return false
	}
	r := &resourceReader{tracked: l.Layout, path: path, buf: make([]byte, pseudofs.SmallFile)}
	return r.apart(dir)
}

// apart reports whether a v1 cgroup ignores the limits of those above it, an option before Linux 5.11 (bef8620cd8e0).
func (r *resourceReader) apart(dir string) bool {
	use := r.number(dir, "memory.use_hierarchy")
	return use != nil && *use == 0
}
