package names

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// acted is an engine that a test acts for.
type acted struct {
	engine.Engine

	name, address string
	user          uint32
	// run is what Run does until ctx ends.
	run    func(ctx context.Context, s engine.Sink)
	synced chan struct{}

	mu                  sync.Mutex
	asked, starts, ends []string
}

func (a *acted) Name() string            { return a.name }
func (a *acted) Address() string         { return a.address }
func (a *acted) User() uint32            { return a.user }
func (a *acted) Synced() <-chan struct{} { return a.synced }
func (a *acted) Ask(id string)           { a.note(&a.asked, id) }
func (a *acted) AskStart(id string)      { a.note(&a.starts, id) }
func (a *acted) AskEnd(id string)        { a.note(&a.ends, id) }

func (a *acted) note(list *[]string, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*list = append(*list, strings.TrimLeft(id, "0"))
}

func (a *acted) Run(ctx context.Context, s engine.Sink) error {
	a.run(ctx, s)
	<-ctx.Done()
	return ctx.Err()
}

// namesOne returns an engine that reports one container.
func namesOne(name, address string, n int) *acted {
	a := &acted{name: name, address: address, synced: make(chan struct{})}
	a.run = func(_ context.Context, s engine.Sink) {
		s.EngineState(fact.Engine{Name: name, Address: address, State: fact.EngineConnected})
		s.Identify(container.Identity{ID: containerID(n), Runtime: name, Name: fmt.Sprint(name, n)})
		close(a.synced)
	}
	return a
}

// hangs returns an engine that never answers.
func hangs(name string) *acted {
	return &acted{name: name, address: "unix:///hung", synced: make(chan struct{}), run: func(context.Context, engine.Sink) {}}
}

// followed runs Engines until the test ends, and returns their facts.
func followed(t *testing.T, c EnginesConfig) (*Engines, <-chan fact.Fact) {
	t.Helper()
	facts := make(chan fact.Fact, 100)
	c.Directory, c.Now, c.Log = container.NewDirectory(Remembered), func() time.Time { return midnight }, slog.New(slog.DiscardHandler)
	c.Loop = func(engine.Engine) Loop { return loopOf(func(f fact.Fact) { facts <- f }) }
	e := NewEngines(c)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	})
	return e, facts
}

