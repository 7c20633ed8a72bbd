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
}

func (m *Model) applyNamespace(e event.Event) {
	n := e.Namespace
	m.listed = nil
	switch e.Type {
	case event.NamespaceCreated:
		m.counters.namespacesCreated[NamespaceKey{n.Type, n.Via}]++
		made := &namespace{typ: n.Type, id: n.ID, owner: n.Owner, parent: n.Parent, via: n.Via}
		if n.Via != event.ViaReconcile {
			made.created = e.Time
			made.creator = &event.Process{PID: e.PID, Comm: e.Comm, Container: e.Container}
		}
		m.namespaces[n.ID] = made
	case event.NamespaceJoined:
		m.counters.namespacesJoined[n.Type]++
	case event.NamespaceFreed:
		delete(m.namespaces, n.ID)
	}
}

// applySurvey takes over which processes are in which namespace. What the survey does not list is
// not dropped here: it may be newer than the survey. Its end comes as an event.
func (m *Model) applySurvey(s Survey) {
	m.listed = nil
	for _, n := range m.namespaces {
		n.processes, n.pinnedBy = nil, nil
	}
	for _, found := range s.Namespaces {
		n := m.namespaces[found.ID]
		if n == nil || n.typ != found.Type {
			n = &namespace{typ: found.Type, id: found.ID}
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
		m.listed[i] = Namespace{
			Type: n.typ, ID: n.id, Owner: n.owner, Parent: n.parent,
			Created: n.created, Via: n.via, Creator: n.creator,
			Processes: n.processes, PinnedBy: n.pinnedBy, Containers: m.sharing.labelsIn(n.id),
			Host: m.host.Namespaces[n.typ] == n.id,
		}
	}
	return m.listed
}
