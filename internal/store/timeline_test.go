package store

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// host makes up the facts of a host: each second the readings of all containers, every third one a survey, and kills, starts and ends.
type host struct {
	*rand.Rand
	second int
	count  int // containers
	kills  bool
}

func (h *host) container(i int) event.Container {
	return event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("service-%d", i), Image: "image", Runtime: "docker"}
}

func (h *host) at(f fact.Fact) fact.Fact {
	after := time.Duration(h.second) * time.Second
	f.Time, f.BootNS = start.Add(after), 1+uint64(after)
	if f.Event != nil {
		f.Event.Time = f.Time
	}
	return f
}

// begin returns the facts of the beginning.
func (h *host) begin() (list []fact.Fact) {
	for i := range h.count {
		c := h.container(i)
		f := &fact.Found{Container: c, CgroupPath: "/docker/" + c.ID, InitPID: int32(1000 + i), InitComm: "app", Started: start, OOMKills: new(uint64(0))}
		for t := range f.Namespaces {
			f.Namespaces[t] = uint64(100 + 8*i + t)
		}
		list = append(list, h.at(fact.Fact{Found: f}))
	}
	return list
}

// next returns the facts of the next second.
func (h *host) next() (list []fact.Fact) {
	h.second++
	readings := make([]fact.Reading, h.count)
	for i := range readings {
		usage := uint64(h.IntN(1 << 30))
		readings[i] = fact.Reading{
			ID: h.container(i).ID, UsageBytes: &usage, LimitBytes: new(uint64(1 << 30)), WorkingSetBytes: new(usage / 2), Processes: new(h.IntN(20)),
			OOMKills: new(uint64(0)), PIDsRefused: new(uint64(0)), StuckAt: new(""), Frozen: new(false),
			Room: &fact.MemoryRoom{Cgroup: "/docker/" + h.container(i).ID, LimitBytes: 1 << 30, WorkingSetBytes: usage / 2},
		}
	}
	list = append(list, h.at(fact.Fact{Memory: readings}))
	if h.second%3 == 0 {
		s := &fact.Survey{}
		for i := range h.count {
			for t := range 8 {
				s.Namespaces = append(s.Namespaces, fact.Namespace{Type: event.NamespaceType(t), ID: uint64(100 + 8*i + t), Processes: []int32{int32(1000 + i), int32(5000 + i)}})
			}
		}
		list = append(list, h.at(fact.Fact{Namespaces: s}))
	}
	if h.kills {
		c := h.container(h.IntN(h.count))
		list = append(list, h.at(fact.Fact{Event: &event.Event{Type: event.OOMKill, Comm: "app", OOM: &event.OOM{
			Scope: event.ScopeCgroup, Cgroup: "/docker/" + c.ID, Decision: uint64(h.second), UsageBytes: new(uint64(1 << 30)), LimitBytes: new(uint64(1 << 30)),
			Victim: event.Victim{PID: int32(h.IntN(1 << 15)), Comm: "worker", Container: &c},
		}}}))
	}
	if h.IntN(4) == 0 {
		c := h.container(h.IntN(h.count))
		list = append(list,
			h.at(fact.Fact{Event: &event.Event{Type: event.ContainerExited, Container: &c, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}}),
			h.at(fact.Fact{Event: &event.Event{Type: event.CgroupCreated, PID: 10, Comm: "runc", Cgroup: &event.Cgroup{Path: "/docker/" + c.ID, ID: 1, Container: &c}}}),
			h.at(fact.Fact{Event: &event.Event{Type: event.ContainerStarted, PID: int32(h.IntN(1 << 15)), Comm: "app", Container: &c, Start: &event.Start{DurationMS: new(150.0)}}}))
	}
	return list
}

// facts returns the facts of some seconds.
func (h *host) facts(seconds int) []fact.Fact {
	list := h.begin()
	for range seconds {
		list = append(list, h.next()...)
	}
	return list
}

func newHost(seed uint64, count int) *host {
	return &host{Rand: rand.New(rand.NewPCG(seed, 7)), count: count, kills: true}
}

// applied returns a Live that keeps its past, with some facts.
func applied(limit int, facts []fact.Fact) (*Live, *Timeline) {
	past := NewTimeline(limit)
	l := NewLiveWithPast(model.DefaultLimits(), past)
	for _, f := range facts {
		l.Apply(f, f.Time)
	}
	return l, past
}

