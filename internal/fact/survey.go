package fact

import (
	"reflect"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Survey lists the namespaces that could be found by reading the host, and the virtual machines. Recordings
// of versions that did not look for these have none.
type Survey struct {
	Namespaces []Namespace `json:"namespaces"`
	VMs        []VM        `json:"vms,omitempty"`
	// Unseen counts what nsviz could not look into; nil in recordings of versions that did not count it.
	Unseen *Unseen `json:"unseen,omitempty"`
	// LeftOut is how many live sandboxes and services are not listed, because their users have too many.
	LeftOut int `json:"left_out,omitempty"`
	// Resync is set if a survey is repeated after lost facts, with the changes that events have reported since. Of is the
	// time of the original; zero is never.
	Resync bool      `json:"resync,omitempty"`
	Of     time.Time `json:"of,omitzero"`
}

// Unseen counts the processes whose namespaces nsviz may not read. It may miss namespaces that only they are in, and virtual
// machines among them.
type Unseen struct {
	// Processes is how many of them /proc shows.
	Processes int `json:"processes"`
	// Hidden is set if there are more, which /proc does not show.
	Hidden bool `json:"hidden,omitempty"`
	// Untraced is set if nsviz lacks the right to look into the processes of others (CAP_SYS_PTRACE). Otherwise these are a few
	// that have more rights than nsviz, or that a security module protects.
	Untraced bool `json:"untraced,omitempty"`
}

// Blind reports whether so much is unseen that what was found is far from complete. It may be called on nil.
func (u *Unseen) Blind() bool { return u != nil && (u.Hidden || u.Untraced && u.Processes > 0) }

// Any reports whether there may be namespaces and virtual machines that were not found. It may be called on nil.
func (u *Unseen) Any() bool { return u != nil && (u.Hidden || u.Processes > 0) }

// Namespace is one namespace of a Survey.
type Namespace struct {
	Type      event.NamespaceType `json:"type"`
	ID        uint64              `json:"id"`
	Owner     uint64              `json:"owner,omitempty"`
	Parent    uint64              `json:"parent,omitempty"`
	Processes []int32             `json:"processes,omitempty"`
	PinnedBy  []string            `json:"pinned_by,omitempty"`
	// MadeFor and the fields below come from a model, and are set only after lost facts: the container that the namespace was
	// made for, whether its runtime created it in that container's cgroup, and whether any container was in it.
	MadeFor    *event.Container `json:"made_for,omitempty"`
	MadeInside bool             `json:"made_inside,omitempty"`
	Contained  bool             `json:"contained,omitempty"`
}

// Equal reports whether two namespaces are equal.
func (n *Namespace) Equal(to *Namespace) bool {
	return n.ID == to.ID && n.Type == to.Type && n.Owner == to.Owner && n.Parent == to.Parent &&
		slices.Equal(n.Processes, to.Processes) && slices.Equal(n.PinnedBy, to.PinnedBy) &&
		n.MadeInside == to.MadeInside && n.Contained == to.Contained &&
		(n.MadeFor == to.MadeFor || n.MadeFor != nil && to.MadeFor != nil && reflect.DeepEqual(n.MadeFor, to.MadeFor))
}

// Equal reports whether two surveys have found the same. It may be called on nil.
func (s *Survey) Equal(to *Survey) bool {
	if s == nil || to == nil {
		return s == to
	}
	one, other := *s, *to
	one.Namespaces, other.Namespaces = nil, nil
	return slices.EqualFunc(s.Namespaces, to.Namespaces, func(a, b Namespace) bool { return a.Equal(&b) }) && reflect.DeepEqual(one, other)
}
