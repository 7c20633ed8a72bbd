package report

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Workload is one element of `nsviz ps -o json`, described in docs/EVENTS.md: a container or a virtual machine. A virtual
// machine has all fields that a container always has, for scripts that rely on them.
type Workload struct {
	// Kind is "vm", "pod" for what the containers of a pod share or, for a container, absent.
	Kind    string            `json:"kind,omitempty"`
	ID      string            `json:"id"`
	Name    string            `json:"name,omitempty"`
	Image   string            `json:"image,omitempty"`
	Runtime string            `json:"runtime,omitempty"`
	Group   *event.Group      `json:"group,omitempty"`
	Labels  map[string]string `json:"labels,omitempty"`
	// Parent is the id of the container that it runs in, Inside how many run directly in it.
	Parent string               `json:"parent,omitempty"`
	Inside int                  `json:"inside,omitempty"`
	State  model.ContainerState `json:"state"`
	// Status is State in words, with for how long.
	Status string `json:"status"`
	// EngineRestarts is its engine's own count, by its restart policy; absent where it is unknown.
	EngineRestarts *uint64 `json:"engine_restarts,omitempty"`
	// Restarts is absent where it is unknown.
	Restarts *uint64 `json:"restarts,omitempty"`
	PID      int32   `json:"pid,omitempty"`
	// Program is what the first process of a sandbox or a service calls itself.
	Program string    `json:"program,omitempty"`
	Created time.Time `json:"created,omitzero"`
	Started time.Time `json:"started,omitzero"`
	Exited  time.Time `json:"exited,omitzero"`
	// Exit is how an ended one ended, if nsviz saw it.
	Exit       *event.Exit                         `json:"exit,omitempty"`
	Namespaces map[event.NamespaceType]*Membership `json:"namespaces"`
	Memory     Memory                              `json:"memory"`
	// Use is absent where nothing is known, as of an ended one.
	Use *Use `json:"use,omitempty"`
	// Forecast is absent where no limit on its memory is reached within ten minutes, or that is unknown.
	Forecast *Forecast `json:"forecast,omitempty"`
	// NextVictim is absent where the limits are far, or it is unknown.
	NextVictim *fact.NextVictim `json:"next_victim,omitempty"`
	OOMKills   *uint64          `json:"oom_kills,omitempty"`
	// OOMKillsAtLeast is set where OOMKills is unknown and nsviz saw some.
	OOMKillsAtLeast uint64 `json:"oom_kills_at_least,omitempty"`
	// PIDsRefused is absent where it is unknown.
	PIDsRefused *uint64      `json:"pids_refused,omitempty"`
	Unheld      *fact.Unheld `json:"unheld,omitempty"`
	// SharedCgroup is the path of the cgroup that its PID 1 is in, if it has none of its own.
	SharedCgroup string       `json:"shared_cgroup,omitempty"`
	Stuck        *fact.Stuck  `json:"stuck,omitempty"`
	Paused       *fact.Paused `json:"paused,omitempty"`
	VM           *VM          `json:"vm,omitempty"`
}

// KindVM is the Workload.Kind of a virtual machine.
const KindVM = string(event.KindVM)

// KindOf returns the kind of a workload, also of a container.
func (w *Workload) KindOf() event.Kind { return cmp.Or(event.Kind(w.Kind), event.KindContainer) }

// Live reports whether it has begun to start and has not ended.
func (w *Workload) Live() bool { return w.State != model.Exited && w.State != model.Created }

// Killed reports whether the OOM killer took processes of it since it started; nil is unknown.
func (w *Workload) Killed() *bool {
	if w.OOMKills == nil && w.OOMKillsAtLeast == 0 {
		return nil
	}
	return new(w.OOMKills == nil || *w.OOMKills > 0)
}

// AllRestarts returns how often it was started again, by [model.AllRestarts].
func (w *Workload) AllRestarts() *uint64 { return model.AllRestarts(w.Restarts, w.EngineRestarts) }

// Label returns its name; if that is unknown, the short id of a container and what runs a virtual machine.
func (w *Workload) Label() string {
	if w.VM != nil {
		return w.machine().Label()
	}
	return cmp.Or(w.Name, event.ShortID(w.ID))
}

// machine returns what words a virtual machine.
func (w *Workload) machine() *model.VM {
	return &model.VM{
		VM: fact.VM{
			PID: w.PID, Started: w.Started, Kind: fact.VMKind(w.Runtime), Name: w.Name, Manager: w.VM.Manager, VCPUs: w.VM.VCPUs,
			MemoryBytes: w.VM.MemoryBytes, Acceleration: fact.Acceleration(w.VM.Acceleration),
		},
		Container: w.VM.Container,
	}
}

// VM holds what the host can see of a virtual machine. Unknown fields are absent.
type VM struct {
	Manager      string  `json:"manager,omitempty"`
	Container    string  `json:"container,omitempty"`
	VCPUs        *int    `json:"vcpus,omitempty"`
	MemoryBytes  *uint64 `json:"memory_bytes,omitempty"`
	Acceleration string  `json:"acceleration,omitempty"`
}

