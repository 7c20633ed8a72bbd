package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
)

// scenePast returns the present and a state of a minute before, at its place.
func scenePast() (now *model.Snapshot, st State) {
	now = scene()
	now.Time = now.Time.Add(72 * time.Second)
	now.Totals.Events = map[event.Type]uint64{event.NamespaceCreated: 15, event.CgroupCreated: 4, event.ContainerStarted: 3, event.OOMKill: 49}
	then := scene()
	first := model.Stamp{Time: then.Time.Add(-12 * time.Minute)}
	return now, State{Frozen: then, Place: store.Place{Event: 3, Events: 40, First: first, Last: now.Now()}}
}

func TestTimeKeys(t *testing.T) {
	now, past := scenePast()
	key := func(name KeyName) Key { return Key{Name: name} }
	letter := func(r rune) Key { return Key{Name: KeyRune, Rune: r} }
	frozen := func(st State) State { st.Frozen, st.Place = now, store.Place{}; return st }
	with := func(st State, change func(*State)) State { change(&st); return st }
	replay := State{Replay: true, Speed: 1}
	for _, tt := range []struct {
		name   string
		from   State
		key    Key
		want   State
		action Action
	}{
		{"space freezes", State{}, letter(' '), frozen(State{}), Freeze},
		{"space goes on", past, letter(' '), State{}, GoOn},
		{"l goes on", past, letter('l'), State{}, GoOn},
		{"esc goes on", past, key(KeyEsc), State{}, GoOn},
		{"esc closes the page first", with(past, func(st *State) { st.Open = hogID }), key(KeyEsc), past, Stay},
		{"esc ends the search first", with(past, func(st *State) { st.Search = "x" }), key(KeyEsc), past, Stay},
		{"l is nothing while live", State{}, letter('l'), State{}, Stay},
		{"left freezes and steps", State{}, key(KeyLeft), frozen(State{}), StepBack},
		{"left steps back", past, key(KeyLeft), past, StepBack},
		{"right steps on", past, key(KeyRight), past, StepOn},
		{"right is nothing while live", State{}, key(KeyRight), State{}, Stay},
		{"shift-left freezes and skips", State{}, key(KeyShiftLeft), frozen(State{}), SkipBack},
		{"shift-left skips back", past, key(KeyShiftLeft), past, SkipBack},
		{"shift-right skips on", past, key(KeyShiftRight), past, SkipOn},
		{"shift-right is nothing while live", State{}, key(KeyShiftRight), State{}, Stay},
		{"home", past, key(KeyHome), past, ToOldest},
		{"end", past, key(KeyEnd), past, ToNewest},
		{"on a page, too", with(past, func(st *State) { st.Open = hogID }), key(KeyLeft), with(past, func(st *State) { st.Open = hogID }), StepBack},
		{"on the host's page, too", with(past, func(st *State) { st.Tab = Host }), key(KeyHome), with(past, func(st *State) { st.Tab = Host }), ToOldest},
		{"not in the help", with(past, func(st *State) { st.Help = true }), key(KeyLeft), with(past, func(st *State) { st.Help = true }), Stay},
		{"faster", replay, letter('+'), with(replay, func(st *State) { st.Speed = 2 }), SetSpeed},
		{"slower", replay, letter('-'), with(replay, func(st *State) { st.Speed = 0.5 }), SetSpeed},
		{"no faster than that", with(replay, func(st *State) { st.Speed = maxSpeed }), letter('='), with(replay, func(st *State) { st.Speed = maxSpeed }), SetSpeed},
		{"as fast as the user wants", with(replay, func(st *State) { st.Speed = 1e6 }), letter('='), with(replay, func(st *State) { st.Speed = 1e6 }), SetSpeed},
		{"no slower than that", with(replay, func(st *State) { st.Speed = minSpeed }), letter('-'), with(replay, func(st *State) { st.Speed = minSpeed }), SetSpeed},
		{"now has one speed", State{}, letter('+'), State{}, Stay},
	} {
		got, action := Update(tt.from, tt.key, now)
		if diff := cmp.Diff(tt.want, got); diff != "" || action != tt.action {
			t.Errorf("%s: action %d, want %d (-want +got):\n%s", tt.name, action, tt.action, diff)
		}
	}
}

