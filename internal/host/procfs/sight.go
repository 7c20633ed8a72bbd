package procfs

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/host/nsfs"
)

// Sight holds how much of the host's processes nsviz may look into.
type Sight struct {
	// Processes is how many there are in /proc, Refused how many of those do not show their namespaces.
	Processes, Refused int
	// Hidden is set if /proc leaves out processes (hidepid=2), so that their number is unknown.
	Hidden bool
	// MayTrace reports whether nsviz has CAP_SYS_PTRACE on the host. With it nsviz sees all but a few processes: those that a
	// security module protects, and those with capabilities that nsviz lacks.
	MayTrace bool
	// MayOpenByID reports whether nsviz has CAP_DAC_READ_SEARCH on the host, and so finds the path of a cgroup by its number.
	MayOpenByID bool
}

// Sight looks at every process. The result is valid as long as nsviz's rights stay the same.
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

// HidesProcesses reports whether a list of all processes is incomplete: it always has process 1.
func HidesProcesses(pids []int32) bool { return !slices.Contains(pids, 1) }

// ownCapabilities returns the capabilities that nsviz has on the host: none if it is in a user namespace of its own.
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
