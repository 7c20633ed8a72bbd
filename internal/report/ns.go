package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
)

// Namespace is one element of `nsviz ns -o json`, described in docs/EVENTS.md.
type Namespace struct {
	Type       event.NamespaceType `json:"type"`
	ID         uint64              `json:"id"`
	Owner      uint64              `json:"owner,omitempty"`
	Parent     uint64              `json:"parent,omitempty"`
	Created    time.Time           `json:"created,omitzero"`
	Creator    *event.Process      `json:"creator,omitempty"`
	Processes  []int32             `json:"processes"`
	Containers []string            `json:"containers"`
	PinnedBy   []string            `json:"pinned_by"`
	// Host is set if it is the host's own.
	Host bool `json:"host,omitempty"`
	// ProcessesIncomplete is set if other processes may be in it, whose namespaces nsviz may not read.
	ProcessesIncomplete bool `json:"processes_incomplete,omitempty"`
}

// Namespaces lists all namespaces of the host.
func Namespaces(s *model.Snapshot) []Namespace {
	list := make([]Namespace, 0, len(s.Namespaces))
	for _, n := range s.Namespaces {
		list = append(list, Namespace{
			Type: n.Type, ID: n.ID, Owner: n.Owner, Parent: n.Parent, Created: n.Created, Creator: n.Creator,
			Processes:  append([]int32{}, n.Processes...),
			Containers: append([]string{}, n.Containers...),
			PinnedBy:   append([]string{}, n.PinnedBy...),
			Host:       n.Host,

			ProcessesIncomplete: s.Unseen.Any(),
		})
	}
	return list
}

// NamespacesOf returns a snapshot with the namespaces of some containers alone: of the container, or of all members of the pod or
// project, that a name stands for; or of the process whose PID it is, as the host counts. A complete name or id comes first.
func NamespacesOf(s *model.Snapshot, name string) (*model.Snapshot, error) {
	found, err := FindAll(s, name)
	only := *s
	only.Containers, only.Quiet, only.Namespaces, only.VMs = nil, nil, nil, nil
	if len(found) != 1 || found[0].Label != name && found[0].ID != name {
		if of := namespacesOfProcess(s, name); len(of) > 0 {
			only.Namespaces = of
			return &only, nil
		}
	}
	if err != nil {
		return nil, err
	}
	in := map[uint64]bool{}
	for _, c := range found {
		only.Containers = append(only.Containers, *c)
		for _, m := range c.Namespaces {
			in[m.ID] = true
		}
	}
	for i := range s.Namespaces {
		if in[s.Namespaces[i].ID] {
			only.Namespaces = append(only.Namespaces, s.Namespaces[i])
		}
	}
	return &only, nil
}

// namespacesOfProcess returns the namespaces of the process whose PID a name is; none if it is no PID, or the process may not be looked into.
func namespacesOfProcess(s *model.Snapshot, name string) (of []model.Namespace) {
	pid, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return nil
	}
	for i := range s.Namespaces {
		if _, in := slices.BinarySearch(s.Namespaces[i].Processes, int32(pid)); in {
			of = append(of, s.Namespaces[i])
		}
	}
	return of
}

// WriteNamespaces writes them for people, type by type, pid and user namespaces below their parents.
func WriteNamespaces(out io.Writer, s *model.Snapshot) error {
	var b strings.Builder
	for _, t := range event.NamespaceTypes() {
		var all []*model.Namespace
		for i := range s.Namespaces {
			if n := &s.Namespaces[i]; n.Type == t {
				all = append(all, n)
			}
		}
		fmt.Fprintf(&b, "%s\n", t)
		branches(&b, model.NamespacesByParent(all), 1, s.Unseen)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func branches(b *strings.Builder, nodes []*model.NamespaceNode, depth int, unseen *fact.Unseen) {
	for _, n := range nodes {
		fmt.Fprintf(b, "%s%d  %s\n", strings.Repeat("  ", depth), n.ID, strings.Join(inhabitants(n.Namespace, unseen), ", "))
		branches(b, n.Below, depth+1, unseen)
	}
}

func inhabitants(n *model.Namespace, unseen *fact.Unseen) []string {
	var words []string
	if n.Host {
		words = append(words, "the host's")
	}
	for _, c := range n.Containers {
		words = append(words, foreign.Name(c))
	}
	atLeast := ""
	if unseen.Blind() {
		atLeast = "at least "
	}
	switch len(n.Processes) {
	case 0:
		if unseen.Blind() {
			words = append(words, "processes unknown")
		} else {
			words = append(words, "no process")
		}
	case 1:
		words = append(words, fmt.Sprintf("%s1 process: %d", atLeast, n.Processes[0]))
	default:
		words = append(words, fmt.Sprintf("%s%d processes from %d on", atLeast, len(n.Processes), n.Processes[0]))
	}
	for _, pin := range n.PinnedBy {
		words = append(words, "kept by "+foreign.Prose(pin))
	}
	return words
}