// Each engine is followed beside the others: one that hangs holds up none.
func TestEnginesAreFollowedBesideEachOther(t *testing.T) {
	engines := []engine.Engine{hangs("docker"), namesOne("docker", "unix:///a", 1), namesOne("podman", "unix:///b", 2)}
	e, facts := followed(t, EnginesConfig{Engines: engines})
	named := map[string]string{}
	for len(named) < 2 {
		if f := <-facts; f.Identity != nil {
			named[f.Identity.Name] = f.Identity.Runtime
		}
	}
	if named["docker1"] != "docker" || named["podman2"] != "podman" {
		t.Errorf("named %v", named)
	}
	if got := e.Connected(); !slices.Equal(got, engines[1:]) {
		t.Errorf("connected: %v", got)
	}
	if got := e.Stated(); !slices.Equal(got, engines[1:]) {
		t.Errorf("with a state: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	awaited := make(chan struct{})
	go func() {
		defer close(awaited)
		e.AwaitSynced(ctx)
	}()
	select {
	case <-awaited:
		t.Error("the one that hangs has reported its containers")
	default:
	}
	cancel()
	<-awaited
}

// Engines that come later are followed, and those whose sockets are gone are forgotten.
func TestEnginesComeAndGo(t *testing.T) {
	var mu sync.Mutex
	var there []engine.Engine
	set := func(list ...engine.Engine) {
		mu.Lock()
		defer mu.Unlock()
		there = list
	}
	usual := namesOne("docker", "unix:///usual", 1)
	e, facts := followed(t, EnginesConfig{Engines: []engine.Engine{usual}, Find: func() []engine.Engine {
		mu.Lock()
		defer mu.Unlock()
		return there
	}})
	await := func(address string, state fact.EngineState) {
		t.Helper()
		for f := range facts {
			if f.Engine != nil && f.Engine.Address == address && f.Engine.State == state {
				return
			}
		}
	}
	a, b := namesOne("podman", "unix:///a", 2), namesOne("docker", "unix:///b", 3)
	await("unix:///usual", fact.EngineConnected)
	set(a)
	e.Look()
	await("unix:///a", fact.EngineConnected)
	set(a, b)
	e.Look()
	await("unix:///b", fact.EngineConnected)
	again := namesOne("podman", "unix:///a", 4) // another one at the same address
	set(b, again)
	e.Look()
	await("unix:///a", fact.EngineForgotten)
	await("unix:///a", fact.EngineConnected)
	set(b)
	e.Look()
	await("unix:///a", fact.EngineForgotten)
	if got := e.All(); !slices.Equal(got, []engine.Engine{usual, b}) {
		t.Errorf("followed: %v", got)
	}
}

// Files are asked how a container ended unless its engine reports that, each user's own one of his containers.
func TestEndsAreAskedOfFilesWithoutAnEngine(t *testing.T) {
	host, user := namesOne("", "", 1), namesOne("", "", 2)
	user.user = 1000
	podman := namesOne("podman", "unix:///podman", 3)
	e, facts := followed(t, EnginesConfig{Engines: []engine.Engine{host, user, podman, hangs("podman")}})
	for len(e.Connected()) < 3 {
		<-facts
	}
	e.AskFilesForEnd(&event.Container{ID: containerID(1), Runtime: runtime.Podman})
	e.AskFilesForEnd(&event.Container{ID: containerID(2), Runtime: runtime.CRIO})
	if got := fmt.Sprint(host.ends, user.ends); got != "[2] [1 2]" {
		t.Errorf("asked for %s", got)
	}
}

// The files of the host and those of a user, which have no address, are followed beside each other.
func TestFilesOfUsersAreFollowedBesideTheHosts(t *testing.T) {
	host, user := namesOne("", "", 1), namesOne("", "", 2)
	user.user = 1000
	_, facts := followed(t, EnginesConfig{Engines: []engine.Engine{host}, Find: func() []engine.Engine { return []engine.Engine{user} }})
	named := map[string]bool{}
	for len(named) < 2 {
		if f := <-facts; f.Identity != nil {
			named[f.Identity.ID] = true
		}
	}
}

// However many engines there are, so many are followed, and those that were chosen before all.
func TestEnginesAreBounded(t *testing.T) {
	usual := namesOne("docker", "unix:///usual", 1)
	var many []engine.Engine
	for n := range 2 * MaxEngines {
		many = append(many, namesOne("docker", fmt.Sprint("unix:///", n), n))
	}
	c := EnginesConfig{
		Engines: []engine.Engine{usual}, Find: func() []engine.Engine { return many }, Log: slog.New(slog.DiscardHandler),
		Loop: func(engine.Engine) Loop { return nil },
	}
	e := NewEngines(c)
	if got := e.All(); len(got) != MaxEngines || got[0] != engine.Engine(usual) || got[1] != many[0] {
		t.Errorf("%d are followed", len(got))
	}
	e.refresh()
	if got := e.All(); len(got) != MaxEngines {
		t.Errorf("%d are followed after another look", len(got))
	}
}

// An engine is asked about the containers that may be its own.
func TestQuestionsGoToTheEnginesOfTheRuntime(t *testing.T) {
	docker, other, podman := hangs("docker"), hangs("docker"), hangs("podman")
	directory := container.NewDirectory(Remembered)
	q := NewQuestions(func() []engine.Engine { return []engine.Engine{docker, other, podman} }, directory, func() time.Time { return midnight })
	q.AskName(&event.Container{ID: containerID(1), Runtime: runtime.Docker})
	q.AskName(&event.Container{ID: containerID(2), Runtime: runtime.Podman})
	q.AskName(&event.Container{ID: containerID(3)})
	q.AskName(&event.Container{ID: containerID(4), Runtime: runtime.Containerd})
	directory.Put(container.Identity{ID: containerID(6), Runtime: runtime.Podman})
	q.AskStart(&event.Container{ID: containerID(5), Runtime: runtime.Docker})
	q.AskStart(&event.Container{ID: containerID(6)})
	q.AskStart(&event.Container{ID: containerID(7)}) // which may be anybody's
	q.AskEnd(&event.Container{ID: containerID(8), Runtime: runtime.Docker})
	q.AskEnd(&event.Container{ID: containerID(6)})
	q.AskEnd(nil)
	directory.Put(container.Identity{ID: containerID(9), Runtime: runtime.Podman, Name: "web", Source: container.SourceFiles})
	q.AskStarted(&event.Container{ID: containerID(9), Name: "web"})
	q.AskStarted(&event.Container{ID: containerID(6)}) // the engine has named it
	q.AskStarted(nil)
	for _, e := range []struct {
		*acted

		asked, starts, ends string
	}{{docker, "[1 3]", "[5]", "[8]"}, {other, "[1 3]", "[5]", "[8]"}, {podman, "[2 3 9]", "[6]", "[6]"}} {
		asked, starts, ends := fmt.Sprint(e.acted.asked), fmt.Sprint(e.acted.starts), fmt.Sprint(e.acted.ends)
		if asked != e.asked || starts != e.starts || ends != e.ends {
			t.Errorf("%s: asked for names %s, starts %s and ends %s, want %s, %s and %s", e.name, asked, starts, ends, e.asked, e.starts, e.ends)
		}
	}
}

// A user's engine that reports without end takes the loop's time from nobody: what is too much is counted.
func TestUsersEnginesAreBoundedInRate(t *testing.T) {
	for uid, want := range map[uint32]int{0: 2 * userBurst, 1000: userBurst} {
		facts, lost := 0, uint64(0)
		r := newReports(Config{
			Engine: owned{uid: uid}, Directory: container.NewDirectory(Remembered), Now: func() time.Time { return midnight },
			Loop: loopOf(func(f fact.Fact) {
				if f.Event != nil {
					lost += f.Event.Lost.Count
				} else {
					facts++
				}
			}),
		}, &Follower{})
		for n := range 2 * userBurst {
			r.Did(fact.EngineEvent{ID: containerID(n), Action: fact.ActionStart, At: midnight})
		}
		if err := r.facts.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if facts != want || lost != uint64(2*userBurst-want) {
			t.Errorf("uid %d: %d facts, %d lost", uid, facts, lost)
		}
	}
}
