package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
)

// patience is how long a test waits for what must happen. It is never waited for in full, unless
// the test fails.
const patience = time.Minute

// The paths of the fake engine's endpoints, without the version.
const (
	pingPath    = "/_ping"
	versionPath = "/version"
	eventsPath  = "/events"
	listPath    = "/containers/json"
)

// fakeEngine speaks the four endpoints that the follower uses.
type fakeEngine struct {
	t       *testing.T
	socket  string
	server  *httptest.Server
	version string
	api     string
	// requests gets the name of each request, before it is answered.
	requests chan string

	mu         sync.Mutex
	containers []dockertypes.Summary
	streams    map[chan string]struct{}
	// instead has the replacements of endpoints, by path.
	instead map[string]http.HandlerFunc
}

func newEngine(t *testing.T) *fakeEngine {
	return &fakeEngine{
		t: t, socket: filepath.Join(t.TempDir(), "docker.sock"),
		version: "20.10.24+dfsg1", api: "1.41", requests: make(chan string, 1<<14),
		streams: map[chan string]struct{}{}, instead: map[string]http.HandlerFunc{},
	}
}

func (e *fakeEngine) start() {
	e.t.Helper()
	e.listen(e)
}

// listen has a handler serve at the engine's socket.
func (e *fakeEngine) listen(h http.Handler) {
	e.t.Helper()
	listener, err := net.Listen("unix", e.socket)
	if err != nil {
		e.t.Fatal(err)
	}
	e.server = httptest.NewUnstartedServer(h)
	e.server.Listener.Close()
	e.server.Listener = listener
	e.server.Start()
}

// stop ends the engine like a crash does: every connection breaks and the socket is gone.
func (e *fakeEngine) stop() {
	if e.server != nil {
		e.server.Listener.Close()
		e.server.CloseClientConnections()
		e.server.Close()
		e.server = nil
	}
}

func (e *fakeEngine) set(containers ...dockertypes.Summary) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.containers = containers
}

// answer replaces an endpoint; nil restores it.
func (e *fakeEngine) answer(path string, h http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.instead[path] = h
}

// emit sends an event to everyone who listens.
func (e *fakeEngine) emit(action events.Action, id string, attributes map[string]string) {
	e.emitAt(epoch, action, id, attributes)
}

// destroy reports that a container was removed, a moment after the follower has subscribed, so that the sink gets it.
func (e *fakeEngine) destroy(id string, attributes map[string]string) {
	e.emitAt(epoch.Add(1), events.ActionDestroy, id, attributes)
}

func (e *fakeEngine) emitAt(at time.Time, action events.Action, id string, attributes map[string]string) {
	line, err := json.Marshal(events.Message{
		Type: events.ContainerEventType, Action: action,
		Actor: events.Actor{ID: id, Attributes: attributes}, TimeNano: at.UnixNano(),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.emitRaw(string(line) + "\n")
}

func (e *fakeEngine) emitRaw(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for stream := range e.streams {
		stream <- line
	}
}

func (e *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/v"+e.api); ok {
		path = rest
	}
	e.requests <- e.word(path, r)
	e.mu.Lock()
	h := e.instead[path]
	e.mu.Unlock()
	switch {
	case h != nil:
		h(w, r)
	case path == pingPath:
		w.Header().Set("Api-Version", e.api)
	case path == versionPath:
		fmt.Fprintf(w, `{"Version":%q,"ApiVersion":%q}`, e.version, e.api)
	case path == eventsPath:
		e.serveEvents(w, r)
	case path == listPath:
		e.serveList(w, r)
	default:
		http.NotFound(w, r)
	}
}

// word returns a request in short: "ping", "list all", "list 64".
func (e *fakeEngine) word(path string, r *http.Request) string {
	switch path {
	case pingPath:
		return "ping"
	case versionPath:
		return "version"
	case eventsPath:
		return "events since " + r.FormValue("since")
	case listPath:
		if r.FormValue("all") != "1" {
			return "list without the stopped ones"
		}
		if ids := listedIDs(r); len(ids) > 0 {
			return fmt.Sprintf("list %d", len(ids))
		}
		return "list all"
	}
	return r.Method + " " + r.URL.Path
}

func listedIDs(r *http.Request) []string {
	args, err := filters.FromJSON(r.FormValue("filters"))
	if err != nil {
		return nil
	}
	return args.Get("id")
}

func (e *fakeEngine) serveEvents(w http.ResponseWriter, r *http.Request) {
	stream := make(chan string, 1<<14)
	e.mu.Lock()
	e.streams[stream] = struct{}{}
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.streams, stream)
	}()
	w.(http.Flusher).Flush()
	for {
		select {
		case line := <-stream:
			io.WriteString(w, line)
			w.(http.Flusher).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func (e *fakeEngine) serveList(w http.ResponseWriter, r *http.Request) {
	ids := listedIDs(r)
	e.mu.Lock()
	defer e.mu.Unlock()
	listed := []dockertypes.Summary{}
	for _, c := range e.containers {
		if len(ids) == 0 || slices.Contains(ids, c.ID) {
			listed = append(listed, c)
		}
	}
	_ = json.NewEncoder(w).Encode(listed) // a client that has gone does not matter
}

// hang never answers.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// holdLists lets no list be answered before release is called.
func (e *fakeEngine) holdLists() (release func()) {
	released := make(chan struct{})
	e.answer(listPath, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
			e.serveList(w, r)
		case <-r.Context().Done():
		}
	})
	return func() { close(released) }
}

// say answers with a status and a body.
func say(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Api-Version", "1.41")
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// requested waits for a request by its word, and lets others pass.
func (e *fakeEngine) requested(word string) {
	e.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-e.requests:
			if strings.HasPrefix(got, word) {
				return
			}
		case <-deadline:
			e.t.Fatalf("no request %q came", word)
		}
	}
}

