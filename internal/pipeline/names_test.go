package pipeline

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine/docker"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
)

// engineOf serves containers, as a list and one by one, and a stream of events on a socket.
func engineOf(t *testing.T, containers, stream http.HandlerFunc) (host string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		switch path := r.URL.Path; {
		case strings.HasSuffix(path, "/version"):
			io.WriteString(w, `{"Version":"20.10.24"}`)
		case strings.HasSuffix(path, "/events"):
			w.(http.Flusher).Flush()
			stream(w, r)
		case strings.Contains(path, "/containers/"):
			containers(w, r)
		}
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		goleak.VerifyNone(t)
	})
	return "unix://" + socket
}

// nameless is a pipeline of which nothing is at work, with an engine to ask.
func nameless(t *testing.T, host string) *Pipeline {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	names, err := docker.New(docker.Config{Host: host, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	directory := container.NewDirectory(rememberedNames)
	return &Pipeline{
		cfg: Config{Engine: names, Log: log}, now: time.Now, directory: directory, tracker: container.NewTracker(directory, nil),
		namespaces: newRegistry(), questions: map[string]question{}, inputs: make(chan message),
		live: store.NewLive(model.DefaultLimits()),
	}
}

// namesOf is a pipeline of which only the names are at work, on an engine. Its loop does not run.
func namesOf(t *testing.T, host string) *Pipeline {
	t.Helper()
	p := nameless(t, host)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.followEngine(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		for {
			select {
			case m := <-p.inputs:
				m.handle(p)
			case <-ended:
				return
			}
		}
	})
	return p
}

// awaitName waits until the directory has the name of a container.
func (p *Pipeline) awaitName(t *testing.T, id string) string {
	t.Helper()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(10 * time.Second)
	for {
		select {
		case <-look.C:
			if identity, ok := p.directory.Get(id); ok {
				return identity.Name
			}
		case <-deadline:
			t.Fatalf("the name of %s does not come", id)
		}
	}
}

func containerID(n int) string { return fmt.Sprintf("%064x", n) }

// A loop that is busy holds up no name: what an engine says is read as fast as it comes, however much lies before it.
func TestNamesDoNotWaitForTheLoop(t *testing.T) {
	const ooms = 2 * maxEngineFacts
	p := namesOf(t, engineOf(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "[]") },
		func(w http.ResponseWriter, r *http.Request) {
			line := func(action, id, name string) {
				fmt.Fprintf(w, `{"Type":"container","Action":%q,"Actor":{"ID":%q,"Attributes":{"name":%q}},"timeNano":%d}`+"\n",
					action, id, name, time.Now().Add(time.Hour).UnixNano())
			}
			for range ooms {
				line("oom", containerID(1), "hog")
			}
			line("create", containerID(2), "web")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}))
	if name := p.awaitName(t, containerID(2)); name != "web" {
		t.Errorf("it is called %q", name)
	}
	// What there was no room for is counted, and no name is among it.
	(<-p.inputs).handle(p) // the first ones
	for p.live.Snapshot().Totals.Lost[event.LostEngine] == 0 {
		(<-p.inputs).handle(p)
	}
}

