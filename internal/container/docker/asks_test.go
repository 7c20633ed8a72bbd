package docker

import (
	"strings"
	"sync"
	"testing"
)

// connectedTo gives a connected follower whose engine's requests so far are forgotten.
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
	r.follower.Ask(id(2)) // not the engine's; nothing is told
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

func TestAsksShareRequests(t *testing.T) {
	e := newEngine(t)
	r := connectedTo(t, e)
	// One list at a time: while the first is under way the others gather.
	release := e.holdLists()
	r.follower.Ask(id(1))
	r.clock.fire(t, gather)
	e.requested("list 1")

	var askers sync.WaitGroup
	for range 4 {
		askers.Go(func() {
			for n := range batch + 10 {
				r.follower.Ask(id(100 + n))
			}
		})
	}
	askers.Wait()
	release()
	r.clock.fire(t, gather)
	e.requested("list 64")
	r.clock.fire(t, gather)
	e.requested("list 10")
}

// When questions are due, an earlier request may have taken them along; then there is none.
func TestNothingToAsk(t *testing.T) {
	f, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{Follower: f}
	s.list(t.Context()) // without a client a request would panic
	s.workers.Wait()
	if s.touched != nil {
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

// What is asked while the engine is away is answered by the list when it is back.
func TestAskWithoutEngine(t *testing.T) {
	e := newEngine(t)
	e.set(summary(1, "web", "nginx"))
	r := begin(t, e)
	r.expect("absent no socket at " + e.socket)
	r.follower.Ask(id(1))
	e.start()
	r.clock.fire(t, DefaultRetryMin)
	r.expect("identify docker 000000000001 web nginx map[]", connected)
	if ids, everyone := r.follower.asks.take(); ids != nil || everyone {
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
	if ids, everyone := a.take(); len(ids) != 0 || !everyone {
		t.Errorf("asked %d, everyone %v; want everyone", len(ids), everyone)
	}
	if ids, everyone := a.take(); len(ids) != 0 || everyone {
		t.Errorf("asked again: %d, everyone %v", len(ids), everyone)
	}
}
