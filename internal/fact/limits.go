package fact

// CgroupLimits are the limits of a cgroup itself; nil is unknown or, in a Reading or a CgroupWrite, not read.
type CgroupLimits struct {
	Memory *Limit `json:"memory,omitempty"`
	// Swap is the limit of its swapped memory. On cgroup v1 it is the limit of memory and swap together, minus that
	// of memory.
	Swap *Limit `json:"swap,omitempty"`
	CPU  *Limit `json:"cpu,omitempty"`
	PIDs *Limit `json:"pids,omitempty"`
}

// Of returns the limit of a resource; nil is unknown.
func (l *CgroupLimits) Of(r Resource) *Limit { return *l.at(r) }

// Set sets the limit of a resource; nil is unknown.
func (l *CgroupLimits) Set(r Resource, limit *Limit) { *l.at(r) = limit }

func (l *CgroupLimits) at(r Resource) **Limit {
	switch r {
	case ResourceMemory:
		return &l.Memory
	case ResourceSwap:
		return &l.Swap
	case ResourceCPU:
		return &l.CPU
	case ResourcePIDs:
		return &l.PIDs
	}
	return new(*Limit)
}
