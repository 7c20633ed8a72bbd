package model

import (
	"slices"
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
		if c := m.containers[containerID(n.Of)]; c != nil {
			n.Starting = c.state == Starting
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
			return m.describe(c)
		}
		return n.madeFor
	}
	for c := range m.within[id].all() {
		return m.describe(c)
	}
	return nil
}

// describe returns a container as events name it, with the one that it runs in.
func (m *Model) describe(c *container) *event.Container {
	described := c.described()
	if outer := m.containers[c.parent]; outer != nil {
		described.Parent = outer.identity()
	}
	return &described
}

// completeEntered finds the container that a process has entered. It is in the container's mount or PID namespace, and in its
// cgroup or in another one of its namespaces. What the container's own processes run among themselves is no entry, as where its
// systemd gives a service a mount namespace, and neither is what its runtime does there before its start. A process that has
// entered and then leaves a namespace, as by `unshare --mount`, enters nothing.
func (m *Model) completeEntered(e *event.Event) bool {
	in := e.Entered
	c := m.livingIn(in.Namespaces[event.Mnt], e.Container)
	if c == nil {
		c = m.livingIn(in.Namespaces[event.PID], e.Container)
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
	if c.hasEntered(e.PID, joined, m.clock.at(e.Time)) {
		return false
	}
	in.Container, in.Namespaces = m.describe(c), joined
	return true
}

// entrant is a process that has entered a container, with those namespaces of it that it was in.
type entrant struct {
	pid        int32
	at         instant
	namespaces event.NamespaceIDs
}

// maxEntrants limits how many of the latest ones are kept of a container.
const maxEntrants = 16

// hasEntered reports whether a process that has entered a short while ago was in all of some namespaces then.
func (c *container) hasEntered(pid int32, namespaces event.NamespaceIDs, when instant) bool {
	return slices.ContainsFunc(c.entrants, func(in entrant) bool {
		if in.pid != pid || when.sub(in.at) > entryLag {
			return false
		}
		for t, id := range namespaces {
			if id != 0 && in.namespaces[t] != id {
				return false
			}
		}
		return true
	})
}

// noteEntrant notes a process that has entered.
func (c *container) noteEntrant(in entrant) {
	if len(c.entrants) >= maxEntrants {
		c.entrants = slices.Delete(c.entrants, 0, 1)
	}
	c.entrants = append(c.entrants, in)
}

// livingIn returns the preferred one of the live containers in a namespace, or else the first; nil is none.
func (m *Model) livingIn(id uint64, preferred *event.Container) *container {
	if c := m.containers[containerID(preferred)]; c != nil && c.isWithin(id) {
		return c
	}
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
	c.noteEntrant(entrant{e.PID, when, e.Entered.Namespaces})
	var by int32 // the process that has joined
	if joins := c.timeline.takeBackJoins(when, func(j *joins) bool { return enters(j.namespaces, e.Entered) }); joins != nil {
		by = joins.first.By.PID
	} else { // others came in between
		c.timeline.takeBack(when, func(entry *Entry) bool {
			if entry.Kind != entryNamespaceJoined || !enters(entry.Namespaces, e.Entered) {
				return false
			}
			by = entry.By.PID
			return true
		})
	}
	m.takeBackShared(c, by, e.Entered, when)
	if containerID(e.Container) == c.id { // by its engine, which puts the process into its cgroup
		if !c.timeline.takeBack(when, isEngineExec) {
			c.execsAwaited, c.execsAwaitedAt = c.execsAwaited+1, when
		}
	}
	entered := *e.Entered
	entered.By, entered.Container = nil, nil
	c.append(Entry{
		Time: e.Time, Kind: entryEntered, By: e.Entered.By, Process: actor(&e), Entered: &entered,
	})
}

// takeBackShared takes the joins of a process that has entered a container back from the other containers in the same namespaces: whoever
// enters one of those that share a net namespace does not enter the others.
func (m *Model) takeBackShared(entered *container, by int32, in *event.Entered, when instant) {
	if by == 0 {
		return
	}
	isPart := func(first *Entry, joined []EntryNamespace) bool {
		return first.By.PID == by && !slices.ContainsFunc(joined, func(n EntryNamespace) bool { return n.ID != in.Namespaces[n.Type] })
	}
	for _, id := range in.Namespaces {
		for c := range m.within[id].all() {
			if c == entered || c.timeline.takeBackJoins(when, func(j *joins) bool { return isPart(&j.first, j.namespaces) }) != nil {
				continue
			}
			c.timeline.takeBack(when, func(e *Entry) bool { return e.Kind == entryNamespaceJoined && e.By != nil && isPart(e, e.Namespaces) })
		}
	}
}

// sameEntrant compares who asked for two entries. An engine's is the runtime's process or, if that has ended by then, the one that
// the engine keeps for the container.
func sameEntrant(a, b *Entry) bool {
	return sameActor(a.By, b.By) || byEngine(a) && byEngine(b) && sameUID(a.By, b.By)
}

// byEngine reports whether a process of the host has brought a program into the container's cgroup, as engines do.
func byEngine(m *Entry) bool {
	return m.By != nil && m.By.Container == nil && !m.By.ContainerUnknown && m.Process != nil && m.Process.Container != nil
}

// enters reports whether joined namespaces are those by which a process entered: its mount or PID namespace, with others.
func enters(joined []EntryNamespace, in *event.Entered) bool {
	inside := false
	for _, n := range joined {
		if !n.Own || n.ID != in.Namespaces[n.Type] {
			return false
		}
		inside = inside || n.Type == event.Mnt || n.Type == event.PID
	}
	return inside
}

// joins holds what a process joined one after the other, and the entry that this was folded into.
type joins struct {
	first      Entry
	namespaces []EntryNamespace
	until      instant
	before     *Entry // the entry as it was; nil: it is a new one
	span       span
}

func (j *joins) add(m *Entry, when instant) {
	j.namespaces, j.until = append(j.namespaces, m.Namespaces...), max(j.until, when)
}

// noteJoins notes the join of a process, which is about to be folded into an earlier entry with a span; nil is none. A continued
// one follows others of the process.
func (l *timeline) noteJoins(m, earlier *Entry, is span, when instant, continued bool) {
	switch {
	case m.Kind != entryNamespaceJoined || len(m.Namespaces) == 0:
	case !continued:
		l.joins = &joins{first: *m, span: is}
		l.joins.add(m, when)
		if earlier != nil {
			l.joins.before = new(*earlier)
		}
	case l.joins != nil && l.joins.first.By.PID == m.By.PID:
		l.joins.add(m, when)
	default: // of two at once, each is in what the entry was before the other
		l.joins = nil
	}
}

// takeBackJoins undoes the latest joins, if they are as wanted, and returns them; nil is none.
func (l *timeline) takeBackJoins(when instant, wanted func(*joins) bool) *joins {
	j := l.joins
	if j == nil || when.sub(j.until) > entryLag || !wanted(j) {
		return nil
	}
	for i := len(l.entries) - 1; i >= 0; i-- {
		if !alike(&l.entries[i], &j.first) {
			continue
		}
		l.joins = nil
		if j.before == nil {
			l.takeOut(i)
			return j
		}
		l.own()
		j.before.LeftOut = l.entries[i].LeftOut
		l.entries[i], l.spans[i] = *j.before, j.span
		return j
	}
	return nil
}

// takeOut removes an entry as if it had not happened.
func (l *timeline) takeOut(i int) {
	l.own()
	if i+1 < len(l.entries) {
		l.entries[i+1].LeftOut += l.entries[i].LeftOut
	}
	l.remove(i)
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
			l.takeOut(i)
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
