package isolation

import "time"

// countRefusals takes in the kernel's own count of the processes and threads that it refused a container. It begins with
// the container's cgroup: of one that was there before nsviz, the first count is of before, too.
func (c *container) countRefusals(at time.Time, counted *uint64) {
	switch {
	case counted == nil:
		return
	case c.refused == nil && c.created.IsZero():
		c.refused = counted
		return
	case c.refused == nil:
		c.refused = new(uint64(0))
	}
	if *counted <= *c.refused {
		return // a reading of before the latest one
	}
	more := *counted - *c.refused
	c.refused = counted
	c.refusedEver += more
	m := Moment{Time: at, Kind: MomentPIDsRefused}
	if more > 1 {
		m.Count = more
	}
	c.tell(m)
}
