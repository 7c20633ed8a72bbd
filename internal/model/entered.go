package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Complete fills in what an event needs from the model: whose namespace was joined, which container was entered. It returns
// false for an exec that enters no container.
func (m *Model) Complete(e *event.Event) bool {
	switch {
	case e.Type == event.NamespaceJoined && e.Namespace != nil:
		n := e.Namespace
		n.Host = m.host.Namespaces[n.Type] == n.ID
		if !n.Host {
			n.Of = m.whose(n.Type, n.ID)
		}
	case e.Type == event.ContainerEntered:
		return e.Entered != nil && m.completeEntered(e)
	}
	return true
}

// whose returns the container that a namespace was made for, or else the first of the live ones in it; nil is none or unknown.
func (m *Model) whose(t event.NamespaceType, id uint64) *event.Container {
	if n := m.namespaces[id]; n != nil && n.typ == t && n.madeFor != nil {
		if c := m.containers[n.madeFor.ID]; c != nil {
			return c.identity()
		}
		return n.madeFor
	}
	for c := range m.within[id].all() {
		return c.identity()
	}
	return nil
}

// completeEntered finds the container that a process has entered. It is in the container's mount or PID namespace, and in its
// cgroup or in another one of its namespaces. What the container's own processes run among themselves is no entry, as where its
// systemd gives a service a mount namespace, and neither is what its runtime does there before its start.
func (m *Model) completeEntered(e *event.Event) bool {
	in := e.Entered
	c := m.livingIn(in.Namespaces[event.Mnt])
	if c == nil {
		c = m.livingIn(in.Namespaces[event.PID])
	}
	if c == nil || c.state != Running || c.initPID == e.PID {
		return false
	}
	var joined event.NamespaceIDs
	count := 0
	for t, id := range in.Namespaces {
		if id != 0 && c.isWithin(id) {
			joined[t] = id
			count++
		}
	}
	if count < 2 && containerID(e.Container) != c.id {
		return false
	}
	if in.By != nil && containerID(in.By.Container) == c.id && !in.Below {
		return false
	}
	in.Container, in.Namespaces = c.identity(), joined
	return true
}

// livingIn returns the first of the live containers in a namespace; nil is none.
func (m *Model) livingIn(id uint64) *container {
	for c := range m.within[id].all() {
		return c
	}
	return nil
}

// entryLag limits how long before the exec of an entry its process joined the namespaces, or its engine reported that it would.
const entryLag = 10 * time.Second

// applyEntered counts an entry and adds it to the container's history. It takes the place of what else reports the same
// occurrence: the joins, and the engine's event.
func (m *Model) applyEntered(e event.Event) {
	if e.Entered.Container == nil {
		return
	}
	c := m.containers[e.Entered.Container.ID]
	if c == nil || !c.live() {
		return
	}
	m.recount()
	c.entries++
	when := m.clock.at(e.Time)
	c.timeline.takeBack(when, func(entry *Entry) bool { return isJoinOf(entry, e.Entered) })
	if containerID(e.Container) == c.id { // by its engine, which puts the process into its cgroup
		if !c.timeline.takeBack(when, isEngineExec) {
			c.execsAwaited, c.execsAwaitedAt = c.execsAwaited+1, when
		}
	}
	entered := *e.Entered
	entered.By, entered.Container = nil, nil
	c.append(Entry{
		Time: e.Time, Kind: entryEntered, By: e.Entered.By, Process: &event.Process{PID: e.PID, Comm: e.Comm, UID: e.UID}, Entered: &entered,
	})
}

// isJoinOf reports whether an entry records the joins by which a process entered: of its mount or PID namespace, with others.
func isJoinOf(entry *Entry, in *event.Entered) bool {
	if entry.Kind != entryNamespaceJoined {
		return false
	}
	enters := false
	for _, n := range entry.Namespaces {
		if !n.Own || n.ID != in.Namespaces[n.Type] {
			return false
		}
		enters = enters || n.Type == event.Mnt || n.Type == event.PID
	}
	return enters
}

func isEngineExec(entry *Entry) bool {
	return entry.Kind == EntryEngineEvent && entry.Action == fact.ActionExec
}

// isEntered reports whether an engine's event of an exec is about an entry that the container's history has, and takes note of it.
func (c *container) isEntered(action fact.EngineAction, when instant) bool {
	if action != fact.ActionExec || c.execsAwaited == 0 {
		return false
	}
	if when.sub(c.execsAwaitedAt) > entryLag {
		c.execsAwaited = 0
		return false
	}
	c.execsAwaited--
	return true
}

// takeBack removes one occurrence of the latest entry that is as wanted and last happened within entryLag before a time. It
// returns false if there is none.
func (l *timeline) takeBack(when instant, wanted func(*Entry) bool) bool {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if when.sub(l.spans[i].until) > entryLag || !wanted(&l.entries[i]) {
			continue
		}
		l.own()
		entry := &l.entries[i]
		switch n := entry.Times(); n {
		case 1:
			if i+1 < len(l.entries) {
				l.entries[i+1].LeftOut += entry.LeftOut
			}
			l.remove(i)
		case 2:
			entry.Count, entry.Until = 0, time.Time{}
			l.spans[i].until = l.spans[i].from
		default:
			entry.Count = n - 1
		}
		return true
	}
	return false
}
