package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/story"
)

// Past leads through the states that what is shown was in. A state is named by its Snapshot.Facts.
type Past interface {
	// Find returns the state to which a move leads from another one. A move of nothing stays, and freezes the place that is shown.
	Find(from uint64, m store.Move) uint64
	// State returns a state and its place. The snapshot is nil if nothing is kept.
	State(facts uint64) (*model.Snapshot, store.Place)
	// Resume ends the look at the past, at a state.
	Resume(from uint64)
}

// skip is how far one key skips.
const skip = 10 * time.Second

// moves are the moves of actions.
func (a Action) move() (m store.Move, moves bool) {
	switch a {
	case Freeze:
		return store.Move{}, true
	case StepBack:
		return store.Move{Events: -1}, true
	case StepOn:
		return store.Move{Events: 1}, true
	case SkipBack:
		return store.Move{Time: -skip}, true
	case SkipOn:
		return store.Move{Time: skip}, true
	case ToOldest:
		return store.Move{Oldest: true}, true
	case ToNewest:
		return store.Move{Newest: true}, true
	}
	return m, false
}

// The bounds of the speed of a replay that keys set.
const minSpeed, maxSpeed = 1.0 / 64, 1024

// timeBindings returns the keys that lead through time.
func timeBindings() []binding {
	whenFrozen := func(words string) func(at place) string {
		return func(at place) string {
			if at.Frozen == nil {
				return ""
			}
			return words
		}
	}
	return []binding{
		{
			does: commands(cmdEarlier, cmdLater), caps: commands(cmdEarlier, cmdLater), time: true, modes: inList | inPage,
			hint: whenFrozen("step"), help: "back in time, to the latest event before what is shown, and on to the next; the first step freezes the screen",
			do: func(at place, c command) (State, Action) { return at.travel(c == cmdEarlier, StepBack, StepOn) },
		},
		{
			does: commands(cmdSkipBack, cmdSkipOn), caps: commands(cmdSkipBack, cmdSkipOn), modes: inList | inPage,
			hint: whenFrozen("10 s"), help: "ten seconds back in time, and on",
			do: func(at place, c command) (State, Action) { return at.travel(c == cmdSkipBack, SkipBack, SkipOn) },
		},
		{
			does: commands(cmdNow), modes: inList | inPage, when: place.isFrozen,
			help: "go back to now, as {freeze} does; of a replay, go on from here",
			do:   func(at place, _ command) (State, Action) { return at.goOn() },
		},
		{
			does: commands(cmdFaster, cmdSlower), caps: commands(cmdFaster, cmdSlower), modes: reading, when: func(at place) bool { return at.Replay && at.Speed > 0 },
			hint: always("speed"), help: "play the recording faster, and slower",
			do: func(at place, c command) (State, Action) {
				if c == cmdSlower {
					at.Speed = max(at.Speed/2, min(minSpeed, at.Speed))
				} else {
					at.Speed = min(at.Speed*2, max(maxSpeed, at.Speed))
				}
				return at.State, SetSpeed
			},
		},
	}
}

// freeze freezes the screen, or has it go on.
func (at place) freeze() (State, Action) {
	if at.Frozen != nil {
		return at.goOn()
	}
	at.Frozen = at.shown(at.live)
	return at.State, Freeze
}

// goOn goes back to now.
func (at place) goOn() (State, Action) {
	at.Frozen, at.Place = nil, store.Place{}
	return at.State, GoOn
}

// travel goes back in time, which freezes the screen, or on, which there is nothing to do for while it is not.
func (at place) travel(back bool, backwards, on Action) (State, Action) {
	switch {
	case back && at.Frozen == nil:
		at.Frozen = at.shown(at.live)
		return at.State, backwards
	case back:
		return at.State, backwards
	case at.Frozen == nil:
		return at.State, Stay
	}
	return at.State, on
}

// leave closes what back closes and, before it unfolds groups, goes back to now.
func (at place) leave() (State, Action) {
	if at.Frozen != nil && !at.Help && at.Open == "" && at.Search == "" && at.Explain == 0 && at.filter() == "" {
		return at.goOn()
	}
	return at.back(), Stay
}

// ago returns how long before now the frozen screen was; "" is less than a second. A replay has no now.
func (sc screen) ago() string {
	if sc.state.Replay || sc.live == nil || sc.live.Time.IsZero() {
		return ""
	}
	d := sc.live.Now().Sub(sc.s.Now())
	if d < time.Second {
		return ""
	}
	return story.Ago(d)
}

// frozenMark returns the header's mark of a frozen screen.
func (sc screen) frozenMark() string {
	if ago := sc.ago(); ago != "" {
		return "❚❚ " + ago
	}
	return "❚❚ frozen"
}

// replayMark returns the header's mark of a replay.
func (sc screen) replayMark() string {
	if speed := sc.state.Speed; speed > 0 && speed != 1 {
		return fmt.Sprintf("▶ replay %s×", speedText(speed))
	}
	return "▶ replay"
}

func speedText(speed float64) string {
	if speed < 1 {
		return fmt.Sprintf("1/%.3g", 1/speed)
	}
	return fmt.Sprintf("%.4g", speed)
}

// frozenNote returns what the status line says of a frozen screen.
func (sc screen) frozenNote() string {
	key := sc.state.Keys.firstCap(cmdFreeze, cmdNow, cmdBack)
	since := fmt.Sprintf("%d newer; %s goes on", sc.state.missed(sc.live), key)
	if sc.state.Replay {
		since = key + " goes on from here"
	}
	p := sc.state.Place
	if p.Events == 0 {
		return "frozen; " + since
	}
	where := fmt.Sprintf("event %d of %d", p.Event, p.Events)
	if p.Event == 0 {
		where = "before " + story.Count(uint64(p.Events), "event", "events")
	}
	state := "frozen"
	if ago := sc.ago(); ago != "" {
		state = "this was " + ago
	}
	if !sc.state.Replay || p.Dropped > 0 {
		where += " since " + clockIn(p.First.Time, sc.s.Time)
	}
	return fmt.Sprintf("%s: %s; %s", state, where, since)
}

// frozenRule is rule for a screen that does not show now: a line that looks different all the way.
func frozenRule(title line, w int) line {
	l := text(Warn, "══").space(1).join(title).space(1).cut(w)
	return l.add(Warn, strings.Repeat("═", max(w-l.width(), 0)))
}
