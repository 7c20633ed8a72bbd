package pipeline

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/resources"
)

// writeSource reports writes to cgroups; it is a [cgroupfs.Writes], but in tests.
type writeSource interface {
	Next() (list []cgroupfs.Write, lost bool, err error)
	Pending() (list []cgroupfs.Write, lost bool, err error)
	WithoutHandles() error
	Close()
}

// watchWrites begins to watch.
func (p *Pipeline) watchWrites() (writeSource, error) {
	w, err := p.fs.Cgroups.WatchWrites(p.layout)
	if err != nil {
		return nil, err // and no source that holds a nil
	}
	return w, nil
}

// statusOfWrites is the status of the watch. Without one, because of err, changes are found when limits are read the
// next time.
func statusOfWrites(w writeSource, err error) fact.Probe {
	status := fact.Probe{Name: fact.ProbeCgroupWrites, Method: fact.MethodFanotify}
	switch {
	case err != nil:
		status.Method, status.RuledOut = fact.MethodNone, []fact.Method{fact.MethodFanotify}
		status.Reason = string(fact.MethodFanotify) + ": " + err.Error() + "; changes are found up to two seconds late, only those of containers, and not by whom"
		if passing(err) {
			status.Reason += "; it is tried again"
		}
	case w.WithoutHandles() != nil:
		status.Reason = "without handles of cgroups, as Linux 6.6 and newer have them (" + w.WithoutHandles().Error() +
			"): which one was written to is found by the path of its file"
	}
	return status
}

// passing reports whether watching may work later, though it failed. What the kernel does not have or does not permit
// stays so.
func passing(err error) bool {
	return !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EINVAL)
}

// The pause before the watch is opened again doubles from one to the other.
const (
	shortestReopen = 250 * time.Millisecond
	longestReopen  = 30 * time.Second
)

// setProbe replaces the status of that name.
func (p *Pipeline) setProbe(status fact.Probe) {
	p.send(call(func(*Pipeline) {
		list := slices.Clone(p.Snapshot().Probes)
		i := slices.IndexFunc(list, func(have fact.Probe) bool { return have.Name == status.Name })
		if i >= 0 && !list[i].Equal(status) {
			list[i] = status
			p.tell(fact.Fact{Probes: list})
		}
	}))
}

// mostSpare is for how long writes may be followed at once, some hundreds of them. Whoever writes again and again
// has no more than the share of one CPU that rest leaves; what the kernel cannot queue meanwhile is lost, and read.
const mostSpare = 100 * time.Millisecond

// writeFollower reports who wrote what. It is for one goroutine.
type writeFollower struct {
	p        *Pipeline
	open     func() (writeSource, error)
	shortest time.Duration // of the pauses before the watch is opened again
	parser   *container.Parser
	writers  map[int32]writer // of late
	// sync waits until what has happened by now is taken in.
	sync func()
}

func newWriteFollower(p *Pipeline, sync func()) *writeFollower {
	return &writeFollower{
		p: p, open: p.watchWrites, shortest: shortestReopen, parser: container.NewParser(), writers: map[int32]writer{}, sync: sync,
	}
}

// writer is a process that wrote not long ago, and may have ended since.
type writer struct {
	process event.Process
	home    *container.Ref
	seen    time.Time
}

// remembered is for how long a process that has ended is still known by its PID, which nobody else has so soon.
const remembered = time.Second

// follow reports what is written to cgroups, until ctx is done. w is the watch, nil where it could not be opened, which
// is err then. Without a watch a change of a container's limits is found when they are read the next time, and nobody
// knows who made it; so it is opened again and again, and then all limits are read.
func (f *writeFollower) follow(ctx context.Context, w writeSource, err error) {
	p := f.p
	lostSince := p.now()
	for wait := f.shortest; ; {
		if w != nil {
			opened := p.now()
			err = f.run(ctx, w)
			w.Close()
			lostSince = p.now()
			if ctx.Err() != nil {
				return
			}
			p.cfg.Log.Warn("who changes limits is not known for now", "error", err)
			p.setProbe(statusOfWrites(nil, err))
			if lostSince.Sub(opened) > longestReopen {
				wait = f.shortest
			}
		} else if !passing(err) {
			return
		}
		if !collect.Pause(ctx, wait) {
			return
		}
		wait = min(2*wait, longestReopen)
		if w, err = f.open(); err != nil {
			p.setProbe(statusOfWrites(nil, err))
			continue
		}
		p.setProbe(statusOfWrites(w, nil))
		f.readAll(lostSince)
	}
}

