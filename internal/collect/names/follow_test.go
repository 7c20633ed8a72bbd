package names

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

var midnight = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func containerID(n int) string { return fmt.Sprintf("%064x", n) }

// owned is an engine of which only the owner matters.
type owned struct {
	engine.Engine

	uid uint32
}

func (o owned) User() uint32 { return o.uid }

// loopOf is a Loop that is a function.
type loopOf func(fact.Fact)

func (l loopOf) EngineReported(f fact.Fact) { l(f) }

// stuckNames returns a reports whose facts are not taken, but for a first one, before goOn is called, which returns the others.
func stuckNames(t *testing.T) (s *reports, goOn func() []fact.Fact) {
	t.Helper()
	begun, going := make(chan struct{}, 1), make(chan struct{})
	var taken []fact.Fact
	s = newReports(Config{Engine: owned{}, Directory: container.NewDirectory(Remembered), Now: time.Now, Loop: loopOf(func(f fact.Fact) {
		select {
		case begun <- struct{}{}:
			<-going
		default:
		}
		taken = append(taken, f)
	})}, &Follower{})
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
func (s *reports) fill() {
	for n := range maxFacts {
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
	if len(facts) != maxFacts+2 {
		t.Fatalf("%d facts", len(facts))
	}
	if id := facts[maxFacts].Identity; id == nil || id.Name != "later" {
		t.Errorf("the name is %+v", id)
	}
	if e := facts[maxFacts+1].Event; e == nil || e.Lost.Count != 10 || e.Lost.Reason != event.LostEngine {
		t.Errorf("lost: %+v", e)
	}
}

// Of more names than the directory keeps the oldest are lost, and counted.
func TestLateNamesAreBounded(t *testing.T) {
	s, goOn := stuckNames(t)
	s.fill()
	s.EngineState(fact.Engine{State: fact.EngineConnecting}) // which lies before them
	for n := range Remembered + 10 {
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
	if names != Remembered || lost != 10 {
		t.Errorf("%d names, %d lost", names, lost)
	}
}

// A late name that the directory has lost meanwhile is counted.
func TestLateNameThatIsGone(t *testing.T) {
	s, goOn := stuckNames(t)
	s.fill()
	s.Identify(container.Identity{ID: containerID(1), Name: "late"})
	for n := range Remembered { // which others than the engine asked for
		s.directory.Put(container.Identity{ID: containerID(2 + n)})
	}
	facts := goOn()
	if e := facts[len(facts)-1].Event; len(facts) != maxFacts+1 || e == nil || e.Lost.Count != 1 {
		t.Errorf("%d facts, the last one is %+v", len(facts), e)
	}
}

// The directory calls a name news once, and the follower reports the engine's state once. Neither is lost where there is no
// room for it, however large the names are that wait.
func TestFullEngineQueueLosesNoNameAndNoState(t *testing.T) {
	const containers = 40
	s, goOn := stuckNames(t)
	image := strings.Repeat("x", maxBytes/containers+1000) // of all of them more than may wait, and less than the directory keeps
	s.EngineState(fact.Engine{State: fact.EngineConnecting})
	for n := range containers {
		s.Identify(container.Identity{ID: containerID(n), Name: "web", Image: image})
	}
	s.fill()
	s.EngineState(fact.Engine{State: fact.EngineConnected, Detail: "20.10.24"})
	s.EngineState(fact.Engine{State: fact.EngineFailing, Detail: "no answer"})
	// A name that is late waits without its text.
	kept, ok := s.keep(nil, report{Fact: fact.Fact{Identity: &event.Container{ID: containerID(0), Name: "web", Image: image}}})
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

// Whether the engine answers is known at once, also while the loop takes nothing: who asks it at start does not wait for the loop.
func TestConnectionIsKnownBeforeTheLoopKnows(t *testing.T) {
	s, goOn := stuckNames(t)
	defer goOn()
	for _, state := range []fact.EngineState{fact.EngineConnecting, fact.EngineConnected, fact.EngineFailing, fact.EngineConnected} {
		s.EngineState(fact.Engine{State: state})
		if got := s.of.connected.Load(); got != (state == fact.EngineConnected) {
			t.Errorf("%s: connected is %v", state, got)
		}
	}
}
