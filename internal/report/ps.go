package report

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Workload is one element of `nsviz ps -o json`, described in docs/EVENTS.md: a container or a virtual machine. A virtual
// machine has all fields that a container always has, for scripts that rely on them.
type Workload struct {
	// Kind is "vm", "pod" for what the containers of a pod share or, for a container, absent.
	Kind       string                              `json:"kind,omitempty"`
	ID         string                              `json:"id"`
	Name       string                              `json:"name,omitempty"`
	Image      string                              `json:"image,omitempty"`
	Runtime    string                              `json:"runtime,omitempty"`
	Group      *event.Group                        `json:"group,omitempty"`
	Labels     map[string]string                   `json:"labels,omitempty"`
	PID        int32                               `json:"pid,omitempty"`
	Started    time.Time                           `json:"started,omitzero"`
	Namespaces map[event.NamespaceType]*Membership `json:"namespaces"`
	Memory     Memory                              `json:"memory"`
	OOMKills   *uint64                             `json:"oom_kills,omitempty"`
	// PIDsRefused is absent where it is unknown.
	PIDsRefused *uint64      `json:"pids_refused,omitempty"`
	Unheld      *fact.Unheld `json:"unheld,omitempty"`
	Stuck       *fact.Stuck  `json:"stuck,omitempty"`
	// State is absent for a virtual machine.
	State  model.ContainerState `json:"state,omitempty"`
	Paused *fact.Paused         `json:"paused,omitempty"`
	// Restarts is how often it was started again since nsviz watched; absent where it did not watch.
	Restarts *uint64 `json:"restarts,omitempty"`
	VM       *VM     `json:"vm,omitempty"`
}

// KindVM is the Workload.Kind of a virtual machine.
const KindVM = "vm"

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
	ID             uint64   `json:"id"`
	SharedWithHost *bool    `json:"shared_with_host,omitempty"`
	SharedWith     []string `json:"shared_with,omitempty"`
	// Abandoned is set where the container that it was made for is not in it any more.
	Abandoned *model.Abandoned `json:"abandoned,omitempty"`
}

// Memory is a workload's memory usage and limit in bytes. An absent limit is unknown, unless Unlimited is set.
type Memory struct {
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
}

// Workloads lists the containers in the order of their start, and after them the virtual machines.
func Workloads(s *model.Snapshot) []Workload {
	list := make([]Workload, 0, len(s.Containers)+len(s.VMs))
	for i := range s.Containers {
		c := &s.Containers[i]
		out := Workload{
			Kind: string(c.Kind), ID: c.ID, Image: c.Image, Runtime: c.Runtime, Group: c.Group, Labels: c.Labels, PID: c.InitPID, Started: c.Started,
			Namespaces: memberships(c.Namespaces),
			Memory:     Memory{UsageBytes: c.Memory.UsageBytes, LimitBytes: c.Memory.LimitBytes, Unlimited: c.Memory.Unlimited},
			OOMKills:   c.OOMKills, PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, Stuck: c.Stuck, State: c.State, Paused: c.Paused, Restarts: c.Restarts,
		}
		if c.Named {
			out.Name = c.Label
		}
		list = append(list, out)
	}
	for i := range s.VMs {
		v := &s.VMs[i]
		list = append(list, Workload{
			Kind: KindVM, ID: fmt.Sprintf("vm-%d", v.PID), Name: v.Name, Runtime: string(v.Kind), PID: v.PID, Started: v.Started,
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
		membership := &Membership{ID: m.ID, SharedWith: m.SharedWith.Labels(), Abandoned: m.Abandoned}
		if m.Relation != model.RelationUnknown {
			membership.SharedWithHost = new(m.Relation == model.RelationHost)
		}
		out[event.NamespaceType(t)] = membership
	}
	return out
}

// WriteWorkloads writes the same list as a table for people, with times in a zone.
func WriteWorkloads(out io.Writer, s *model.Snapshot, zone *time.Location) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "CONTAINER\tHOST PID\tSTARTED")
	for _, t := range event.NamespaceTypes() {
		fmt.Fprintf(w, "\t%s", t)
	}
	fmt.Fprintln(w, "\tMEMORY\tLIMIT\tOOM\tIMAGE")
	for _, l := range psLines(s) {
		c := l.container
		if c == nil {
			l.writeHeading(w)
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s", l.name, orUnknown(c.InitPID != 0, c.InitPID), started(c.Started, zone)+pausedMark(c))
		for _, m := range c.Namespaces {
			fmt.Fprintf(w, "\t%s", relationWord(m))
		}
		fmt.Fprintf(w, "\t%s\t%s\t%s\t%s\n", bytesOrUnknown(c.Memory.UsageBytes), limit(c), kills(c), foreign.Name(c.Image))
	}
	for i := range s.VMs {
		v := &s.VMs[i]
		fmt.Fprintf(w, "%s\t%d\t%s", foreign.Name(v.Label())+" (VM)", v.PID, started(v.Started, zone))
		for _, m := range v.Namespaces {
			fmt.Fprintf(w, "\t%s", relationWord(m))
		}
		// Its limit is in the sentence: no cgroup holds a guest to its memory.
		fmt.Fprintf(w, "\t%s\t-\t-\t%s\n", bytesOrUnknown(v.ResidentBytes), story.VM(v).For(zone))
	}
	return w.Flush()
}

// limit returns a container's limit of memory and whether that does what it is for.
func limit(c *model.Container) string {
	words := bytesOrUnknown(c.Memory.LimitBytes)
	if c.Memory.Unlimited {
		words = "none"
	}
	const stuck = "stuck: the OOM killer is off"
	switch {
	case c.Unheld != nil && c.Stuck != nil:
		return "not held, in " + foreign.Name(story.CgroupWords(c.Unheld.Cgroup)) + "; " + words + ", " + stuck
	case c.Unheld != nil:
		return "not held, in " + foreign.Name(story.CgroupWords(c.Unheld.Cgroup))
	case c.Stuck != nil:
		return words + ", " + stuck
	}
	return words
}

// kills returns how many OOM kills there were in a container since it started.
func kills(c *model.Container) string {
	switch {
	case c.OOMKills != nil:
		return strconv.FormatUint(*c.OOMKills, 10)
	case c.OOMKillsAtLeast > 0:
		return fmt.Sprintf("%d+", c.OOMKillsAtLeast)
	}
	return "?"
}

// pausedMark marks a container that the freezer stops.
func pausedMark(c *model.Container) string {
	if c.Paused == nil {
		return ""
	}
	return ", paused"
}

func started(at time.Time, zone *time.Location) string {
	return orUnknown(!at.IsZero(), at.In(zone).Format(toTheSecond))
}

func orUnknown(known bool, v any) string {
	if !known {
		return "?"
	}
	return fmt.Sprint(v)
}

func bytesOrUnknown(n *uint64) string {
	if n == nil {
		return "?"
	}
	return story.Bytes(*n)
}

// relationWord says whose a namespace is; containers that share one carry the same number. One that is left behind by the
// container that it was made for is a dead one.
func relationWord(m model.Membership) string {
	if m.Abandoned != nil {
		return "dead"
	}
	switch m.Relation {
	case model.RelationOwn:
		return "own"
	case model.RelationHost:
		return "host"
	case model.RelationShared:
		if m.Group == 0 { // not with several containers
			return "shared"
		}
		return fmt.Sprintf("shared%d", m.Group)
	}
	return "?"
}
