package ondisk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/container"
)

// states is the layout of what runc and crun keep of a container that runs: ID/state.json, ID/status. It is called by the runtime.
type states struct{ runtime string }

// runcState is what nsviz reads of runc's state.json (opencontainers/runc, libcontainer.State).
type runcState struct {
	ID    string      `json:"id"`
	PID   int32       `json:"init_process_pid"`
	Start json.Number `json:"init_process_start"`
	// Cgroups are its cgroups, by controller; on v2 there is one, by "".
	Cgroups map[string]string `json:"cgroup_paths"`
	Config  struct {
		Labels []string `json:"labels"` // KEY=VALUE
	} `json:"config"`
}

// crunStatus is what nsviz reads of crun's status (containers/crun, src/libcrun/status.c).
type crunStatus struct {
	PID    int32       `json:"pid"`
	Start  json.Number `json:"process-start-time"`
	Bundle string      `json:"bundle"`
	Cgroup string      `json:"cgroup-path"`
}

func (l states) find(in folder, id string) (found, error) {
	f := found{Identity: container.Identity{ID: id, Runtime: l.runtime}}
	var start json.Number
	switch l.runtime {
	case "crun":
		var s crunStatus
		if err := in.decode(id+"/status", &s); err != nil {
			return found{}, err
		}
		f.pid, start, f.bundle, f.cgroup = s.PID, s.Start, s.Bundle, s.Cgroup
	default:
		var s runcState
		if err := in.decode(id+"/state.json", &s); err != nil {
			return found{}, err
		}
		if s.ID != id {
			return found{}, errOther
		}
		f.pid, start = s.PID, s.Start
		f.cgroup = first(s.Cgroups["memory"], s.Cgroups[""])
		for _, label := range s.Config.Labels {
			if bundle, ok := strings.CutPrefix(label, "bundle="); ok {
				f.bundle = bundle
			}
		}
	}
	var err error
	if f.startTicks, err = strconv.ParseUint(start.String(), 10, 64); err != nil && start != "" {
		return found{}, fmt.Errorf("the start of PID 1: %w", err)
	}
	if _, engines := placeOf(f.bundle); !engines {
		namedByID(&f.Identity)
	}
	return f, nil
}

func (states) folders(folder) []string { return []string{"."} }
