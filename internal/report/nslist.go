package report

import (
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// NamespaceList is what a running nsviz answers with when it is asked for its namespaces, described in docs/API.md.
type NamespaceList struct {
	// AsOf is the time of the snapshot.
	AsOf time.Time `json:"as_of"`
	// Unseen is what nsviz could not look into; absent where that is nothing, or unknown.
	Unseen *fact.Unseen `json:"unseen,omitempty"`
	// LeftOut counts those beyond a limit that was asked for.
	LeftOut    int         `json:"left_out,omitempty"`
	Namespaces []Namespace `json:"namespaces"`
}

// NewNamespaceList lists the namespaces of a snapshot.
func NewNamespaceList(s *model.Snapshot) NamespaceList {
	return NamespaceList{AsOf: s.Time, Unseen: s.Unseen, Namespaces: Namespaces(s)}
}

// Snapshot returns a snapshot with these namespaces alone.
func (l *NamespaceList) Snapshot() *model.Snapshot {
	s := &model.Snapshot{Time: l.AsOf, Unseen: l.Unseen}
	for i := range l.Namespaces {
		n := &l.Namespaces[i]
		s.Namespaces = append(s.Namespaces, model.Namespace{
			Type: n.Type, ID: n.ID, Owner: n.Owner, Parent: n.Parent, Created: n.Created, Creator: n.Creator, Processes: n.Processes,
			Containers: n.Containers, PinnedBy: n.PinnedBy, Host: n.Host,
		})
	}
	return s
}
