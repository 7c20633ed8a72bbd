package webui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/webui/webuitest"
)

// message is what a viewer is sent.
type message struct {
	State      string    `json:"state"`
	Head       head      `json:"head"`
	Order      *[]string `json:"rows_order"`
	Rows       []row     `json:"rows"`
	KillsOrder *[]string `json:"kills_order"`
	Kills      []kill    `json:"kills"`
}

func parsed(t *testing.T, data []byte) (m message) {
	t.Helper()
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return m
}

// A message has what has changed, and no more.
func TestMessages(t *testing.T) {
	first := newFrame(nil, webuitest.Busy(noon), 1, "e")
	all := parsed(t, first.message(0))
	if len(all.Rows) != 12 || len(all.Kills) != 12 || all.Order == nil || all.State != "e.1" || all.Head.Kills != 13 || len(all.Head.Groups) != 2 {
		t.Fatalf("%d rows, %d kills, %+v", len(all.Rows), len(all.Kills), all.Head)
	}
	if (*all.KillsOrder)[0] != first.killKey(t, 12) {
		t.Errorf("the latest kill is not first: %v", *all.KillsOrder)
	}
	same := newFrame(first, webuitest.Busy(noon), 2, "e")
	if m := parsed(t, same.message(1)); len(m.Rows)+len(m.Kills) > 0 || m.Order != nil || m.KillsOrder != nil {
		t.Errorf("nothing has changed: %+v", m)
	}
	s := webuitest.Busy(noon)
	s.Containers = slices.Delete(s.Containers, 0, 1)
	s.Containers[0].Memory.UsageBytes = new(uint64(1))
	third := newFrame(same, s, 3, "e")
	m := parsed(t, third.message(2))
	if len(m.Rows) != 1 || m.Rows[0].Name != "shop-db-1" || m.Order == nil || len(m.Kills) != 0 {
		t.Errorf("%+v", m)
	}
	if m := parsed(t, third.message(0)); len(m.Rows) != 11 {
		t.Errorf("%d rows for who has none", len(m.Rows))
	}
	if m := parsed(t, third.message(99)); len(m.Rows) != 11 {
		t.Errorf("%d rows for who has those of another one", len(m.Rows))
	}
}

// However many states somebody claims to have, a state keeps few messages.
func TestMessagesAreBounded(t *testing.T) {
	f := newFrame(nil, webuitest.Busy(noon), 1000, "e")
	for since := range uint64(2000) {
		f.message(since)
	}
	if len(f.messages) > maxMessages {
		t.Errorf("%d are kept", len(f.messages))
	}
}

// Answers wait for their turn, and one whose reader has gone is not made.
func TestAnswersWait(t *testing.T) {
	p := page(t, webuitest.Busy(noon), nil)
	var done func()
	for range maxAnswers {
		done, _ = p.turns.TryTake()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := httptest.NewRecorder()
	p.ServeHTTP(gone, httptest.NewRequestWithContext(ctx, http.MethodGet, "/ui/map.svg", nil))
	if gone.Body.Len() != 0 {
		t.Errorf("%d bytes for nobody", gone.Body.Len())
	}
	done()
	if body := get(t, p, "/ui/map.svg").Body.Len(); body == 0 {
		t.Error("no answer, and there is a turn")
	}
}

// Answers that nobody takes are bounded.
func TestUnsentIsBounded(t *testing.T) {
	p := page(t, webuitest.Busy(noon), nil)
	sent, ok := p.unsent.Add(maxUnsent)
	if !ok {
		t.Fatal("there is no room")
	}
	refused := get(t, p, "/ui/sharing.svg")
	if refused.Code != http.StatusServiceUnavailable || refused.Header().Get("Retry-After") == "" || refused.Header().Get("Content-Disposition") != "" ||
		refused.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d, %v", refused.Code, refused.Header())
	}
	if n := p.unsent.Bytes(); n != maxUnsent {
		t.Errorf("%d bytes are counted", n)
	}
	sent()
	if answer := get(t, p, "/ui/sharing.svg"); answer.Code != http.StatusOK {
		t.Error(answer.Code)
	}
}

func (f *frame) killKey(t *testing.T, n uint64) string {
	t.Helper()
	for key, it := range f.kills {
		var k kill
		if err := json.Unmarshal(it.json, &k); err != nil {
			t.Fatal(err)
		}
		if k.Ordinal == n {
			return key
		}
	}
	return ""
}

