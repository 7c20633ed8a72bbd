package resources

import (
	"errors"
	"os"

	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// OOMDomain holds how the OOM killer acts when the memory limit of a cgroup is reached.
type OOMDomain struct {
	// TotalPages is what it takes for all memory: the cgroup's limit and the swap that it may use, in pages. It weighs the
	// oom_score_adj of processes.
	TotalPages uint64
	// Off is set if it does not act (v1).
	Off bool
}

// OOMDomain reads how the OOM killer acts when the memory limit of the cgroup at path of layout is reached: as mem_cgroup_get_max in
// mm/memcontrol.c and constrained_alloc in mm/oom_kill.c do. The cgroup must have a limit.
func (r *Reader) OOMDomain(layout cgroupfs.Layout, path string) (OOMDomain, error) {
	dir, err := layout.Directory(path)
	if err != nil {
		return OOMDomain{}, err
	}
	in := &resourceReader{tracked: layout, path: path, buf: make([]byte, pseudofs.SmallFile)}
	files, v1 := In(layout).roomFiles(), layout.Controller != ""
	memory := in.limit(dir, files.limit)
	if memory == nil || memory.Value == nil {
		return OOMDomain{}, errors.Join(append(in.errs, pseudofs.PathError("read", dir+"/"+files.limit, errNoLimit))...)
	}
	var swappiness, off, swapTotal *uint64
	swap := in.limit(dir, "memory.swap.max")
	if v1 {
		swappiness = in.number(dir, "memory.swappiness")
		swap = swapBeyond(in.limit(dir, "memory.memsw.limit_in_bytes"), memory)
		in.fields(dir, "memory.oom_control", map[string]**uint64{"oom_kill_disable": &off})
	} else {
		swappiness = parsed(in, r.proc.File("sys/vm"), "swappiness", parseBytes)
	}
	if err := r.meminfo(map[string]**uint64{"SwapTotal": &swapTotal}); err != nil {
		return OOMDomain{}, err
	}
	total := uint64(*memory.Value)
	if swapTotal != nil && (swappiness == nil || *swappiness > 0) {
		most := *swapTotal
		if swap != nil && swap.Value != nil {
			most = min(most, uint64(*swap.Value))
		}
		total += most
	}
	return OOMDomain{TotalPages: total / uint64(os.Getpagesize()), Off: off != nil && *off != 0}, errors.Join(in.errs...)
}

var errNoLimit = errors.New("no limit")

// OOMGroup returns the topmost cgroup, from the one at path up to domain, that the OOM killer kills as one if it kills a process in the
// one at path (memory.oom.group, v2); "" is none, and only that process is killed.
func (l Hierarchies) OOMGroup(path, domain string) string {
	if l.Controller != "" {
		return ""
	}
	r := &resourceReader{tracked: l.Layout, path: path, buf: make([]byte, pseudofs.SmallFile)}
	group := ""
	for at := path; ; at = cgroupfs.Parent(at) {
		dir, err := l.Directory(at)
		if err != nil {
			return group
		}
		if as := r.number(dir, "memory.oom.group"); as != nil && *as != 0 {
			group = at
		}
		if at == domain || at == "/" {
			return group
		}
	}
}
