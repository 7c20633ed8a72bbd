// Package losses reports to a slow consumer of facts what it missed.
package losses

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// maxKept bounds the losses that are reported one by one, each with its source.
const maxKept = 64

// Keep is a sink.Config.Keep. It keeps events that say what had been lost before, so that a consumer that misses them learns it all the
// same. It adds up those of one source, and from maxKept on those of one reason, whose source then is left out.
func Keep(kept []fact.Fact, f fact.Fact) ([]fact.Fact, bool) {
	if f.Event == nil || f.Event.Lost == nil {
		return kept, false
	}
	loss := *f.Event.Lost
	if i := index(kept, loss); i >= 0 || len(kept) < maxKept {
		return add(kept, i, f, loss), true
	}
	loss.UID, loss.Cgroup = nil, ""
	return add(kept, index(kept, loss), f, loss), true
}

// index returns which of kept is a loss of the same source and reason, -1 for none.
func index(kept []fact.Fact, like event.Lost) int {
	return slices.IndexFunc(kept, func(f fact.Fact) bool {
		l := f.Event.Lost
		sameUser := l.UID == nil && like.UID == nil || l.UID != nil && like.UID != nil && *l.UID == *like.UID
		return l.Reason == like.Reason && l.Cgroup == like.Cgroup && sameUser
	})
}

// add appends a loss, reported by f, after adding the one at i, which it removes; a negative i is none. The sum has f's time.
func add(kept []fact.Fact, i int, f fact.Fact, loss event.Lost) []fact.Fact {
	if i >= 0 {
		loss.Count += kept[i].Event.Lost.Count
		kept = slices.Delete(kept, i, i+1)
	}
	e := *f.Event
	e.Lost, f.Event = &loss, &e
	return append(kept, f)
}

// Of returns the event that stands for n facts that a consumer missed; last is the last one of them.
func Of(n uint64, last fact.Fact, reason string) fact.Fact {
	return fact.Fact{Time: last.Time, BootNS: last.BootNS, Event: &event.Event{
		Time: last.Time, Type: event.EventsLost, Lost: &event.Lost{Count: n, Reason: reason},
	}}
}
