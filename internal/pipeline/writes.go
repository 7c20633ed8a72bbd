package pipeline

import (
	"context"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
	"github.com/nsviz/nsviz/internal/isolation"
)

// FactCgroupWrites is what the kernel tells of writes to cgroups, MethodFanotify how it does.
const (
	FactCgroupWrites = "cgroup limits changed"
	MethodFanotify   = "fanotify"
)

// statusOfWrites says whether the kernel tells of writes to cgroups. Where it does not, with that error, what changed is
// found when limits are read the next time.
func statusOfWrites(err error) isolation.Probe {
	if err != nil {
		return isolation.Probe{Name: FactCgroupWrites, Method: isolation.MethodNone, Reason: MethodFanotify + ": " + err.Error()}
	}
	return isolation.Probe{Name: FactCgroupWrites, Method: MethodFanotify}
}

// follow tells of what is written to cgroups, until ctx is done. Without it a change of a container's limits is
// found when they are read the next time, and nobody knows who made it.
func (p *Pipeline) follow(ctx context.Context, writes *hostfs.CgroupWrites) {
	defer context.AfterFunc(ctx, writes.Close)()
	parser := container.NewParser()
	for {
		list, err := writes.Next()
		if err != nil {
			if ctx.Err() == nil {
				p.cfg.Log.Warn("who changes limits is not known any more", "error", err)
			}
			return
		}
		for _, w := range list {
			p.takeWrite(parser, w)
		}
	}
}

func (p *Pipeline) takeWrite(parser *container.Parser, w hostfs.CgroupWrite) {
	at := p.now()
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
	write.By, home = p.who(parser, w.PID)
	of, inContainer := parser.Parse(w.Path)
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

// who is a process that lives, or of which the kernel still knows; nil is unknown.
func (p *Pipeline) who(parser *container.Parser, pid int32) (*event.Process, *container.Ref) {
	if pid == 0 {
		return nil, nil
	}
	comm, err := p.fs.Comm(pid)
	if err != nil {
		return nil, nil
	}
	path, err := p.fs.CgroupPath(pid, p.layout)
	if err != nil {
		return nil, nil
	}
	by := &event.Process{Comm: comm}
	if p.hostPIDs {
		by.PID = pid
	}
	if ref, ok := parser.Parse(path); ok {
		return by, &ref
	}
	return by, nil
}
