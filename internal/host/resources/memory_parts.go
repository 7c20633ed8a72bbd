package resources

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// MemoryParts holds the parts of the memory that a cgroup and those below it are charged for, or of the host's. No byte is in two
// parts; nil is unknown.
type MemoryParts struct {
	// AnonBytes are the processes' own: heaps, stacks.
	AnonBytes *uint64
	// FileBytes are cached files, without ShmemBytes: files of tmpfs and shared memory.
	FileBytes, ShmemBytes *uint64
	// KernelBytes is kernel memory: slabs, stacks, page tables, per-CPU data. On cgroup v2 before Linux 5.18 it is the sum of
	// those that memory.stat lists; before 5.11 they lack page tables.
	KernelBytes *uint64
	// SockBytes are the buffers of sockets. Only cgroup v2 charges for them.
	SockBytes *uint64
}

// MemoryParts reads what the memory of the cgroup at path and those below it consists of. For this the kernel adds up the counts
// of all CPUs.
func (l Hierarchies) MemoryParts(path string) (MemoryParts, error) {
	dir, err := l.Directory(path)
	if err != nil {
		return MemoryParts{}, err
	}
	if _, err := pseudofs.Lstat(dir); err != nil { // else all would be unknown, without an error
		return MemoryParts{}, err
	}
	r := &resourceReader{tracked: l.Layout, path: path, buf: make([]byte, 2*pseudofs.SmallFile)}
	var m MemoryParts
	var files *uint64 // with ShmemBytes
	if l.Controller != "" {
		r.fields(dir, "memory.stat", map[string]**uint64{
			"total_rss": &m.AnonBytes, "total_cache": &files, "total_shmem": &m.ShmemBytes,
		})
		m.KernelBytes = r.number(dir, "memory.kmem.usage_in_bytes")
	} else {
		var stack, pageTables, perCPU, slab *uint64
		r.fields(dir, "memory.stat", map[string]**uint64{
			"anon": &m.AnonBytes, "file": &files, "shmem": &m.ShmemBytes, "sock": &m.SockBytes, "kernel": &m.KernelBytes,
			"kernel_stack": &stack, "pagetables": &pageTables, "percpu": &perCPU, "slab": &slab,
		})
		if m.KernelBytes == nil {
			m.KernelBytes = sumOf(stack, pageTables, perCPU, slab)
		}
	}
	m.FileBytes = difference(files, m.ShmemBytes)
	return m, errors.Join(r.errs...)
}

// HostMemoryParts reads what the host's memory consists of.
func (r *Reader) HostMemoryParts() (MemoryParts, error) {
	var m MemoryParts
	var cached, buffers, slab, stack, pageTables, perCPU *uint64
	err := r.meminfo(map[string]**uint64{
		"AnonPages": &m.AnonBytes, "Shmem": &m.ShmemBytes, "Cached": &cached, "Buffers": &buffers,
		"Slab": &slab, "KernelStack": &stack, "PageTables": &pageTables, "Percpu": &perCPU,
	})
	if err != nil {
		return MemoryParts{}, err
	}
	m.FileBytes = difference(sumOf(cached, buffers), m.ShmemBytes)
	m.KernelBytes = sumOf(slab, stack, pageTables, perCPU)
	return m, nil
}

// meminfo reads the wanted lines of /proc/meminfo, in bytes.
func (r *Reader) meminfo(wanted map[string]**uint64) error {
	var space [pseudofs.SmallFile]byte
	data, err := pseudofs.ReadFile(r.proc.File("meminfo"), space[:])
	if err != nil {
		return err
	}
	for line := range bytes.Lines(data) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		into := wanted[string(key)]
		if into == nil {
			continue
		}
		number, unit := bytes.CutSuffix(bytes.TrimSpace(value), []byte(" kB"))
		n, err := strconv.ParseUint(string(number), 10, 64)
		if err != nil || !unit || n > math.MaxUint64>>10 {
			return fmt.Errorf("parse %s: %s is %q, not a number of kB", r.proc.File("meminfo"), key, bytes.TrimSpace(value))
		}
		*into = new(n << 10)
	}
	return nil
}

// sumOf returns the sum of the known parts, nil if none is known.
func sumOf(parts ...*uint64) *uint64 {
	var sum *uint64
	for _, part := range parts {
		switch {
		case part == nil:
		case sum == nil:
			sum = new(*part)
		default:
			*sum += *part
		}
	}
	return sum
}

// difference returns a sum without one of its parts, nil if either is unknown.
func difference(sum, part *uint64) *uint64 {
	if sum == nil || part == nil {
		return nil
	}
	return new(*sum - min(*sum, *part)) // they are counted at different times
}
