package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/store"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// watched is a host on which nsviz runs, and may be started again.
type watched struct {
	live *store.Live
	past *store.Timeline
	feed *server.Feed
}

func (w *watched) boot(at time.Time) {
	w.feed = server.NewFeed()
	w.past = store.NewTimeline(1 << 20)
	w.live = store.NewLiveWithPast(model.DefaultLimits(), w.past)
	w.live.Apply(fact.Fact{Time: at, Host: &fact.Host{}}, at)
}

// happens makes an event at a second, of the process with the number of that second.
func (w *watched) happens(second int) {
	at := begin.Add(time.Duration(second) * time.Second)
	f := fact.Fact{Time: at, Event: &event.Event{Time: at, Type: event.CgroupCreated, PID: int32(second), Cgroup: &event.Cgroup{Path: "/x"}}}
	w.live.Apply(f, at)
	w.feed.Put(f)
}

// serve serves at an address until stop is called.
func (w *watched) serve(t *testing.T, address string) (at string, stop func()) {
	t.Helper()
	w.feed = server.NewFeed()
	srv, err := server.New(server.Config{Snapshot: w.live.Snapshot, Full: w.live.Full, Past: w.past, Feed: w.feed, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, []net.Listener{l}) }()
	return l.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A follower whose nsviz goes away and comes back misses nothing that is kept, gets nothing twice, and learns what is not kept.
func TestFollowThroughInterruptions(t *testing.T) {
	var w watched
	w.boot(begin)
	for second := range 5 {
		w.happens(second)
	}
	address, stop := w.serve(t, "127.0.0.1:0")
	got := make(chan int32)
	said := make(chan string)
	resume := make(chan struct{})
	begun := make(chan time.Time, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Follow(ctx, Source{From: address}, Following{
			Since: begin.Add(3 * time.Second),
			Take:  func(e event.Event) error { got <- e.PID; return nil },
			Begun: func(from time.Time) { begun <- from },
			Interrupted: func(err error, pause time.Duration) {
				said <- fmt.Sprintf("%v: %v", pause, err)
			},
			Missed: func(from, to time.Time) {
				said <- fmt.Sprintf("missed %v to %v", from.Sub(begin), to.Sub(begin))
			},
			wait: func(context.Context, time.Duration) bool { <-resume; return true },
		})
	}()
	await := func(second int32) {
		t.Helper()
		select {
		case pid := <-got:
			if pid != second {
				t.Errorf("got %d, want %d", pid, second)
			}
		case what := <-said:
			t.Fatalf("want %d: %s", second, what)
		case err := <-done:
			t.Fatalf("want %d: it ended: %v", second, err)
		}
	}
	says := func(want string) {
		t.Helper()
		select {
		case what := <-said:
			if !strings.Contains(what, want) {
				t.Errorf("it says %q, want %q", what, want)
			}
		case pid := <-got:
			t.Fatalf("got %d, want that it says %q", pid, want)
		}
	}
	await(3)
	await(4)
	if from := <-begun; !from.Equal(begin.Add(3 * time.Second)) {
		t.Errorf("complete since %v", from)
	}
	w.happens(5)
	await(5)

	stop() // and what happens meanwhile is kept
	says("1s: ask the nsviz at http://" + address)
	w.happens(6)
	resume <- struct{}{}
	says("2s: no nsviz is running")
	_, stop = w.serve(t, address)
	resume <- struct{}{}
	await(6)
	w.happens(7)
	await(7)

	stop() // and what happens meanwhile is lost
	says("1s: ")
	w.boot(begin.Add(20 * time.Second))
	w.happens(21)
	_, stop = w.serve(t, address)
	defer func() { stop() }()
	resume <- struct{}{}
	says("missed 7s to 20s")
	await(21)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// answering serves with a handler and returns its address.
func answering(t *testing.T, handler http.HandlerFunc) Source {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	return Source{From: srv.URL}
}

// begins begins a stream.
func begins(w http.ResponseWriter) {
	w.Header().Set("Content-Type", server.StreamType)
	w.Header().Set(server.CompleteSinceHeader, begin.Format(time.RFC3339Nano))
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
}

var quiet = Following{
	Take: func(event.Event) error { return nil }, Begun: func(time.Time) {}, Interrupted: func(error, time.Duration) {}, Missed: func(time.Time, time.Time) {},
	wait: func(context.Context, time.Duration) bool { return true },
}

// What is no stream of an nsviz ends the following, with a sentence.
func TestWhatCannotBeFollowed(t *testing.T) {
	for name, tt := range map[string]struct {
		handler http.HandlerFunc
		says    string
	}{
		"HTML": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "is no nsviz that sends events"},
		"an older one, which lists the past": {func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/-/healthy" {
				_, _ = io.WriteString(w, "nsviz is healthy.\n")
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"since":"2026-03-01T12:00:00Z","events":[]}`)
		}, "older than this one"},
		"an older one, which wants a time": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"want one since=TIME"}`)
		}, "of another version"},
		"lines of something else": {func(w http.ResponseWriter, _ *http.Request) {
			begins(w)
			_, _ = io.WriteString(w, "{\"a\":1}\n")
		}, "something else than events"},
		"busy at first": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"too many streams at once"}`)
		}, "too many streams at once"},
		"a password later": {func() http.HandlerFunc {
			asked := 0
			return func(w http.ResponseWriter, _ *http.Request) {
				if asked++; asked == 1 {
					begins(w)
					return
				}
				w.WriteHeader(http.StatusUnauthorized)
			}
		}(), "wants a password"},
	} {
		if err := Follow(t.Context(), answering(t, tt.handler), quiet); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

// A stream that says nothing, not even an empty line, is taken for dead.
func TestSilentStream(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	from := answering(t, func(w http.ResponseWriter, r *http.Request) {
		begins(w)
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	f := quiet
	f.silence = time.Millisecond
	var why error
	f.Interrupted = func(err error, _ time.Duration) {
		why = err
		cancel()
	}
	if err := Follow(ctx, from, f); err != nil || why == nil || !strings.Contains(why.Error(), "has sent nothing for 1ms") {
		// It may have been too slow to begin, which is an error.
		if err == nil || !strings.Contains(err.Error(), "has sent nothing for 1ms") {
			t.Errorf("%v; interrupted: %v", err, why)
		}
	}
}

// An error of whoever takes the events is the follower's own.
func TestTakeFails(t *testing.T) {
	from := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		begins(w)
		_, _ = io.WriteString(w, "\n{\"time\":\"2026-03-01T12:00:00Z\",\"type\":\"cgroup_created\"}\n")
	})
	full := errors.New("disk full")
	f := quiet
	f.Take = func(event.Event) error { return full }
	if err := Follow(t.Context(), from, f); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// Filters that an nsviz of another version does not know are left to whoever takes the events.
func TestUnknownFilter(t *testing.T) {
	var asked []url.Values
	from := answering(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query())
		if r.URL.Query().Has("filter") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"filter: no field \"new\""}`)
			return
		}
		begins(w)
		_, _ = io.WriteString(w, "{\"time\":\"2026-03-01T12:00:00Z\",\"type\":\"cgroup_created\"}\n")
	})
	f := quiet
	f.Filters = []string{"new=1"}
	taken := errors.New("taken")
	f.Take = func(event.Event) error { return taken }
	if err := Follow(t.Context(), from, f); !errors.Is(err, taken) || len(asked) != 2 || asked[0].Get("filter") != "new=1" {
		t.Errorf("%v; asked %v", err, asked)
	}
}
