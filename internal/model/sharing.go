package model

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// Others holds the other containers in a namespace of a container. All memberships in a namespace refer to one list, so
// that a thousand containers in one namespace take a thousand references and not a million labels. The zero Others is empty.
type Others struct {
	in *group
	// self is the index of the container itself in the list, -1 if it is not in it.
	self, count int32
}

// OthersNamed returns Others with some labels.
func OthersNamed(labels ...string) Others {
	if len(labels) == 0 {
		return Others{}
	}
	return Others{in: &group{labels: slices.Sorted(slices.Values(labels))}, self: -1, count: int32(len(labels))}
}

// Count returns how many there are.
func (o Others) Count() int { return int(o.count) }

// Labels returns their labels, sorted; nil if there are none. The list is the caller's.
func (o Others) Labels() []string {
	if o.count == 0 {
		return nil
	}
	list := make([]string, 0, o.count)
	for i, label := range o.in.labels {
		if i == int(o.self) || o.in.until != nil && o.in.begins[i] >= *o.in.until {
			continue
		}
		list = append(list, label)
	}
	return list
}

// Equal reports whether both hold the same containers.
func (o Others) Equal(other Others) bool { return slices.Equal(o.Labels(), other.Labels()) }

// group holds the live containers that share a namespace. It is immutable, since snapshots share it.
type group struct {
	labels []string  // sorted
	begins []instant // when each began
	// until, if set, leaves out the containers that began at or after it.
	until *instant
}

// sharing holds which live containers share which namespaces. It is rebuilt when one of its members changes.
type sharing struct {
	host    event.NamespaceIDs
	members []sharer // the live containers in the order of the list
	labels  []string // of members; snapshots share it

	// spaces are the namespaces that members are in. A namespace's roster has its index. hosts has those of the host's
	// namespaces, which have no roster.
	spaces []space
	hosts  map[uint64]int32
	round  uint64 // grows with each rebuilding
	// rosters are Model.within.
	rosters map[uint64]*roster
	arena   []int32 // the members of spaces
	order   []int32 // of members, by their labels
	// sets holds the sets of several members that share a namespace.
	sets     []memberSet
	numbered int // the highest number of a group
	// ones holds the numbers of groups with one live member, by its index.
	ones        map[int32]int
	memberships [][event.NamespaceTypeCount]Membership // of members, by index
}

// sharer holds what sharing uses of a container.
type sharer struct {
	container  *container
	label      string
	begin      instant
	namespaces event.NamespaceIDs
	// quiet is as of the container. Those do not count as sharing the host's namespaces, which nearly all of them do.
	quiet  bool
	spaces [event.NamespaceTypeCount]int32 // indexes of sharing.spaces; valid where the namespace is known
}

// same reports whether m still describes c.
func (m *sharer) same(c *container) bool {
	return m.container == c && m.begin == c.begin() && m.namespaces == c.namespaces && m.label == c.label() && m.quiet == c.quiet()
}

// space holds the members that are in one namespace.
type space struct {
	members []int32 // indexes, ascending
	count   int32
	set     int32 // an index of sharing.sets; -1 where there is one member
}

// memberSet holds several members that share a namespace. Namespaces with the same members have the same set.
type memberSet struct {
	members []int32
	group   *group
	latest  int32 // the member that was last added to the group
	number  int   // 0 if it shares the host's namespaces alone
}

// share updates sharing with the live containers in the order of the list.
func (m *Model) share(live []*container) {
	s := &m.sharing
	if m.host.Namespaces == s.host && len(live) == len(s.members) {
		same := true
		for i := range live {
			if same = s.members[i].same(live[i]); !same {
				break
			}
		}
		if same {
			return
		}
	}
	s.begin(m.host.Namespaces, live)
	s.findSets()
	s.relate()
	m.listed = nil
}

