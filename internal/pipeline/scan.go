package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/probes"
)

// scan finds the cgroups that were there before the probes and the containers in them, and has the probes follow
// these.
func (p *Pipeline) scan(kernel *probes.Probes) error {
	host, err := p.fs.Host()
	if err != nil {
		p.cfg.Log.Debug("boot time", "error", err)
	}
	var cgroups []isolation.FoundCgroup
	var refs []*container.Ref
	mounts := sync.OnceValue(p.hostMounts)
	err = p.walkAll(func(c hostfs.Cgroup, ref *container.Ref) error {
		at := p.now()
		memory, own, err := p.layout.Limits(c.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		cgroups = append(cgroups, isolation.FoundCgroup{Path: c.Path, Limits: limitsOf(memory, own)})
		refs = append(refs, ref)
		if ref == nil || ref.Root != c.Path {
			return nil
		}
		found, init, err := p.find(c, ref, host.BootTime, mounts)
		if err != nil {
			return err
		}
		if found == nil || found.Starting {
			if err := kernel.Expect(c.ID); err != nil {
				return err
			}
			// Its program may have begun to run before that: then this finds it.
			if found, init, err = p.find(c, ref, host.BootTime, mounts); err != nil || found == nil {
				return err
			}
		}
		if !found.Starting && init != 0 {
			if err := kernel.Follow(init, c.ID); err != nil {
				return err
			}
			// If it ended meanwhile, nobody would ever tell.
			if procs, err := p.layout.TreeProcs(c.Path); err != nil || !slices.Contains(procs, init) {
				return kernel.Unfollow(init)
			}
		}
		p.do(func() { p.takeFound(at, ref, *found) })
		return nil
	})
	if err != nil {
		return err
	}
	p.do(func() {
		for i, ref := range refs {
			cgroups[i].Container = p.tracker.Describe(ref)
		}
		p.tell(isolation.Fact{Cgroups: cgroups})
	})
	return nil
}

// walk is walkAll for the root cgroup of each container alone.
func (p *Pipeline) walk(visit func(hostfs.Cgroup, *container.Ref) error) error {
	return p.walkAll(func(c hostfs.Cgroup, ref *container.Ref) error {
		if ref == nil || ref.Root != c.Path {
			return nil
		}
		return visit(c, ref)
	})
}

// walkAll goes through the cgroups of the tracked hierarchy, tells the tracker of all of them and calls visit for
// each, with the container that it belongs to or nil.
func (p *Pipeline) walkAll(visit func(hostfs.Cgroup, *container.Ref) error) error {
	parser := container.NewParser()
	err := p.layout.Walk(func(c hostfs.Cgroup) error {
		p.do(func() { p.tracker.Place(c.ID, c.Path) })
		if ref, ok := parser.Parse(c.Path); ok {
			return visit(c, &ref)
		}
		return visit(c, nil)
	})
	if err != nil {
		return fmt.Errorf("look for containers: %w", err)
	}
	return nil
}

func (p *Pipeline) takeFound(at time.Time, ref *container.Ref, found isolation.Found) {
	c := p.tracker.Describe(ref)
	found.Container = *c
	for t, of := range found.MadeFor {
		found.MadeFor[t] = *p.tracker.Describe(&container.Ref{ID: of.ID, Runtime: ref.Runtime})
	}
	if !found.Starting {
		p.tracker.Started(ref, found.InitPID, found.Started)
	}
	p.askName(c)
	p.tell(isolation.Fact{Time: at, Found: &found})
}

// find describes the container whose root cgroup is c; nil where it is gone, or has no processes: none yet, or
// none any more, when whoever made the cgroup has left it behind. mounts are the host's.
func (p *Pipeline) find(c hostfs.Cgroup, ref *container.Ref, boot time.Time, mounts func() []hostfs.Mount) (*isolation.Found, int32, error) {
	found := &isolation.Found{Container: event.Container{ID: ref.ID}, CgroupPath: c.Path}
	procs, err := p.layout.TreeProcs(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("processes of %s: %w", c.Path, err)
	}
	if memory, err := p.layout.Memory(c.Path); err == nil {
		found.OOMKills = memory.OOMKills
	}
	if !p.hostPIDs { // its processes are not to be seen, on cgroup v1 not even that there are some
		return found, 0, nil
	}
	if len(procs) == 0 {
		return nil, 0, nil
	}
	init, ok := p.init(procs)
	if !ok {
		found.Starting = true
		return found, 0, nil
	}
	found.InitPID, found.InitComm = init.PID, init.Comm
	found.Namespaces = init.Namespaces
	if madeFor, err := p.fs.MadeFor(init.PID, mounts()); err == nil { // else it is gone, and that is told as its end
		for t, id := range madeFor {
			if found.MadeFor == nil {
				found.MadeFor = map[event.NamespaceType]event.Container{}
			}
			found.MadeFor[t] = event.Container{ID: id}
		}
	}
	if !boot.IsZero() {
		found.Started = boot.Add(time.Duration(init.StartTime) * clockTick)
	}
	return found, init.PID, nil
}

// hostMounts are the host's mounts; nil is unknown.
func (p *Pipeline) hostMounts() []hostfs.Mount {
	mounts, err := p.fs.HostMounts()
	if err != nil {
		p.cfg.Log.Debug("for whom namespaces were made", "error", err)
	}
	return mounts
}

// clockTick is the unit of start times in /proc: USER_HZ is 100 on every architecture that nsviz
// runs on.
const clockTick = 10 * time.Millisecond

// init picks the container's first process among those of its cgroup: the one that is PID 1 in the
// outermost of its own PID namespaces, or where it has none of its own, the one that started first.
// It reports false while there are only processes of the runtime.
func (p *Pipeline) init(procs []int32) (hostfs.Process, bool) {
	var best hostfs.Process
	ok := false
	for _, pid := range procs {
		proc, err := p.fs.Process(pid, p.layout)
		if err != nil || p.ofRuntime(proc) {
			continue
		}
		if !ok || before(proc, best) {
			best, ok = proc, true
		}
	}
	return best, ok
}

func before(a, b hostfs.Process) bool {
	aFirst, bFirst := isFirst(a), isFirst(b)
	switch {
	case aFirst != bFirst:
		return aFirst
	case aFirst && len(a.NSPID) != len(b.NSPID):
		return len(a.NSPID) < len(b.NSPID)
	case a.StartTime != b.StartTime:
		return a.StartTime < b.StartTime
	}
	return a.PID < b.PID
}

func isFirst(p hostfs.Process) bool {
	return len(p.NSPID) > 1 && p.NSPID[len(p.NSPID)-1] == 1
}

// ofRuntime reports whether a process is the runtime's own, in the container's cgroup but before the
// container's program: runc calls itself runc:[2:INIT] there, crun crun. Before it has given itself that name it
// has the one of the file that it was started from, and the mount namespace of nsviz, as the probes have it.
func (p *Pipeline) ofRuntime(proc hostfs.Process) bool {
	return strings.HasPrefix(proc.Comm, "runc") || proc.Comm == "crun" || proc.Comm == "conmon" ||
		proc.Namespaces[event.Mnt] == p.own[event.Mnt] && !isFirst(proc)
}
