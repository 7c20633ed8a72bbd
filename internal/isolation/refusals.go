package isolation

import "time"

// countRefusals takes in the kernel's own count of the processes and threads that it refused a container. It begins with
// the container's cgroup: of one that was there before nsviz, the first count is of before, too.
func (m *Model) countRefusals(c *container, at time.Time, counted *uint64) {
	switch {
	case counted == nil:
		return
	case c.refused == nil && c.created.IsZero():
		c.refused = counted
		m.recount()
		return
	case c.refused == nil:
		c.refused = new(uint64(0))
		m.recount()
	}
	if *counted <= *c.refused {
		return // a reading of before the latest one
	}
	more := *counted - *c.refused
	c.refused = counted
	c.refusedEver += more
	m.recount()
	moment := Moment{Time: at, Kind: MomentPIDsRefused}
	if more > 1 {
		moment.Count = more
	}
	c.tell(moment)
}
