package isolation

import "time"

// CgroupLimits are the limits of a container's own cgroup; nil is unknown or, in a Reading, not read.
type CgroupLimits struct {
	Memory *Limit `json:"memory,omitempty"`
	CPU    *Limit `json:"cpu,omitempty"`
	PIDs   *Limit `json:"pids,omitempty"`
}

// tellLimits tells what a reading found of the limits, where that is news.
func (c *container) tellLimits(at time.Time, read *CgroupLimits) {
	if read == nil {
		return
	}
	var first, changed []LimitChange
	for i, r := range []struct {
		resource Resource
		known    **Limit
		now      *Limit
	}{
		{ResourceMemory, &c.limits.Memory, read.Memory},
		{ResourceCPU, &c.limits.CPU, read.CPU},
		{ResourcePIDs, &c.limits.PIDs, read.PIDs},
	} {
		if r.now == nil {
			continue
		}
		before, after := *r.known, c.limitsRead[i]
		*r.known, c.limitsRead[i] = r.now, at
		switch {
		case before == nil:
			first = append(first, LimitChange{Resource: r.resource, To: *r.now})
		case !before.equal(*r.now):
			changed = append(changed, LimitChange{Resource: r.resource, From: before, To: *r.now, After: after})
		}
	}
	if first != nil {
		c.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	if changed != nil {
		c.tell(Moment{Time: at, Kind: MomentChanged, Limits: changed})
	}
}
