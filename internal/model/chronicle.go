package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// chronicle is the history of a container, a cgroup or a namespace: the first moments, in which it was made, and the
// latest ones, in the order of their time. What is repeated is folded into one moment, so that a crowd of
// the same does not push out the rest.
type chronicle struct {
	moments []Moment
	spans   []span // when, of each of them
	clock   *clock
	// shared is set where a snapshot has the moments. Then nothing of them is written to; what is appended
	// lies behind what the snapshot sees.
	shared bool
	// visits are the latest calls of which further parts may come, the next one to be replaced at index next.
	visits [4]visit
	next   uint8
	// late is set while moments are added that are older than others by more than lateness.
	late bool
}

// span is from when and until when a moment was.
type span struct{ from, until instant }

// visit is what a process does in several parts: the call by which it makes several namespaces, or its
// way through the namespaces of a container.
type visit struct {
	kind  MomentKind
	pid   int32
	types uint8 // one bit for each type of namespace
	at    int64 // of a call, in ns since the epoch
}

// extent is how many moments are kept: so many first and so many latest ones.
type extent struct{ first, latest int }

// What is kept is what a start takes, with some room, and a screenful of what came last.
var (
	containerExtent = extent{first: 12, latest: 24}
	cgroupExtent    = extent{first: 4, latest: 12}
	namespaceExtent = extent{first: 4, latest: 12}
)

// lateness is by how much a moment may come after younger ones and still takes its place before them.
// What is older comes of a clock that was set.
const lateness = 2 * time.Second

// tell adds a moment.
func (l *chronicle) tell(m Moment, e extent) { l.tellAt(l.clock.at(m.Time), m, e) }

// tellAt adds a moment whose time was converted when it was reported: the wall clock may have been set since.
func (l *chronicle) tellAt(when instant, m Moment, e extent) {
	at := len(l.moments)
	for at > 0 && when < l.spans[at-1].from && (l.late || l.spans[at-1].from.sub(when) <= lateness) {
		at--
	}
	if l.fold(&m, at, when) {
		return
	}
	if at < len(l.moments) || len(l.moments) >= e.first+e.latest {
		l.own()
	}
	l.moments, l.spans = slices.Insert(l.moments, at, m), slices.Insert(l.spans, at, span{when, when})
	if at+1 < len(l.moments) && l.moments[at+1].LeftOut > 0 && at == e.first {
		l.moments[at].LeftOut, l.moments[at+1].LeftOut = l.moments[at+1].LeftOut, 0
	}
	if len(l.moments) > e.first+e.latest {
		lost := l.moments[e.first].LeftOut + l.moments[e.first].Times()
		l.remove(e.first)
		l.moments[e.first].LeftOut += lost
	}
}

// own makes the moments the chronicle's own, to be written to.
func (l *chronicle) own() {
	if l.shared {
		l.moments = slices.Clone(l.moments)
		l.shared = false
	}
}

// share gives the moments away for good.
func (l *chronicle) share() []Moment {
	if len(l.moments) == 0 {
		return nil
	}
	l.shared = true
	return slices.Clip(l.moments)
}

// forget drops the moments of a kind.
func (l *chronicle) forget(kind MomentKind) {
	for i := len(l.moments) - 1; i >= 0; i-- {
		if l.moments[i].Kind == kind {
			l.own()
			l.remove(i)
		}
	}
}

// remove takes a moment out; they must be the chronicle's own.
func (l *chronicle) remove(i int) {
	l.moments, l.spans = slices.Delete(l.moments, i, i+1), slices.Delete(l.spans, i, i+1)
}

// rest gives back the room for what will not come any more.
func (l *chronicle) rest() {
	if cap(l.moments) > len(l.moments) {
		l.moments = slices.Clip(slices.Clone(l.moments))
		l.spans = slices.Clip(slices.Clone(l.spans))
		l.shared = false
	}
}

