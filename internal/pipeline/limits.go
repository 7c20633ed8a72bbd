package pipeline

import (
	"context"
	"slices"

	"github.com/nsviz/nsviz/internal/collect/limits"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/probes"
)

// watchLimits begins to watch who changes the limits of cgroups.
func (p *Pipeline) watchLimits(kernel *probes.Probes) *limits.Follower {
	return limits.Open(limits.Config{
		Proc: p.fs.Proc, Cgroups: p.fs.Cgroups, Layout: p.layout, HostPIDs: p.hostPIDs, Now: p.now, Log: p.cfg.Log,
		Loop: limitsLoop{p.loop, kernel},
	})
}

// limitsLoop is the loop as the follower of limits knows it.
type limitsLoop struct {
	*loop

	kernel *probes.Probes
}

func (l limitsLoop) Knows(id uint64) bool {
	m := cgroupQuestion{id: id}
	l.ask(&m)
	return m.known
}

func (l limitsLoop) Sync(ctx context.Context)       { l.kernel.Sync(ctx) }
func (l limitsLoop) WatchChanged(status fact.Probe) { l.send(probeStatus(status)) }
func (l limitsLoop) Written(w limits.Write)         { l.send(limitWrite(w)) }

// cgroupQuestion asks whether a cgroup is known.
type cgroupQuestion struct {
	id    uint64
	known bool // the answer
}

func (m *cgroupQuestion) handle(l *loop) { m.known = l.tracker.Knows(m.id) }

// probeStatus replaces the status of the probe with that name.
type probeStatus fact.Probe

func (m probeStatus) handle(l *loop) {
	status := fact.Probe(m)
	list := slices.Clone(l.live.Snapshot().Probes)
	i := slices.IndexFunc(list, func(have fact.Probe) bool { return have.Name == status.Name })
	if i >= 0 && !list[i].Equal(status) {
		list[i] = status
		l.apply(fact.Fact{Probes: list})
	}
}

// limitWrite is a write to limits of a cgroup or to its freezer, or that a process was moved into it.
type limitWrite limits.Write

// handle reports a write with the containers that it concerns, as they are called by now.
func (m limitWrite) handle(l *loop) {
	if l.tracker.Removed(m.ID) {
		return // and that is reported already
	}
	l.tracker.Discover(m.ID, m.Path) // if nothing else has reported it
	l.handleDiscovered(m.Time)
	write := fact.CgroupWrite{Path: m.Path, Container: l.tracker.DescribePath(m.Path), Limits: m.Limits, After: m.After}
	var writers []event.Process
	for _, w := range m.Writers {
		w.Process.Container = l.tracker.DescribePath(w.CgroupPath)
		writers = append(writers, w.Process)
	}
	if len(writers) == 1 {
		write.By = &writers[0]
	} else {
		write.ByAnyOf = writers
	}
	if m.Freezer == nil {
		l.apply(fact.Fact{Time: m.Time, CgroupWrite: &write})
		return
	}
	l.apply(fact.Fact{Time: m.Time, Freeze: &fact.Freeze{
		Path: m.Path, Container: write.Container, By: write.By, ByAnyOf: write.ByAnyOf, Frozen: m.Freezer.Frozen, Still: m.Freezer.Still,
	}})
}
