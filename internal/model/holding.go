package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// applyMoved applies that a container's PID 1 was moved out of its cgroup, or back.
func (m *Model) applyMoved(e event.Event) {
	if e.Moved.Container == nil {
		return
	}
	c := m.containers[e.Moved.Container.ID]
	if c == nil || !c.live() || c.initPID != 0 && c.initPID != e.Moved.PID {
		return
	}
	c.unheld = nil
	if !e.Moved.Held {
		c.unheld = &fact.Unheld{Since: e.Time, Cgroup: e.Moved.To, By: actor(&e)}
	}
	c.append(Entry{Time: e.Time, Kind: entryInitMoved, By: actor(&e), Moved: e.Moved})
}

// readStuck applies whether its processes are stuck: nil is unknown, "" is no, else it is the path of the cgroup at its
// limit. Only a container that is stuck at two readings in a row gets an entry in its history, since a program that
// watches for this, to make room, may end it soon.
func (c *container) readStuck(at time.Time, cgroup *string) {
	c.stuckKnown = cgroup != nil
	switch {
	case cgroup == nil || *cgroup == "":
		if c.stuckRecorded {
			c.append(Entry{Time: at, Kind: EntryUnstuck})
		}
		c.stuck, c.stuckRecorded = nil, false
	case c.stuck == nil || c.stuck.Cgroup != *cgroup:
		c.stuck = &fact.Stuck{Since: at, Cgroup: *cgroup}
	case !c.stuckRecorded:
		c.stuckRecorded = true
		c.append(Entry{Time: at, Kind: EntryStuck, Cgroup: *cgroup})
	}
}
