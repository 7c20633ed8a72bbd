package isolation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// NeverStarted is what is known of a container whose own program has never run. A zero time is unknown or has not come.
type NeverStarted struct {
	// Made is when its engine made it, by the engine's clock.
	Made time.Time `json:"made,omitzero"`
	// Tried is when its cgroup was made for a start, and Failed when that had failed.
	Tried  time.Time `json:"tried,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
	// Removed is when its engine removed it.
	Removed time.Time `json:"removed,omitzero"`
	// Error is why, in the engine's words, and ExitCode the one that the engine made up for that.
	Error    string `json:"error,omitempty"`
	ExitCode *int32 `json:"exit_code,omitempty"`
}

// applyMade takes in that the engine made a container. It is one of the model's others only once its cgroup is there.
func (m *Model) applyMade(said *EngineEvent) {
	c := m.find(said.ID)
	if c == nil {
		if said.Container == nil {
			return // an older recording, which does not say who it is
		}
		c = newContainer(said.ID)
		m.identify(c, said.Container)
		m.keepUnstarted(c)
	}
	if c.never.Made.IsZero() {
		c.never.Made = said.At
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
	m.leave(c)
	delete(m.containers, c.id)
	kept := newContainer(c.id)
	kept.name, kept.image, kept.runtime = c.name, c.image, c.runtime
	kept.chronicle, kept.never = c.chronicle, c.never
	kept.never.Tried, kept.never.Failed = c.created, e.Time
	kept.failedToStart(c.verdict)
	kept.tell(Moment{Time: e.Time, Kind: momentCgroupGone, By: actor(e), Cgroup: e.Cgroup.Path})
	m.keepUnstarted(kept)
}

func (m *Model) keepUnstarted(c *container) {
	c.state = Created
	m.lastUnstarted++
	c.ordinal = m.lastUnstarted
	m.unstarted[c.id] = c
	if len(m.unstarted) > m.limits.Unstarted {
		oldest := c
		for _, other := range m.unstarted {
			if other.ordinal < oldest.ordinal {
				oldest = other
			}
		}
		delete(m.unstarted, oldest.id)
	}
}

// failedToStart takes in why the engine could not start a container; it keeps what it said before where it says nothing.
func (c *container) failedToStart(v *Verdict) {
	if v != nil && v.StartError != "" {
		c.never.Error, c.never.ExitCode = v.StartError, v.ExitCode
	}
}

// unstartedEvery is how often the containers that never started are looked through.
const unstartedEvery = 10 * time.Second

// forgetUnstarted drops the containers whose start failed long ago, or that their engine removed long ago. One that was only
// made is kept as long as there is room.
func (m *Model) forgetUnstarted() {
	if d := m.now.Sub(m.unstartedSeen); d >= 0 && d < unstartedEvery {
		return
	}
	m.unstartedSeen = m.now
	for id, c := range m.unstarted {
		over := c.never.Failed
		if c.never.Removed.After(over) {
			over = c.never.Removed
		}
		if !over.IsZero() && m.now.Sub(over) > m.limits.Retention {
			delete(m.unstarted, id)
		}
	}
}

// listUnstarted lists them for a snapshot, the latest first.
func (m *Model) listUnstarted() []Container {
	kept := slices.SortedFunc(maps.Values(m.unstarted), func(a, b *container) int { return cmp.Compare(b.ordinal, a.ordinal) })
	list := make([]Container, len(kept))
	for i, c := range kept {
		list[i] = m.present(c)
		list[i].NeverStarted = new(c.never)
	}
	return list
}
