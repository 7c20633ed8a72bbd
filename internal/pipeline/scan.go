package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/probes"
)

// scan finds the cgroups that were there before the probes and the containers in them, and has the probes follow
// these.
func (p *Pipeline) scan(ctx context.Context, kernel *probes.Probes) error {
	host, err := p.fs.Host()
	if err != nil {
		p.cfg.Log.Debug("boot time", "error", err)
	}
	var cgroups []isolation.FoundCgroup
	var refs []*container.Ref
	known, empty := map[string]bool{}, map[string]place{} // containers
	take := func(at time.Time, of place, found isolation.Found) error {
		if !found.Starting && found.InitPID != 0 {
			if err := kernel.Follow(found.InitPID, of.cgroup.ID); err != nil {
				return err
			}
			// If it ended meanwhile, nobody would ever tell.
			if !p.isThere(of.cgroup, &found) {
				return kernel.Unfollow(found.InitPID)
			}
		}
		known[of.ref.ID] = true
		p.do(func() { p.takeFound(at, of.ref, found) })
		return nil
	}
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
		found, err := p.find(c, ref, host.BootTime)
		if err != nil {
			return err
		}
		if found == nil || found.Starting {
			if err := kernel.Expect(c.ID); err != nil {
				return err
			}
			// Its program may have begun to run before that: then this finds it.
			if found, err = p.find(c, ref, host.BootTime); err != nil {
				return err
			}
		}
		if found == nil {
			empty[ref.ID] = place{c, ref}
			return nil
		}
		return take(at, place{c, ref}, *found)
	})
	if err != nil {
		return err
	}
	err = p.outsideOf(ctx, host.BootTime, known, empty, func(of place, found isolation.Found) error { return take(p.now(), of, found) })
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
	switch {
	case found.Starting:
	case found.Unheld != nil:
		p.tracker.StartedOutside(ref, found.InitPID, found.Started)
	default:
		p.tracker.Started(ref, found.InitPID, found.Started)
	}
	p.askName(c)
	p.tell(isolation.Fact{Time: at, Found: &found})
}

// find describes the container whose root cgroup is c; nil where it is gone, or has no processes: none yet, or
// none any more, when whoever made the cgroup has left it behind.
func (p *Pipeline) find(c hostfs.Cgroup, ref *container.Ref, boot time.Time) (*isolation.Found, error) {
	found := &isolation.Found{Container: event.Container{ID: ref.ID}, CgroupPath: c.Path}
	procs, err := p.layout.TreeProcs(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", c.Path, err)
	}
	if memory, err := p.layout.Memory(c.Path); err == nil {
		found.OOMKills = memory.OOMKills
	}
	if !p.hostPIDs { // its processes are not to be seen, on cgroup v1 not even that there are some
		return found, nil
	}
	init, ok := p.init(procs)
	if !ok || !isFirst(init) {
		if other, outside := p.initElsewhere(c.Path, init); outside && (!ok || before(other, init)) {
			init, ok = other, true
			found.Unheld = &isolation.Unheld{Cgroup: other.Cgroup}
		}
	}
	switch {
	case ok:
	case len(procs) == 0:
		return nil, nil
	default:
		found.Starting = true
		return found, nil
	}
	found.InitPID, found.InitComm = init.PID, init.Comm
	found.Namespaces = init.Namespaces
	if !boot.IsZero() {
		found.Started = startedAt(boot, init)
	}
	return found, nil
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
