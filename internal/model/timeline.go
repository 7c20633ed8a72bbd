package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// timeline holds the history of a container, a cgroup or a namespace in the order of time: its first entries, which describe
// its creation, and its latest ones. Repetitions are folded into one entry, so that they do not push out others.
type timeline struct {
	entries []Entry
	spans   []span // of each entry
	clock   *clock
	// shared is set while a snapshot shares the entries. They are not written to then; what is appended lies behind
	// what the snapshot sees.
	shared bool
	// operations are the latest ones that further parts may come of. The one at index next is replaced next.
	operations [4]operation
	next       uint8
	joins      *joins // the latest ones of a container's namespaces; nil is none, or they are taken back
	// late is set while entries are added that may be older than others by more than lateness.
	late bool
}

// span is the time of an entry: of its first and of its last occurrence.
type span struct{ from, until instant }

// operation is something that a process does in several parts: a call that creates several namespaces, or joining the
// namespaces of a container one by one.
type operation struct {
	kind  EntryKind
	pid   int32
	types uint8 // one bit for each type of namespace
	at    int64 // of a call, in ns since the epoch
}

// extent is how many entries are kept, of the first and of the latest ones.
type extent struct{ first, latest int }

// They have room for a start, and for a screenful of what came last.
var (
	containerExtent = extent{first: 12, latest: 24}
	cgroupExtent    = extent{first: 4, latest: 12}
	namespaceExtent = extent{first: 4, latest: 12}
)

// lateness limits how much older than the entries before it an entry may be to be sorted in among them. What is older
// than that comes from a clock that was set.
const lateness = 2 * time.Second

// append adds an entry.
func (l *timeline) append(m Entry, e extent) { l.appendAt(l.clock.at(m.Time), m, e) }

// appendAt adds an entry whose instant was computed when it was reported, since the wall clock may have been set later.
func (l *timeline) appendAt(when instant, m Entry, e extent) {
	at := len(l.entries)
	for at > 0 && when < l.spans[at-1].from && (l.late || l.spans[at-1].from.sub(when) <= lateness) {
		at--
	}
	if l.fold(&m, at, when) {
		return
	}
	l.noteJoins(&m, nil, span{}, when, false)
	if at < len(l.entries) || len(l.entries) >= e.first+e.latest {
		l.own()
	}
	l.entries, l.spans = slices.Insert(l.entries, at, m), slices.Insert(l.spans, at, span{when, when})
	if at+1 < len(l.entries) && l.entries[at+1].LeftOut > 0 && at == e.first {
		l.entries[at].LeftOut, l.entries[at+1].LeftOut = l.entries[at+1].LeftOut, 0
	}
	if len(l.entries) > e.first+e.latest {
		lost := l.entries[e.first].LeftOut + l.entries[e.first].Times()
		l.remove(e.first)
		l.entries[e.first].LeftOut += lost
	}
}

// own makes the entries writable: it copies them if a snapshot shares them.
func (l *timeline) own() {
	if l.shared {
		l.entries = slices.Clone(l.entries)
		l.shared = false
	}
}

// share returns the entries for a snapshot, which shares them from then on.
func (l *timeline) share() []Entry {
	if len(l.entries) == 0 {
		return nil
	}
	l.shared = true
	return slices.Clip(l.entries)
}

// forget drops the entries of a kind.
func (l *timeline) forget(kind EntryKind) {
	for i := len(l.entries) - 1; i >= 0; i-- {
		if l.entries[i].Kind == kind {
			l.own()
			l.remove(i)
		}
	}
}

// remove removes an entry; own must have been called.
func (l *timeline) remove(i int) {
	l.entries, l.spans = slices.Delete(l.entries, i, i+1), slices.Delete(l.spans, i, i+1)
}

// shrink releases spare capacity of a timeline that has come to its end.
func (l *timeline) shrink() {
	if cap(l.entries) > len(l.entries) {
		l.entries = slices.Clip(slices.Clone(l.entries))
		l.spans = slices.Clip(slices.Clone(l.spans))
		l.shared = false
	}
}

// fold counts an entry, which would stand at an index, as a repetition of an earlier one that is alike. It returns false
// if there is none. A change of the container's state in between prevents it, so that the history stays in order.
func (l *timeline) fold(m *Entry, at int, when instant) bool {
	if !foldable(m.Kind) {
		return false
	}
	continued := l.continues(m)
	for i := min(at, len(l.entries)-1); i >= 0; i-- {
		earlier := &l.entries[i]
		if !foldable(earlier.Kind) {
			if i >= at {
				continue // a later one
			}
			return false
		}
		if !alike(earlier, m) {
			continue
		}
		l.noteJoins(m, earlier, l.spans[i], when, continued)
		l.own()
		l.entries[i].merge(m, continued, when, &l.spans[i])
		return true
	}
	return false
}

