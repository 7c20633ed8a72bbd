package pipeline

import (
	"context"
	"slices"
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
func (p *Pipeline) initElsewhere(path string, inside procfs.Process) (procfs.Process, bool) {
	outside := func(init procfs.Process) bool { return init.Cgroup != "" && !isAtOrBelow(init.Cgroup, path) }
	if init, ok := p.init(p.layout.ProcsElsewhere(path)); ok && outside(init) {
		return init, true
	}
	if len(inside.NSPID) < 2 { // it has no PID namespace of its own
		return procfs.Process{}, false
	}
	// Of one that it shares with another container, PID 1 has another mount namespace.
	init, ok := p.firstIn(inside.Namespaces[event.PID])
	return init, ok && outside(init) && init.Namespaces[event.Mnt] == inside.Namespaces[event.Mnt]
}

// firstIn finds the PID 1 of a PID namespace.
func (p *Pipeline) firstIn(namespace uint64) (procfs.Process, bool) {
	pids, err := p.fs.Proc.PIDs()
	if err != nil || namespace == 0 {
		return procfs.Process{}, false
	}
	for _, pid := range pids {
		if ids, err := p.fs.NS.Of(pid); err != nil || ids[event.PID] != namespace {
			continue
		}
		if proc, err := p.fs.Proc.Process(pid, p.layout); err == nil && isFirst(proc) && proc.Namespaces[event.PID] == namespace {
			return proc, true
		}
	}
	return procfs.Process{}, false
}

func isAtOrBelow(cgroup, path string) bool {
	return cgroup == path || strings.HasPrefix(cgroup, strings.TrimSuffix(path, "/")+"/")
}

// outsideOf finds, of the running containers of the engine, those that are not among the found ones. empty are the
// cgroups, by container, that have no processes. It calls visit for each.
func (p *Pipeline) outsideOf(ctx context.Context, host hostState, found map[string]bool, empty map[string]rootCgroup, visit func(rootCgroup, *foundContainer) error) error {
	if !p.hostPIDs || !p.engineAnswers() {
		return nil
	}
	inits, err := p.cfg.Engine.Inits(ctx, func(id string) bool { return found[id] })
	if err != nil {
		p.cfg.Log.Debug("ask for containers that are in none of their cgroups", "error", err)
	}
	for id, init := range inits {
		proc, ok := p.initAt(init, host)
		if !ok {
			continue
		}
		// It has just started, or its cgroup is of a kind that is not recognised.
		if strings.Contains(proc.Cgroup, id) {
			continue
		}
		of, known := empty[id]
		if !known {
			of = rootCgroup{ref: &container.Ref{Runtime: p.cfg.Engine.Name(), ID: id}}
		}
		f := &foundContainer{Found: fact.Found{
			Container: event.Container{ID: id}, CgroupPath: of.Path, Unheld: &fact.Unheld{Cgroup: proc.Cgroup},
		}}
		p.describe(f, proc, host)
		if err := visit(of, f); err != nil {
			return err
		}
	}
	return nil
}

// engineAnswers reports whether there is an engine that need not be waited for.
func (p *Pipeline) engineAnswers() bool {
	for _, e := range p.Snapshot().Engines {
		if e.State == fact.EngineConnected {
			return true
		}
	}
	return false
}

// sameStart is how far apart the engine's word for a start and that of the process may be: a runtime makes the process
// first and may take its time.
const sameStart = time.Minute

// initAt reads the process that an engine says is a container's PID 1. It reports false where that cannot be: the engine
// may count processes in another way.
func (p *Pipeline) initAt(init engine.Init, host hostState) (procfs.Process, bool) {
	proc, err := p.fs.Proc.Process(init.PID, p.layout)
	if err != nil || proc.Cgroup == "" || proc.Namespaces[event.Mnt] == p.own[event.Mnt] {
		return procfs.Process{}, false
	}
	if started := host.started(proc); !started.IsZero() && !init.Started.IsZero() && started.Sub(init.Started).Abs() > sameStart {
		return procfs.Process{}, false
	}
	return proc, true
}

// isThere reports whether a container's PID 1 that was just found is still there.
func (p *Pipeline) isThere(cgroup cgroupfs.Cgroup, f *foundContainer) bool {
	if f.Unheld != nil {
		_, err := p.fs.Proc.StartTime(f.InitPID)
		return err == nil
	}
	procs, err := p.layout.TreeProcs(cgroup.Path)
	return err == nil && slices.Contains(procs, f.InitPID)
}