// fresh returns a model that was given some facts.
func fresh(facts []fact.Fact) *model.Model {
	m := model.New(model.DefaultLimits())
	for _, f := range facts {
		m.Apply(f)
	}
	return m
}

func differ(want, got *model.Snapshot) string {
	if reflect.DeepEqual(want, got) { // which is much quicker
		return ""
	}
	return cmp.Diff(want, got, cmpopts.EquateEmpty())
}

func TestEveryStateOfThePastIsAsItWas(t *testing.T) {
	t.Parallel()
	facts := newHost(1, 5).facts(600)
	l, past := applied(32<<20, facts)
	if n := len(past.segments); n < 3 {
		t.Fatalf("%d keyframes; the test should go over several", n)
	}
	cursor := NewCursor(past)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 16 {
		if i == 8 {
			for past.packOldest() {
			}
			if s := past.segments[0]; s.facts != nil || len(s.packed) == 0 {
				t.Fatal("nothing is packed")
			}
		}
		n := random.IntN(len(facts) + 1)
		want := fresh(facts[:n])
		if problem := differ(want.Full(), past.Full(uint64(n))); problem != "" {
			t.Fatalf("after %d facts (-want +got):\n%s", n, problem)
		}
		for _, to := range []int{n, min(n+1, len(facts)), min(n+7, len(facts))} { // a cursor goes on from where it is
			if problem := differ(fresh(facts[:to]).Snapshot(), cursor.Snapshot(uint64(to))); problem != "" {
				t.Fatalf("from %d after %d facts (-want +got):\n%s", n, to, problem)
			}
		}
	}
	if problem := differ(fresh(facts).Full(), l.Full()); problem != "" {
		t.Errorf("looking back has changed what is now:\n%s", problem)
	}
}

func TestAtATime(t *testing.T) {
	t.Parallel()
	facts := newHost(2, 3).facts(100)
	_, past := applied(32<<20, facts)
	for _, seconds := range []float64{0, 0.5, 1, 17, 17.5, 100, 1000} {
		at := start.Add(time.Duration(seconds * float64(time.Second)))
		n, kept := past.At(at)
		want := 0
		for want < len(facts) && !facts[want].Time.After(at) {
			want++
		}
		if n != uint64(want) || !kept {
			t.Errorf("after %v s it is %d facts (kept: %v), want %d", seconds, n, kept, want)
		}
	}
	if _, kept := past.At(start.Add(-time.Second)); kept {
		t.Error("a time before the first fact is kept")
	}
	if _, kept := NewTimeline(1).At(start); kept {
		t.Error("an empty timeline keeps a time")
	}
	for _, since := range []int{0, 50, 101} {
		n := 0
		for _, f := range facts {
			if f.Event != nil && !f.Time.Before(start.Add(time.Duration(since)*time.Second)) {
				n++
			}
		}
		asked := start.Add(time.Duration(since) * time.Second)
		if got, from := past.Events(asked, 1<<20, 1<<30); len(got) != n || !from.Equal(asked) {
			t.Errorf("%d events since %d s, complete since %v, want %d", len(got), since, from, n)
		}
		if got, from := past.Events(asked, 5, 1<<30); len(got) != min(n, 5) || n > 5 && !from.Equal(got[0].Time) {
			t.Errorf("%d events since %d s, complete since %v, at most 5 wanted", len(got), since, from)
		}
	}
	if _, from := past.Events(start.Add(-time.Hour), 1<<20, 1<<30); !from.Equal(start) {
		t.Errorf("the events are complete since %v", from)
	}
}

// Events are bounded in memory, too, and the latest one is always there.
func TestEventsAreBoundedInBytes(t *testing.T) {
	facts := newHost(4, 3).facts(100)
	_, past := applied(32<<20, facts)
	all, _ := past.Events(start, 1<<20, 1<<30)
	var latest []int // the sizes of the events, the latest first
	for _, f := range slices.Backward(facts) {
		if f.Event != nil {
			latest = append(latest, f.Size())
		}
	}
	bytes := 0
	for n, size := range latest {
		bytes += size
		got, from := past.Events(start, 1<<20, bytes)
		if len(got) != n+1 || got[n].Type != all[len(all)-1].Type || n+1 < len(all) && !from.Equal(got[0].Time) {
			t.Fatalf("%d events in %d bytes, complete since %v, want %d", len(got), bytes, from, n+1)
		}
	}
	if got, _ := past.Events(start, 1<<20, 0); len(got) != 1 {
		t.Errorf("%d events in no bytes", len(got))
	}
}

