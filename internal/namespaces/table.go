package namespaces

import (
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Table holds the live namespaces by number, so that their end can be reported where the kernel says
// only the number, or nothing. Numbers are reused: a namespace is its number and its creation. One goroutine uses a Table at a time.
//
// Surveys take their time, and events are read a little after they happen. So what a survey has found
// may have ended before the survey is taken in, and the creation of what it has found may be read after.
//
// Each row is a namespace that exists, or whose end is not known yet: the memory that the kernel allows for namespaces bounds the table,
// and after a loss of events rows of freed ones stay for a few surveys.
type Table struct {
	rows map[uint64]*row
	// surveyed is whether a survey has been taken in: what the first one finds is no news.
	surveyed bool
	// unreported is whether creations may have been unreported since the beginning, since events were lost or throttled.
	unreported bool

	// Of the survey under way: when it began, the numbers that were freed since, and whether events
	// were lost since.
	began time.Time
	freed map[uint64]struct{}
	lossy bool

	// changed are the processes that have changed their namespaces since the latest survey began; nil where others may have.
	changed map[int32]bool
}

// row is what is known of a namespace.
type row struct {
	typ           event.NamespaceType
	owner, parent uint64
	since         time.Time
	unsharer      int32 // the process that unshared it, where one did
	// found is when the survey ended that was the first to find it; zero where an event reported it.
	found time.Time
	// asked is whether the kernel was asked for owner and parent.
	asked bool
	// reported is whether its creation need not be reported any more.
	reported bool
	// endUncertain is whether its end may be among events that were lost.
	endUncertain bool
	// unreportedCreation is whether its creation was not reported though creations were watched. The probes report no end of a
	// namespace whose creation was throttled.
	unreportedCreation bool
	// missed is how many surveys in a row did not find it, of those that looked everywhere for it.
	missed int
}

// New returns an empty table.
func New() *Table { return &Table{rows: map[uint64]*row{}} }

// Complete takes in a batch of events and returns it completed: with the type of every namespace, and
// with the ends that were not reported, each before the call that made a new namespace of its number.
func (t *Table) Complete(batch []event.Event) []event.Event {
	out := make([]event.Event, 0, len(batch))
	call := 0 // where the events of the current call begin
	for i, e := range batch {
		if i == 0 || !e.Time.Equal(batch[i-1].Time) || e.PID != batch[i-1].PID {
			call = len(out)
		}
		switch {
		case e.Type == event.EventsLost:
			t.noteLoss(e.Lost.Reason)
			t.changed = nil
		case e.Namespace != nil:
			if t.changed != nil && e.Type != event.NamespaceFreed {
				t.changed[e.PID] = true
			}
			before, ok := t.note(&e)
			if !ok {
				continue
			}
			if before != nil {
				out = slices.Insert(out, call, *before)
				call++
			}
		}
		out = append(out, e)
	}
	return out
}

// note takes in what an event says of a namespace and completes the event. before is the end of the
// namespace that had this number, where that end was not reported. It returns false for the end of a
// namespace that was never heard of, of which not even the type is known.
func (t *Table) note(e *event.Event) (before *event.Event, ok bool) {
	n := e.Namespace
	old := t.rows[n.ID]
	if e.Type == event.NamespaceFreed {
		if t.freed != nil {
			t.freed[n.ID] = struct{}{}
		}
		if old == nil {
			return nil, false
		}
		n.Type, n.Owner, n.Parent = old.typ, old.owner, old.parent
		delete(t.rows, n.ID)
		return nil, true
	}
	if old != nil && old.typ == n.Type && (e.Type == event.NamespaceJoined || !e.Time.After(old.found)) {
		// Known, if only from a survey that was faster than the event.
		old.fillIn(n.Owner, n.Parent)
		old.reported = true
		old.unreportedCreation = old.unreportedCreation && e.Type == event.NamespaceJoined
		return nil, true
	}
	if old != nil {
		before = new(end(e.Time, n.ID, old))
	}
	t.rows[n.ID] = &row{
		typ: n.Type, owner: n.Owner, parent: n.Parent, since: e.Time, reported: true,
		unreportedCreation: e.Type == event.NamespaceJoined && (t.surveyed || t.unreported),
	}
	if n.Via == event.ViaUnshare {
		t.rows[n.ID].unsharer = e.PID
	}
	return before, true
}

// fillIn sets owner and parent where they were not known.
func (k *row) fillIn(owner, parent uint64) {
	if k.owner == 0 {
		k.owner = owner
	}
	if k.parent == 0 {
		k.parent = parent
	}
}

// answered sets owner and parent as the kernel answered. An answer of 0 is no reason to forget what an event reported, since the
// kernel answers nothing about what is above nsviz's own namespaces.
func (k *row) answered(owner, parent uint64) {
	if owner != 0 {
		k.owner = owner
	}
	if parent != 0 {
		k.parent = parent
	}
	k.asked = true
}

// noteLoss notes that events were lost. Of what is throttled only creations are missing: ends are not throttled.
func (t *Table) noteLoss(reason string) {
	t.unreported = true
	if reason == event.LostThrottled {
		return
	}
	t.lossy = true
	for _, known := range t.rows {
		if !known.endUncertain { // from now on it counts
			known.endUncertain, known.missed = true, 0
		}
	}
}

// end is the event of an end that was not reported.
func end(at time.Time, id uint64, known *row) event.Event {
	return reconciled(event.NamespaceFreed, at, id, known)
}

func reconciled(t event.Type, at time.Time, id uint64, known *row) event.Event {
	return event.Event{
		Time: at, Type: t,
		Namespace: &event.Namespace{
			Type: known.typ, ID: id, Owner: known.owner, Parent: known.parent, Via: event.ViaReconcile,
		},
	}
}

// ChangesLost notes that processes may have changed their namespaces without an event.
func (t *Table) ChangesLost() { t.changed = nil }

// BeginSurvey notes that a survey begins and returns what should be found, with who has changed its namespaces since the survey before.
func (t *Table) BeginSurvey(at time.Time) survey.Begun {
	t.began, t.freed, t.lossy = at, map[uint64]struct{}{}, false
	begun := survey.Begun{Known: make(map[uint64]survey.Known, len(t.rows)), Changed: t.changed}
	t.changed = map[int32]bool{}
	for id, k := range t.rows {
		begun.Known[id] = survey.Known{
			Type: k.typ, Owner: k.owner, Parent: k.parent, Asked: k.asked, Unsharer: k.unsharer, Missed: k.missed,
		}
	}
	return begun
}

// missesToFree is after how many surveys without it a namespace counts as freed. One is not enough:
// a process may enter a namespace behind the back of a survey that goes from process to process.
const missesToFree = 2

// EndSurvey compares the survey with what is known and returns what no probe has reported, and the survey
// without what has ended since it began. A creation is reported when a second survey finds the namespace and
// still no event has reported it. Where the end of namespaces is hooked and nothing was lost of this one, a
// namespace that a survey does not find is alive all the same, kept by something that cannot be found.
// Elsewhere it counts as missed where the survey was thorough and could see nearly all processes.
func (t *Table) EndSurvey(s survey.Result, freedIsHooked bool) ([]event.Event, fact.Survey) {
	var news []event.Event
	found := make(map[uint64]bool, len(s.Namespaces))
	alive := fact.Survey{Namespaces: make([]fact.Namespace, 0, len(s.Namespaces)), VMs: s.VMs, Unseen: s.Unseen}
	for _, n := range s.Namespaces {
		known := t.rows[n.ID]
		if known != nil && known.typ != n.Type {
			if known.since.After(t.began) {
				continue // the number has been given to another one since
			}
			news = append(news, end(t.began, n.ID, known))
			delete(t.rows, n.ID)
			known = nil
		}
		if _, gone := t.freed[n.ID]; gone && known == nil {
			continue // and its number has not been given out again
		}
		found[n.ID] = true
		alive.Namespaces = append(alive.Namespaces, n)
		asked, isAsked := s.Asked[n.ID]
		if known == nil {
			t.rows[n.ID] = &row{
				typ: n.Type, owner: n.Owner, parent: n.Parent, asked: isAsked, since: t.began, found: s.Ended, reported: !t.surveyed,
				unreportedCreation: t.surveyed || t.unreported,
			}
			continue
		}
		if isAsked && known.since.Before(asked) { // else the answer may be about an earlier one with this number
			known.answered(n.Owner, n.Parent)
		} else {
			known.fillIn(n.Owner, n.Parent)
		}
		known.missed = 0
		known.endUncertain = known.endUncertain && t.lossy
		if !known.reported {
			known.reported = true
			news = append(news, reconciled(event.NamespaceCreated, t.began, n.ID, known))
		}
	}
	// What nsviz may not see is not gone.
	thorough := s.Thorough && !s.Unseen.Blind()
	for _, id := range slices.Sorted(maps.Keys(t.rows)) {
		known := t.rows[id]
		if found[id] || known.since.After(t.began) {
			continue
		}
		known.asked = false // when it is found again it may be another one with this number
		if !thorough {
			continue
		}
		known.missed++
		if freedIsHooked && !known.endUncertain && !known.unreportedCreation {
			continue
		}
		if known.missed >= missesToFree {
			delete(t.rows, id)
			news = append(news, end(t.began, id, known))
		}
	}
	t.surveyed, t.freed = true, nil
	return news, alive
}