// foldable reports whether entries of a kind can be repeated any number of times without a change of state.
func foldable(k EntryKind) bool {
	switch k {
	case entryNamespaceCreated, entryNamespaceJoined, entryEntered, entryKilled, EntryMovedIn, EntryEngineEvent, EntryUnobservedKills, EntryPIDsRefused, EntryStuck, EntryUnstuck,
		EntryPaused, EntryResumed:
		return true
	}
	return false
}

// alike reports whether two entries record the same thing, repeated or continued.
func alike(a, b *Entry) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case entryNamespaceCreated:
		return a.Via == b.Via && sameActor(a.By, b.By)
	case entryNamespaceJoined:
		return sameActor(a.By, b.By) && a.Starting == b.Starting && (len(a.Namespaces) == 0) == (len(b.Namespaces) == 0) &&
			(len(a.Namespaces) == 0 || samePlace(&a.Namespaces[0], &b.Namespaces[0]))
	case entryEntered:
		return sameEntrant(a, b) && sameActor(a.Process, b.Process) && a.Entered.CommandLine == b.Entered.CommandLine
	case entryKilled:
		return a.OOM.Victim.Comm == b.OOM.Victim.Comm && a.OOM.Scope == b.OOM.Scope && a.OOM.Cgroup == b.OOM.Cgroup &&
			a.OOM.Victim.Init == b.OOM.Victim.Init
	case EntryMovedIn, EntryResumed:
		return sameActor(a.By, b.By)
	case EntryPaused:
		return sameActor(a.By, b.By) && a.Cgroup == b.Cgroup
	case EntryEngineEvent:
		return a.Action == b.Action
	case EntryStuck:
		return a.Cgroup == b.Cgroup
	}
	return true
}

// sameActor compares two processes by their names, users and containers.
func sameActor(a, b *event.Process) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Comm == b.Comm && sameUID(a, b) && containerID(a.Container) == containerID(b.Container)
}

func sameUID(a, b *event.Process) bool {
	return a.UID == nil && b.UID == nil || a.UID != nil && b.UID != nil && *a.UID == *b.UID
}

func samePlace(a, b *EntryNamespace) bool {
	return a.Own == b.Own && a.Host == b.Host && containerID(a.Container) == containerID(b.Container)
}

func containerID(c *event.Container) string {
	if c == nil {
		return ""
	}
	return c.ID
}

// continues reports whether an entry is a further part of a recent operation of its process.
func (l *timeline) continues(m *Entry) bool {
	if m.By == nil || m.By.PID == 0 || len(m.Namespaces) == 0 {
		return false
	}
	v := operation{kind: m.Kind, pid: m.By.PID}
	if m.Kind == entryNamespaceCreated {
		v.at = m.Time.UnixNano()
	}
	for _, n := range m.Namespaces {
		v.types |= 1 << n.Type
	}
	for i := range l.operations {
		known := &l.operations[i]
		if known.kind == v.kind && known.pid == v.pid && known.at == v.at && known.types&v.types == 0 {
			known.types |= v.types
			return true
		}
	}
	l.operations[l.next] = v
	l.next = (l.next + 1) % uint8(len(l.operations))
	return false
}

// merge adds an entry to an alike one, whose span is is. A continued one is part of what was counted before.
func (m *Entry) merge(more *Entry, continued bool, when instant, is *span) {
	if !continued {
		m.Count = m.Times() + more.Times()
	}
	switch {
	case when < is.from:
		if m.Until.IsZero() {
			m.Until = m.Time
		}
		m.Time, is.from = more.Time, when
	case when > is.until:
		m.Until, is.until = more.Time, when
	}
	m.By, m.Process = several(m.By, more.By), several(m.Process, more.Process)
	if more.OOM != nil {
		m.OOM = more.OOM
	}
	m.mergeNamespaces(more.Namespaces)
}

// several returns what two processes that are alike have in common.
func several(a, b *event.Process) *event.Process {
	if a == nil || b == nil || a.PID == b.PID || a.PID == 0 {
		return a
	}
	both := *a
	both.PID = 0
	if !sameUID(a, b) {
		both.UID = nil
	}
	return &both
}

// mergeNamespaces adds further namespaces. A type with several namespaces has the ID 0.
func (m *Entry) mergeNamespaces(more []EntryNamespace) {
	copied := false
	for _, n := range more {
		i := slices.IndexFunc(m.Namespaces, func(t EntryNamespace) bool { return t.Type == n.Type })
		switch {
		case i < 0:
			m.Namespaces = append(slices.Clip(m.Namespaces), n)
			copied = true
		case m.Namespaces[i].ID != n.ID && m.Namespaces[i].ID != 0:
			if !copied {
				m.Namespaces, copied = slices.Clone(m.Namespaces), true
			}
			m.Namespaces[i].ID = 0
		}
	}
}