// The engine is asked about a container that events of the kernel speak of and whose name has not come; the stream may
// stand still.
func TestUnknownContainersAreAskedFor(t *testing.T) {
	asked := make(chan string, 100)
	p := namesOf(t, engineOf(t,
		func(w http.ResponseWriter, r *http.Request) {
			filters := r.FormValue("filters")
			if filters == "" {
				io.WriteString(w, "[]")
				return
			}
			asked <- filters
			fmt.Fprintf(w, `[{"Id":%q,"Names":["/web"],"Image":"nginx"}]`, containerID(1))
		},
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	const cgroup = 7
	p.tracker.Place(cgroup, "/docker/"+containerID(1))
	kill := func() {
		batch{Events: []event.Event{{
			Time: time.Now(), Type: event.OOMKill, CgroupID: cgroup, OOM: &event.OOM{Victim: event.Victim{PID: 9}},
		}}}.handle(p)
	}
	kill()
	kill() // which is not asked about again so soon
	if name := p.awaitName(t, containerID(1)); name != "web" {
		t.Errorf("it is called %q", name)
	}
	if got := <-asked; !strings.Contains(got, containerID(1)) || len(asked) > 0 {
		t.Errorf("asked for %q, and %d times more", got, len(asked))
	}
	kill()
	kills := p.live.Snapshot().Kills
	if c := kills[len(kills)-1].Event.Container; c == nil || c.Name != "web" {
		t.Errorf("the victim's container is %+v", c)
	}
}

// Why a container did not start the engine is asked only where it may be its own: any user can make cgroups that look like
// containers of another runtime.
func TestOnlyItsOwnStartsAreAskedFor(t *testing.T) {
	asked := make(chan string, 100)
	p := namesOf(t, engineOf(t,
		func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/containers/json") {
				io.WriteString(w, "[]")
				return
			}
			asked <- r.URL.Path
			w.WriteHeader(http.StatusNotFound)
		},
		func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	p.directory.Put(container.Identity{ID: containerID(3), Runtime: runtime.Docker, Name: "web"})
	for i, path := range []string{
		"/user.slice/libpod-" + containerID(1) + ".scope", "/user.slice/" + containerID(2),
		"/tiny/" + containerID(3), "/system.slice/docker-" + containerID(4) + ".scope",
	} {
		cgroup := &event.Cgroup{ID: uint64(100 + i), Path: path}
		batch{Events: []event.Event{
			{Time: midnight, BootNS: 1, Type: event.CgroupCreated, CgroupID: cgroup.ID, Cgroup: cgroup},
			{Time: midnight, BootNS: 2, Type: event.CgroupRemoved, CgroupID: cgroup.ID, Cgroup: cgroup},
		}}.handle(p)
	}
	for _, n := range []int{3, 4} {
		select {
		case got := <-asked:
			if !strings.Contains(got, containerID(n)) {
				t.Errorf("asked for %s, want container %d", got, n)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("not asked for container %d", n)
		}
	}
}

// An engine that does not know a container is asked about it more and more seldom.
func TestUnknownContainersAreAskedForSeldom(t *testing.T) {
	p := nameless(t, "unix:///nowhere/docker.sock")
	now := midnight
	p.now = func() time.Time { return now }
	var gaps []time.Duration
	last := now
	for range 2000 {
		before := p.questions[containerID(1)]
		p.askName(&event.Container{ID: containerID(1)})
		if q := p.questions[containerID(1)]; q != before {
			gaps = append(gaps, now.Sub(last))
			last = now
		}
		now = now.Add(100 * time.Millisecond)
	}
	want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
	if fmt.Sprint(gaps) != fmt.Sprint(want) {
		t.Errorf("asked after %v, want %v", gaps, want)
	}
	for n := range 2 * maxQuestions {
		p.askName(&event.Container{ID: containerID(n)})
	}
	if len(p.questions) > maxQuestions {
		t.Errorf("%d questions are remembered", len(p.questions))
	}
}

// stuckNames returns a nameSink whose facts are not taken, but for a first one, before goOn is called, which returns the others.
func stuckNames(t *testing.T) (s *nameSink, goOn func() []fact.Fact) {
	t.Helper()
	begun, going := make(chan struct{}, 1), make(chan struct{})
	var taken []fact.Fact
	s = newNameSink(container.NewDirectory(rememberedNames), time.Now, func(f fact.Fact) {
		select {
		case begun <- struct{}{}:
			<-going
		default:
		}
		taken = append(taken, f)
	})
	s.Did(fact.EngineEvent{ID: containerID(0), Action: fact.ActionStart, At: midnight})
	<-begun
	return s, func() []fact.Fact {
		close(going)
		if err := s.facts.Close(t.Context()); err != nil {
			t.Error(err)
		}
		return taken[1:]
	}
}

// fill puts as many facts as there is room for.
func (s *nameSink) fill() {
	for n := range maxEngineFacts {
		s.Did(fact.EngineEvent{ID: containerID(n), Action: fact.ActionStart, At: midnight})
	}
}

// What there is no room for is dropped and counted, but names.
func TestEngineQueueIsBounded(t *testing.T) {
	s, goOn := stuckNames(t)
	s.fill()
	s.Did(fact.EngineEvent{ID: containerID(1), Action: fact.ActionOOM, At: midnight})
	s.Identify(container.Identity{ID: containerID(1), Name: "late"})
	s.Identify(container.Identity{ID: containerID(1), Name: "later"})
	s.Lost(7) // by the follower
	s.Lost(2)
	facts := goOn()
	if len(facts) != maxEngineFacts+2 {
		t.Fatalf("%d facts", len(facts))
	}
	if id := facts[maxEngineFacts].Identity; id == nil || id.Name != "later" {
		t.Errorf("the name is %+v", id)
	}
	if e := facts[maxEngineFacts+1].Event; e == nil || e.Lost.Count != 10 || e.Lost.Reason != event.LostEngine {
		t.Errorf("lost: %+v", e)
	}
}

// Of more names than the directory keeps the oldest are lost, and counted.
func TestLateNamesAreBounded(t *testing.T) {
	s, goOn := stuckNames(t)
	s.fill()
	s.EngineState(fact.Engine{State: fact.EngineConnecting}) // which lies before them
	for n := range rememberedNames + 10 {
		s.Identify(container.Identity{ID: containerID(n), Name: "other"})
	}
	names, lost := 0, uint64(0)
	for _, f := range goOn() {
		switch {
		case f.Event != nil:
			lost += f.Event.Lost.Count
		case f.Identity != nil:
			if want := containerID(names + 10); f.Identity.ID != want || f.Identity.Name != "other" {
				t.Fatalf("name %d is %+v", names, f.Identity)
			}
			names++
		}
	}
	if names != rememberedNames || lost != 10 {
		t.Errorf("%d names, %d lost", names, lost)
	}
}

// A late name that the directory has lost meanwhile is counted.
func TestLateNameThatIsGone(t *testing.T) {
	s, goOn := stuckNames(t)
	s.fill()
	s.Identify(container.Identity{ID: containerID(1), Name: "late"})
	for n := range rememberedNames { // which others than the engine asked for
		s.directory.Put(container.Identity{ID: containerID(2 + n)})
	}
	facts := goOn()
	if e := facts[len(facts)-1].Event; len(facts) != maxEngineFacts+1 || e == nil || e.Lost.Count != 1 {
		t.Errorf("%d facts, the last one is %+v", len(facts), e)
	}
}

// The directory calls a name news once, and the follower reports the engine's state once. Neither is lost where there is no
// room for it, however large the names are that wait.
func TestFullEngineQueueLosesNoNameAndNoState(t *testing.T) {
	const containers = 40
	s, goOn := stuckNames(t)
	image := strings.Repeat("x", maxEngineBytes/containers+1000) // of all of them more than may wait, and less than the directory keeps
	s.EngineState(fact.Engine{State: fact.EngineConnecting})
	for n := range containers {
		s.Identify(container.Identity{ID: containerID(n), Name: "web", Image: image})
	}
	s.fill()
	s.EngineState(fact.Engine{State: fact.EngineConnected, Detail: "20.10.24"})
	s.EngineState(fact.Engine{State: fact.EngineFailing, Detail: "no answer"})
	// A name that is late waits without its text.
	kept, ok := s.keep(nil, engineFact{Fact: fact.Fact{Identity: &event.Container{ID: containerID(0), Name: "web", Image: image}}})
	if !ok || len(kept) != 1 || nameBytes(kept[0].Identity) != 0 {
		t.Errorf("%v: %d kept", ok, len(kept))
	}

	named := map[string]bool{}
	var states []fact.EngineState
	for _, f := range goOn() {
		switch {
		case f.Identity != nil && f.Identity.Image == image:
			named[f.Identity.ID] = true
		case f.Engine != nil:
			states = append(states, f.Engine.State)
		}
	}
	if want := []fact.EngineState{fact.EngineConnecting, fact.EngineFailing}; len(named) != containers || !slices.Equal(states, want) {
		t.Errorf("%d of %d containers have their names; the engine is %q, want %q", len(named), containers, states, want)
	}
}
