package pipeline

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// A user's container without a cgroup is found by its engine's files, some time after its start. An OOM kill in what may be one waits for the
// next look at these, so that it is the container's and not a sandbox's. Nothing else waits for it.

const (
	// killPatience is how long a kill waits at most, until the next message.
	killPatience = 500 * time.Millisecond
	// maxHeldKills bounds how many wait.
	maxHeldKills = 64
)

// heldKill is one that waits.
type heldKill struct {
	event event.Event
	since time.Time
}

// hold reports whether a kill has to wait, and has the users' files looked at then.
func (l *loop) hold(e *event.Event) bool {
	if len(l.held) >= maxHeldKills || !l.tracker.MayBeUsers(e) {
		return false
	}
	l.held = append(l.held, heldKill{*e, l.now()})
	l.usersStarts.raise()
	return true
}

// release handles the held kills that are to wait no longer.
func (l *loop) release(due func(h *heldKill) bool) {
	var released []event.Event
	l.held = slices.DeleteFunc(l.held, func(h heldKill) bool {
		if !due(&h) {
			return false
		}
		released = append(released, h.event)
		return true
	})
	for _, e := range released {
		l.handleNow(e)
	}
}

// releaseOld handles those that have waited long enough.
func (l *loop) releaseOld() {
	if len(l.held) > 0 {
		now := l.now()
		l.release(func(h *heldKill) bool { return now.Sub(h.since) >= killPatience })
	}
}

// releaseBefore handles those in a namespace before its end.
func (l *loop) releaseBefore(freed *event.Namespace) {
	if len(l.held) > 0 {
		l.release(func(h *heldKill) bool { return h.event.OOM.Victim.Namespaces[freed.Type] == freed.ID })
	}
}

// usersLooked is that a look for users' containers, which began at that time, has ended.
type usersLooked time.Time

func (m usersLooked) handle(l *loop) {
	l.release(func(h *heldKill) bool { return h.since.Before(time.Time(m)) })
}