// Membership is the namespace of one type that a workload is in.
type Membership struct {
	ID uint64 `json:"id"`
	// Relation is whose it is; absent if that is unknown.
	Relation       model.Relation `json:"relation,omitempty"`
	SharedWithHost *bool          `json:"shared_with_host,omitempty"`
	SharedWith     []string       `json:"shared_with,omitempty"`
	// SharedGroup numbers the sets of containers that share namespaces that are not the host's, from 1; 0 is none.
	SharedGroup int `json:"shared_group,omitempty"`
	// Abandoned is set where the container that it was made for is not in it any more.
	Abandoned *model.Abandoned `json:"abandoned,omitempty"`
}

// Memory is a workload's memory usage and limit in bytes. An absent limit is unknown, unless Unlimited is set.
type Memory struct {
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
	// WorkingSetBytes is UsageBytes without the cached files that the kernel drops before it kills.
	WorkingSetBytes *uint64 `json:"working_set_bytes,omitempty"`
}

// Cache returns the cached files that are not in the working set; nil is unknown.
func (m Memory) Cache() *uint64 {
	return model.Memory{UsageBytes: m.UsageBytes, WorkingSetBytes: m.WorkingSetBytes}.CacheBytes()
}

// Forecast says when a workload runs out of memory if it goes on as in the last seconds.
type Forecast struct {
	fact.MemoryRoom

	InSeconds      float64 `json:"in_seconds"`
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// forecastOf returns a forecast in whole seconds and bytes: it is no more exact than that.
func forecastOf(f *model.Forecast) *Forecast {
	if f == nil {
		return nil
	}
	return &Forecast{MemoryRoom: f.Room, InSeconds: math.Round(f.In.Seconds()), BytesPerSecond: math.Round(f.BytesPerSecond)}
}

// Workloads lists the containers of a snapshot in the order of their start, the ended and the never-started ones after the
// live ones, and after them the virtual machines.
func Workloads(s *model.Snapshot) []Workload {
	list := make([]Workload, 0, len(s.Containers)+len(s.Quiet)+len(s.VMs))
	for c := range s.All() {
		out := Workload{
			Kind: string(c.Kind), ID: c.ID, Image: c.Image, Runtime: c.Runtime, Group: c.Group, Labels: c.Labels, Parent: c.Parent, Inside: c.Inside, PID: c.InitPID, Started: c.Started,
			State: c.State, Status: story.Status(c, s.Now()), Restarts: c.Restarts, EngineRestarts: c.EngineRestarts, Created: c.Created, Exited: c.Exited, Exit: c.Exit,
			Namespaces: memberships(c.Namespaces),
			Memory: Memory{
				UsageBytes: c.Memory.UsageBytes, LimitBytes: c.Memory.LimitBytes, Unlimited: c.Memory.Unlimited,
				WorkingSetBytes: c.Memory.WorkingSetBytes,
			},
			Use: useOf(c.Use), Forecast: forecastOf(c.Forecast), NextVictim: c.NextVictim,
			OOMKills: c.OOMKills, PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, SharedCgroup: c.SharedCgroup, Stuck: c.Stuck, Paused: c.Paused,
		}
		if c.OOMKills == nil {
			out.OOMKillsAtLeast = c.OOMKillsAtLeast
		}
		if c.Named {
			out.Name = c.Label
		}
		if c.Kind == event.KindSandbox || c.Kind == event.KindService {
			out.Program = c.InitComm
		}
		list = append(list, out)
	}
	for i := range s.VMs {
		v := &s.VMs[i]
		list = append(list, Workload{
			Kind: KindVM, ID: fmt.Sprintf("vm-%d", v.PID), Name: v.Name, Runtime: string(v.Kind), PID: v.PID, Started: v.Started,
			State: model.Running, Status: story.Up(v.Started, s.Time),
			Namespaces: memberships(v.Namespaces),
			Memory:     Memory{UsageBytes: v.ResidentBytes},
			VM: &VM{
				Manager: v.Manager, Container: v.Container, VCPUs: v.VCPUs, MemoryBytes: v.MemoryBytes, Acceleration: string(v.Acceleration),
			},
		})
	}
	return list
}

func memberships(of [event.NamespaceTypeCount]model.Membership) map[event.NamespaceType]*Membership {
	out := map[event.NamespaceType]*Membership{}
	for t, m := range of {
		if m.ID == 0 {
			continue
		}
		membership := &Membership{ID: m.ID, Relation: m.Relation, SharedWith: m.SharedWith.Labels(), SharedGroup: m.Group, Abandoned: m.Abandoned}
		if m.Relation != model.RelationUnknown {
			membership.SharedWithHost = new(m.Relation == model.RelationHost)
		}
		out[event.NamespaceType(t)] = membership
	}
	return out
}
