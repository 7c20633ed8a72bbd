package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

func newPs(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "ps", GroupID: groupOnce, Args: noArguments,
		Short: "List containers, virtual machines and how they are isolated",
		Long: "Lists the containers in the order of their start and after them the virtual machines: from here each of these\n" +
			"is one process with a kernel of its own, and nothing inside is visible. In JSON they have \"kind\": \"vm\".",
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if form == "json" {
				return writeJSON(s.out, psJSON(snapshot))
			}
			return psTable(s.out, snapshot, s.zone)
		},
	}
	outputFlag(cmd, &form, "table", "json")
	return cmd
}

func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(foreign.JSONWriter(out))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// psElement is one element of `nsviz ps -o json`, described in docs/EVENTS.md: a container, or a virtual
// machine, which has all that a container always has, for scripts that rely on it.
type psElement struct {
	// Kind is "vm" or, for a container, absent.
	Kind       string                                `json:"kind,omitempty"`
	ID         string                                `json:"id"`
	Name       string                                `json:"name,omitempty"`
	Image      string                                `json:"image,omitempty"`
	Runtime    string                                `json:"runtime,omitempty"`
	PID        int32                                 `json:"pid,omitempty"`
	Started    time.Time                             `json:"started,omitzero"`
	Namespaces map[event.NamespaceType]*psMembership `json:"namespaces"`
	Memory     psMemory                              `json:"memory"`
	OOMKills   *uint64                               `json:"oom_kills,omitempty"`
	// PIDsRefused is absent where it is unknown.
	PIDsRefused *uint64      `json:"pids_refused,omitempty"`
	Unheld      *fact.Unheld `json:"unheld,omitempty"`
	Stuck       *fact.Stuck  `json:"stuck,omitempty"`
	VM          *psVM        `json:"vm,omitempty"`
}

const kindVM = "vm"

type psVM struct {
	Manager      string  `json:"manager,omitempty"`
	Container    string  `json:"container,omitempty"`
	VCPUs        *int    `json:"vcpus,omitempty"`
	MemoryBytes  *uint64 `json:"memory_bytes,omitempty"`
	Acceleration string  `json:"acceleration,omitempty"`
}

type psMembership struct {
	ID             uint64   `json:"id"`
	SharedWithHost *bool    `json:"shared_with_host,omitempty"`
	SharedWith     []string `json:"shared_with,omitempty"`
	// Abandoned is set where the container that it was made for is not in it any more.
	Abandoned *isolation.Abandoned `json:"abandoned,omitempty"`
}

type psMemory struct {
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
}

func psJSON(s *isolation.Snapshot) []psElement {
	list := make([]psElement, 0, len(s.Containers)+len(s.VMs))
	for i := range s.Containers {
		c := &s.Containers[i]
		out := psElement{
			ID: c.ID, Image: c.Image, Runtime: c.Runtime, PID: c.InitPID, Started: c.Started,
			Namespaces: psNamespaces(c.Namespaces),
			Memory:     psMemory{UsageBytes: c.Memory.UsageBytes, LimitBytes: c.Memory.LimitBytes, Unlimited: c.Memory.Unlimited},
			OOMKills:   c.OOMKills, PIDsRefused: c.PIDsRefused, Unheld: c.Unheld, Stuck: c.Stuck,
		}
		if c.Named {
			out.Name = c.Label
		}
		list = append(list, out)
	}
	for i := range s.VMs {
		v := &s.VMs[i]
		list = append(list, psElement{
			Kind: kindVM, ID: fmt.Sprintf("vm-%d", v.PID), Name: v.Name, Runtime: string(v.Kind), PID: v.PID, Started: v.Started,
			Namespaces: psNamespaces(v.Namespaces),
			Memory:     psMemory{UsageBytes: v.ResidentBytes},
			VM: &psVM{
				Manager: v.Manager, Container: v.Container, VCPUs: v.VCPUs, MemoryBytes: v.MemoryBytes, Acceleration: string(v.Acceleration),
			},
		})
	}
	return list
}

func psNamespaces(memberships [event.NamespaceTypeCount]isolation.Membership) map[event.NamespaceType]*psMembership {
	out := map[event.NamespaceType]*psMembership{}
	for t, m := range memberships {
		if m.ID == 0 {
			continue
		}
		membership := &psMembership{ID: m.ID, SharedWith: m.SharedWith.Labels(), Abandoned: m.Abandoned}
		if m.Relation != isolation.RelationUnknown {
			membership.SharedWithHost = new(m.Relation == isolation.RelationHost)
		}
		out[event.NamespaceType(t)] = membership
	}
	return out
}

func psTable(out io.Writer, s *isolation.Snapshot, zone *time.Location) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "CONTAINER\tHOST PID\tSTARTED")
	for _, t := range event.NamespaceTypes() {
		fmt.Fprintf(w, "\t%s", t)
	}
	fmt.Fprintln(w, "\tMEMORY\tLIMIT\tOOM\tIMAGE")
	for i := range s.Containers {
		c := &s.Containers[i]
		fmt.Fprintf(w, "%s\t%s\t%s", foreign.Name(c.Label), orUnknown(c.InitPID != 0, c.InitPID), started(c.Started, zone))
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

// limit is a container's limit of memory and whether that does what it is for.
func limit(c *isolation.Container) string {
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

// kills is how many OOM kills there were in a container since it started.
func kills(c *isolation.Container) string {
	switch {
	case c.OOMKills != nil:
		return strconv.FormatUint(*c.OOMKills, 10)
	case c.OOMKillsAtLeast > 0:
		return fmt.Sprintf("%d+", c.OOMKillsAtLeast)
	}
	return "?"
}

func started(at time.Time, zone *time.Location) string {
	return orUnknown(!at.IsZero(), at.In(zone).Format("2006-01-02 15:04:05"))
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
func relationWord(m isolation.Membership) string {
	if m.Abandoned != nil {
		return "dead"
	}
	switch m.Relation {
	case isolation.RelationOwn:
		return "own"
	case isolation.RelationHost:
		return "host"
	case isolation.RelationShared:
		if m.Group == 0 { // not with several containers
			return "shared"
		}
		return fmt.Sprintf("shared%d", m.Group)
	}
	return "?"
}
