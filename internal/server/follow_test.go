package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/store"
)

// happened returns a fact some seconds after the beginning.
func happened(second int, typ event.Type, pid int32) fact.Fact {
	at := begin.Add(time.Duration(second) * time.Second)
	return fact.Fact{Time: at, Event: &event.Event{Time: at, Type: typ, PID: pid, Comm: "app"}}
}

// host is what a pipeline does with facts: they are in the past before they are in the feed.
type host struct {
	live *store.Live
	past *store.Timeline
	feed *Feed
}

func newHost() *host {
	live, past := kept()
	return &host{live, past, NewFeed()}
}

func (h *host) happens(facts ...fact.Fact) {
	for _, f := range facts {
		h.live.Apply(f, f.Time)
		h.feed.Put(f)
	}
}

func (h *host) config() Config {
	cfg := testConfig("")
	cfg.Full, cfg.Past, cfg.Feed = h.live.Full, h.past, h.feed
	return cfg
}

// followed asks for events as they happen.
func followed(t *testing.T, base, query string) (status int, header http.Header, body *bufio.Reader) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+EventsPath+"?follow=true&"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response.StatusCode, response.Header, bufio.NewReader(response.Body)
}

// nextEvent returns the next event of a stream; nil is its end.
func nextEvent(t *testing.T, r *bufio.Reader) *event.Event {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		valid(t, reflect.TypeFor[event.Event](), line)
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		return &e
	}
}

// A client gets what was since a time and what comes, each event once, until the server ends.
func TestFollow(t *testing.T) {
	h := newHost()
	server, err := New(h.config())
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listeners) }()
	base := "http://" + listeners[0].Addr().String()

	since := "since=" + url.QueryEscape(begin.Add(-time.Hour).Format(time.RFC3339Nano))
	status, header, all := followed(t, base, since)
	if got := header.Get("Content-Type"); status != http.StatusOK || got != StreamType {
		t.Fatalf("%d, %s", status, got)
	}
	if got := header.Get(CompleteSinceHeader); got != begin.Format(time.RFC3339Nano) {
		t.Errorf("complete since %s, want %v", got, begin)
	}
	_, _, kills := followed(t, base, since+"&filter=type%3Doom_kill")
	_, _, later := followed(t, base, "")
	if e := nextEvent(t, all); e == nil || e.Type != event.ContainerExited {
		t.Errorf("the past begins with %+v", e)
	}
	h.happens(happened(20, event.CgroupCreated, 20), happened(21, event.OOMKill, 21), happened(22, event.CgroupRemoved, 22))
	for _, want := range []int32{20, 21, 22} {
		if e := nextEvent(t, all); e == nil || e.PID != want {
			t.Errorf("PID %d is %+v", want, e)
		}
		if e := nextEvent(t, later); e == nil || e.PID != want {
			t.Errorf("from now on: PID %d is %+v", want, e)
		}
	}
	if e := nextEvent(t, kills); e == nil || e.PID != 21 {
		t.Errorf("of the kills there is %+v", e)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for name, r := range map[string]*bufio.Reader{"all": all, "kills": kills, "later": later} {
		if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
			t.Errorf("%s was cut off, after %q: %v", name, rest, err)
		}
	}
}

// streamRecorder is a client of a stream that takes what it is told to take.
type streamRecorder struct {
	*httptest.ResponseRecorder

	begun chan struct{} // gets a value when something is to be taken
	take  chan struct{} // closed: everything is taken
	lines chan string
}

func newStreamRecorder() *streamRecorder {
	return &streamRecorder{httptest.NewRecorder(), make(chan struct{}, 1), make(chan struct{}), make(chan string, 4*waitingStream)}
}

func (w *streamRecorder) SetWriteDeadline(time.Time) error { return nil }
func (w *streamRecorder) FlushError() error                { return nil }

func (w *streamRecorder) Write(p []byte) (int, error) {
	if len(p) > 0 {
		select {
		case w.begun <- struct{}{}:
		default:
		}
		<-w.take
		for line := range bytes.Lines(p) {
			w.lines <- string(line)
		}
	}
	return len(p), nil
}