// begin fills in the members and their namespaces. It reuses memory that snapshots do not share.
func (s *sharing) begin(host event.NamespaceIDs, live []*container) {
	s.host = host
	s.members = slices.Grow(s.members[:0], len(live))[:len(live)]
	s.labels = make([]string, len(live))
	s.memberships = slices.Grow(s.memberships[:0], len(live))[:len(live)]
	clear(s.memberships)
	s.spaces = s.spaces[:0]
	s.hosts = map[uint64]int32{}
	s.round++
	s.ones, s.numbered = nil, 0
	for i, c := range live {
		m := sharer{container: c, label: c.label(), begin: c.begin(), namespaces: c.namespaces, quiet: c.quiet()}
		s.labels[i] = m.label
		for t, id := range m.namespaces {
			if !s.shares(&m, t) {
				continue
			}
			at := s.spaceOf(c.rosterOf(id), id)
			m.spaces[t] = at
			s.spaces[at].count++
		}
		s.members[i] = m
	}
}

// shares reports whether a member counts among those that share its namespace of a type.
func (s *sharing) shares(m *sharer, t int) bool {
	id := m.namespaces[t]
	return id != 0 && (!m.quiet || id != s.host[t])
}

// spaceOf gets or creates the index of a namespace. Its roster may be nil.
func (s *sharing) spaceOf(r *roster, id uint64) int32 {
	next := int32(len(s.spaces))
	switch at, ok := s.hosts[id]; {
	case r != nil && r.round == s.round:
		return r.space
	case r != nil:
		r.space, r.round = next, s.round
	case ok:
		return at
	default:
		s.hosts[id] = next
	}
	s.spaces = append(s.spaces, space{set: -1})
	return next
}

// findSets finds the sets of members that share a namespace.
func (s *sharing) findSets() {
	total := 0
	for i := range s.spaces {
		total += int(s.spaces[i].count)
	}
	s.arena = slices.Grow(s.arena[:0], total)
	room := s.arena[:total]
	for i := range s.spaces {
		n := s.spaces[i].count
		s.spaces[i].members, room = room[:0:n], room[n:]
	}
	for i := range s.members {
		m := &s.members[i]
		for t := range m.namespaces {
			if s.shares(m, t) {
				sp := &s.spaces[m.spaces[t]]
				sp.members = append(sp.members, int32(i))
			}
		}
	}
	s.sets = s.sets[:0]
	bySet := map[string]int32{}
	var set []byte
	for i := range s.spaces {
		sp := &s.spaces[i]
		if len(sp.members) < 2 {
			continue
		}
		set = set[:0]
		for _, member := range sp.members {
			set = binary.NativeEndian.AppendUint32(set, uint32(member))
		}
		at, ok := bySet[string(set)]
		if !ok {
			at = int32(len(s.sets))
			bySet[string(set)] = at
			s.sets = append(s.sets, memberSet{members: sp.members, latest: -1, group: &group{
				labels: make([]string, 0, len(sp.members)), begins: make([]instant, 0, len(sp.members)),
			}})
		}
		sp.set = at
	}
	if len(s.sets) == 0 {
		return
	}
	// Members are added in the order of their labels, so that every group is sorted. If the latest member is the only
	// new one, few are out of place, which makes sorting quick.
	s.order = slices.DeleteFunc(s.order, func(i int32) bool { return int(i) >= len(s.members) })
	for i := len(s.order); i < len(s.members); i++ {
		s.order = append(s.order, int32(i))
	}
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(strings.Compare(s.labels[a], s.labels[b]), cmp.Compare(a, b))
	})
	for _, i := range s.order {
		m := &s.members[i]
		for t := range m.namespaces {
			if !s.shares(m, t) || s.spaces[m.spaces[t]].set < 0 {
				continue
			}
			c := &s.sets[s.spaces[m.spaces[t]].set]
			if c.latest != i {
				c.latest = i
				c.group.labels, c.group.begins = append(c.group.labels, m.label), append(c.group.begins, m.begin)
			}
			s.memberships[i][t].SharedWith = Others{
				in: c.group, self: int32(len(c.group.labels) - 1), count: int32(len(c.members) - 1),
			}
		}
	}
}

