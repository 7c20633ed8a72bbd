package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/ui"
)

func newPs(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "ps", GroupID: groupOnce, Args: noArguments,
		Short: "List containers and how they are isolated",
		RunE: func(cmd *cobra.Command, _ []string) error {
			snapshot, err := o.once(cmd.Context(), s)
			if err != nil {
				return err
			}
			if form == "json" {
				return writeJSON(s.out, psJSON(snapshot))
			}
			return psTable(s.out, snapshot)
		},
	}
	outputFlag(cmd, &form, "table", "json")
	return cmd
}

// once looks at the host a single time.
func (o *options) once(ctx context.Context, s *streams) (*isolation.Snapshot, error) {
	p, err := o.pipeline(o.quiet(s.err))
	if err != nil {
		return nil, err
	}
	return p.Once(ctx)
}

func writeJSON(out io.Writer, v any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// psContainer is one element of `nsviz ps -o json`, described in docs/EVENTS.md.
type psContainer struct {
	ID         string                                `json:"id"`
	Name       string                                `json:"name,omitempty"`
	Image      string                                `json:"image,omitempty"`
	Runtime    string                                `json:"runtime,omitempty"`
	PID        int32                                 `json:"pid,omitempty"`
	Started    time.Time                             `json:"started,omitzero"`
	Namespaces map[event.NamespaceType]*psMembership `json:"namespaces"`
	Memory     psMemory                              `json:"memory"`
	OOMKills   uint64                                `json:"oom_kills"`
}

type psMembership struct {
	ID             uint64   `json:"id"`
	SharedWithHost *bool    `json:"shared_with_host,omitempty"`
	SharedWith     []string `json:"shared_with,omitempty"`
}

type psMemory struct {
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
}

func psJSON(s *isolation.Snapshot) []psContainer {
	list := make([]psContainer, 0, len(s.Containers))
	for i := range s.Containers {
		c := &s.Containers[i]
		out := psContainer{
			ID: c.ID, Image: c.Image, Runtime: c.Runtime, PID: c.InitPID, Started: c.Started,
			Namespaces: map[event.NamespaceType]*psMembership{},
			Memory:     psMemory{UsageBytes: c.Memory.UsageBytes, LimitBytes: c.Memory.LimitBytes, Unlimited: c.Memory.Unlimited},
			OOMKills:   c.OOMKills,
		}
		if c.Named {
			out.Name = c.Label
		}
		for t, m := range c.Namespaces {
			if m.ID == 0 {
				continue
			}
			membership := &psMembership{ID: m.ID, SharedWith: m.SharedWith}
			if m.Relation != isolation.RelationUnknown {
				membership.SharedWithHost = new(m.Relation == isolation.RelationHost)
			}
			out.Namespaces[event.NamespaceType(t)] = membership
		}
		list = append(list, out)
	}
	return list
}

func psTable(out io.Writer, s *isolation.Snapshot) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "CONTAINER\tHOST PID\tSTARTED")
	for _, t := range event.NamespaceTypes() {
		fmt.Fprintf(w, "\t%s", t)
	}
	fmt.Fprintln(w, "\tMEMORY\tLIMIT\tOOM\tIMAGE")
	for i := range s.Containers {
		c := &s.Containers[i]
		fmt.Fprintf(w, "%s\t%s\t%s", ui.Clean(c.Label), orUnknown(c.InitPID != 0, c.InitPID), started(c))
		for _, m := range c.Namespaces {
			fmt.Fprintf(w, "\t%s", relationWord(m))
		}
		limit := bytesOrUnknown(c.Memory.LimitBytes)
		if c.Memory.Unlimited {
			limit = "none"
		}
		fmt.Fprintf(w, "\t%s\t%s\t%d\t%s\n", bytesOrUnknown(c.Memory.UsageBytes), limit, c.OOMKills, ui.Clean(c.Image))
	}
	return w.Flush()
}

func started(c *isolation.Container) string {
	return orUnknown(!c.Started.IsZero(), c.Started.Local().Format("2006-01-02 15:04:05"))
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
	return ui.Bytes(*n)
}

// relationWord says whose a namespace is; containers that share one carry the same number.
func relationWord(m isolation.Membership) string {
	switch m.Relation {
	case isolation.RelationOwn:
		return "own"
	case isolation.RelationHost:
		return "host"
	case isolation.RelationShared:
		return fmt.Sprintf("shared%d", m.Group)
	}
	return "?"
}
