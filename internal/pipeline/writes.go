package pipeline

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
	"github.com/nsviz/nsviz/internal/isolation"
)

// MethodFanotify is how the kernel tells of writes to cgroups.
const MethodFanotify = "fanotify"

// statusOfWrites says whether the kernel tells of writes to cgroups. Where it does not, with that error, what changed is
// found when limits are read the next time.
func statusOfWrites(err error) isolation.Probe {
	if err != nil {
		return isolation.Probe{Name: isolation.ProbeCgroupWrites, Method: isolation.MethodNone, Reason: MethodFanotify + ": " + err.Error() +
			"; of containers found by reading, up to two seconds late, and not by whom"}
	}
	return isolation.Probe{Name: isolation.ProbeCgroupWrites, Method: MethodFanotify}
}

// follow tells of what is written to cgroups, until ctx is done. Without it a change of a container's limits is
// found when they are read the next time, and nobody knows who made it.
func (p *Pipeline) follow(ctx context.Context, writes *hostfs.CgroupWrites) {
	defer context.AfterFunc(ctx, writes.Close)()
	f := writeFollower{p: p, parser: container.NewParser(), writers: map[int32]writer{}}
	spare, since := mostSpare, p.now()
	for {
		list, lost, err := writes.Next()
		if err != nil {
			if ctx.Err() == nil {
				p.cfg.Log.Warn("who changes limits is not known any more", "error", err)
				p.do(func() { p.tell(isolation.Fact{Probes: with(p.Snapshot().Probes, statusOfWrites(err))}) })
			}
			return
		}
		began := p.now()
		for _, w := range list {
			f.take(w)
		}
		if lost {
			p.cfg.Log.Info("limits of cgroups were changed faster than the kernel could tell; by whom some were is not known")
			f.readAll()
		}
		ended := p.now()
		spare = min(spare+began.Sub(since)/restShare, mostSpare) - ended.Sub(began)
		if since = ended; spare < 0 && !pause(ctx, -spare*restShare) {
			return
		}
	}
}

// with replaces the probe of that name.
func with(list []isolation.Probe, probe isolation.Probe) []isolation.Probe {
	list = slices.Clone(list)
	for i := range list {
		if list[i].Name == probe.Name {
			list[i] = probe
		}
	}
	return list
}

// mostSpare is for how long writes may be followed at once, some hundreds of them. Whoever writes again and again
// has no more than the share of one CPU that rest leaves; what the kernel cannot queue meanwhile is lost, and read.
const mostSpare = 100 * time.Millisecond

// writeFollower says who wrote what. It is for one goroutine.
type writeFollower struct {
	p       *Pipeline
	parser  *container.Parser
	writers map[int32]writer // of the last moment
}

// writer is a process that wrote not long ago, and may have ended since.
type writer struct {
	process event.Process
	home    *container.Ref
	seen    time.Time
}

// remembered is for how long a process that has ended is still known by its PID, which nobody else has so soon.
const remembered = time.Second

func (f *writeFollower) take(w hostfs.CgroupWrite) {
	p, at := f.p, f.p.now()
	id, err := p.layout.ID(w.Path)
	if err != nil {
		return // gone, or not in the tracked hierarchy
	}
	write := isolation.CgroupWrite{Path: w.Path}
	if !w.Moved {
		memory, own, err := p.layout.Limits(w.Path)
		if err != nil {
			return
		}
		write.Limits = limitsOf(memory, own)
	}
	var home *container.Ref
	write.By, home = f.who(at, w.PID)
	of, inContainer := f.parser.Parse(w.Path)
	p.do(func() {
		if p.tracker.Removed(id) {
			return // and that is told already
		}
		if write.By != nil {
			write.By.Container = p.tracker.Describe(home)
		}
		if inContainer {
			write.Container = p.tracker.Describe(&of)
		}
		p.tell(isolation.Fact{Time: at, CgroupWrite: &write})
	})
}

// readAll reads the limits of all cgroups: those that have changed are told, by whom is not known.
func (f *writeFollower) readAll() {
	err := f.p.layout.Walk(func(c hostfs.Cgroup) error {
		f.take(hostfs.CgroupWrite{Path: c.Path})
		return nil
	})
	if err != nil {
		f.p.cfg.Log.Debug("read the limits of all cgroups", "error", err)
	}
}

// who is a process that lives or did a moment ago; nil is unknown.
func (f *writeFollower) who(now time.Time, pid int32) (*event.Process, *container.Ref) {
	if pid == 0 {
		return nil, nil
	}
	maps.DeleteFunc(f.writers, func(_ int32, w writer) bool { return now.Sub(w.seen) > remembered })
	comm, err := f.p.fs.Comm(pid)
	var path string
	if err == nil {
		path, err = f.p.fs.CgroupPath(pid, f.p.layout)
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
		return nil, nil
	}
	w.seen = now
	f.writers[pid] = w
	return &w.process, w.home
}