// relate fills in the relation of each membership. It numbers groups in the order of the list, which keeps numbers stable.
func (s *sharing) relate() {
	for i := range s.members {
		for t, id := range s.members[i].namespaces {
			if id == 0 {
				continue
			}
			is := &s.memberships[i][t]
			is.ID = id
			if !s.shares(&s.members[i], t) {
				is.Relation = RelationHost
				continue
			}
			at := s.spaces[s.members[i].spaces[t]].set
			switch {
			case s.host[t] == 0:
			case s.host[t] == id:
				is.Relation = RelationHost
			case at < 0:
				is.Relation = RelationOwn
			default:
				is.Relation, is.Group = RelationShared, s.number(&s.sets[at])
			}
		}
	}
}

// number gets or assigns the number of a set.
func (s *sharing) number(c *memberSet) int {
	if c.number == 0 {
		s.numbered++
		c.number = s.numbered
	}
	return c.number
}

// numberOfOne gets or assigns the number of the group of a member that shared a namespace with ended containers only.
func (s *sharing) numberOfOne(member int32) int {
	if s.ones[member] == 0 {
		if s.ones == nil {
			s.ones = map[int32]int{}
		}
		s.numbered++
		s.ones[member] = s.numbered
	}
	return s.ones[member]
}

// in returns the members of a namespace by its roster, which may be nil, and its number; nil if it has none.
func (s *sharing) in(r *roster, id uint64) *space {
	if r != nil && r.round == s.round {
		return &s.spaces[r.space]
	}
	if at, ok := s.hosts[id]; ok {
		return &s.spaces[at]
	}
	return nil
}

// spaceNumbered returns the members of a namespace by its number; nil if it has none.
func (s *sharing) spaceNumbered(id uint64) *space { return s.in(s.rosters[id], id) }

// labelsIn returns the labels of the live containers in a namespace, sorted.
func (s *sharing) labelsIn(sp *space) []string {
	switch {
	case sp == nil:
		return nil
	case sp.set >= 0:
		return s.sets[sp.set].group.labels
	}
	one := sp.members[0]
	return s.labels[one : one+1 : one+1]
}

// membersOf returns the live containers in a namespace as seen from outside of them.
func (s *sharing) membersOf(id uint64) Others {
	sp := s.spaceNumbered(id)
	switch {
	case sp == nil:
		return Others{}
	case sp.set >= 0:
		return Others{in: s.sets[sp.set].group, self: -1, count: int32(len(sp.members))}
	}
	return Others{in: &group{labels: s.labelsIn(sp)}, self: -1, count: 1}
}

// groupNumber returns the group number of a namespace's members; 0 if they have none.
func (s *sharing) groupNumber(id uint64) int {
	switch sp := s.spaceNumbered(id); {
	case sp == nil:
		return 0
	case sp.set >= 0:
		return s.sets[sp.set].number
	default:
		return s.ones[sp.members[0]]
	}
}

// past returns the memberships of an ended container. It shared only with containers that began before its end, since the
// kernel soon reuses the numbers of its namespaces.
func (s *sharing) past(gone *container) (list [event.NamespaceTypeCount]Membership) {
	for t, id := range gone.namespaces {
		if id == 0 {
			continue
		}
		is := &list[t]
		is.ID = id
		switch s.host[t] {
		case 0:
		case id:
			is.Relation, is.SharedWith = RelationHost, s.membersOf(id)
		default:
			is.Relation = RelationOwn
			sp := s.spaceNumbered(id)
			if sp == nil {
				continue
			}
			// Members are in the order of their beginnings.
			before, _ := slices.BinarySearchFunc(sp.members, gone.exitedAt, func(i int32, exited instant) int {
				return cmp.Compare(s.members[i].begin, exited)
			})
			if before == 0 {
				continue
			}
			is.Relation, is.SharedWith = RelationShared, s.membersOf(id)
			if sp.set < 0 {
				is.Group = s.numberOfOne(sp.members[0])
				continue
			}
			is.Group = s.number(&s.sets[sp.set])
			if before < len(sp.members) {
				some := *is.SharedWith.in
				some.until = new(gone.exitedAt)
				is.SharedWith.in, is.SharedWith.count = &some, int32(before)
			}
		}
	}
	return list
}
