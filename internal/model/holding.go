package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// applyMoved takes in that a container's PID 1 was moved out of its cgroup, or back.
func (m *Model) applyMoved(e event.Event) {
	if e.Moved.Container == nil || e.Moved.Container.Inner != nil {
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
	c.tell(Moment{Time: e.Time, Kind: momentMoved, By: actor(&e), Moved: e.Moved})
}

// readStuck takes in whether its processes are stuck: nil is unknown, "" is no, else it is the path of the cgroup at its
// limit. Somebody who waits for such a moment, to make room, may end it soon: only what is so at two readings in a row has
// a place in the history.
func (c *container) readStuck(at time.Time, cgroup *string) {
	c.stuckKnown = cgroup != nil
	switch {
	case cgroup == nil || *cgroup == "":
		if c.stuckTold {
			c.tell(Moment{Time: at, Kind: MomentUnstuck})
		}
		c.stuck, c.stuckTold = nil, false
	case c.stuck == nil || c.stuck.Cgroup != *cgroup:
		c.stuck = &fact.Stuck{Since: at, Cgroup: *cgroup}
	case !c.stuckTold:
		c.stuckTold = true
		c.tell(Moment{Time: at, Kind: MomentStuck, Cgroup: *cgroup})
	}
}