// run reports writes until the watch fails or ctx is done.
func (f *writeFollower) run(ctx context.Context, w writeSource) error {
	defer context.AfterFunc(ctx, w.Close)()
	runtime.LockOSThread() // whose time is measured
	defer runtime.UnlockOSThread()
	p := f.p
	spare, since := mostSpare, p.now()
	var left []cgroupfs.Write
	for {
		list, lost := left, false
		if len(list) == 0 {
			var err error
			if list, lost, err = w.Next(); err != nil {
				return err
			}
		}
		began, worked := p.now(), threadTime()
		var lostMore bool
		var err error
		if left, lostMore, err = f.handle(list, w.Pending); err != nil {
			return err
		}
		if lost || lostMore {
			p.cfg.Log.Info("limits of cgroups were changed faster than the kernel could report; by whom some were is not known")
			f.readAll(time.Time{})
		}
		spare = min(spare+began.Sub(since)/collect.BackoffFactor, mostSpare) - (threadTime() - worked)
		if since = p.now(); spare < 0 && !collect.Pause(ctx, -spare*collect.BackoffFactor) {
			return ctx.Err()
		}
	}
}

// threadTime is how long the present thread has had a CPU. What a goroutine waits for is no work of its own: neither for a
// loop that is held up, nor for a CPU that others use.
func threadTime() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) // which has been there since Linux 2.6
	return time.Duration(ts.Nano())
}

// written is a cgroup that was written to.
type written struct {
	path   string
	read   cgroupfs.Change // what is to be read of it
	by     map[cgroupfs.Change][]int32
	limits *fact.CgroupLimits // as read last; nil where the cgroup is gone
}

// mostRounds is how often limits are read that change meanwhile.
const mostRounds = 4

// handle reports writes. It reads the limits that were written to, and then what has been written meanwhile: whoever
// wrote to the same limit up to that point may have written what was read. What it cannot see is a write that has not
// returned, as one of a memory limit below the usage, whose value is in force already: it is reported then as that of the
// one whose write has returned. The late write that follows changes nothing, like one of the same value, which runtimes
// and systemd make as a rule; so it does not put the first author in doubt. It returns the writes that are still to be
// handled, and whether some were lost.
func (f *writeFollower) handle(list []cgroupfs.Write, pending func() ([]cgroupfs.Write, bool, error)) (left []cgroupfs.Write, lost bool, err error) {
	at := f.p.now()
	var cgroups []*written
	byPath := map[string]*written{}
	for round := 1; ; round++ {
		for _, w := range list {
			f.who(at, w.PID) // before it ends
			g := byPath[w.Path]
			if g == nil {
				g = &written{path: w.Path, by: map[cgroupfs.Change][]int32{}}
				byPath[w.Path] = g
				cgroups = append(cgroups, g)
			}
			g.add(w)
		}
		for _, g := range cgroups {
			f.read(g)
		}
		var more bool
		if list, more, err = pending(); err != nil {
			break
		}
		lost = lost || more
		again := false
		for _, w := range list {
			g := byPath[w.Path]
			again = again || g != nil && g.shares(w)
		}
		if again && round < mostRounds {
			continue
		}
		// Of what goes on being written, the latest value may be that of these, too.
		for _, w := range list {
			if g := byPath[w.Path]; g != nil && g.shares(w) {
				f.who(at, w.PID)
				g.add(w)
			}
		}
		left = list
		break
	}
	for _, g := range cgroups {
		f.report(at, g)
	}
	return left, lost, err
}

// changes are the single bits of a set.
func changes(set cgroupfs.Change) func(yield func(cgroupfs.Change) bool) {
	return func(yield func(cgroupfs.Change) bool) {
		for bit := cgroupfs.Change(1); bit != 0 && bit <= set; bit <<= 1 {
			if set&bit != 0 && !yield(bit) {
				return
			}
		}
	}
}

// add notes a write.
func (g *written) add(w cgroupfs.Write) {
	for change := range changes(w.Changes) {
		if !slices.Contains(g.by[change], w.PID) {
			g.by[change] = append(g.by[change], w.PID)
		}
	}
	g.read |= w.Changes &^ cgroupfs.Membership
}

// shares reports whether a write is to a limit that others have written to.
func (g *written) shares(w cgroupfs.Write) bool {
	for change := range changes(w.Changes &^ cgroupfs.Membership) {
		if len(g.by[change]) > 0 {
			return true
		}
	}
	return false
}

// read reads the limits of a cgroup that were written to since they were read.
func (f *writeFollower) read(g *written) {
	if g.read == 0 {
		return
	}
	g.read = 0
	g.limits = nil
	if limits, err := resources.In(f.p.layout).Limits(g.path); err == nil {
		g.limits = limits
	}
}

