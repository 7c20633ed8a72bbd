package fact

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Fact is one input of the model. Exactly one of its pointers, slices and maps is set, or none if only time has passed. The
// sequence of facts determines every snapshot, so a recording of the facts is complete.
type Fact struct {
	Time time.Time `json:"time"`
	// BootNS is Time by the kernel's clock (CLOCK_BOOTTIME), which is never set, in nanoseconds; 0 is unknown, as in
	// recordings of versions that did not keep it. Ages go by it, so that setting the wall clock ages nothing.
	BootNS uint64 `json:"boot_ns,omitempty"`

	Host         *Host            `json:"host,omitempty"`
	Probes       []Probe          `json:"probes,omitempty"`
	Engine       *Engine          `json:"engine,omitempty"`
	Event        *event.Event     `json:"event,omitempty"`
	Found        *Found           `json:"found,omitempty"`
	Gone         *Gone            `json:"gone,omitempty"`
	Identity     *event.Container `json:"identity,omitempty"`
	EngineReport *EngineReport    `json:"verdict,omitempty"`
	EngineEvent  *EngineEvent     `json:"said,omitempty"`
	// Cgroups are those that existed when nsviz looked.
	Cgroups     []FoundCgroup `json:"cgroups,omitempty"`
	CgroupWrite *CgroupWrite  `json:"cgroup_write,omitempty"`
	Memory      []Reading     `json:"memory,omitempty"`
	Namespaces  *Survey       `json:"namespaces,omitempty"`
	Present     *Present      `json:"present,omitempty"`
	OwnMemory   *OwnMemory    `json:"own_memory,omitempty"`
	// BPFErrors are totals by place.
	BPFErrors map[ErrorPlace]uint64 `json:"bpf_errors,omitempty"`
}

// Size returns roughly how many bytes of memory a fact takes.
func (f *Fact) Size() int {
	const base, perContainer = 1 << 10, 200
	size := base + len(f.Memory)*perContainer + len(f.Cgroups)*2*perContainer
	if s := f.Namespaces; s != nil {
		size += len(s.VMs) * 2 * perContainer
		for i := range s.Namespaces {
			size += 100 + 4*len(s.Namespaces[i].Processes)
			for _, pin := range s.Namespaces[i].PinnedBy {
				size += 16 + len(pin)
			}
		}
	}
	if p := f.Present; p != nil {
		size += 100*len(p.Containers) + 2*perContainer*len(p.Unstarted) + 8*len(p.Namespaces) + 2*perContainer*len(p.Cgroups)
	}
	return size
}

// Present lists what exists at a point before which facts are missing. What it does not list has ended meanwhile. Other
// facts describe what it lists.
type Present struct {
	Containers []PresentContainer `json:"containers"`
	Namespaces []uint64           `json:"namespaces"` // by number
	Cgroups    []FoundCgroup      `json:"cgroups"`    // of the tracked hierarchy
	// Unstarted are the containers that have never started, the oldest first; nil in recordings of versions that did not
	// list them.
	Unstarted []PresentUnstarted `json:"unstarted,omitzero"`
	// Engines are the addresses of the engines that are followed; nil in recordings of versions that knew one engine.
	Engines []string `json:"engines,omitzero"`
}

// PresentUnstarted describes a container whose own program has never run.
type PresentUnstarted struct {
	Container event.Container `json:"container"`
	Is        NeverStarted    `json:"is"`
}

// PresentContainer names a live container, with fields that distinguish its runs.
type PresentContainer struct {
	ID      string    `json:"id"`
	InitPID int32     `json:"init_pid,omitempty"` // 0 until its own program runs
	Started time.Time `json:"started,omitzero"`
}

// Plain returns a time as a recording holds it: in UTC, and compared with others by the wall clock alone. Without it, a time
// that this process read from its clock also has a reading of the monotonic clock.
func Plain(t time.Time) time.Time { return t.UTC().Round(0) }
