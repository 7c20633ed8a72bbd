package isolation

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// sharing says which live containers are in which namespaces together. Where many are, as in the
// host's, that takes time and memory; so it is kept until something in it changes, and snapshots share
// it.
type sharing struct {
	host    event.NamespaceIDs
	members []member // the live containers in the order of the list

	// companies are the companies of containers by namespace; a namespace with one container in it has
	// a company of one.
	companies   map[uint64]*company
	groups      int                                    // the highest number of a group
	memberships [][event.NamespaceTypeCount]Membership // of members, by index
}

// member is what of a container matters here.
type member struct {
	container  *container
	label      string
	begin      time.Time
	namespaces event.NamespaceIDs
}

// company is the containers that are in a namespace together. Namespaces with the same containers in
// them have the same company: what counts is with whom one shares, not what.
type company struct {
	members []int    // indexes, ascending
	labels  []string // of all of them, sorted
	others  map[int][]string
	group   int // 0 where none of its namespaces is shared without the host
}

// share takes in the live containers in the order of the list.
func (m *Model) share(live []*container) {
	members := make([]member, len(live))
	for i, c := range live {
		members[i] = member{c, c.label(), c.begin(), c.namespaces}
	}
	if m.host.Namespaces == m.sharing.host && slices.Equal(members, m.sharing.members) {
		return
	}
	m.sharing = newSharing(m.host.Namespaces, members)
	m.listed = nil
}

func newSharing(host event.NamespaceIDs, members []member) sharing {
	s := sharing{
		host: host, members: members,
		companies: map[uint64]*company{}, memberships: make([][event.NamespaceTypeCount]Membership, len(members)),
	}
	inside := map[uint64][]int{}
	for i := range members {
		for _, id := range members[i].namespaces {
			if id != 0 {
				inside[id] = append(inside[id], i)
			}
		}
	}
	s.meet(inside)
	// Groups are numbered in the order of the list, so that the numbers keep their meaning.
	for i := range members {
		for t, id := range members[i].namespaces {
			if id == 0 {
				continue
			}
			company := s.companies[id]
			if host[t] != 0 && host[t] != id && len(company.members) > 1 && company.group == 0 {
				s.number(company)
			}
			s.memberships[i][t] = Membership{ID: id, Relation: s.relation(t, id), SharedWith: company.others[i]}
			if s.memberships[i][t].Relation == RelationShared {
				s.memberships[i][t].Group = company.group
			}
		}
	}
	return s
}

func (s *sharing) number(c *company) {
	s.groups++
	c.group = s.groups
}

// meet makes the companies from the indexes of the containers that are in each namespace.
func (s *sharing) meet(inside map[uint64][]int) {
	bySet := map[string]*company{}
	var set []byte
	for id, members := range inside {
		set = set[:0]
		for _, i := range members {
			set = binary.NativeEndian.AppendUint32(set, uint32(i))
		}
		c := bySet[string(set)]
		if c == nil {
			c = s.newCompany(members)
			bySet[string(set)] = c
		}
		s.companies[id] = c
	}
}

func (s *sharing) newCompany(members []int) *company {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b int) int {
		return cmp.Or(strings.Compare(s.members[a].label, s.members[b].label), cmp.Compare(a, b))
	})
	c := &company{members: members, labels: make([]string, len(sorted))}
	for at, i := range sorted {
		c.labels[at] = s.members[i].label
	}
	if len(sorted) > 1 {
		c.others = make(map[int][]string, len(sorted))
		for at, i := range sorted {
			c.others[i] = slices.Concat(c.labels[:at], c.labels[at+1:])
		}
	}
	return c
}

func (s *sharing) relation(t int, id uint64) Relation {
	switch {
	case s.host[t] == 0:
		return RelationUnknown
	case s.host[t] == id:
		return RelationHost
	case len(s.companies[id].members) > 1:
		return RelationShared
	}
	return RelationOwn
}

// labelsIn are the labels of the live containers in a namespace, sorted.
func (s *sharing) labelsIn(id uint64) []string {
	if c := s.companies[id]; c != nil {
		return c.labels
	}
	return nil
}

// past says where an ended container was. The kernel soon gives the numbers of its namespaces to
// others: only with those that were there before it ended has it shared.
func (s *sharing) past(gone *container) (list [event.NamespaceTypeCount]Membership) {
	for t, id := range gone.namespaces {
		if id == 0 {
			continue
		}
		list[t] = Membership{ID: id}
		company := s.companies[id]
		switch {
		case s.host[t] == 0:
			continue
		case s.host[t] == id:
			list[t].Relation = RelationHost
			list[t].SharedWith = s.labelsIn(id)
			continue
		case company != nil:
			for _, i := range company.members {
				if s.members[i].begin.Before(gone.exited) {
					list[t].SharedWith = append(list[t].SharedWith, s.members[i].label)
				}
			}
			slices.Sort(list[t].SharedWith)
		}
		list[t].Relation = RelationOwn
		if list[t].SharedWith != nil {
			if company.group == 0 { // only one is left
				s.number(company)
			}
			list[t].Relation, list[t].Group = RelationShared, company.group
		}
	}
	return list
}
