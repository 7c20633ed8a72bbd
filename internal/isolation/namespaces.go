package isolation

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// namespace is the model's view of one live namespace.
type namespace struct {
	typ           event.NamespaceType
	id            uint64
	owner, parent uint64
	created       time.Time // zero where the birth was not seen
	via           event.Via
	creator       *event.Process
	processes     []int32
	pinnedBy      []string
	freed         time.Time // zero while it lives
	freedVia      event.Via
	contained     bool // a container was in it
	chronicle     chronicle
}

func (m *Model) applyNamespace(e event.Event) {
	n := e.Namespace
	m.listed = nil
	known := m.namespaces[n.ID]
	switch e.Type {
	case event.NamespaceCreated:
		m.counters.namespacesCreated[NamespaceKey{n.Type, n.Via}]++
		made := &namespace{typ: n.Type, id: n.ID, owner: n.Owner, parent: n.Parent, via: n.Via}
		birth := Moment{Time: e.Time, Kind: momentBorn, Via: n.Via}
		if n.Via != event.ViaReconcile {
			made.created = e.Time
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
		m.namespaces[n.ID] = made
		m.tellBirth(&e)
	case event.NamespaceJoined:
		m.counters.namespacesJoined[n.Type]++
		m.tellJoin(&e)
	case event.NamespaceFreed:
		if known != nil {
			m.bury(known, e.Time, n.Via)
		}
		delete(m.namespaces, n.ID)
	}
}

// bury keeps a namespace that is no more, for a while.
func (m *Model) bury(n *namespace, at time.Time, via event.Via) {
	n.freed, n.freedVia = at, via
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
func (m *Model) applySurvey(at time.Time, s Survey) {
	m.listed = nil
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
			n = &namespace{typ: found.Type, id: found.ID, contained: len(m.within[found.ID]) > 0}
			n.chronicle.tell(Moment{Time: at, Kind: MomentFound}, namespaceExtent)
			for _, c := range m.within[found.ID] {
				n.chronicle.tell(Moment{Time: at, Kind: MomentFound, Container: c.who()}, namespaceExtent)
			}
			m.namespaces[found.ID] = n
		}
		if found.Owner != 0 {
			n.owner = found.Owner
		}
		if found.Parent != 0 {
			n.parent = found.Parent
		}
		n.processes, n.pinnedBy = found.Processes, found.PinnedBy
	}
}

// listNamespaces builds the namespaces of a snapshot, after the containers.
func (m *Model) listNamespaces() []Namespace {
	if m.listed != nil {
		return m.listed
	}
	sorted := slices.SortedFunc(maps.Values(m.namespaces), func(a, b *namespace) int {
		return cmp.Or(cmp.Compare(a.typ, b.typ), cmp.Compare(a.id, b.id))
	})
	m.listed = make([]Namespace, len(sorted))
	for i, n := range sorted {
		m.listed[i] = m.presentNamespace(n)
		m.listed[i].Containers = m.sharing.labelsIn(n.id)
	}
	return m.listed
}

func (m *Model) presentNamespace(n *namespace) Namespace {
	return Namespace{
		Type: n.typ, ID: n.id, Owner: n.owner, Parent: n.parent,
		Created: n.created, Via: n.via, Creator: n.creator,
		Processes: n.processes, PinnedBy: n.pinnedBy,
		Host:  m.host.Namespaces[n.typ] == n.id,
		Freed: n.freed, FreedVia: n.freedVia, History: n.chronicle.share(),
	}
}

// listFreed lists the namespaces that are no more, the latest first.
func (m *Model) listFreed() []Namespace {
	var list []Namespace
	for _, freed := range m.freed {
		for i := len(freed) - 1; i >= 0; i-- {
			list = append(list, m.presentNamespace(freed[i]))
		}
	}
	slices.SortStableFunc(list, func(a, b Namespace) int { return b.Freed.Compare(a.Freed) })
	return list
}
