package model

import (
	"github.com/nsviz/nsviz/internal/event"
)

// append adds an entry to the container's history.
func (c *container) append(m Entry) { c.timeline.append(m, containerExtent) }

// identity returns the container as the entries of other histories name it.
func (c *container) identity() *event.Container {
	e := &event.Container{ID: c.id, Name: c.name, Image: c.image, Runtime: c.runtime, Kind: c.kind, Group: c.group}
	if c.parent != "" {
		e.Parent = &event.Container{ID: c.parent}
	}
	return e
}

// described returns the container with all that its engine says of it.
func (c *container) described() event.Container {
	described := *c.identity()
	described.Labels = c.labels
	return described
}

// actor returns the process that acted; nil is nobody or unknown.
func actor(e *event.Event) *event.Process {
	if e.PID == 0 && e.Comm == "" {
		return nil
	}
	return &event.Process{PID: e.PID, Comm: e.Comm, UID: e.UID, Container: e.Container, ContainerUnknown: e.ContainerUnknown}
}

// initOf returns a container's PID 1 as entries name it; nil is unknown.
func initOf(pid int32, comm string) *event.Process {
	if pid == 0 {
		return nil
	}
	return &event.Process{PID: pid, Comm: comm}
}

// setMemberships makes a live container a member of some namespaces and of no others.
func (m *Model) setMemberships(c *container, ids event.NamespaceIDs) {
	m.removeMemberships(c)
	for t, id := range ids {
		m.addMembership(c, event.NamespaceType(t), id)
	}
	m.noteForeign(c)
}

func (m *Model) addMembership(c *container, t event.NamespaceType, id uint64) {
	if id == 0 || m.host.Namespaces[t] == id || c.isWithin(id) {
		return
	}
	m.addMember(c, id)
}

func (m *Model) removeMemberships(c *container) {
	for _, at := range c.within {
		m.removeMember(at)
	}
	c.within = nil
}

// entryNamespace describes a namespace as seen from a container; c may be nil.
func (m *Model) entryNamespace(c *container, t event.NamespaceType, id uint64) EntryNamespace {
	n := EntryNamespace{Type: t, ID: id, Host: m.host.Namespaces[t] == id}
	for other := range m.within[id].all() {
		if other != c {
			n.Container = other.identity()
			break
		}
	}
	return n
}

// recordNamespaceCreated adds the creation of a namespace to the history of the container whose process created it.
func (m *Model) recordNamespaceCreated(e *event.Event) {
	if e.Container == nil {
		return
	}
	c := m.containers[e.Container.ID]
	if c == nil || !c.live() {
		return
	}
	n := e.Namespace
	c.append(Entry{
		Time: e.Time, Kind: entryNamespaceCreated, By: actor(e), Via: n.Via, Namespaces: []EntryNamespace{{Type: n.Type, ID: n.ID}},
	})
	if c.state == Starting {
		m.addMembership(c, n.Type, n.ID) // so that processes that join it before the start are recorded
	}
}

// recordJoin adds a join to the histories of the namespace, of the containers in it, and of the process's own container if
// that is not in it. A process of a container joins the container's own namespaces if it was brought in from outside, as
// newer runtimes do for `docker exec`, or if it had left them.
func (m *Model) recordJoin(e *event.Event) {
	n, by := e.Namespace, actor(e)
	if by == nil || e.Self {
		return
	}
	if known := m.namespaces[n.ID]; known != nil && known.typ == n.Type {
		known.timeline.append(Entry{Time: e.Time, Kind: entryNamespaceJoined, By: by}, namespaceExtent)
	}
	home := m.containers[containerID(e.Container)]
	for c := range m.within[n.ID].all() {
		if c == home && c.state == Starting {
			continue // on the way in
		}
		c.append(Entry{
			Time: e.Time, Kind: entryNamespaceJoined, By: by, Namespaces: []EntryNamespace{{Type: n.Type, ID: n.ID, Own: true}},
			Starting: c.state == Starting,
		})
	}
	if home == nil || !home.live() || home.namespaces[n.Type] == n.ID || home.isWithin(n.ID) {
		return
	}
	home.append(Entry{Time: e.Time, Kind: entryNamespaceJoined, By: by, Namespaces: []EntryNamespace{m.entryNamespace(home, n.Type, n.ID)}})
}

// recordStart adds the start of a container, or that it was found running, to its history and to those of its
// namespaces. It leaves out the host's namespaces.
func (m *Model) recordStart(c *container, entry Entry) {
	m.listed = nil
	for t, id := range c.namespaces {
		if id == 0 {
			continue
		}
		typ := event.NamespaceType(t)
		in := m.entryNamespace(c, typ, id)
		entry.Namespaces = append(entry.Namespaces, in)
		n := m.namespaces[id]
		if in.Host || n == nil || n.typ != typ {
			continue
		}
		n.timeline.append(Entry{Time: entry.Time, Kind: entry.Kind, Container: c.identity(), Init: entry.Init}, namespaceExtent)
		n.contained = true
		if n.creator != nil && containerID(n.creator.Container) != c.id && in.Container == nil {
			// Its runtime made it from outside.
			c.timeline.appendAt(n.createdAt, Entry{Time: n.created, Kind: entryNamespaceCreated, By: n.creator, Via: n.via, Namespaces: []EntryNamespace{{Type: typ, ID: id}}}, containerExtent)
		}
	}
	c.append(entry)
}

// recordEnd adds the end of a container to its history and to those of its namespaces.
func (m *Model) recordEnd(c *container, entry Entry) {
	m.listed = nil
	c.append(entry)
	for _, at := range c.within {
		if n := m.namespaces[at.namespace]; n != nil {
			n.timeline.append(Entry{Time: entry.Time, Kind: entry.Kind, Container: c.identity(), Exit: entry.Exit}, namespaceExtent)
		}
	}
}

// appendExit adds the end of a run. It replaces an EntryGone of the same run.
func (l *timeline) appendExit(m Entry, e extent) {
	for i := len(l.entries) - 1; i >= 0; i-- {
		switch l.entries[i].Kind {
		case EntryGone:
			l.own()
			l.remove(i)
			l.append(m, e)
			return
		case entryStarted, EntryFound, entryExited:
			l.append(m, e)
			return
		}
	}
	l.append(m, e)
}