// recorded is a Past that notes where it was led.
type recorded struct {
	finds   []store.Move
	states  int
	resumed []uint64
}

func (r *recorded) Find(from uint64, m store.Move) uint64 {
	r.finds = append(r.finds, m)
	return from + uint64(int64(m.Events))
}

func (r *recorded) State(facts uint64) (*model.Snapshot, store.Place) {
	r.states++
	s := scene()
	s.Facts = facts
	return s, store.Place{Facts: facts, Event: int(facts), Events: 40}
}

func (r *recorded) Resume(from uint64) { r.resumed = append(r.resumed, from) }

// Several keys between two frames are several moves, and one state is made.
func TestShellGoesThroughThePast(t *testing.T) {
	past := &recorded{}
	speed := 0.0
	live := scene()
	live.Facts = 30
	screen := newSimulated()
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	sh := &shell{screen: screen, noMouse: true, inspector: newInspector(nil, nil), rememberer: newRememberer(Options{}), options: Options{
		Past: past, Snapshots: func() *model.Snapshot { return live }, SetSpeed: func(s float64) { speed = s },
	}}
	sh.draw()
	press := func(key tcell.Key, r rune, mod tcell.ModMask) {
		t.Helper()
		if _, err := sh.handle(tcell.NewEventKey(key, r, mod)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		press(tcell.KeyLeft, 0, tcell.ModNone)
	}
	sh.draw()
	if past.states != 1 || sh.state.Frozen.Facts != 27 || sh.state.Place.Event != 27 {
		t.Errorf("%d states were made, the one shown is %d", past.states, sh.state.Frozen.Facts)
	}
	if shown := <-screen.shown; !strings.Contains(shown, "event 27 of 40") {
		t.Errorf("the screen does not say where it is:\n%s", shown)
	}
	press(tcell.KeyRight, 0, tcell.ModNone)
	press(tcell.KeyLeft, 0, tcell.ModShift)
	press(tcell.KeyRight, 0, tcell.ModShift)
	press(tcell.KeyHome, 0, tcell.ModNone)
	press(tcell.KeyEnd, 0, tcell.ModNone)
	sh.draw()
	want := []store.Move{
		{Events: -1}, {Events: -1}, {Events: -1}, {Events: 1}, {Time: -10 * time.Second}, {Time: 10 * time.Second}, {Oldest: true}, {Newest: true},
	}
	if diff := cmp.Diff(want, past.finds); diff != "" || past.states != 2 {
		t.Errorf("%d states (-want +got):\n%s", past.states, diff)
	}
	press(tcell.KeyRune, ' ', tcell.ModNone)
	sh.draw()
	if diff := cmp.Diff([]uint64{28}, past.resumed); diff != "" || sh.state.Frozen != nil || past.states != 2 {
		t.Errorf("it does not go on: %s", diff)
	}
	sh.state.Replay, sh.state.Speed = true, 1
	press(tcell.KeyRune, '+', tcell.ModNone)
	if speed != 2 {
		t.Errorf("the speed is %v", speed)
	}
}

func TestFrozenNote(t *testing.T) {
	now, st := scenePast()
	note := func() string { return screen{s: st.shown(now), live: now, state: st, w: 120, h: 36}.frozenNote() }
	if got, want := note(), "this was 1 min ago: event 3 of 40 since 12:14:15; 37 events have come since; space goes on"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	st.Place.Event = 0
	if got := note(); !strings.Contains(got, "before 40 events since 12:14:15") {
		t.Errorf("%q", got)
	}
	st.Replay = true
	if got, want := note(), "frozen: before 40 events; space goes on from here"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if st.Place.Dropped = 7; !strings.Contains(note(), "since 12:14:15") {
		t.Errorf("%q does not say how far back it goes", note())
	}
	for speed, want := range map[float64]string{0: "▶ replay", 1: "▶ replay", 4: "▶ replay 4×", 0.25: "▶ replay 1/4×", 1e6: "▶ replay 1e+06×"} {
		if got := (screen{state: State{Speed: speed}}).replayMark(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
