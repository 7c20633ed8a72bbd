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
	created       time.Time // zero if its creation was not seen
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
	roster        *roster // of its latest members; nil if it never had any
	// madeFor is the container that it was made for; nil is unknown. madeInside is set if that container's runtime created
	// it from inside the container's cgroup, and so for that container alone.
	madeFor    *event.Container
	madeInside bool
	timeline   timeline
}

func compareNamespaces(a, b *namespace) int {
	return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.id, b.id))
}

// putNamespace adds a namespace. It replaces one with the same number.
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
		made := &namespace{typ: n.Type, id: n.ID, owner: n.Owner, parent: n.Parent, via: n.Via, timeline: timeline{clock: &m.clock}}
		entry := Entry{Time: e.Time, Kind: entryNamespaceCreated, Via: n.Via}
		if n.Via != event.ViaReconcile {
			made.created, made.createdAt = e.Time, m.clock.at(e.Time)
			made.creator = &event.Process{PID: e.PID, Comm: e.Comm, Container: e.Container}
			entry.By = actor(&e)
		}
		if known != nil {
			if known.typ == n.Type && known.created.IsZero() {
				made.timeline, made.contained = known.timeline, known.contained // a survey found it first
			} else {
				m.expireNamespace(known, e.Time, event.ViaReconcile)
			}
		}
		if n.Via != event.ViaReconcile || len(made.timeline.entries) == 0 {
			made.timeline.append(entry, namespaceExtent)
		}
		m.putNamespace(made)
		m.recordNamespaceCreated(&e)
	case event.NamespaceJoined:
		m.counters.namespacesJoined[n.Type]++
		m.recordJoin(&e)
	case event.NamespaceFreed:
		if known != nil {
			m.expireNamespace(known, e.Time, n.Via)
		}
		m.removeNamespace(n.ID)
	}
}

// expireNamespace moves a namespace that has ended to the freed ones, which are kept for a while.
func (m *Model) expireNamespace(n *namespace, at time.Time, via event.Via) {
	n.freed, n.freedAt, n.freedVia = at, m.clock.at(at), via
	n.processes, n.pinnedBy = nil, nil
	n.timeline.append(Entry{Time: at, Kind: entryNamespaceFreed, Via: via}, namespaceExtent)
	n.timeline.shrink()
	list := &m.freed[1]
	if n.contained {
		list = &m.freed[0]
	}
	*list = append(*list, n)
}

// applySurvey sets which processes are in which namespace. It drops no namespace, since one that the survey lacks may be
// newer than the survey. Ends come as events.
func (m *Model) applySurvey(at time.Time, s fact.Survey) {
	m.listed = nil
	m.surveyed = at
	if s.Resync {
		m.surveyed = s.Of
	}
	m.vms, m.unseen, m.unlisted = s.VMs, s.Unseen, s.LeftOut
	for _, n := range m.namespaces {
		n.processes, n.pinnedBy = nil, nil
	}
	for _, found := range s.Namespaces {
		n := m.namespaces[found.ID]
		if n == nil || n.typ != found.Type {
			if n != nil {
				m.expireNamespace(n, at, event.ViaReconcile)
			}
			n = &namespace{typ: found.Type, id: found.ID, contained: m.within[found.ID] != nil, timeline: timeline{clock: &m.clock}}
			n.timeline.append(Entry{Time: at, Kind: EntryFound}, namespaceExtent)
			for c := range m.within[found.ID].all() {
				n.timeline.append(Entry{Time: at, Kind: EntryFound, Container: c.identity()}, namespaceExtent)
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
				m.noteForeign(c)
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

// presentNamespace fills in an empty namespace of a snapshot. It assigns fields, since a literal would be copied, for tens
// of thousands of namespaces.
func (m *Model) presentNamespace(n *namespace, to *Namespace) {
	to.Type, to.ID, to.Owner, to.Parent = n.typ, n.id, n.owner, n.parent
	to.Created, to.CreatedAt, to.Via, to.Creator = n.created, instantOf(n.created, n.createdAt), n.via, n.creator
	to.Processes, to.PinnedBy = n.processes, n.pinnedBy
	to.Host = m.host.Namespaces[n.typ] == n.id
	if !n.freed.IsZero() {
		to.Freed, to.FreedAt, to.FreedVia = n.freed, n.freedAt.shown(), n.freedVia
	}
	to.History = n.timeline.share()
}

// listFreed lists the freed namespaces, latest first.
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
