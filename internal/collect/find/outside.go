package find

import (
	"context"
	"errors"
	"path"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// A container is where its cgroup has processes. One whose PID 1 was moved to another cgroup is found by where else it
// is: in the container's cgroups of the other hierarchies (v1), in the PID namespace of those that are still in its cgroup,
// or where its engine says.

// initElsewhere finds the PID 1 of the container whose cgroup is at path, where it is in another cgroup. inside is the best
// of the processes that are in its own; it may be none.
func (f *Finder) initElsewhere(path string, inside procfs.Process) (procfs.Process, bool) {
	outside := func(init procfs.Process) bool {
		_, below := cgroupfs.CutPath(init.Cgroup, path)
		return init.Cgroup != "" && !below
	}
	if init, ok := f.init(f.cfg.Layout.ProcsElsewhere(path)); ok && outside(init) {
		return init, true
	}
	if len(inside.NSPID) < 2 { // it has no PID namespace of its own
		return procfs.Process{}, false
	}
	// Of one that it shares with another container, PID 1 has another mount namespace.
	init, ok := f.firstIn(inside.Namespaces[event.PID])
	return init, ok && outside(init) && init.Namespaces[event.Mnt] == inside.Namespaces[event.Mnt]
}

// firstIn finds the PID 1 of a PID namespace.
func (f *Finder) firstIn(namespace uint64) (procfs.Process, bool) {
	pids, err := f.cfg.Proc.PIDs()
	if err != nil || namespace == 0 {
		return procfs.Process{}, false
	}
	for _, pid := range pids {
		if ids, err := f.cfg.NS.Of(pid); err != nil || ids[event.PID] != namespace {
			continue
		}
		if proc, err := f.cfg.Proc.Process(pid, f.cfg.Layout); err == nil && isFirst(proc) && proc.Namespaces[event.PID] == namespace {
			return proc, true
		}
	}
	return procfs.Process{}, false
}

// admitOutside admits the containers of the engines that are in none of their cgroups, which admitAll has not found therefore.
func (p *pass) admitOutside(ctx context.Context) error {
	if !p.cfg.HostPIDs {
		return nil
	}
	inits, err := p.cfg.Inits(ctx, func(id string) bool { return p.found[id] })
	if err != nil {
		p.cfg.Log.Debug("ask for containers that are in none of their cgroups", "error", err)
	}
	var failed error
	for id, init := range inits {
		proc, ok := p.initAt(init, p.host)
		if !ok {
			continue
		}
		if root, named := p.namedCgroup(proc.Cgroup, id, init.Runtime); named {
			failed = errors.Join(failed, p.admitIsolated(root))
			continue
		}
		// It has just started, or its cgroup is of a kind that is not recognised.
		if strings.Contains(proc.Cgroup, id) {
			continue
		}
		root, known := p.empty[id]
		if !known {
			root = Cgroup{Ref: &container.Ref{Runtime: init.Runtime, ID: id}}
		}
		c := newContainer(root)
		c.Unheld = &fact.Unheld{Cgroup: proc.Cgroup}
		p.describe(c, proc, p.host)
		if err := p.report(root, c); err != nil {
			failed = errors.Join(failed, lookError(root, err))
		}
	}
	return failed
}

// namedCgroup returns the cgroup that a runtime made for its container, if it bears the container's id and nothing else shows that it is a
// container's: runtimes without an engine make their cgroups anywhere. PID 1 is in it, or right below.
func (p *pass) namedCgroup(of, id, runtime string) (Cgroup, bool) {
	for _, at := range []string{of, path.Dir(of)} {
		if path.Base(at) != id {
			continue
		}
		if ref, ok := p.parser.Parse(at); ok && !ref.Unsure && ref.Root == at {
			return Cgroup{}, false
		}
		number, err := p.cfg.Layout.ID(at)
		if err != nil {
			return Cgroup{}, false
		}
		return Cgroup{container.Cgroup{ID: number, Path: at}, &container.Ref{Runtime: runtime, ID: id, Name: id, Root: at, Unsure: true}}, true
	}
	return Cgroup{}, false
}

// sameStart is how far apart the engine's word for a start and that of the process may be: a runtime makes the process
// first and may take its time.
const sameStart = time.Minute

// initAt reads the process that an engine says is a container's PID 1. It reports false where that cannot be: the engine
// may count processes in another way.
func (f *Finder) initAt(init engine.Init, host hostState) (procfs.Process, bool) {
	proc, err := f.cfg.Proc.Process(init.PID, f.cfg.Layout)
	if err != nil || proc.Cgroup == "" || proc.Namespaces[event.Mnt] == f.cfg.OwnMnt {
		return procfs.Process{}, false
	}
	if started := host.started(proc); !started.IsZero() && !init.Started.IsZero() && started.Sub(init.Started).Abs() > sameStart {
		return procfs.Process{}, false
	}
	return proc, true
}
