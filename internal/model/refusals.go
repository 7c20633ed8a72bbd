package model

import "time"

// countRefusals applies the kernel's own count of the processes and threads that it refused a container. The count begins
// with the container's cgroup, which may be older than nsviz: then the first count includes earlier refusals.
//
// Where the kernel counts for each cgroup (v1, and v2 before 6.11) a reading is the sum over the container's cgroups. It
// falls when a child cgroup is removed; later increases are added to what was counted by then. The count of an end is that
// of PID 1's own cgroup, so it may be lower as well; it is the last one.
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
	moment := Entry{Time: at, Kind: EntryPIDsRefused}
	if more > 1 {
		moment.Count = more
	}
	c.append(moment)
}