func TestLayoutFollowsTheWalls(t *testing.T) {
	layout := func(change func(*model.Snapshot)) string {
		s := webuitest.Busy(noon)
		change(s)
		return layoutOf(floorplan.Live(s))
	}
	usual := layout(func(*model.Snapshot) {})
	if got := layout(func(s *model.Snapshot) { s.Containers[1].Memory.UsageBytes = new(uint64(5)) }); got != usual {
		t.Error("it is drawn anew because of what a room with a limit uses")
	}
	for name, change := range map[string]func(*model.Snapshot){
		"a name": func(s *model.Snapshot) { s.Containers[0].Label = "other" },
		"a wall": func(s *model.Snapshot) {
			s.Containers[0].Namespaces[2] = model.Membership{ID: 5, Relation: model.RelationOwn}
		},
		"an end":  func(s *model.Snapshot) { s.Containers[0].State = model.Exited },
		"a limit": func(s *model.Snapshot) { s.Containers[0].Memory.LimitBytes = new(uint64(4 << 30)) },
	} {
		if layout(change) == usual {
			t.Errorf("it is not drawn anew because of %s", name)
		}
	}
}

// host is a host whose state changes when a test wants it.
type host struct {
	state atomic.Pointer[model.Snapshot]
	looks atomic.Int64
}

func (h *host) snapshot() *model.Snapshot {
	h.looks.Add(1)
	return h.state.Load()
}

// serve serves the page of a host.
func serve(t *testing.T, h *host, streams int) (string, *Page) {
	t.Helper()
	p, err := New(Config{Snapshot: h.snapshot, Streams: streams})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(p.Close)
	return server.URL, p
}

// watcher reads a stream.
type watcher struct {
	*http.Response
	lines *bufio.Scanner
}

func watch(t *testing.T, address string) watcher {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/ui/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 64<<20)
	return watcher{response, lines}
}

func (w watcher) next(t *testing.T) message {
	t.Helper()
	for w.lines.Scan() {
		if data, ok := strings.CutPrefix(w.lines.Text(), "data: "); ok {
			return parsed(t, []byte(data))
		}
	}
	t.Fatalf("the stream has ended: %v", w.lines.Err())
	return message{}
}

// All viewers are sent the same states, which are made once.
func TestStream(t *testing.T) {
	h := &host{}
	h.state.Store(webuitest.Busy(noon))
	address, p := serve(t, h, 8)
	if h.looks.Load() != 0 {
		t.Error("somebody looked before there was a viewer")
	}
	viewers := []watcher{watch(t, address), watch(t, address), watch(t, address)}
	for _, v := range viewers {
		if got := v.Header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("%s", got)
		}
		if m := v.next(t); len(m.Rows) != 12 {
			t.Errorf("%d rows at first", len(m.Rows))
		}
	}
	s := webuitest.Busy(noon.Add(time.Second))
	s.Kills = append(s.Kills, webuitest.Kill(&s.Containers[3], 1, s.Time))
	h.state.Store(s)
	var names []string
	for _, v := range viewers {
		m := v.next(t)
		for !slices.ContainsFunc(m.Kills, func(k kill) bool { return k.Place == "web" }) {
			m = v.next(t)
		}
		names = append(names, m.State)
	}
	if names[0] != names[1] || names[1] != names[2] {
		t.Errorf("the states are %v", names)
	}
	for _, v := range viewers {
		_ = v.Body.Close()
	}
	waitFor(t, func() bool { return p.hub.count() == 0 })
	waitFor(t, func() bool {
		p.hub.mu.Lock()
		defer p.hub.mu.Unlock()
		return !p.hub.watching
	})
	p.hub.running.Wait() // nobody looks any more
}

// waitFor waits until a condition holds, which other goroutines bring about.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

// A viewer that does not read misses states, and no signals pile up. It gets the latest one.
func TestSlowViewer(t *testing.T) {
	h := &host{}
	h.state.Store(webuitest.Crowd(noon, 2, 0))
	hub := newHub(h.snapshot, 1)
	t.Cleanup(hub.close)
	v, err := hub.join()
	if err != nil {
		t.Fatal(err)
	}
	for tick := range 5 {
		h.state.Store(webuitest.Crowd(noon, 2, tick))
		hub.making.Lock()
		hub.next = time.Time{}
		hub.making.Unlock()
		hub.announce(hub.current())
	}
	if len(v.news) != 1 {
		t.Errorf("%d signals wait", len(v.news))
	}
	hub.leave(v)
}

// deadlines is a writer that keeps the latest deadline.
type deadlines struct {
	*httptest.ResponseRecorder

	latest time.Time
	set    int
	sent   chan struct{}
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.latest = at
	d.set++
	return nil
}

