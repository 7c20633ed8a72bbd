package ondisk

import (
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/host/procfs"
)

// A scanner finds the processes that are in charge of containers, by their names. It is safe for concurrent use.
type scanner struct {
	proc *procfs.Reader
	// keep is for how long a process that has another name is not looked at again; 0 is not at all.
	keep time.Duration

	mu     sync.Mutex // guards what follows
	others map[procfs.Listed]bool
	until  time.Time // when others is to be read again
}

// program is a process and its name.
type program struct {
	procfs.Listed

	comm string
}

// inCharge lists the monitors, the daemons, and what isolates something and describes it on its command line, by their names alone.
func (s *scanner) inCharge() ([]program, error) {
	began := time.Now()
	processes, err := s.proc.List()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := !began.Before(s.until)
	if all {
		s.others = nil
	}
	others := make(map[procfs.Listed]bool, len(processes))
	var list []program
	for _, p := range processes {
		if s.others[p] && p.IsSure() {
			others[p] = true
			continue
		}
		comm, err := s.proc.Comm(p.PID)
		switch {
		case err != nil: // it has ended
		case isMonitor(comm) || isDockerd(comm) || describes(comm):
			list = append(list, program{p, comm})
		default:
			others[p] = true
		}
	}
	if s.keep > 0 {
		s.others = others
	}
	if all {
		s.until = began.Add(max(s.keep, scanPatience*time.Since(began)))
	}
	return list, nil
}

func describes(comm string) bool {
	_, ok := runtime.Describes(comm)
	return ok
}