// report reports what was written to a cgroup: each limit with those who wrote to it, and together those that the same
// processes wrote to.
func (f *writeFollower) report(at time.Time, g *written) {
	for _, pid := range g.by[cgroupfs.Membership] {
		f.tell(at, g.path, []int32{pid}, fact.CgroupWrite{})
	}
	if g.limits == nil {
		return
	}
	reported := cgroupfs.Change(0)
	for {
		var by []int32
		var limits fact.CgroupLimits
		for _, l := range []struct {
			change  cgroupfs.Change
			is, now **fact.Limit
		}{
			{cgroupfs.MemoryLimit, &g.limits.Memory, &limits.Memory},
			{cgroupfs.SwapLimit, &g.limits.Swap, &limits.Swap},
			{cgroupfs.CPULimit, &g.limits.CPU, &limits.CPU},
			{cgroupfs.PIDsLimit, &g.limits.PIDs, &limits.PIDs},
		} {
			writers := g.by[l.change]
			if len(writers) == 0 || *l.is == nil || reported&l.change != 0 || by != nil && !slices.Equal(by, writers) {
				continue
			}
			by, *l.now = writers, *l.is
			reported |= l.change
		}
		if by == nil {
			return
		}
		f.tell(at, g.path, by, fact.CgroupWrite{Limits: &limits})
	}
}

// tell reports one write by one of some processes; 0 among them is an unknown one.
func (f *writeFollower) tell(at time.Time, path string, by []int32, write fact.CgroupWrite) {
	p := f.p
	id, err := p.layout.ID(path)
	if err != nil {
		return // gone, or not in the tracked hierarchy
	}
	write.Path = path
	var writers []writer
	for _, pid := range by {
		w, known := f.writers[pid]
		if !known && len(by) > 1 && p.hostPIDs {
			w.process.PID = pid // it has ended
		}
		if known || len(by) > 1 {
			writers = append(writers, w)
		}
	}
	of, inContainer := f.parser.Parse(path)
	// A write may be faster than the event of the cgroup's creation.
	known := false
	p.ask(call(func(*Pipeline) { known = p.tracker.Knows(id) }))
	if !known {
		f.sync()
	}
	p.send(call(func(*Pipeline) {
		if p.tracker.Removed(id) {
			return // and that is reported already
		}
		p.tracker.Discover(id, path) // if nothing else has reported it
		p.takeDiscovered(at)
		for i := range writers {
			writers[i].process.Container = p.tracker.Describe(writers[i].home)
		}
		switch len(by) {
		case 0:
		case 1:
			if len(writers) == 1 {
				write.By = &writers[0].process
			}
		default:
			for _, w := range writers[:min(len(writers), mostWriters)] {
				write.ByAnyOf = append(write.ByAnyOf, w.process)
			}
		}
		if inContainer {
			write.Container = p.tracker.Describe(&of)
		}
		p.tell(fact.Fact{Time: at, CgroupWrite: &write})
	}))
}

// mostWriters is how many processes are named one of which wrote.
const mostWriters = 8

// readAll reads the limits of all cgroups: those that have changed are reported, by whom is not known. since is from when
// on writes may have been missed; zero is a moment ago.
func (f *writeFollower) readAll(since time.Time) {
	err := f.p.layout.Walk(func(c cgroupfs.Cgroup) error {
		at := f.p.now()
		if limits, err := resources.In(f.p.layout).Limits(c.Path); err == nil {
			f.tell(at, c.Path, nil, fact.CgroupWrite{Limits: limits, After: since})
		}
		return nil
	})
	if err != nil {
		f.p.cfg.Log.Debug("read the limits of all cgroups", "error", err)
	}
}

// who notes who a process is that lives or did a moment ago.
func (f *writeFollower) who(now time.Time, pid int32) {
	if pid == 0 || f.writers[pid].seen.Equal(now) {
		return
	}
	maps.DeleteFunc(f.writers, func(_ int32, w writer) bool { return now.Sub(w.seen) > remembered })
	comm, err := f.p.fs.Proc.Comm(pid)
	var path string
	if err == nil {
		path, err = f.p.fs.Cgroups.PathOf(pid, f.p.layout)
	}
	w, known := f.writers[pid]
	if err == nil {
		w = writer{process: event.Process{Comm: comm}}
		if f.p.hostPIDs {
			w.process.PID = pid
		}
		if ref, ok := f.parser.Parse(path); ok {
			w.home = &ref
		}
	} else if !known {
		return
	}
	w.seen = now
	f.writers[pid] = w
}
