package model

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// applyEngineCreate applies that the engine created a container. It is in Model.unstarted until its cgroup exists.
func (m *Model) applyEngineCreate(engineEvent *fact.EngineEvent) {
	c := m.find(engineEvent.ID)
	if c == nil {
		if engineEvent.Container == nil {
			return // an older recording, which lacks the identity
		}
		c = m.newContainer(engineEvent.ID)
		m.identify(c, engineEvent.Container)
		m.keepUnstarted(c)
	}
	if c.neverStarted.Made.IsZero() {
		c.neverStarted.Made = engineEvent.At
	}
}

// find returns a container, whether it has started or not; nil if none is known.
func (m *Model) find(id string) *container {
	if c := m.containers[id]; c != nil {
		return c
	}
	return m.unstarted[id]
}

// neverRan moves a container whose start failed before its own program ran to the unstarted ones.
func (m *Model) neverRan(c *container, e *event.Event) {
	kept := m.unstart(c)
	kept.neverStarted.Tried, kept.neverStarted.Failed, kept.neverStarted.Suspected = c.created, e.Time, false
	kept.overAt = m.clock.at(e.Time)
	kept.failedToStart(c.engineReport)
	kept.append(Entry{Time: e.Time, Kind: entryCgroupRemoved, By: actor(e), Cgroup: e.Cgroup.Path})
	m.keepUnstarted(kept)
}

// unstart removes a container that has only begun to start. It returns a replacement for keepUnstarted.
func (m *Model) unstart(c *container) *container {
	m.removeMemberships(c)
	m.unlabel(c)
	c.state = Exited
	delete(m.containers, c.id)
	kept := m.newContainer(c.id)
	kept.name, kept.image, kept.runtime = c.name, c.image, c.runtime
	kept.kind, kept.group, kept.labels = c.kind, c.group, c.labels
	kept.timeline, kept.neverStarted = c.timeline, c.neverStarted
	return kept
}

func (m *Model) keepUnstarted(c *container) {
	c.state = Created
	c.killsKnown = true // it ran nothing that could have been killed
	m.lastUnstarted++
	c.ordinal = m.lastUnstarted
	m.unstarted[c.id] = c
	if len(m.madeOrder) > 2*len(m.unstarted)+leastKept {
		m.madeOrder = slices.DeleteFunc(m.madeOrder, func(c *container) bool { return m.unstarted[c.id] != c })
	}
	m.madeOrder = append(m.madeOrder, c)
	m.boundUnstarted()
}

// boundUnstarted drops the oldest ones if there are too many.
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

// failedToStart sets why the engine could not start a container. A report without an error changes nothing.
func (c *container) failedToStart(v *fact.EngineReport) {
	if v != nil && v.StartError != "" {
		c.neverStarted.Error, c.neverStarted.ExitCode = v.StartError, v.ExitCode
	}
}

// unstartedEvery is the interval between searches for expired containers that never started.
const unstartedEvery = 10 * time.Second

// forgetUnstarted drops the containers whose start failed, or that their engine removed, longer ago than the retention.
// One that was only created is kept as long as there is room.
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

// listUnstarted lists the unstarted containers for a snapshot, latest first.
func (m *Model) listUnstarted() []Container {
	kept := slices.SortedFunc(maps.Values(m.unstarted), func(a, b *container) int { return cmp.Compare(b.ordinal, a.ordinal) })
	list := make([]Container, len(kept))
	for i, c := range kept {
		m.presentNeverStarted(c, &list[i])
	}
	return list
}

// mostFailedStarts bounds the failed starts that every snapshot lists.
const mostFailedStarts = 64

// listFailedStarts lists those of the unstarted containers whose start has failed, those made last first.
func (m *Model) listFailedStarts() (list []Container) {
	for _, c := range slices.Backward(m.madeOrder) {
		if m.unstarted[c.id] == c && c.neverStarted.StartFailed() && len(list) < mostFailedStarts {
			list = append(list, Container{})
			m.presentNeverStarted(c, &list[len(list)-1])
		}
	}
	return list
}

func (m *Model) presentNeverStarted(c *container, to *Container) {
	m.present(c, to)
	to.NeverStarted = new(c.neverStarted)
}