// A client that takes nothing loses events, learns how many these were, and they are counted. Nobody waits for it.
func TestSlowFollower(t *testing.T) {
	h := newHost()
	q := newQuestions(h.live.Full, h.past)
	q.feed = h.feed
	w := newStreamRecorder()
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		q.events(w, httptest.NewRequestWithContext(ctx, http.MethodGet, EventsPath+"?follow=true&since="+url.QueryEscape(begin.Format(time.RFC3339Nano)), nil))
	}()
	<-w.begun // the past is being sent, so that the stream is open
	if answers, past := q.unsent.Bytes(), q.unsentPast.Bytes(); answers != 0 || past == 0 {
		t.Errorf("unsent: %d bytes of answers, %d of the past; a slow stream must not use up what answers may take", answers, past)
	}
	const all = 3 * waitingStream
	for i := range all {
		h.feed.Put(happened(100+i, event.CgroupCreated, int32(1000+i)))
	}
	dropped := h.feed.Stats().Dropped
	if dropped == 0 || dropped > all {
		t.Fatalf("%d are dropped", dropped)
	}
	close(w.take)
	var got, lost uint64
	for got+lost < all {
		var e event.Event
		if err := json.Unmarshal([]byte(<-w.lines), &e); err != nil {
			t.Fatal(err)
		}
		switch {
		case e.Type == event.EventsLost:
			lost += e.Lost.Count
			if e.Lost.Reason != event.LostReader {
				t.Errorf("lost: %+v", e.Lost)
			}
		case e.PID >= 1000:
			got++
		}
	}
	if lost != dropped || got+lost != all {
		t.Errorf("%d came, and %d of %d lost ones are reported", got, lost, dropped)
	}
	leave()
	<-ended
	stats := h.feed.Stats()
	if stats.Dropped != dropped || stats.Waiting != 0 || len(h.feed.streams) != 0 {
		t.Errorf("after the end: %+v, %d streams", stats, len(h.feed.streams))
	}
}

// An event that is both in what was read of the past and in the feed is sent once, wherever the one ends and the other begins.
func TestPastAndPresentMeet(t *testing.T) {
	facts := make([]fact.Fact, 6)
	for i := range facts {
		facts[i] = happened(i/2, event.CgroupCreated, int32(i))
	}
	for past := range facts {
		for feed := range past + 2 {
			sent := newSeen()
			var pids []int32
			for _, f := range facts[:min(past+1, len(facts))] {
				sent.add(encode(f.Event))
				pids = append(pids, f.Event.PID)
			}
			for _, f := range facts[min(feed, len(facts)):] {
				if !sent.remove(encode(f.Event)) {
					pids = append(pids, f.Event.PID)
				}
			}
			if fmt.Sprint(pids) != "[0 1 2 3 4 5]" {
				t.Errorf("the past ends with %d, the feed begins with %d: %v", past, feed, pids)
			}
		}
	}
}

// So many streams hold so many connections; the next client is told to come again.
func TestStreamsAreBounded(t *testing.T) {
	h := newHost()
	base := "http://" + start(t, h.config(), 1)[0].Addr().String()
	limit := min(connectionLimit()/streamShare, maxStreams)
	for range limit {
		if status, _, _ := followed(t, base, ""); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	status, header, body := followed(t, base, "")
	text, err := io.ReadAll(body)
	if err != nil || status != http.StatusServiceUnavailable || header.Get(retryAfterHeader) == "" {
		t.Errorf("%d, %v: %s", status, err, text)
	}
	valid(t, reflect.TypeFor[Refusal](), string(text))
	if status, _ := get(t, base+MetricsPath, nil, nil); status != http.StatusOK {
		t.Errorf("a scrape meanwhile: %d", status)
	}
	_, metrics := get(t, base+MetricsPath, nil, nil)
	if !strings.Contains(metrics, "nsviz_sink_dropped_total{sink=\"stream\"} 0\n") {
		t.Error("the metrics say nothing of the streams")
	}
	h.feed.end()
	if status, _, _ := followed(t, base, ""); status != http.StatusServiceUnavailable {
		t.Errorf("after the end: %d", status)
	}
}

// Streams whose clients take the past slowly keep further ones out, and no question.
func TestUnsentPastIsBounded(t *testing.T) {
	h := newHost()
	q := newQuestions(h.live.Full, h.past)
	if _, ok := q.unsentPast.Add(maxUnsentPast); !ok {
		t.Fatal("there is no room")
	}
	since := "since=" + url.QueryEscape(begin.Format(time.RFC3339Nano))
	if answer := asked(t, q, EventsPath+"?follow=true&"+since); answer.Code != http.StatusServiceUnavailable || answer.Header().Get(retryAfterHeader) == "" {
		t.Errorf("a stream: %d %s", answer.Code, answer.Body)
	}
	if answer := asked(t, q, EventsPath+"?"+since); answer.Code != http.StatusOK {
		t.Errorf("a question: %d %s", answer.Code, answer.Body)
	}
	if n := q.unsentPast.Bytes(); n != maxUnsentPast {
		t.Errorf("%d bytes are counted", n)
	}
}

// An nsviz that keeps nothing of the past has events from now on alone.
func TestFollowWithoutAPast(t *testing.T) {
	q := newQuestions(fixed(metricstest.Full()), nil)
	answer := asked(t, q, EventsPath+"?follow=true&since=2026-03-01T12:00:00Z")
	if answer.Code != http.StatusGone {
		t.Errorf("%d: %s", answer.Code, answer.Body)
	}
}
