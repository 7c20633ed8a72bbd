package resources

import (
	"errors"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/pseudofs"
)

// PIDsUse counts the tasks (processes and threads) in a cgroup and those below it.
type PIDsUse struct {
	Current *uint64 `json:"current,omitempty"`
	// Max is the cgroup's own limit, EffectiveMax the lowest limit of the cgroup and those above it.
	Max          *fact.Limit     `json:"max,omitempty"`
	EffectiveMax *EffectiveLimit `json:"effective_max,omitempty"`
	// Refused counts the new processes and threads that were refused because a limit was reached. On v2 since Linux 6.11 that is
	// the limit of the cgroup or of one below it; elsewhere it may be one above, too.
	Refused *uint64 `json:"refused,omitempty"`
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
		use.Refused = r.refused(c)
	}
	use.EffectiveMax = tightest(c, use.Max, func(dir string) *fact.Limit { return r.limit(dir, "pids.max") })
	if use == (PIDsUse{}) {
		return nil
	}
	return &use
}

// refused reads pids.events. If that counts the cgroup's own processes alone, refused adds the counts of the cgroups below.
func (r *resourceReader) refused(c cgroupIn) *uint64 {
	count := func(dir string) (n *uint64) {
		r.fields(dir, "pids.events", map[string]**uint64{"max": &n}) // since Linux 4.7
		return n
	}
	sum := count(c.dir)
	if sum == nil || c.countsBelow() {
		return sum
	}
	err := c.WalkTree(c.path, func(_ cgroupfs.Cgroup, dir string) error {
		if n := count(dir); n != nil && dir != c.dir {
			*sum += *n
		}
		return nil
	})
	if err != nil {
		r.errs = append(r.errs, err)
	}
	return sum
}

// countsBelow reports whether pids.events includes the cgroups below. It does on v2 since 6.11, as pids.events.local shows,
// unless the hierarchy was mounted with the option pids_localevents.
func (c cgroupIn) countsBelow() bool {
	if c.v1() || c.LocalPIDsEvents {
		return false
	}
	_, err := pseudofs.Lstat(c.dir + "/pids.events.local")
	return err == nil
}

// PIDsRefused reads how often the kernel has refused a new process or thread in the cgroup at path or below it, like [PIDsUse];
// nil is unknown.
func (l Hierarchies) PIDsRefused(path string) (*uint64, error) {
	r := &resourceReader{tracked: l.Layout, path: path, pathIn: func(cgroupfs.Layout) string { return path }, buf: make([]byte, pseudofs.SmallFile)}
	c, found := r.cgroup("pids")
	if !found || c.unconfined {
		return nil, nil
	}
	refused := r.refused(c)
	return refused, errors.Join(r.errs...)
}
