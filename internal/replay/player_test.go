package replay

import (
	"bytes"
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/store"
)

var begin = time.Date(2026, 11, 23, 20, 0, 0, 123456789, time.UTC)

// facts has some facts, one a second, one of which is an event.
func facts() []fact.Fact {
	c := event.Container{ID: strings.Repeat("ab", 32), Name: "web", Runtime: "docker"}
	list := []fact.Fact{
		{Host: &fact.Host{Name: "host", Kernel: "6.12", Namespaces: event.NamespaceIDs{event.Net: 7}, CPUs: 2}},
		{Event: &event.Event{Type: event.CgroupCreated, PID: 10, Comm: "runc", Cgroup: &event.Cgroup{Path: "/docker/x", ID: 3, Container: &c}}},
		{Found: &fact.Found{Container: c, CgroupPath: "/docker/x", OOMKills: new(uint64(0)), Started: begin}},
		{Memory: []fact.Reading{{ID: c.ID, UsageBytes: new(uint64(0)), Unlimited: true, Processes: new(1)}}},
		{},
	}
	for i := range list {
		list[i].Time = begin.Add(time.Duration(i) * time.Second)
		if e := list[i].Event; e != nil {
			e.Time = list[i].Time
		}
	}
	return list
}

// recording returns a recording of some facts.
func recording(t *testing.T, facts ...fact.Fact) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := record.NewWriter(&b, begin)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// metronome replaces time.After: it notes each wait and fires at once.
type metronome struct{ waits []time.Duration }

func (m *metronome) after(d time.Duration) <-chan time.Time {
	m.waits = append(m.waits, d)
	due := make(chan time.Time, 1)
	due <- time.Time{}
	return due
}

// moments makes facts at these times after the beginning.
func moments(after ...time.Duration) []fact.Fact {
	var list []fact.Fact
	for _, d := range after {
		list = append(list, fact.Fact{Time: begin.Add(d)})
	}
	return list
}

// booted sets the facts' times by the kernel's clock, in seconds.
func booted(seconds []uint64, facts []fact.Fact) []fact.Fact {
	for i := range facts {
		facts[i].BootNS = seconds[i] * uint64(time.Second)
	}
	return facts
}

func player(t *testing.T, facts []fact.Fact, speed float64, after func(time.Duration) <-chan time.Time) *Player {
	t.Helper()
	r, err := record.NewReader(bytes.NewReader(recording(t, facts...)))
	if err != nil {
		t.Fatal(err)
	}
	return New(r, speed, after)
}

