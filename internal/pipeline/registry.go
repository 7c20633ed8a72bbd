package pipeline

import (
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// registry knows the live namespaces by number, so that their end can be told where the kernel says
// only the number, or nothing. Numbers are reused: a namespace is its number and its birth.
//
// Surveys take their time, and events are read a little after they happen. So what a survey has found
// may have ended before the survey is taken in, and the birth of what it has found may be read after.
type registry struct {
	known map[uint64]*knownNamespace
	// surveyed is whether a survey has been taken in: what the first one finds is no news.
	surveyed bool
	// unreported is whether births may have been unreported since the beginning, since events were lost or throttled.
	unreported bool

	// Of the survey under way: when it began, the numbers that were freed since, and whether events
	// were lost since.
	began time.Time
	freed map[uint64]struct{}
	lossy bool

	// changed are the processes that have changed their namespaces since the latest survey began; nil where others may have.
	changed map[int32]bool
}

type knownNamespace struct {
	typ           event.NamespaceType
	owner, parent uint64
	since         time.Time
	unsharer      int32 // the process that unshared it, where one did
	// found is when the survey ended that was the first to find it; zero where an event told of it.
	found time.Time
	// told is whether its birth need not be told any more.
	told bool
	// doubtful is whether its end may be among events that were lost.
	doubtful bool
	// silent is whether its birth was not reported though births were watched. The probes report no end of a namespace whose
	// birth was throttled.
	silent bool
	// missed is how many surveys in a row did not find it, of those that looked everywhere for it.
	missed int
}

// acquaintance is what a surveyor may know of a namespace that is known.
type acquaintance struct {
	typ           event.NamespaceType
	owner, parent uint64
	since         time.Time
	unsharer      int32
	missed        int
}

func newRegistry() *registry { return &registry{known: map[uint64]*knownNamespace{}} }

// complete takes in a batch of events and returns it completed: with the type of every namespace, and
// with the ends that were not told, each before the call that made a new namespace of its number.
func (r *registry) complete(batch []event.Event) []event.Event {
	out := make([]event.Event, 0, len(batch))
	call := 0 // where the events of the current call begin
	for i, e := range batch {
		if i == 0 || !e.Time.Equal(batch[i-1].Time) || e.PID != batch[i-1].PID {
			call = len(out)
		}
		switch {
		case e.Type == event.EventsLost:
			r.doubt(e.Lost.Reason)
			r.changed = nil
		case e.Namespace != nil:
			if r.changed != nil && e.Type != event.NamespaceFreed {
				r.changed[e.PID] = true
			}
			before, ok := r.note(&e)
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
// namespace that had this number, where that end was not told. It reports false for the end of a
// namespace that was never heard of, of which not even the type is known.
func (r *registry) note(e *event.Event) (before *event.Event, ok bool) {
	n := e.Namespace
	old := r.known[n.ID]
	if e.Type == event.NamespaceFreed {
		if r.freed != nil {
			r.freed[n.ID] = struct{}{}
		}
		if old == nil {
			return nil, false
		}
		n.Type, n.Owner, n.Parent = old.typ, old.owner, old.parent
		delete(r.known, n.ID)
		return nil, true
	}
	if old != nil && old.typ == n.Type && (e.Type == event.NamespaceJoined || !e.Time.After(old.found)) {
		// Known, if only from a survey that was faster than the event.
		old.relate(n.Owner, n.Parent)
		old.told = true
		old.silent = old.silent && e.Type == event.NamespaceJoined
		return nil, true
	}
	if old != nil {
		before = new(end(e.Time, n.ID, old))
	}
	r.known[n.ID] = &knownNamespace{
		typ: n.Type, owner: n.Owner, parent: n.Parent, since: e.Time, told: true,
		silent: e.Type == event.NamespaceJoined && (r.surveyed || r.unreported),
	}
	if n.Via == event.ViaUnshare {
		r.known[n.ID].unsharer = e.PID
	}
	return before, true
}

// relate fills in what was not known.
func (k *knownNamespace) relate(owner, parent uint64) {
	if k.owner == 0 {
		k.owner = owner
	}
	if k.parent == 0 {
		k.parent = parent
	}
}

// doubt notes that events were lost. Of what is throttled only births are missing: ends are not throttled.
func (r *registry) doubt(reason string) {
	r.unreported = true
	if reason == event.LostThrottled {
		return
	}
	r.lossy = true
	for _, known := range r.known {
		if !known.doubtful { // from now on it counts
			known.doubtful, known.missed = true, 0
		}
	}
}

// end is the event of an end that was not told.
func end(at time.Time, id uint64, known *knownNamespace) event.Event {
	return reconciled(event.NamespaceFreed, at, id, known)
}

func reconciled(t event.Type, at time.Time, id uint64, known *knownNamespace) event.Event {
	return event.Event{
		Time: at, Type: t,
		Namespace: &event.Namespace{
			Type: known.typ, ID: id, Owner: known.owner, Parent: known.parent, Via: event.ViaReconcile,
		},
	}
}

// beginSurvey notes that a survey begins and returns what should be found.
func (r *registry) beginSurvey(at time.Time) map[uint64]acquaintance {
	r.began, r.freed, r.lossy = at, map[uint64]struct{}{}, false
	known := make(map[uint64]acquaintance, len(r.known))
	for id, k := range r.known {
		known[id] = acquaintance{
			typ: k.typ, owner: k.owner, parent: k.parent, since: k.since, unsharer: k.unsharer, missed: k.missed,
		}
	}
	return known
}

// takeChanged returns the processes that have changed their namespaces since it was called before; nil is that any may have.
func (r *registry) takeChanged() map[int32]bool {
	changed := r.changed
	r.changed = map[int32]bool{}
	return changed
}

// missesToFree is after how many surveys without it a namespace counts as freed. One is not enough:
// a process may enter a namespace behind the back of a survey that goes from process to process.
const missesToFree = 2

// endSurvey compares the survey with what is known and returns what no probe has told, and the survey
// without what has ended since it began. A birth is told when a second survey finds the namespace and
// still no event has told of it. Where the end of namespaces is hooked and nothing was lost of this one, a
// namespace that a survey does not find is alive all the same, kept by something that cannot be found.
// Elsewhere it counts as missed where the survey was thorough.
func (r *registry) endSurvey(at time.Time, s fact.Survey, thorough, freedIsHooked bool) ([]event.Event, fact.Survey) {
	var news []event.Event
	found := make(map[uint64]bool, len(s.Namespaces))
	alive := fact.Survey{Namespaces: make([]fact.Namespace, 0, len(s.Namespaces)), VMs: s.VMs, Unseen: s.Unseen}
	for _, n := range s.Namespaces {
		known := r.known[n.ID]
		if known != nil && known.typ != n.Type {
			if known.since.After(r.began) {
				continue // the number has been given to another one since
			}
			news = append(news, end(r.began, n.ID, known))
			delete(r.known, n.ID)
			known = nil
		}
		if _, gone := r.freed[n.ID]; gone && known == nil {
			continue // and its number has not been given out again
		}
		found[n.ID] = true
		alive.Namespaces = append(alive.Namespaces, n)
		if known == nil {
			r.known[n.ID] = &knownNamespace{
				typ: n.Type, owner: n.Owner, parent: n.Parent, since: r.began, found: at, told: !r.surveyed,
				silent: r.surveyed || r.unreported,
			}
			continue
		}
		known.relate(n.Owner, n.Parent)
		known.missed = 0
		known.doubtful = known.doubtful && r.lossy
		if !known.told {
			known.told = true
			news = append(news, reconciled(event.NamespaceCreated, r.began, n.ID, known))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(r.known)) {
		known := r.known[id]
		if found[id] || known.since.After(r.began) || !thorough {
			continue
		}
		known.missed++
		if freedIsHooked && !known.doubtful && !known.silent {
			continue
		}
		if known.missed >= missesToFree {
			delete(r.known, id)
			news = append(news, end(r.began, id, known))
		}
	}
	r.surveyed, r.freed = true, nil
	return news, alive
}