// epoch is the time of the fake clock.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// fakeClock stands still; its timers fire when a test says so.
type fakeClock struct {
	mu      sync.Mutex
	now     time.Time
	timers  map[*fakeTimer]struct{}
	changed chan struct{}
}

type fakeTimer struct {
	d time.Duration
	f func()
}

func newClock() *fakeClock {
	return &fakeClock{now: epoch, timers: map[*fakeTimer]struct{}{}, changed: make(chan struct{})}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// pass moves the time, without a timer taking note.
func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) func() {
	timer := &fakeTimer{d, f}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timers[timer] = struct{}{}
	close(c.changed)
	c.changed = make(chan struct{})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.timers, timer)
	}
}

// fire waits until a timer of that duration runs and lets it fire.
func (c *fakeClock) fire(t *testing.T, d time.Duration) {
	t.Helper()
	timer := c.await(t, d)
	c.mu.Lock()
	delete(c.timers, timer)
	c.mu.Unlock()
	timer.f()
}

// await waits until a timer of that duration runs.
func (c *fakeClock) await(t *testing.T, d time.Duration) *fakeTimer {
	t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		changed := c.changed
		for timer := range c.timers {
			if timer.d == d {
				c.mu.Unlock()
				return timer
			}
		}
		c.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("no timer of %v was set", d)
		}
	}
}

// armed is how many timers run.
func (c *fakeClock) armed() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.timers)
}

// sink records its calls.
type sink struct {
	calls   chan string
	actions chan string // with room for all
}

func (s sink) Did(e fact.EngineEvent) {
	s.actions <- fmt.Sprintf("%s %s +%v", e.ID[:12], e.Action, e.At.Sub(epoch))
	if e.Action == fact.ActionRemove { // a test does nothing with a container after that
		s.calls <- "destroy " + e.ID[:12]
	}
}

func (s sink) Identify(i container.Identity) {
	text := fmt.Sprintf("identify %s %s %s %s %v", i.Runtime, i.ID[:12], i.Name, i.Image, i.Labels)
	if !i.Created.IsZero() {
		text += " created " + i.Created.UTC().Format(time.RFC3339Nano)
	}
	s.calls <- text
}

func (s sink) Lost(n uint64) { s.calls <- fmt.Sprintf("lost %d", n) }
func (s sink) Ended(v fact.EngineReport) {
	text := "ended " + v.ID[:12]
	if v.ExitCode != nil {
		text += fmt.Sprintf(" code %d", *v.ExitCode)
	}
	if v.OOMKilled != nil {
		text += fmt.Sprintf(" OOMKilled %t", *v.OOMKilled)
	}
	if v.RestartCount != nil && *v.RestartCount > 0 {
		text += fmt.Sprintf(" restarted %d times", *v.RestartCount)
	}
	if v.Runs {
		text += " runs"
	}
	if v.Removed {
		text += " removed"
	}
	if v.StartError != "" {
		text += " not started: " + v.StartError
	}
	s.calls <- text
}
func (s sink) EngineState(e fact.Engine) {
	s.calls <- strings.TrimSpace(fmt.Sprintf("%s %s", e.State, e.Detail))
}

// run is a follower at work on a fake engine.
type run struct {
	t        *testing.T
	engine   *fakeEngine
	clock    *fakeClock
	follower *Follower
	sink     sink
	cancel   context.CancelFunc
	done     chan error
}

// begin starts a follower. At its end the test has checked that Run returns and leaves nothing.
func begin(t *testing.T, e *fakeEngine, change ...func(*Config)) *run {
	t.Helper()
	cfg := Config{Host: "unix://" + e.socket, Clock: newClock()}
	for _, c := range change {
		c(&cfg)
	}
	follower, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{
		t: t, engine: e, follower: follower, cancel: cancel, done: make(chan error, 1),
		sink: sink{make(chan string, 1<<14), make(chan string, 1<<14)},
	}
	r.clock, _ = cfg.Clock.(*fakeClock)
	go func() { r.done <- follower.Run(ctx, r.sink) }()
	t.Cleanup(func() {
		r.end()
		e.stop()
		goleak.VerifyNone(t)
	})
	r.expect("connecting")
	return r
}

// end stops the follower and waits for it.
func (r *run) end() {
	r.t.Helper()
	r.cancel()
	select {
	case err, open := <-r.done:
		if open && !errors.Is(err, context.Canceled) {
			r.t.Errorf("Run returned %v, want %v", err, context.Canceled)
		}
		if open {
			close(r.done)
			if n := r.clock.armed(); n != 0 {
				r.t.Errorf("%d timers still run", n)
			}
		}
	case <-time.After(patience):
		r.t.Fatal("Run does not return")
	}
	r.synced()
}

// expect waits for the next calls of the sink and compares them.
func (r *run) expect(calls ...string) {
	r.t.Helper()
	for _, want := range calls {
		select {
		case got := <-r.sink.calls:
			if got != want {
				r.t.Fatalf("the sink got\n\t%s, want\n\t%s", got, want)
			}
		case <-time.After(patience):
			r.t.Fatalf("the sink did not get %q", want)
		}
	}
}

// synced waits until the follower reports that names are there.
func (r *run) synced() {
	r.t.Helper()
	select {
	case <-r.follower.Synced():
	case <-time.After(patience):
		r.t.Fatal("Synced was not closed")
	}
}

// id makes a container id of a number.
func id(n int) string { return fmt.Sprintf("%012x%052x", n, n) }

func summary(n int, name, image string) dockertypes.Summary {
	return dockertypes.Summary{ID: id(n), Names: []string{"/" + name}, Image: image}
}

const connected = "connected 20.10.24, API 1.41"