func (d *deadlines) Write(b []byte) (int, error) {
	if d.latest.IsZero() {
		return 0, errors.New("a write without a deadline")
	}
	if len(b) > maxPart {
		return 0, errors.New("so many bytes take a slow viewer too long")
	}
	if bytes.HasSuffix(b, []byte("}")) {
		close(d.sent)
	}
	return d.ResponseRecorder.Write(b)
}

// Each part of a message has a deadline, and there is none in between: with HTTP/2 it would end the stream.
func TestDeadlines(t *testing.T) {
	p := page(t, webuitest.Crowd(noon, 500, 0), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d := &deadlines{ResponseRecorder: httptest.NewRecorder(), sent: make(chan struct{})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.ServeHTTP(d, httptest.NewRequestWithContext(ctx, http.MethodGet, "/ui/stream", nil))
	}()
	<-d.sent
	cancel()
	<-ended
	if d.set < 4 || !d.latest.IsZero() || !strings.Contains(d.Body.String(), "\ndata: {") {
		t.Errorf("%d deadlines, the latest %v: %.80s", d.set, d.latest, d.Body)
	}
}

// Who gets no stream is told, and asks instead. A place that is given back is taken by the next one.
func TestTooManyViewers(t *testing.T) {
	h := &host{}
	h.state.Store(webuitest.Busy(noon))
	address, p := serve(t, h, 2)
	first, second := watch(t, address), watch(t, address)
	first.next(t)
	second.next(t)
	third := watch(t, address)
	if third.StatusCode != http.StatusServiceUnavailable || third.Header.Get("Retry-After") == "" {
		t.Fatalf("%s", third.Status)
	}
	answer := get(t, p, "/ui/state?since=")
	m := parsed(t, answer.Body.Bytes())
	if len(m.Rows) != 12 {
		t.Errorf("%d rows", len(m.Rows))
	}
	if m := parsed(t, get(t, p, "/ui/state?since="+m.State).Body.Bytes()); len(m.Rows) != 0 {
		t.Errorf("%d rows are sent again", len(m.Rows))
	}
	if m := parsed(t, get(t, p, "/ui/state?since=earlier.7").Body.Bytes()); len(m.Rows) != 12 {
		t.Errorf("%d rows for who knows an earlier nsviz", len(m.Rows))
	}
	_ = first.Body.Close()
	waitFor(t, func() bool { return p.hub.count() < 2 })
	if again := watch(t, address); again.StatusCode != http.StatusOK {
		t.Errorf("%s, and there is a place", again.Status)
	}
}

func TestCloseEndsStreams(t *testing.T) {
	h := &host{}
	h.state.Store(webuitest.Busy(noon))
	address, p := serve(t, h, 2)
	v := watch(t, address)
	v.next(t)
	p.Close()
	p.Close()
	for v.lines.Scan() { // until it has ended
	}
	if late := watch(t, address); late.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s after the end", late.Status)
	}
}

func BenchmarkFrame(b *testing.B) {
	for _, n := range []int{10, 500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			states := []*model.Snapshot{webuitest.Crowd(noon, n, 0), webuitest.Crowd(noon, n, 1)}
			f := newFrame(nil, states[1], 1, "e")
			for i := 0; b.Loop(); i++ {
				f = newFrame(f, states[i%2], f.number+1, "e")
				b.SetBytes(int64(len(f.message(f.number - 1))))
			}
		})
	}
}

// A mistake in one state leaves the one before it, and the next one comes.
func TestMistakeInOneState(t *testing.T) {
	h := &host{}
	h.state.Store(webuitest.Busy(noon))
	hub := newHub(h.snapshot, 1)
	hub.mishaps = mishap.New(slog.New(slog.DiscardHandler))
	t.Cleanup(hub.close)
	current := func(s *model.Snapshot) *frame {
		h.state.Store(s)
		hub.making.Lock()
		hub.next = time.Time{}
		hub.making.Unlock()
		return hub.current()
	}
	first := current(webuitest.Busy(noon))
	hub.frame = func(*frame, *model.Snapshot, uint64, string) *frame { panic("a test") }
	if got := current(webuitest.Busy(noon)); got != first || hub.mishaps.Counts()[mishap.State] != 1 {
		t.Errorf("%v, %v", got == first, hub.mishaps.Counts())
	}
	hub.frame = newFrame
	if got := current(webuitest.Busy(noon)); got == first || got == nil {
		t.Error("no other state came")
	}
}