// fold counts a moment that is to stand at an index as one more of an earlier one, if there is one of
// its kind: no change of the container's state may lie between, so that what is told stays in order.
func (l *chronicle) fold(m *Moment, at int, when instant) bool {
	if !foldable(m.Kind) {
		return false
	}
	continued := l.continues(m)
	for i := min(at, len(l.moments)-1); i >= 0; i-- {
		earlier := &l.moments[i]
		if !foldable(earlier.Kind) {
			if i >= at {
				continue // a younger one
			}
			return false
		}
		if !alike(earlier, m) {
			continue
		}
		l.own()
		l.moments[i].take(m, continued, when, &l.spans[i])
		return true
	}
	return false
}

// foldable reports the kinds that can be repeated any number of times without a change of state.
func foldable(k MomentKind) bool {
	switch k {
	case momentBorn, momentJoined, momentKilled, MomentMovedIn, MomentSaid, MomentUnobserved, MomentPIDsRefused, MomentStuck, MomentUnstuck:
		return true
	}
	return false
}

// alike reports whether two moments are the same thing, done again or, of a call, a further part of it.
func alike(a, b *Moment) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case momentBorn:
		return a.Via == b.Via && sameActor(a.By, b.By)
	case momentJoined:
		return sameActor(a.By, b.By) && (len(a.Namespaces) == 0) == (len(b.Namespaces) == 0) &&
			(len(a.Namespaces) == 0 || samePlace(&a.Namespaces[0], &b.Namespaces[0]))
	case momentKilled:
		return a.OOM.Victim.Comm == b.OOM.Victim.Comm && a.OOM.Scope == b.OOM.Scope && a.OOM.Cgroup == b.OOM.Cgroup &&
			a.OOM.Victim.Init == b.OOM.Victim.Init
	case MomentMovedIn:
		return sameActor(a.By, b.By)
	case MomentSaid:
		return a.Said == b.Said
	case MomentStuck:
		return a.Cgroup == b.Cgroup
	}
	return true
}

// sameActor compares what processes call themselves and where they live.
func sameActor(a, b *event.Process) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Comm == b.Comm && containerID(a.Container) == containerID(b.Container)
}

func samePlace(a, b *Touched) bool {
	return a.Own == b.Own && a.Host == b.Host && containerID(a.Container) == containerID(b.Container)
}

func containerID(c *event.Container) string {
	if c == nil {
		return ""
	}
	return c.ID
}

// continues reports whether a moment is a further part of what its process did a moment ago.
func (l *chronicle) continues(m *Moment) bool {
	if m.By == nil || m.By.PID == 0 || len(m.Namespaces) == 0 {
		return false
	}
	v := visit{kind: m.Kind, pid: m.By.PID}
	if m.Kind == momentBorn {
		v.at = m.Time.UnixNano()
	}
	for _, n := range m.Namespaces {
		v.types |= 1 << n.Type
	}
	for i := range l.visits {
		known := &l.visits[i]
		if known.kind == v.kind && known.pid == v.pid && known.at == v.at && known.types&v.types == 0 {
			known.types |= v.types
			return true
		}
	}
	l.visits[l.next] = v
	l.next = (l.next + 1) % uint8(len(l.visits))
	return false
}

// take adds a moment to one that is alike and was at is; continued says that it is a further part of what was counted.
func (m *Moment) take(more *Moment, continued bool, when instant, is *span) {
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
	if m.By != nil && more.By != nil && m.By.PID != more.By.PID && m.By.PID != 0 {
		by := *m.By
		by.PID, by.UID = 0, nil
		m.By = &by
	}
	if more.OOM != nil {
		m.OOM = more.OOM
	}
	m.touch(more.Namespaces)
}

// touch notes the types of further namespaces; a type of which there were several has no number.
func (m *Moment) touch(more []Touched) {
	copied := false
	for _, n := range more {
		i := slices.IndexFunc(m.Namespaces, func(t Touched) bool { return t.Type == n.Type })
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
