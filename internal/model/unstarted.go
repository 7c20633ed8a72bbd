package model

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// applyMade takes in that the engine made a container. It is one of the model's others only once its cgroup is there.
func (m *Model) applyMade(said *fact.EngineEvent) {
	c := m.find(said.ID)
	if c == nil {
		if said.Container == nil {
			return // an older recording, which does not say who it is
		}
		c = m.newContainer(said.ID)
		m.identify(c, said.Container)
		m.keepUnstarted(c)
	}
	if c.neverStarted.Made.IsZero() {
		c.neverStarted.Made = said.At
	}
}

// find is a container, whether it has ever started or not; nil where none is known.
func (m *Model) find(id string) *container {
	if c := m.containers[id]; c != nil {
		return c
	}
	return m.unstarted[id]
}

// neverRan keeps what is known of a container that was to start, and whose own program has not run.
func (m *Model) neverRan(c *container, e *event.Event) {
	kept := m.unstart(c)
	kept.neverStarted.Tried, kept.neverStarted.Failed, kept.neverStarted.Suspected = c.created, e.Time, false
	kept.overAt = m.clock.at(e.Time)
	kept.failedToStart(c.verdict)
	kept.tell(Moment{Time: e.Time, Kind: momentCgroupGone, By: actor(e), Cgroup: e.Cgroup.Path})
	m.keepUnstarted(kept)
}

// unstart returns, for keepUnstarted, a container in place of one that has only begun to start.
func (m *Model) unstart(c *container) *container {
	m.leave(c)
	m.unlabel(c)
	c.state = Exited
	delete(m.containers, c.id)
	kept := m.newContainer(c.id)
	kept.name, kept.image, kept.runtime = c.name, c.image, c.runtime
	kept.chronicle, kept.neverStarted = c.chronicle, c.neverStarted
	return kept
}

func (m *Model) keepUnstarted(c *container) {
	c.state = Created
	c.killsKnown = true // nothing of it ran that could have been killed
	m.lastUnstarted++
	c.ordinal = m.lastUnstarted
	m.unstarted[c.id] = c
	if len(m.madeOrder) > 2*len(m.unstarted)+leastKept {
		m.madeOrder = slices.DeleteFunc(m.madeOrder, func(c *container) bool { return m.unstarted[c.id] != c })
	}
	m.madeOrder = append(m.madeOrder, c)
	m.boundUnstarted()
}

// boundUnstarted drops the oldest ones where there are too many.
func (m *Model) boundUnstarted() {
	for len(m.unstarted) > m.limits.Unstarted {
		oldest := m.madeOrder[0]
		m.madeOrder[0] = nil // for the collector; append moves the rest in time
		m.madeOrder = m.madeOrder[1:]
		if m.unstarted[oldest.id] == oldest {
			delete(m.unstarted, oldest.id)
			m.leftOut.Unstarted++
		}
	}
}

// failedToStart takes in why the engine could not start a container; it keeps what it said before where it says nothing.
func (c *container) failedToStart(v *fact.EngineReport) {
	if v != nil && v.StartError != "" {
		c.neverStarted.Error, c.neverStarted.ExitCode = v.StartError, v.ExitCode
	}
}

// unstartedEvery is how often the containers that never started are looked through.
const unstartedEvery = 10 * time.Second

// forgetUnstarted drops the containers whose start failed long ago, or that their engine removed long ago. One that was only
// made is kept as long as there is room.
func (m *Model) forgetUnstarted() {
	m.boundUnstarted()
	if len(m.unstarted) == 0 || m.nowAt.sub(m.unstartedSeen) < unstartedEvery {
		return
	}
	m.unstartedSeen = m.nowAt
	maps.DeleteFunc(m.unstarted, func(_ string, c *container) bool {
		return c.overAt != never && m.nowAt.sub(c.overAt) > m.limits.Retention
	})
}

// listUnstarted lists them for a snapshot, the latest first.
func (m *Model) listUnstarted() []Container {
	kept := slices.SortedFunc(maps.Values(m.unstarted), func(a, b *container) int { return cmp.Compare(b.ordinal, a.ordinal) })
	list := make([]Container, len(kept))
	for i, c := range kept {
		m.present(c, &list[i])
		list[i].NeverStarted = new(c.neverStarted)
	}
	return list
}