func TestPace(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name  string
		speed float64
		facts []fact.Fact
		waits []time.Duration
	}{
		{"as it happened", 1, moments(0, 500*ms, 1500*ms), []time.Duration{500 * ms, time.Second}},
		{"twice as fast", 2, moments(0, 500*ms, 1500*ms), []time.Duration{250 * ms, 500 * ms}},
		{"half as fast", 0.5, moments(0, 500*ms, 1500*ms), []time.Duration{time.Second, 2 * time.Second}},
		{"as fast as possible", 0, moments(0, 500*ms, 1500*ms), nil},
		{"a negative speed is none", -1, moments(0, 500*ms), nil},
		{"no number is none", math.NaN(), moments(0, 500*ms), nil},
		{"infinitely fast", math.Inf(1), moments(0, 500*ms), nil},
		{"infinitely slow", 1e-300, moments(0, 500*ms), []time.Duration{longestPause}},
		{"a night", 1, moments(0, 8*time.Hour, 8*time.Hour+time.Second), []time.Duration{longestPause, time.Second}},
		{"the longest night", 1, []fact.Fact{{Time: time.Unix(0, 0)}, {Time: begin.AddDate(5000, 0, 0)}}, []time.Duration{longestPause}},
		{"a fact that is late", 1, moments(0, time.Second, 500*ms, 1500*ms), []time.Duration{time.Second, 500 * ms}},
		{"at once", 1, moments(time.Second, time.Second, time.Second), nil},
		{"a burst", 1, moments(0, 4*ms, 8*ms, 12*ms, 16*ms, 20*ms, 24*ms), []time.Duration{12 * ms, 12 * ms}},
		{"a burst, then a long pause", 1, moments(0, 9*ms, time.Hour), []time.Duration{longestPause}},
		{"somebody has set the clock back", 1, booted([]uint64{1, 2, 4}, moments(0, -20*time.Minute, -20*time.Minute)), []time.Duration{time.Second, 2 * time.Second}},
		{"somebody has set the clock forward", 1, booted([]uint64{1, 2}, moments(0, 20*time.Minute)), []time.Duration{time.Second}},
		{"without times", 1, []fact.Fact{{}, {}}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var m metronome
			if err := player(t, test.facts, test.speed, m.after).Run(t.Context()); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.waits, m.waits); diff != "" {
				t.Errorf("waits (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlayerTellsTheModel(t *testing.T) {
	want := model.New(model.DefaultLimits())
	for _, f := range facts() {
		want.Apply(f)
	}
	p := player(t, facts(), 0, nil)
	if n := len(p.Snapshot().Containers); n != 0 {
		t.Errorf("%d containers before the beginning", n)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.Changed():
	default:
		t.Error("no change is signalled")
	}
	if diff := cmp.Diff(want.Snapshot(), p.Snapshot()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if first, second := p.Snapshot(), p.Snapshot(); first != second {
		t.Error("a new snapshot without a change")
	}
}

// A recording that breaks off is played up to there; then an error reports it.
func TestPlayerOfAPart(t *testing.T) {
	whole := recording(t, facts()...)
	r, err := record.NewReader(bytes.NewReader(whole[:len(whole)-1]))
	if err != nil {
		t.Fatal(err)
	}
	p := New(r, 0, nil)
	if err := p.Run(t.Context()); !errors.Is(err, record.ErrCutShort) {
		t.Errorf("%v", err)
	}
	if got, want := p.Snapshot().Time, begin.Add(time.Duration(len(facts())-1)*time.Second); !got.Equal(want) {
		t.Errorf("played up to %v, want %v", got, want)
	}
}

func TestPlayerIsStopped(t *testing.T) {
	t.Run("while it waits", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := player(t, moments(0, time.Second, 2*time.Second), 1, func(time.Duration) <-chan time.Time {
			cancel()
			return nil // never due
		})
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := p.Snapshot().Time; !got.Equal(begin) {
			t.Errorf("played up to %v, want the first fact", got)
		}
	})
	t.Run("while it plays", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		p := player(t, facts(), 0, nil)
		if err := p.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := p.Snapshot().Time; !got.IsZero() {
			t.Errorf("played up to %v, want nothing", got)
		}
	})
}

// Views read snapshots while it plays.
func TestPlayerIsConcurrent(t *testing.T) {
	var many []fact.Fact
	const times = 50 // each with one event
	for range times {
		many = append(many, facts()...)
	}
	p := player(t, many, 0, nil)
	done := make(chan error, 1)
	go func() { done <- p.Run(t.Context()) }()
	var last uint64
	for {
		select {
		case <-p.Changed():
			s := p.Snapshot()
			played := s.Totals.Events[event.CgroupCreated]
			if played < last {
				t.Errorf("%d events after %d", played, last)
			}
			last = played
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			if got := p.Snapshot().Totals.Events[event.CgroupCreated]; got != times {
				t.Errorf("%d events were played, want %d", got, times)
			}
			return
		}
	}
}

// stepper is a Player of which each fact is due when the test says so.
type stepper struct {
	*Player

	t     *testing.T
	wait  chan time.Duration // what the Player waits for
	due   chan time.Time
	ended chan error
}

func newStepper(t *testing.T, facts []fact.Fact) *stepper {
	t.Helper()
	s := &stepper{t: t, wait: make(chan time.Duration), due: make(chan time.Time), ended: make(chan error, 1)}
	s.Player = player(t, facts, 1, func(d time.Duration) <-chan time.Time {
		s.wait <- d
		return s.due
	})
	go func() { s.ended <- s.Run(t.Context()) }()
	return s
}

// waits returns when the Player waits for so long. It may have begun other waits before, which a pause has ended.
func (s *stepper) waits(want time.Duration) {
	for got := range s.wait {
		if got == want {
			return
		}
	}
}

func (s *stepper) shows(want uint64) {
	s.t.Helper()
	if got := s.Snapshot().Facts; got != want {
		s.t.Errorf("state %d is shown, want %d", got, want)
	}
}

// While it is paused every state can be reached, also those ahead, and it goes on from the one that was chosen.
func TestPauseStepAndResume(t *testing.T) {
	list := facts() // of which the second is an event
	s := newStepper(t, list)
	s.waits(time.Second)
	s.due <- time.Time{}
	s.waits(time.Second)
	s.shows(2)
	if at := s.Find(2, store.Move{}); at != 2 {
		t.Errorf("pausing leads to %d", at)
	}
	for s.timeline.Find(2, store.Move{Newest: true}) != uint64(len(list)) { // until all is read
		runtime.Gosched()
	}
	if at := s.Find(2, store.Move{Newest: true}); at != 5 {
		t.Errorf("the newest is %d", at)
	}
	if got, place := s.State(4); got.Facts != 4 || place.Event != 1 || place.Events != 1 {
		t.Errorf("state %d, %+v", got.Facts, place)
	}
	s.shows(2)
	at := s.Find(2, store.Move{Events: -1})
	if got, place := s.State(at); at != 1 || got.Facts != 1 || place.Event != 0 {
		t.Errorf("state %d, %+v", got.Facts, place)
	}
	s.Resume(1)
	s.waits(time.Second) // the state 2 is due at once, since nothing is known before it
	s.shows(2)
	s.SetSpeed(4)
	s.waits(250 * time.Millisecond)
	s.SetSpeed(0)
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	s.shows(5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.Resumed(ctx) {
		t.Error("it goes on behind its end")
	}
	s.Find(5, store.Move{})
	s.Resume(3)
	if !s.Resumed(t.Context()) {
		t.Error("it does not go on")
	}
	if err := s.Run(t.Context()); err != nil {
		t.Error(err)
	}
	s.shows(5)
}
