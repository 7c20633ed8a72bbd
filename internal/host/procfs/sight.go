package procfs

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/nsfs"
)

// Sight is how much of the host's processes nsviz may look into.
type Sight struct {
	// Processes is how many there are in /proc, Refused how many of them do not show their namespaces.
	Processes, Refused int
	// Hidden is set if /proc leaves out processes, so that their number is unknown (hidepid=2).
	Hidden bool
	// MayTrace is whether nsviz has CAP_SYS_PTRACE on the host, by which it sees all but a few: what a security module protects,
	// and what has capabilities that nsviz has not.
	MayTrace bool
	// MayOpenByID is whether nsviz has CAP_DAC_READ_SEARCH on the host, by which it finds the path of a cgroup by its number.
	MayOpenByID bool
}

// Sight looks at every process. What it finds holds for as long as nsviz has the rights that it has.
func (r *Reader) Sight() (s Sight, err error) {
	may, err := r.ownCapabilities()
	if err != nil {
		return Sight{}, err
	}
	s.MayTrace, s.MayOpenByID = may.Has(capSysPtrace), may.Has(capDACReadSearch)
	pids, err := r.PIDs()
	if err != nil {
		return Sight{}, err
	}
	for _, pid := range pids {
		_, refused, err := r.ns.Visible(pid)
		if err != nil {
			continue // gone meanwhile
		}
		s.Processes++
		if refused {
			s.Refused++
		}
	}
	s.Hidden = !s.MayTrace && HidesProcesses(pids)
	return s, nil
}

// HidesProcesses reports whether a list of all processes lacks some: the first one is always there.
func HidesProcesses(pids []int32) bool { return !slices.Contains(pids, 1) }

// ownCapabilities returns those that nsviz has on the host: none where it is in a user namespace of its own.
func (r *Reader) ownCapabilities() (Capabilities, error) {
	self, err := r.Self()
	if err != nil {
		return 0, err
	}
	p, err := r.Privileges(self)
	if err != nil {
		return 0, fmt.Errorf("read nsviz's own capabilities: %w", err)
	}
	ids, err := r.ns.Of(self)
	if err != nil {
		return 0, fmt.Errorf("read nsviz's own namespaces: %w", err)
	}
	host := ids[event.User] == nsfs.Initial()[event.User] || ids[event.User] == 0
	if !host || p.Effective == nil {
		return 0, nil
	}
	return *p.Effective, nil
}
