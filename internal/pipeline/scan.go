package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/enginefiles"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/mountinfo"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/probes"
)

// scan finds the cgroups that were there before the probes and the containers in them, and has the probes follow
// these.
func (p *Pipeline) scan(ctx context.Context, kernel *probes.Probes) error {
	defer func() { p.early = nil }()
	host := p.lookAtHost()
	var cgroups []fact.FoundCgroup
	var refs []*container.Ref
	known, empty := map[string]bool{}, map[string]rootCgroup{} // containers
	err := p.walkAll(func(c cgroupfs.Cgroup, ref *container.Ref) error {
		limits, err := resources.In(p.layout).Limits(c.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		cgroups = append(cgroups, fact.FoundCgroup{Path: c.Path, Limits: limits})
		refs = append(refs, ref)
		if ref == nil || ref.Root != c.Path {
			return nil
		}
		root := rootCgroup{c, ref}
		there, err := p.admit(kernel, root, host)
		if err != nil { // the others are looked at all the same
			p.cfg.Log.Warn("look for a container", "cgroup", c.Path, "error", err)
		}
		if there {
			known[ref.ID] = true
		} else {
			empty[ref.ID] = root
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = p.outsideOf(ctx, host, known, empty, func(root rootCgroup, f *foundContainer) error {
		if err := p.enlist(kernel, root, f); err != nil {
			p.cfg.Log.Warn("look for a container outside of its cgroup", "container", root.ref.ID, "error", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.send(call(func(*Pipeline) {
		for i, ref := range refs {
			cgroups[i].Container = p.tracker.Describe(ref)
		}
		p.tell(fact.Fact{Cgroups: cgroups})
	}))
	return nil
}

// readEarly reads which containers run before execs are hooked: no exec that is reported later is their start. What
// starts and ends while the rest is attached is reported by the number of its cgroup alone, so all cgroups are placed.
func (p *Pipeline) readEarly() error {
	p.early = map[uint64]*foundContainer{}
	host := p.lookAtHost()
	return p.walk(func(c cgroupfs.Cgroup, ref *container.Ref) error {
		f, err := p.find(c, ref, host)
		if err == nil && f != nil && f.InitPID != 0 {
			f.ran = true
			p.early[c.ID] = f
		}
		return err
	})
}

// admit takes in the container whose own cgroup is root, if it has processes, and has the probes follow it: its start where
// its program does not run yet, else its end. It reports whether there is one.
func (p *Pipeline) admit(kernel *probes.Probes, root rootCgroup, host hostState) (bool, error) {
	f := p.early[root.ID]
	if f != nil && !p.isThere(root.Cgroup, f) {
		f = nil
	}
	var err error
	if f == nil {
		if f, err = p.find(root.Cgroup, root.ref, host); err != nil {
			return false, err
		}
	}
	if f == nil || f.Starting {
		if err := kernel.Expect(root.ID); err != nil {
			return false, err
		}
		// Its program may have begun to run before that: then this finds it.
		if f, err = p.find(root.Cgroup, root.ref, host); err != nil || f == nil {
			return false, err
		}
	}
	return true, p.enlist(kernel, root, f)
}

// enlist has the probes follow a container that was found, and takes it in.
func (p *Pipeline) enlist(kernel *probes.Probes, root rootCgroup, f *foundContainer) error {
	if !f.Starting && f.InitPID != 0 {
		if err := kernel.Follow(f.InitPID, root.ID); err != nil {
			return err
		}
		// If it ended meanwhile, nothing would ever report that.
		if !p.isThere(root.Cgroup, f) {
			return kernel.Unfollow(f.InitPID)
		}
	}
	at := p.now()
	if root.Path != "" { // else its cgroup is gone, and the count with it
		f.OOMKills, at, _ = settledKills(p.now, func() (*uint64, error) {
			memory, err := resources.In(p.layout).Memory(root.Path)
			return memory.OOMKills, err
		})
	}
	p.send(call(func(*Pipeline) { p.takeFound(at, root.ref, f) }))
	return nil
}

// settledKills returns the kernel's count of kills in a cgroup and a time at which it was that: kills up to then are in
// it, later ones are not. The kernel counts a kill just before it is reported.
func settledKills(now func() time.Time, read func() (*uint64, error)) (count *uint64, at time.Time, err error) {
	const tries = 20 // a storm has some ten kills a second, and a reading takes microseconds
	for range tries {
		before, err := read()
		if err != nil {
			return nil, now(), err
		}
		at = now()
		if count, err = read(); err != nil {
			return nil, now(), err
		}
		if before == nil || count == nil || *before == *count {
			break
		}
	}
	return count, at, nil
}

// hostState is what is read of the host once for all containers that are described.
type hostState struct {
	boot   time.Time                // when the host was booted, by the wall clock as it is now; zero is unknown
	mounts func() []mountinfo.Mount // nil is unknown
}

func (p *Pipeline) lookAtHost() hostState {
	host, err := p.fs.Machine.Read()
	if err != nil {
		p.cfg.Log.Debug("boot time", "error", err)
	}
	return hostState{host.BootTime, sync.OnceValue(p.hostMounts)}
}

// madeNS returns when a process was made, since boot in nanoseconds, to clockTick.
func madeNS(proc procfs.Process) uint64 { return proc.StartTime * uint64(clockTick) }

// started returns when a process was made; zero is unknown.
func (h hostState) started(proc procfs.Process) time.Time {
	if h.boot.IsZero() {
		return time.Time{}
	}
	return h.boot.Add(time.Duration(proc.StartTime) * clockTick)
}

// walk is walkAll for the root cgroup of each container alone.
func (p *Pipeline) walk(visit func(cgroupfs.Cgroup, *container.Ref) error) error {
	return p.walkAll(func(c cgroupfs.Cgroup, ref *container.Ref) error {
		if ref == nil || ref.Root != c.Path {
			return nil
		}
		return visit(c, ref)
	})
}

// walkAll goes through the cgroups of the tracked hierarchy, tells the tracker of all of them and calls visit for
// each, with the container that it belongs to or nil.
func (p *Pipeline) walkAll(visit func(cgroupfs.Cgroup, *container.Ref) error) error {
	parser := container.NewParser()
	err := p.layout.Walk(func(c cgroupfs.Cgroup) error {
		p.send(call(func(*Pipeline) { p.tracker.Place(c.ID, c.Path) }))
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

func (p *Pipeline) takeFound(at time.Time, ref *container.Ref, f *foundContainer) {
	if f.InitPID != 0 && p.tracker.StateOf(ref).Ended == f.InitPID {
		return // it has ended since it was found, and that has been reported
	}
	c := p.tracker.Describe(ref)
	f.Container = *c
	for t, of := range f.MadeFor {
		f.MadeFor[t] = *p.tracker.Describe(&container.Ref{ID: of.ID, Runtime: ref.Runtime})
	}
	var end *event.Event
	init := container.Init{PID: f.InitPID, Made: f.Started, MadeNS: f.madeNS, Ran: f.ran}
	switch {
	case f.Starting:
	case f.Unheld != nil:
		end = p.tracker.StartedOutside(ref, init)
	default:
		end = p.tracker.Started(ref, init)
	}
	p.questions.AskName(c)
	p.tell(fact.Fact{Time: at, Found: &f.Found})
	if end != nil {
		p.takeEvent(*end)
	}
}

// foundContainer is a container that reading the host has found.
type foundContainer struct {
	fact.Found

	madeNS uint64 // when its PID 1 was made, since boot; 0 is unknown
	ran    bool   // its program ran before execs were hooked
}

// find describes the container whose root cgroup is c; nil where it is gone, or has no processes: none yet, or
// none any more, when whoever made the cgroup has left it behind.
func (p *Pipeline) find(c cgroupfs.Cgroup, ref *container.Ref, host hostState) (*foundContainer, error) {
	f := &foundContainer{Found: fact.Found{Container: event.Container{ID: ref.ID}, CgroupPath: c.Path}}
	procs, err := p.layout.TreeProcs(c.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("processes of %s: %w", c.Path, err)
	}
	if !p.hostPIDs { // its processes are not to be seen, on cgroup v1 not even that there are some
		return f, nil
	}
	init, ok := p.init(procs)
	if !ok || !isFirst(init) {
		if other, outside := p.initElsewhere(c.Path, init); outside && (!ok || before(other, init)) {
			init, ok = other, true
			f.Unheld = &fact.Unheld{Cgroup: other.Cgroup}
		}
	}
	switch {
	case ok:
	case len(procs) == 0:
		return nil, nil
	default:
		f.Starting = true
		return f, nil
	}
	p.describe(f, init, host)
	return f, nil
}

// describe sets what a container's PID 1 says of it.
func (p *Pipeline) describe(f *foundContainer, init procfs.Process, host hostState) {
	f.InitPID, f.InitComm, f.Namespaces, f.Started = init.PID, init.Comm, init.Namespaces, host.started(init)
	f.madeNS = madeNS(init)
	mounts, err := p.fs.Mounts.Of(init.PID)
	if err != nil { // it is gone, which an event reports as its end
		return
	}
	for t, id := range enginefiles.MadeFor(mounts, host.mounts()) {
		if f.MadeFor == nil {
			f.MadeFor = map[event.NamespaceType]event.Container{}
		}
		f.MadeFor[t] = event.Container{ID: id}
	}
}

// hostMounts are the host's mounts; nil is unknown.
func (p *Pipeline) hostMounts() []mountinfo.Mount {
	mounts, err := p.fs.Mounts.OfHost()
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
func (p *Pipeline) init(procs []int32) (procfs.Process, bool) {
	var best procfs.Process
	ok := false
	for _, pid := range procs {
		proc, err := p.fs.Proc.Process(pid, p.layout)
		if err != nil || p.ofRuntime(proc) {
			continue
		}
		if !ok || before(proc, best) {
			best, ok = proc, true
		}
	}
	return best, ok
}

func before(a, b procfs.Process) bool {
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

func isFirst(p procfs.Process) bool {
	return len(p.NSPID) > 1 && p.NSPID[len(p.NSPID)-1] == 1
}

// ofRuntime reports whether a process is the runtime's own, in the container's cgroup but before the
// container's program: runc calls itself runc:[2:INIT] there, crun crun. Before it has given itself that name it
// has the one of the file that it was started from, and the mount namespace of nsviz, as the probes have it.
func (p *Pipeline) ofRuntime(proc procfs.Process) bool {
	return runtime.SetsUp(proc.Comm) || proc.Namespaces[event.Mnt] == p.own[event.Mnt] && !isFirst(proc)
}
