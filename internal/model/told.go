package model

import (
	"github.com/nsviz/nsviz/internal/event"
)

// tell adds a moment to the container's history.
func (c *container) tell(m Moment) { c.chronicle.tell(m, containerExtent) }

// who is the container as moments of others name it.
func (c *container) who() *event.Container {
	return &event.Container{ID: c.id, Name: c.name, Image: c.image, Runtime: c.runtime}
}

// actor is the process that acted; nil is nobody or unknown.
func actor(e *event.Event) *event.Process {
	if e.PID == 0 && e.Comm == "" {
		return nil
	}
	return &event.Process{PID: e.PID, Comm: e.Comm, Container: e.Container, ContainerUnknown: e.ContainerUnknown}
}

// initOf is a container's PID 1 as moments name it; nil is unknown.
func initOf(pid int32, comm string) *event.Process {
	if pid == 0 {
		return nil
	}
	return &event.Process{PID: pid, Comm: comm}
}

// enter notes that a live container is in some namespaces, and in no others any more.
func (m *Model) enter(c *container, ids event.NamespaceIDs) {
	m.leave(c)
	for t, id := range ids {
		m.settle(c, event.NamespaceType(t), id)
	}
	m.lodge(c)
}

func (m *Model) settle(c *container, t event.NamespaceType, id uint64) {
	if id == 0 || m.host.Namespaces[t] == id || c.isWithin(id) {
		return
	}
	m.enterNamespace(c, id)
}

func (m *Model) leave(c *container) {
	for _, at := range c.within {
		m.leaveNamespace(at)
	}
	c.within = nil
}

// touched says whose a namespace is, seen from a container; nil is seen from none.
func (m *Model) touched(c *container, t event.NamespaceType, id uint64) Touched {
	n := Touched{Type: t, ID: id, Host: m.host.Namespaces[t] == id}
	for other := range m.within[id].all() {
		if other != c {
			n.Container = other.who()
			break
		}
	}
	return n
}

// tellBirth tells the container whose process made a namespace.
func (m *Model) tellBirth(e *event.Event) {
	if e.Container == nil {
		return
	}
	c := m.containers[e.Container.ID]
	if c == nil || !c.live() {
		return
	}
	n := e.Namespace
	c.tell(Moment{
		Time: e.Time, Kind: momentBorn, By: actor(e), Via: n.Via, Namespaces: []Touched{{Type: n.Type, ID: n.ID}},
	})
	if c.state == Starting {
		m.settle(c, n.Type, n.ID) // so that who joins it before the start is told
	}
}

// tellJoin tells the containers that are in a namespace who joined it, and the container whose process
// left for a namespace that is not its own. A process of a container itself joins the container's namespaces
// where it was brought in from outside, as by newer runtimes for `docker exec`, or had left them.
func (m *Model) tellJoin(e *event.Event) {
	n, by := e.Namespace, actor(e)
	if by == nil || e.Self {
		return
	}
	if known := m.namespaces[n.ID]; known != nil && known.typ == n.Type {
		known.chronicle.tell(Moment{Time: e.Time, Kind: momentJoined, By: by}, namespaceExtent)
	}
	home := m.containers[containerID(e.Container)]
	for c := range m.within[n.ID].all() {
		if c == home && c.state == Starting {
			continue // on the way in
		}
		c.tell(Moment{Time: e.Time, Kind: momentJoined, By: by, Namespaces: []Touched{{Type: n.Type, ID: n.ID, Own: true}}})
	}
	if home == nil || !home.live() || home.namespaces[n.Type] == n.ID || home.isWithin(n.ID) {
		return
	}
	home.tell(Moment{Time: e.Time, Kind: momentJoined, By: by, Namespaces: []Touched{m.touched(home, n.Type, n.ID)}})
}

// tellEntry tells of a container that started or was found running, and tells each namespace that it is in
// but the host's, which all containers are in.
func (m *Model) tellEntry(c *container, moment Moment) {
	m.listed = nil
	for t, id := range c.namespaces {
		if id == 0 {
			continue
		}
		typ := event.NamespaceType(t)
		in := m.touched(c, typ, id)
		moment.Namespaces = append(moment.Namespaces, in)
		n := m.namespaces[id]
		if in.Host || n == nil || n.typ != typ {
			continue
		}
		n.chronicle.tell(Moment{Time: moment.Time, Kind: moment.Kind, Container: c.who(), Init: moment.Init}, namespaceExtent)
		n.contained = true
		if n.creator != nil && containerID(n.creator.Container) != c.id && in.Container == nil {
			// Its runtime made it from outside.
			c.chronicle.tellAt(n.createdAt, Moment{Time: n.created, Kind: momentBorn, By: n.creator, Via: n.via, Namespaces: []Touched{{Type: typ, ID: id}}}, containerExtent)
		}
	}
	c.tell(moment)
}

// tellEnd tells of a container that ended, and the namespaces that it was in.
func (m *Model) tellEnd(c *container, moment Moment) {
	m.listed = nil
	c.tell(moment)
	for _, at := range c.within {
		if n := m.namespaces[at.namespace]; n != nil {
			n.chronicle.tell(Moment{Time: moment.Time, Kind: moment.Kind, Container: c.who(), Exit: moment.Exit}, namespaceExtent)
		}
	}
}

// tellExit replaces what was told when only that it was gone had shown.
func (l *chronicle) tellExit(m Moment, e extent) {
	for i := len(l.moments) - 1; i >= 0; i-- {
		switch l.moments[i].Kind {
		case MomentGone:
			l.own()
			l.remove(i)
			l.tell(m, e)
			return
		case momentStarted, MomentFound, momentExited:
			l.tell(m, e)
			return
		}
	}
	l.tell(m, e)
}