// marks makes facts at seconds, those with an odd place with an event.
func marks(seconds ...float64) (list []fact.Fact) {
	for i, s := range seconds {
		after := time.Duration(s * float64(time.Second))
		f := fact.Fact{Time: start.Add(after), BootNS: 1 + uint64(after)}
		if i%2 == 1 {
			f.Event = &event.Event{Time: f.Time, Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: "x"}}
		}
		list = append(list, f)
	}
	return list
}

func TestMoves(t *testing.T) {
	t.Parallel()
	// Events are at 2 s, 10 s and 31 s: the states 2, 4 and 6.
	_, past := applied(1<<20, marks(1, 2, 3, 10, 30, 31, 32))
	tests := []struct {
		name string
		from uint64
		move Move
		want uint64
	}{
		{"back from now", 7, Move{Events: -1}, 6},
		{"back from an event", 6, Move{Events: -1}, 4},
		{"back from between", 5, Move{Events: -1}, 4},
		{"two back", 7, Move{Events: -2}, 4},
		{"back before the first", 2, Move{Events: -1}, 1},
		{"back from the oldest", 0, Move{Events: -1}, 1},
		{"on from the oldest", 0, Move{Events: 1}, 2},
		{"on from an event", 2, Move{Events: 1}, 4},
		{"on from between", 3, Move{Events: 1}, 4},
		{"two on", 3, Move{Events: 2}, 6},
		{"on after the last", 6, Move{Events: 1}, 7},
		{"ten seconds back", 6, Move{Time: -10 * time.Second}, 4},
		{"ten seconds back over nothing", 4, Move{Time: -10 * time.Second}, 1},
		{"ten seconds on", 2, Move{Time: 10 * time.Second}, 4},
		{"ten seconds on over nothing", 4, Move{Time: 10 * time.Second}, 5},
		{"ten seconds on at the end", 7, Move{Time: 10 * time.Second}, 7},
		{"to the oldest", 5, Move{Oldest: true}, 1},
		{"to the newest", 5, Move{Newest: true}, 7},
		{"from beyond the end", 70, Move{Events: -1}, 6},
		{"nowhere", 5, Move{}, 5},
	}
	for _, tt := range tests {
		if got := past.Find(tt.from, tt.move); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	for facts, want := range map[uint64]int{0: 0, 1: 0, 2: 1, 3: 1, 4: 2, 7: 3} {
		if p := past.Place(facts); p.Event != want || p.Events != 3 || p.Dropped != 0 {
			t.Errorf("state %d is at event %d of %d", facts, p.Event, p.Events)
		}
	}
	if p := past.Place(3); !p.First.Time.Equal(start.Add(time.Second)) || !p.Last.Time.Equal(start.Add(32*time.Second)) {
		t.Errorf("kept from %v to %v", p.First, p.Last)
	}
	// Where no event is kept, a step stays; the state just before the first one is the last that a step leads to.
	quiet := marks(1, 2, 3, 4, 5, 6)
	for i := range quiet[:5] {
		quiet[i].Event = nil
	}
	if _, none := applied(1<<20, quiet[:5]); none.Find(4, Move{Events: -1}) != 4 {
		t.Error("a step back without events leads somewhere")
	}
	_, late := applied(1<<20, quiet) // its event is state 6
	if before, stays := late.Find(6, Move{Events: -1}), late.Find(3, Move{Events: -1}); before != 5 || stays != 3 {
		t.Errorf("steps to before the only event lead to %d and %d", before, stays)
	}
	if empty := NewTimeline(1); empty.Find(3, Move{Events: -1}) != 3 || empty.Full(3) != nil || NewCursor(empty).Snapshot(3) != nil {
		t.Error("an empty timeline leads somewhere")
	}
}

// Setting the wall clock changes no step by time, and the state of a time is the latest one that showed it.
func TestMovesGoByTheKernelsClock(t *testing.T) {
	t.Parallel()
	facts := marks(1, 2, 3, 4, 5, 20)
	for i := range facts[3:] {
		facts[3+i].Time = facts[3+i].Time.Add(-time.Hour)
	}
	_, past := applied(1<<20, facts)
	if got := past.Find(6, Move{Time: -10 * time.Second}); got != 5 {
		t.Errorf("ten seconds back leads to %d", got)
	}
	if got, _ := past.At(start.Add(2 * time.Second)); got != 6 {
		t.Errorf("the time leads to %d", got)
	}
}

func TestOldestIsDropped(t *testing.T) {
	t.Parallel()
	const limit = 6 << 20
	facts := newHost(3, 20).facts(900)
	_, past := applied(limit, facts)
	if past.bytes > limit || past.bytes < limit/4 {
		t.Errorf("%d bytes are kept of %d", past.bytes, limit)
	}
	oldest := past.Find(0, Move{Oldest: true})
	if oldest == 0 || oldest >= uint64(len(facts)) {
		t.Fatalf("the oldest state is %d of %d", oldest, len(facts))
	}
	events := 0
	for _, f := range facts {
		if f.Event != nil {
			events++
		}
	}
	p := past.Place(uint64(len(facts)))
	if int(p.Dropped)+p.Events != events || p.Event != p.Events || !p.First.Time.After(start) {
		t.Errorf("%+v of %d events", p, events)
	}
	if problem := differ(fresh(facts[:oldest]).Full(), past.Full(0)); problem != "" {
		t.Errorf("what is older than the oldest state is not the oldest (-want +got):\n%s", problem)
	}
	if _, kept := past.At(start.Add(time.Second)); kept {
		t.Error("a time that was dropped is kept")
	}
	past.Save(fact.SavesPast)
	if n := len(past.segments); past.bytes > limit/8 && n > 1 {
		t.Errorf("saving memory leaves %d bytes in %d", past.bytes, n)
	}
	if n, _ := past.At(start.Add(time.Hour)); n != uint64(len(facts)) {
		t.Error("saving memory has dropped what is now")
	}
	past.Save(fact.SavesNothing)
	if past.limit != limit {
		t.Error("the limit stays low")
	}
}

// Under the race detector this shows whether those who look back and the one who applies get in each other's way.
// Where one keyframe takes more than may be kept, as while nsviz saves memory, the model is not copied with every fact.
func TestLargeKeyframesAreRare(t *testing.T) {
	list := newHost(9, 200).facts(100)
	l, past := applied(DefaultPast, nil)
	past.Save(fact.SavesSearches)
	keyframes, latest, bytes := 0, (*segment)(nil), 0
	for _, f := range list {
		l.Apply(f, f.Time)
		bytes += f.Size()
		s := past.segments[len(past.segments)-1]
		if s != latest {
			keyframes, latest = keyframes+1, s
		}
	}
	if latest.keyBytes < past.limit/2 {
		t.Fatalf("a keyframe has %d bytes, of %d that are kept", latest.keyBytes, past.limit)
	}
	if most := 10 + keyShare*bytes/(past.limit/2); keyframes > most {
		t.Errorf("%d keyframes of %d facts with %d bytes, want %d at most", keyframes, len(list), bytes, most)
	}
	if past.bytes > 2*latest.keyBytes+past.limit {
		t.Errorf("%d bytes are kept", past.bytes)
	}
}

func TestLookingBackBesideWriter(t *testing.T) {
	t.Parallel()
	facts := newHost(4, 5).facts(300)
	past := NewTimeline(2 << 20)
	l := NewLiveWithPast(model.DefaultLimits(), past)
	var readers sync.WaitGroup
	done := make(chan struct{})
	for i := range 4 {
		readers.Go(func() {
			random, cursor := rand.New(rand.NewPCG(uint64(i), 5)), NewCursor(past)
			for {
				select {
				case <-done:
					return
				default:
				}
				past.packOldest()
				at := past.Find(l.Snapshot().Facts, Move{Events: -1 - random.IntN(50)})
				s := cursor.Snapshot(at)
				_, _ = past.Place(at), past.Full(at)
				_, _ = past.Events(start, 10, 1<<30)
				if s != nil && s.Facts < at {
					t.Errorf("state %d is that of %d", at, s.Facts)
				}
			}
		})
	}
	for _, f := range facts {
		l.Apply(f, f.Time)
	}
	close(done)
	readers.Wait()
}

// A segment that grew and was packed since a cursor was in it is read anew.
func TestCursorSeesWhatCameSince(t *testing.T) {
	t.Parallel()
	facts := newHost(9, 5).facts(300)
	l, past := applied(32<<20, facts[:10])
	cursor := NewCursor(past)
	if s := cursor.Snapshot(10); s.Facts != 10 {
		t.Fatalf("state %d", s.Facts)
	}
	if _, there := cursor.Fact(10); there {
		t.Error("there is a fact after the latest one")
	}
	for i, f := range facts[10:] {
		l.Apply(f, f.Time)
		past.packOldest()
		if i%50 == 0 {
			n := uint64(10 + i + 1)
			if s := cursor.Snapshot(n); s.Facts != n {
				t.Fatalf("state %d is %d", n, s.Facts)
			}
		}
	}
	for n, f := range facts {
		got, there := cursor.Fact(uint64(n))
		if !there || !got.Time.Equal(f.Time) || (got.Event == nil) != (f.Event == nil) {
			t.Fatalf("fact %d is %+v, want %+v", n, got, f)
		}
	}
	if got, want := past.Ahead(0), past.bytes-past.segments[0].bytes; got != want {
		t.Errorf("%d bytes are ahead of the first segment, want %d", got, want)
	}
}

// Facts that no recording can hold stay as they are.
func TestWhatCannotBePackedStays(t *testing.T) {
	t.Parallel()
	facts := newHost(10, 5).facts(500)
	facts[3].Found, facts[3].Event = nil, &event.Event{Time: facts[3].Time, Type: event.ContainerStarted, Start: &event.Start{DurationMS: new(math.NaN())}}
	_, past := applied(32<<20, facts)
	before := past.bytes
	if !past.packOldest() || past.bytes != before || past.segments[0].facts == nil {
		t.Errorf("%d bytes are left of %d", past.bytes, before)
	}
	if !past.packOldest() || past.bytes >= before {
		t.Error("it is tried again and again")
	}
	if s := NewCursor(past).Snapshot(10); s.Facts != 10 {
		t.Errorf("state %d", s.Facts)
	}
}

func TestRunPacksUntilItIsToldToEnd(t *testing.T) {
	t.Parallel()
	_, past := applied(32<<20, newHost(8, 5).facts(500))
	before, n := past.bytes, len(past.segments)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- past.Run(ctx) }()
	for packed := 0; packed < n-1; {
		runtime.Gosched()
		past.mu.Lock()
		packed = 0
		for _, s := range past.segments {
			if s.packed != nil {
				packed++
			}
		}
		past.mu.Unlock()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if past.bytes > before/2 {
		t.Errorf("packing %d segments leaves %d bytes of %d", n, past.bytes, before)
	}
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A quarter of an hour of a typical host: 50 containers, one kill a second, readings each second.
func BenchmarkQuarterOfAnHour(b *testing.B) {
	for b.Loop() {
		before := heap()
		h := newHost(5, 50)
		past := NewTimeline(DefaultPast)
		l := NewLiveWithPast(model.DefaultLimits(), past)
		for _, f := range h.begin() {
			l.Apply(f, f.Time)
		}
		for range 900 {
			for _, f := range h.next() {
				l.Apply(f, f.Time)
			}
			past.packOldest() // as Run does
		}
		p := past.Place(0)
		b.ReportMetric(p.Last.Sub(p.First).Minutes(), "minutes")
		b.ReportMetric(float64(len(past.segments)), "keyframes")
		b.ReportMetric(float64(past.bytes)/(1<<20), "estimated-MiB")
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
		worst := time.Duration(0)
		cursor := NewCursor(past)
		at := l.Snapshot().Facts
		steps := 0
		begun := time.Now()
		for range 200 {
			at = past.Find(at, Move{Events: -1})
			step := time.Now()
			cursor.Snapshot(at)
			worst = max(worst, time.Since(step))
			steps++
		}
		b.ReportMetric(float64(time.Since(begun).Microseconds())/float64(steps)/1000, "ms/step")
		b.ReportMetric(float64(worst.Microseconds())/1000, "ms/worst-step")
		runtime.KeepAlive(l)
	}
}

// What keeping the past costs each fact.
func BenchmarkApply(b *testing.B) {
	h := newHost(6, 50)
	facts := h.facts(300)
	for _, kept := range []bool{false, true} {
		b.Run(fmt.Sprintf("past=%v", kept), func(b *testing.B) {
			b.ReportAllocs()
			l := NewLive(model.DefaultLimits())
			if kept {
				l = NewLiveWithPast(model.DefaultLimits(), NewTimeline(DefaultPast))
			}
			i := 0
			for b.Loop() {
				l.Apply(facts[i], facts[i].Time)
				if i++; i == len(facts) {
					i = slices.IndexFunc(facts, func(f fact.Fact) bool { return f.Memory != nil })
				}
			}
		})
	}
}
