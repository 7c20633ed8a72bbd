package model

import (
	"cmp"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// namespace is the model's view of one live namespace.
type namespace struct {
	typ           event.NamespaceType
	id            uint64
	owner, parent uint64
	created       time.Time // zero where the birth was not seen
	createdAt     instant
	via           event.Via
	creator       *event.Process
	processes     []int32
	pinnedBy      []string
	freed         time.Time // zero while it lives
	freedAt       instant
	freedVia      event.Via
	contained     bool    // a container was in it
	replaced      bool    // it is not in Model.namespaces any more
	roster        *roster // of those who were in it at last; nil where nobody ever was
	// madeFor is the container that it was made for; nil is unknown. madeInside is set where that container's runtime made
	// it from inside the container's cgroup, and so for that container alone.
	madeFor    *event.Container
	madeInside bool
	chronicle  chronicle
}

func compareNamespaces(a, b *namespace) int {
	return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.id, b.id))
}

// putNamespace adds a namespace, in place of the one that has its number.
func (m *Model) putNamespace(n *namespace) {
	m.removeNamespace(n.id)
	m.namespaces[n.id] = n
	n.roster = m.within[n.id]
	m.sorted.add(n)
}

func (m *Model) removeNamespace(id uint64) {
	if n := m.namespaces[id]; n != nil {
		n.replaced = true
		delete(m.namespaces, id)
	}
}

func (m *Model) applyNamespace(e event.Event) {
	n := e.Namespace
	m.listed = nil
	known := m.namespaces[n.ID]
	switch e.Type {
	case event.NamespaceCreated:
		m.counters.namespacesCreated[NamespaceKey{n.Type, n.Via}]++
		made := &namespace{typ: n.Type, id: n.ID, owner: n.Owner, parent: n.Parent, via: n.Via, chronicle: chronicle{clock: &m.clock}}
		birth := Moment{Time: e.Time, Kind: momentBorn, Via: n.Via}
		if n.Via != event.ViaReconcile {
			made.created, made.createdAt = e.Time, m.clock.at(e.Time)
			made.creator = &event.Process{PID: e.PID, Comm: e.Comm, Container: e.Container}
			birth.By = actor(&e)
		}
		if known != nil {
			if known.typ == n.Type && known.created.IsZero() {
				made.chronicle, made.contained = known.chronicle, known.contained // of which a survey had told before
			} else {
				m.bury(known, e.Time, event.ViaReconcile)
			}
		}
		if n.Via != event.ViaReconcile || len(made.chronicle.moments) == 0 {
			made.chronicle.tell(birth, namespaceExtent)
		}
		m.putNamespace(made)
		m.tellBirth(&e)
	case event.NamespaceJoined:
		m.counters.namespacesJoined[n.Type]++
		m.tellJoin(&e)
	case event.NamespaceFreed:
		if known != nil {
			m.bury(known, e.Time, n.Via)
		}
		m.removeNamespace(n.ID)
	}
}

// bury keeps a namespace that is no more, for a while.
func (m *Model) bury(n *namespace, at time.Time, via event.Via) {
	n.freed, n.freedAt, n.freedVia = at, m.clock.at(at), via
	n.processes, n.pinnedBy = nil, nil
	n.chronicle.tell(Moment{Time: at, Kind: momentFreed, Via: via}, namespaceExtent)
	n.chronicle.rest()
	list := &m.freed[1]
	if n.contained {
		list = &m.freed[0]
	}
	*list = append(*list, n)
}

// applySurvey takes over which processes are in which namespace. What the survey does not list is
// not dropped here: it may be newer than the survey. Its end comes as an event.
func (m *Model) applySurvey(at time.Time, s fact.Survey) {
	m.listed = nil
	m.surveyed = at
	if s.Resync {
		m.surveyed = s.Of
	}
	m.vms, m.unseen = s.VMs, s.Unseen
	for _, n := range m.namespaces {
		n.processes, n.pinnedBy = nil, nil
	}
	for _, found := range s.Namespaces {
		n := m.namespaces[found.ID]
		if n == nil || n.typ != found.Type {
			if n != nil {
				m.bury(n, at, event.ViaReconcile)
			}
			n = &namespace{typ: found.Type, id: found.ID, contained: m.within[found.ID] != nil, chronicle: chronicle{clock: &m.clock}}
			n.chronicle.tell(Moment{Time: at, Kind: MomentFound}, namespaceExtent)
			for c := range m.within[found.ID].all() {
				n.chronicle.tell(Moment{Time: at, Kind: MomentFound, Container: c.who()}, namespaceExtent)
			}
			m.putNamespace(n)
		}
		if found.Owner != 0 {
			n.owner = found.Owner
		}
		if found.Parent != 0 {
			n.parent = found.Parent
		}
		n.processes, n.pinnedBy = found.Processes, found.PinnedBy
		if found.MadeFor != nil {
			n.madeFor, n.madeInside = found.MadeFor, found.MadeInside
			for c := range m.within[n.id].all() {
				m.lodge(c)
			}
		}
		n.contained = n.contained || found.Contained
	}
}

// listNamespaces builds the namespaces of a snapshot, after the containers.
func (m *Model) listNamespaces() []Namespace {
	if m.listed != nil {
		return m.listed
	}
	sorted := m.sorted.list()
	m.listed = make([]Namespace, len(sorted))
	for i, n := range sorted {
		m.presentNamespace(n, &m.listed[i])
		m.listed[i].Containers = m.sharing.labelsIn(m.sharing.in(n.roster, n.id))
	}
	return m.listed
}

// presentNamespace fills in an empty namespace of a snapshot. There may be tens of thousands: a literal would be copied there.
func (m *Model) presentNamespace(n *namespace, to *Namespace) {
	to.Type, to.ID, to.Owner, to.Parent = n.typ, n.id, n.owner, n.parent
	to.Created, to.CreatedAt, to.Via, to.Creator = n.created, instantOf(n.created, n.createdAt), n.via, n.creator
	to.Processes, to.PinnedBy = n.processes, n.pinnedBy
	to.Host = m.host.Namespaces[n.typ] == n.id
	if !n.freed.IsZero() {
		to.Freed, to.FreedAt, to.FreedVia = n.freed, n.freedAt.shown(), n.freedVia
	}
	to.History = n.chronicle.share()
}

// listFreed lists the namespaces that are no more, the latest first.
func (m *Model) listFreed() []Namespace {
	freed := slices.Concat(m.freed[0], m.freed[1])
	slices.Reverse(freed)
	slices.SortStableFunc(freed, func(a, b *namespace) int { return cmp.Compare(b.freedAt, a.freedAt) })
	list := slices.Grow([]Namespace(nil), len(freed))[:len(freed)]
	for i, n := range freed {
		m.presentNamespace(n, &list[i])
	}
	return list
}
