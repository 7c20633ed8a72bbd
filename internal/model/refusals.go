package model

import "time"

// countRefusals takes in the kernel's own count of the processes and threads that it refused a container. It begins with
// the container's cgroup: of one that was there before nsviz, the first count is of before, too.
//
// Where the kernel counts each cgroup for itself (v1, and v2 before 6.11) a reading is the sum over the container's cgroups,
// which falls when one of those further down is removed. What it counts next comes on top of what was counted by then.
// The count of an end is that of PID 1's own cgroup, and may be lower for that reason alone; nothing comes after it.
func (m *Model) countRefusals(c *container, at time.Time, counted *uint64) {
	switch {
	case counted == nil:
		return
	case c.refused == nil && c.created.IsZero():
		c.refused, c.refusedRead = counted, *counted
		m.recount()
		return
	case c.refused == nil:
		c.refused = new(uint64(0))
		m.recount()
	}
	before := c.refusedRead
	c.refusedRead = *counted
	if *counted <= before {
		return
	}
	more := *counted - before
	c.refused = new(*c.refused + more)
	c.refusedEver += more
	m.recount()
	moment := Moment{Time: at, Kind: MomentPIDsRefused}
	if more > 1 {
		moment.Count = more
	}
	c.tell(moment)
}
