package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Listing is what a running nsviz answers with when it is asked for its workloads, described in docs/EVENTS.md.
type Listing struct {
	// AsOf is the time of the snapshot.
	AsOf time.Time `json:"as_of"`
	// Workloads are the live ones, the ended ones and those that never started. Membership.SharedWith is left out for namespaces
	// that are the host's: all containers share some of them, so that the answer would grow with the square of their number.
	Workloads []Workload `json:"workloads"`
	// LeftOut counts those beyond a limit that was asked for.
	LeftOut int `json:"left_out,omitempty"`
}

// NewListing lists the workloads of a snapshot.
func NewListing(s *model.Snapshot) Listing { return ListingOf(s, Workloads(s)) }

// ListingOf lists some of the workloads of a snapshot, which it changes.
func ListingOf(s *model.Snapshot, list []Workload) Listing {
	l := Listing{AsOf: s.Time, Workloads: list}
	for i := range l.Workloads {
		for _, m := range l.Workloads[i].Namespaces {
			if m.Relation == model.RelationHost {
				m.SharedWith = nil
			}
		}
	}
	return l
}

// Complete returns the workloads with all that Workloads has of them.
func (l *Listing) Complete() []Workload {
	type namespace struct {
		of event.NamespaceType
		id uint64
	}
	live := map[namespace][]int{}
	for i := range l.Workloads {
		maps.DeleteFunc(l.Workloads[i].Namespaces, func(_ event.NamespaceType, m *Membership) bool { return m == nil }) // of what is no nsviz
		if w := &l.Workloads[i]; w.VM == nil && w.Live() {
			for of, m := range w.Namespaces {
				if m.Relation == model.RelationHost {
					live[namespace{of, m.ID}] = append(live[namespace{of, m.ID}], i)
				}
			}
		}
	}
	for _, members := range live {
		slices.SortFunc(members, func(a, b int) int { return strings.Compare(l.Workloads[a].Label(), l.Workloads[b].Label()) })
	}
	for i := range l.Workloads {
		for of, m := range l.Workloads[i].Namespaces {
			if m.Relation != model.RelationHost {
				continue
			}
			for _, other := range live[namespace{of, m.ID}] {
				if other != i {
					m.SharedWith = append(m.SharedWith, l.Workloads[other].Label())
				}
			}
		}
	}
	return l.Workloads
}
