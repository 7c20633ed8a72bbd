package docker

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// connectedTo returns a connected follower; the requests to its engine so far are forgotten.
func connectedTo(t *testing.T, e *fakeEngine) *run {
	e.start()
	r := begin(t, e)
	r.expect(connected)
	e.requested("list all")
	return r
}

func TestAsk(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	e.set(summary(1, "web", "nginx"))
	r.follower.Ask(id(1))
	r.follower.Ask(id(2)) // not the engine's; nothing is reported
	r.clock.fire(t, gather)
	e.requested("list 2")
	r.expect("identify docker 000000000001 web nginx map[]")
}

func TestAskIgnoresWhatIsNoID(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	for _, bad := range []string{"", "0123456789a", strings.ToUpper(id(0xabc)), id(1) + "0", "user@1000.service", `"}{`} {
		r.follower.Ask(bad)
	}
	r.follower.Ask(id(1))
	r.clock.fire(t, gather)
	e.requested("list 1")
}

// Questions gather for a moment and share requests, of which some are under way at a time.
func TestAsksShareRequests(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	var under, most atomic.Int32
	released := make(chan struct{})
	e.answer(listPath, func(w http.ResponseWriter, r *http.Request) {
		for n := under.Add(1); n > most.Load(); {
			most.Store(n)
		}
		defer under.Add(-1)
		select {
		case <-released:
			e.serveList(w, r)
		case <-r.Context().Done():
		}
	})
	for n := range maxLookups {
		r.follower.Ask(id(n))
		r.clock.fire(t, gather)
		e.requested("list 1")
	}
	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for n := range batch + 10 {
				r.follower.Ask(id(100 + n))
			}
		})
	}
	askers.Wait()
	r.clock.fire(t, gather)
	close(released)
	got := []string{<-e.requests, <-e.requests}
	slices.Sort(got)
	if want := []string{"list 10", "list 64"}; !slices.Equal(got, want) {
		t.Errorf("requested %q, want %q", got, want)
	}
	if n := most.Load(); n > maxLookups {
		t.Errorf("%d lists were under way at a time, want at most %d", n, maxLookups)
	}
}

// A list of all containers that takes long holds up no question about a few of them, and neither does a stream of events
// that does not begin, or has stalled.
func TestAsksDoNotWait(t *testing.T) {
	web := func(e *fakeEngine, w http.ResponseWriter, r *http.Request) bool {
		if len(listedIDs(r)) > 0 {
			e.set(summary(1, "web", "nginx"))
			e.serveList(w, r)
		}
		return len(listedIDs(r)) > 0
	}
	t.Run("for the list of all", func(t *testing.T) {
		e := newEngine(t)
		e.answer(listPath, func(w http.ResponseWriter, r *http.Request) {
			if !web(e, w, r) {
				hang(w, r)
			}
		})
		e.start()
		r := begin(t, e)
		e.requested("list all")
		r.follower.Ask(id(1))
		r.clock.fire(t, gather)
		r.expect("identify docker 000000000001 web nginx map[]")
	})
	t.Run("for the stream's beginning", func(t *testing.T) {
		e := newEngine(t)
		e.answer(eventsPath, hang)
		e.set(summary(1, "web", "nginx"))
		e.start()
		r := begin(t, e)
		e.requested("events")
		r.follower.Ask(id(1))
		r.clock.fire(t, gather)
		r.expect("identify docker 000000000001 web nginx map[]")
	})
	t.Run("for a stalled stream", func(t *testing.T) {
		e := newEngine(t)
		r := connectedTo(t, e)
		e.emitRaw(`{"Type":"container","Action":"create","Actor":{"ID":"` + id(1))
		r.clock.await(t, maxEventTime)
		e.set(summary(1, "web", "nginx"))
		r.follower.Ask(id(1))
		r.clock.fire(t, gather)
		r.expect("identify docker 000000000001 web nginx map[]")
	})
}

// An engine that is late with a few names is asked again for them and not given up.
func TestLateAnswerIsAskedForAgain(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	e.answer(listPath, hang)
	r.follower.Ask(id(1))
	r.clock.fire(t, gather)
	e.requested("list 1")
	e.set(summary(1, "web", "nginx"))
	e.answer(listPath, nil)
	r.clock.fire(t, DefaultTimeout)
	r.expect("identify docker 000000000001 web nginx map[]")
}

// When questions are due, an earlier request may have taken them along; then there is none.
func TestNothingToAsk(t *testing.T) {
	f, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{Follower: f, lookups: map[*lookup]struct{}{}}
	done := s.lookUp(t.Context()) // without a client a request would panic
	s.workers.Wait()
	if !done || len(s.lookups) > 0 {
		t.Error("a list is under way that nobody asked for")
	}
}

func TestTooManyAsksBecomeOne(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	e.set(summary(7, "web", "nginx"))
	for n := range 3 * maxAsks {
		r.follower.Ask(id(n))
	}
	r.clock.fire(t, gather)
	e.requested("list all")
	r.expect("identify docker 000000000007 web nginx map[]")
}

// What is asked while the engine is away is answered when it is back.
func TestAskWithoutEngine(t *testing.T) {
	e := newEngine(t)
	e.set(summary(1, "web", "nginx"))
	r := begin(t, e)
	r.expect("absent no socket at " + e.socket)
	r.follower.Ask(id(1))
	e.start()
	r.clock.fire(t, DefaultRetryMin)
	// By its own list and by that of all, in any order.
	got := []string{<-r.sink.calls, <-r.sink.calls, <-r.sink.calls}
	slices.Sort(got)
	const web = "identify docker 000000000001 web nginx map[]"
	if want := []string{connected, web, web}; !slices.Equal(got, want) {
		t.Errorf("the sink got %q, want %q", got, want)
	}
	if ids, everyone := r.follower.asks.take(true); ids != nil || everyone {
		t.Errorf("still asked: %v, everyone %v", ids, everyone)
	}
}

func TestAsksAreBounded(t *testing.T) {
	a := newAsks()
	for n := range 2 * maxAsks {
		a.add(id(n))
		if len(a.open) > maxAsks {
			t.Fatalf("%d questions are open, want at most %d", len(a.open), maxAsks)
		}
	}
	if ids, everyone := a.take(true); len(ids) != 0 || !everyone {
		t.Errorf("asked %d, everyone %v; want everyone", len(ids), everyone)
	}
	for len(a.open) > 0 { // those of after that
		if ids, everyone := a.take(true); len(ids) == 0 || everyone {
			t.Fatalf("asked again: %d, everyone %v", len(ids), everyone)
		}
	}
}
