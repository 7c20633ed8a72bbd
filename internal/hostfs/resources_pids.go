package hostfs

// PIDsUse is how many tasks (processes and threads) are in a cgroup and those below it.
type PIDsUse struct {
	Current *uint64 `json:"current,omitempty"`
	// Max is the cgroup's own limit, EffectiveMax the lowest of it and those above.
	Max          *Limit[uint64] `json:"max,omitempty"`
	EffectiveMax *Limit[uint64] `json:"effective_max,omitempty"`
}

// pids reads the same files on v1 and v2.
func (r *resourceReader) pids() *PIDsUse {
	c, found := r.cgroup("pids")
	if !found {
		return nil
	}
	var use PIDsUse
	if !c.unconfined {
		use.Current = r.number(c.dir, "pids.current")
		use.Max = r.limit(c.dir, "pids.max")
	}
	use.EffectiveMax = tightest(c, use.Max, func(dir string) *Limit[uint64] { return r.limit(dir, "pids.max") })
	if use == (PIDsUse{}) {
		return nil
	}
	return &use
}
