package pipeline

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/docker"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/hostfs"
	"github.com/nsviz/nsviz/internal/isolation"
)

// A container is where its cgroup has processes. One whose PID 1 was moved to another cgroup is found by where else it
// is: in the container's cgroups of the other hierarchies (v1), or where its engine says.

// initElsewhere finds the PID 1 of the container whose cgroup is at path in the other hierarchies, where it is in another
// cgroup of the tracked one.
func (p *Pipeline) initElsewhere(path string) (hostfs.Process, bool) {
	init, ok := p.init(p.layout.ProcsElsewhere(path))
	return init, ok && init.Cgroup != "" && !isAtOrBelow(init.Cgroup, path)
}

func isAtOrBelow(cgroup, path string) bool {
	return cgroup == path || strings.HasPrefix(cgroup, strings.TrimSuffix(path, "/")+"/")
}

// place is a container's own cgroup.
type place struct {
	cgroup hostfs.Cgroup
	ref    *container.Ref
}

// outsideOf finds, of the running containers of the engine, those that are not among the found ones. empty are the
// cgroups, by container, that have no processes. It calls visit for each.
func (p *Pipeline) outsideOf(ctx context.Context, boot time.Time, found map[string]bool, empty map[string]place, visit func(place, isolation.Found) error) error {
	if !p.hostPIDs || !p.engineAnswers() {
		return nil
	}
	inits, err := docker.Inits(ctx, p.cfg.DockerHost, func(id string) bool { return found[id] })
	if err != nil {
		p.cfg.Log.Debug("ask for containers that are in none of their cgroups", "error", err)
	}
	parser := container.NewParser()
	for id, init := range inits {
		proc, ok := p.initAt(init, boot)
		if !ok {
			continue
		}
		if ref, in := parser.Parse(proc.Cgroup); in && ref.ID == id {
			continue // it has just started
		}
		of, known := empty[id]
		if !known {
			of = place{ref: &container.Ref{Runtime: docker.Runtime, ID: id}}
		}
		f := isolation.Found{
			Container: event.Container{ID: id}, CgroupPath: of.cgroup.Path, InitPID: proc.PID, InitComm: proc.Comm, Namespaces: proc.Namespaces,
			Unheld: &isolation.Unheld{Cgroup: proc.Cgroup},
		}
		if !boot.IsZero() {
			f.Started = startedAt(boot, proc)
		}
		if err := visit(of, f); err != nil {
			return err
		}
	}
	return nil
}

// engineAnswers reports whether there is an engine that need not be waited for.
func (p *Pipeline) engineAnswers() bool {
	for _, e := range p.Snapshot().Engines {
		if e.State == isolation.EngineConnected {
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
func (p *Pipeline) initAt(init docker.Init, boot time.Time) (hostfs.Process, bool) {
	proc, err := p.fs.Process(init.PID, p.layout)
	if err != nil || proc.Cgroup == "" || proc.Namespaces[event.Mnt] == p.own[event.Mnt] {
		return hostfs.Process{}, false
	}
	if !boot.IsZero() && !init.Started.IsZero() && startedAt(boot, proc).Sub(init.Started).Abs() > sameStart {
		return hostfs.Process{}, false
	}
	return proc, true
}

func startedAt(boot time.Time, proc hostfs.Process) time.Time {
	return boot.Add(time.Duration(proc.StartTime) * clockTick)
}

// isThere reports whether a container's PID 1 that was just found is still there.
func (p *Pipeline) isThere(cgroup hostfs.Cgroup, f *isolation.Found) bool {
	if f.Unheld != nil {
		_, err := p.fs.StartTime(f.InitPID)
		return err == nil
	}
	procs, err := p.layout.TreeProcs(cgroup.Path)
	return err == nil && slices.Contains(procs, f.InitPID)
}

// placeMoved tells the tracker of the cgroup that an init was moved to, where that has not been seen being made.
func (p *Pipeline) placeMoved(m *event.Moved) {
	if p.tracker.Path(m.ToID) != "" {
		return
	}
	path, err := p.fs.CgroupPath(m.PID, p.layout)
	if err != nil {
		return // gone, or out of sight
	}
	if id, err := p.layout.ID(path); err == nil && id == m.ToID { // else it has been moved on
		p.tracker.Place(id, path)
	}
}
