package isolation

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Unheld reports that a container's PID 1 is in a cgroup that is not the container's own, so that the limits of that do
// not hold it: on cgroup v1 that of memory, on v2 all of them.
type Unheld struct {
	// Since is zero where it was so when nsviz looked.
	Since time.Time `json:"since,omitzero"`
	// Cgroup is the path of the cgroup that it is in; "" is unknown.
	Cgroup string `json:"cgroup,omitempty"`
	// By is who moved it; nil is unknown.
	By *event.Process `json:"by,omitempty"`
}

// Stuck reports that processes of a container wait for memory that a limit refuses them, and that the OOM killer, which
// would make room, is off for that limit (memory.oom_control of cgroup v1).
type Stuck struct {
	// Since is when it was first read.
	Since time.Time `json:"since"`
	// Cgroup is the path of the one at its limit: the container's own or one above.
	Cgroup string `json:"cgroup"`
}

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
		c.unheld = &Unheld{Since: e.Time, Cgroup: e.Moved.To, By: actor(&e)}
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
		c.stuck = &Stuck{Since: at, Cgroup: *cgroup}
	case !c.stuckTold:
		c.stuckTold = true
		c.tell(Moment{Time: at, Kind: MomentStuck, Cgroup: *cgroup})
	}
}
