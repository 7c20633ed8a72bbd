package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pause"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/turns"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// kept returns the past of a host on which the container web ended, after ten seconds.
func kept() (*store.Live, *store.Timeline) {
	past := store.NewTimeline(1 << 20)
	live := store.NewLiveWithPast(model.DefaultLimits(), past)
	c := event.Container{ID: strings.Repeat("a", 64), Name: "web"}
	for _, f := range []fact.Fact{
		{Time: begin, Found: &fact.Found{Container: c, CgroupPath: "/web", InitPID: 7, InitComm: "app", Started: begin}},
		{Time: begin.Add(10 * time.Second), Event: &event.Event{
			Time: begin.Add(10 * time.Second), Type: event.ContainerExited, PID: 7, Comm: "app", Container: &c, Exit: &event.Exit{Cause: event.CauseExited, Code: new(int32(0))},
		}},
	} {
		live.Apply(f, f.Time)
	}
	return live, past
}

func TestPastIsServed(t *testing.T) {
	live, past := kept()
	ask := func(q *questions, handle func(*questions) http.HandlerFunc, query url.Values) (int, string) {
		q.past.turns = turns.New(1, pause.Pace{}) // without the rest that the last question asked for
		answer := httptest.NewRecorder()
		handle(q)(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+query.Encode(), nil))
		return answer.Code, answer.Body.String()
	}
	ps := func(q *questions) http.HandlerFunc { return q.workloads }
	why := func(q *questions) http.HandlerFunc { return q.why }
	inspect := func(q *questions) http.HandlerFunc { return q.inspect }
	events := func(q *questions) http.HandlerFunc { return q.events }
	q := newQuestions(live.Full, past)
	at := func(d time.Duration) url.Values {
		return url.Values{"container": {"web"}, "at": {begin.Add(d).Format(time.RFC3339Nano)}}
	}
	since := func(d time.Duration) url.Values { return url.Values{"since": {begin.Add(d).Format(time.RFC3339Nano)}} }
	for _, tt := range []struct {
		name   string
		handle func(*questions) http.HandlerFunc
		query  url.Values
		status int
		says   string
	}{
		{"it runs then", ps, at(9999 * time.Millisecond), http.StatusOK, `"state":"running"`},
		{"and has ended then", ps, at(10 * time.Second), http.StatusOK, `"state":"exited"`},
		{"and now", ps, nil, http.StatusOK, `"state":"exited"`},
		{"why", why, at(time.Second), http.StatusOK, "web runs."},
		{"inspect", inspect, at(time.Second), http.StatusOK, `"running"`},
		{"before all", ps, at(-time.Second), http.StatusGone, "2026-03-01T11:59:59Z is not kept; the past goes back to 2026-03-01T12:00:00Z"},
		{"no time", ps, url.Values{"at": {"noon"}}, http.StatusBadRequest, "want one at=TIME"},
		{"two times", ps, url.Values{"at": {"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"}}, http.StatusBadRequest, "want one at=TIME"},
		{"events", events, since(0), http.StatusOK, `"since":"2026-03-01T12:00:00Z","as_of":"2026-03-01T12:00:10Z","events":[{`},
		{"no events", events, since(11 * time.Second), http.StatusOK, `"events":[]`},
		{"events of always", events, since(-time.Hour), http.StatusOK, `"since":"2026-03-01T12:00:00Z"`},
		{"events since a time that JSON does not have", events, url.Values{"since": {"2099-03-01T12:00:00+24:00"}}, http.StatusBadRequest, "want one since=TIME"},
		{"events of the end of all times", events, url.Values{"since": {"9999-12-31T23:59:59-23:59"}}, http.StatusOK, `"since":"9999-12-31T23:59:59-23:59"`},
		{"events of the beginning", events, url.Values{"since": {"0000-01-01T00:00:00Z"}}, http.StatusOK, `"events":[{`},
		{"events since never", events, nil, http.StatusBadRequest, "want one since=TIME"},
	} {
		status, body := ask(q, tt.handle, tt.query)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d, want %d and %q: %s", tt.name, status, tt.status, tt.says, body)
		}
	}
	_, body := ask(q, events, since(0))
	var list report.EventList
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Events) != 1 || list.Events[0].Type != event.ContainerExited {
		t.Errorf("%v: %s", err, body)
	}
	none := newQuestions(live.Full, nil)
	for name, handle := range map[string]func(*questions) http.HandlerFunc{"ps": ps, "events": events} {
		query := at(0)
		query.Set("since", query.Get("at"))
		if status, body := ask(none, handle, query); status != http.StatusGone || !strings.Contains(body, "keeps nothing of the past") {
			t.Errorf("%s without a past: %d: %s", name, status, body)
		}
	}
}

// Looks at the past pause in between, as those at now do, and a client that goes does not wait.
func TestLooksAtThePastPause(t *testing.T) {
	_, timeline := kept()
	p := newPast(timeline)
	p.turns = turns.New(1, pause.Pace{Least: time.Hour, Most: time.Hour})
	if _, err := p.full(t.Context(), begin); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.full(ctx, begin); err == nil {
		t.Error("it is answered before its time")
	}
}

// What a client is sent is bounded in bytes, too: an event may have a long command line.
func TestEventsAreBoundedInBytes(t *testing.T) {
	list := make([]event.Event, 10)
	for i := range list {
		list[i] = event.Event{Time: begin, PID: int32(10 + i), Comm: strings.Repeat("x", 100)}
	}
	one := len(encode(list[0]))
	for most, want := range map[int]int{0: 1, one - 1: 1, one: 1, 2*one - 1: 1, 2 * one: 2, 10*one - 1: 9, 10 * one: 10, 1 << 30: 10} {
		if got := within(list, most); len(got) != want || got[len(got)-1].PID != 19 {
			t.Errorf("%d bytes: %d events, want the latest %d", most, len(got), want)
		}
	}
	if got := within(nil, 0); got != nil {
		t.Errorf("of none: %v", got)
	}
}

// Clients that do not read what they asked for do not fill the memory.
func TestUnsentAnswersAreBounded(t *testing.T) {
	q := newQuestions(nil, nil)
	ready := func(context.Context) (int, []byte) { return http.StatusOK, make([]byte, maxUnsent/4) }
	released := make(chan struct{})
	slow := &slowWriter{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{}), released: released}
	var sending sync.WaitGroup
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for range 4 {
		w := *slow
		w.ResponseRecorder = httptest.NewRecorder()
		sending.Go(func() { q.reply(&w, request, ready) })
		<-slow.begun
	}
	refused := httptest.NewRecorder()
	q.reply(refused, request, ready)
	if refused.Code != http.StatusServiceUnavailable || refused.Header().Get(retryAfterHeader) == "" {
		t.Errorf("the fifth one: %d, %v", refused.Code, refused.Header())
	}
	close(released)
	sending.Wait()
	for name, size := range map[string]int{"later": 1, "a larger one alone": maxUnsent + 1} {
		answered := httptest.NewRecorder()
		q.reply(answered, request, func(context.Context) (int, []byte) { return http.StatusOK, make([]byte, size) })
		if answered.Code != http.StatusOK {
			t.Errorf("%s: %d", name, answered.Code)
		}
	}
	if n := q.unsent.Bytes(); n != 0 {
		t.Errorf("%d bytes are left", n)
	}
}

// slowWriter says when writing to it has begun, and then waits.
type slowWriter struct {
	*httptest.ResponseRecorder

	begun, released chan struct{}
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.begun <- struct{}{}
	<-w.released
	return len(p), nil
}
