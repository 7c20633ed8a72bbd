package pipeline

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// scripted is an engine that is not Docker. It says what says says, and notes what it is asked.
type scripted struct {
	user   uint32
	says   func(engine.Sink)
	asked  []string
	starts []string
	ends   []string
	inits  map[string]engine.Init
}

func (s *scripted) Name() string    { return runtime.Podman }
func (s *scripted) Address() string { return "unix:///run/podman/podman.sock" }
func (s *scripted) User() uint32    { return s.user }

func (s *scripted) Run(_ context.Context, sink engine.Sink) error {
	s.says(sink)
	return nil
}

func (s *scripted) Synced() <-chan struct{} { return nil }
func (s *scripted) Ask(id string)           { s.asked = append(s.asked, id) }
func (s *scripted) AskStart(id string)      { s.starts = append(s.starts, id) }
func (s *scripted) AskEnd(id string)        { s.ends = append(s.ends, id) }

func (s *scripted) Settings(context.Context, string) (*fact.Settings, error) {
	return &fact.Settings{}, nil
}

func (s *scripted) Inits(context.Context, func(string) bool) (map[string]engine.Init, error) {
	return s.inits, nil
}

var _ engine.Engine = (*scripted)(nil)

// The pipeline works with any engine: what is reported has that engine's name.
func TestAnyEngine(t *testing.T) {
	e := &scripted{says: func(s engine.Sink) {
		s.EngineState(fact.Engine{Name: runtime.Podman, State: fact.EngineConnected, Detail: "4.3.1"})
		s.Identify(container.Identity{ID: containerID(1), Runtime: runtime.Podman, Name: "web", Image: "nginx"})
		s.Did(fact.EngineEvent{
			ID: containerID(1), Action: fact.ActionCreate, At: midnight, Container: &event.Container{ID: containerID(1), Runtime: runtime.Podman},
		})
		s.Did(fact.EngineEvent{ID: containerID(1), Action: fact.ActionStart, At: midnight})
		s.Ended(fact.EngineReport{ID: containerID(1), StartError: "busy"})
		s.Lost(3)
	}}
	p := unwatched(e)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.engines.Run(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for over := false; !over; {
		select {
		case m := <-p.inputs:
			m.handle(p.loop)
		case <-ended:
			over = true
		}
	}
	s := p.live.Full()
	if diff := cmp.Diff([]fact.Engine{{Name: "podman", State: fact.EngineConnected, Detail: "4.3.1"}}, s.Engines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(s.Containers) != 1 || s.Containers[0].Label != "web" || s.Containers[0].Runtime != runtime.Podman || s.Containers[0].NeverStarted.Error != "busy" {
		t.Errorf("%+v", s.Containers)
	}
	if n := s.Totals.Lost[event.LostEngine]; n != 3 {
		t.Errorf("%d lost", n)
	}

	p.questions.AskStart(&event.Container{ID: containerID(2), Runtime: runtime.Docker})
	p.questions.AskStart(&event.Container{ID: containerID(3), Runtime: runtime.Podman})
	p.questions.AskStart(&event.Container{ID: containerID(1)}) // whose name it has reported
	p.questions.AskName(&event.Container{ID: containerID(4)})
	if !slices.Equal(e.starts, []string{containerID(3), containerID(1)}) || !slices.Equal(e.asked, []string{containerID(4)}) {
		t.Errorf("asked why %q did not start and who %q are", e.starts, e.asked)
	}
}

// A user's engine is believed about the user's containers, and about itself.
func TestUsersEngineIsNotBelievedAboutOthers(t *testing.T) {
	mine, others := containerID(1), containerID(2)
	e := &scripted{user: 1000, inits: map[string]engine.Init{others: {PID: 1}}, says: func(s engine.Sink) {
		s.EngineState(fact.Engine{Name: runtime.Podman, State: fact.EngineConnected})
		for _, id := range []string{mine, others} {
			s.Identify(container.Identity{ID: id, Runtime: runtime.Podman, Name: "web"})
			s.Did(fact.EngineEvent{ID: id, Action: fact.ActionStart, At: midnight})
			s.Ended(fact.EngineReport{ID: id, OOMKilled: new(true)})
		}
		s.Did(fact.EngineEvent{ID: containerID(3), Action: fact.ActionCreate, Container: &event.Container{ID: containerID(3)}})
	}}
	p := unwatched(e)
	var facts []fact.Fact
	p.sinks = append(p.sinks, func(f fact.Fact) { facts = append(facts, f) })
	p.tracker.Place(1, "/user.slice/user-1000.slice/libpod-"+mine+".scope")
	p.tracker.Place(2, "/machine.slice/libpod-"+others+".scope")
	ended := make(chan error, 1)
	go func() { ended <- p.engines.Run(t.Context()) }()
	for over := false; !over; {
		select {
		case m := <-p.inputs:
			m.handle(p.loop)
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			over = true
		}
	}
	var got []string
	for _, f := range facts {
		switch {
		case f.Engine != nil:
			got = append(got, "state")
		case f.Identity != nil:
			got = append(got, "name "+f.Identity.ID)
		case f.EngineEvent != nil:
			got = append(got, "did "+f.EngineEvent.ID)
		case f.EngineReport != nil:
			got = append(got, "ended "+f.EngineReport.ID)
		}
	}
	if diff := cmp.Diff([]string{"state", "name " + mine, "did " + mine, "ended " + mine}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if inits, err := p.inits(t.Context(), func(string) bool { return false }); len(inits) > 0 || err != nil {
		t.Errorf("it names the processes %v, %v", inits, err)
	}
	if _, err := p.Settings(t.Context(), runtime.Podman, others); !errors.Is(err, ErrNoEngine) {
		t.Errorf("asked for the settings of another's container: %v", err)
	}
	if _, err := p.Settings(t.Context(), runtime.Podman, mine); err != nil {
		t.Error(err)
	}
}

// files is a source of any runtime, which has settings.
type files struct{ scripted }

func (f *files) Name() string    { return runtime.Unknown }
func (f *files) Address() string { return "" }

func (f *files) Settings(context.Context, string) (*fact.Settings, error) {
	return &fact.Settings{Engine: "by files"}, nil
}

// dumb is an engine that knows no settings.
type dumb struct{ scripted }

func (d *dumb) Settings(context.Context, string) (*fact.Settings, error) {
	return nil, errors.New("busy")
}

// The engine of a container is asked what it says of its end, by the events of the kernel, and for what files that named it do not have.
func TestEngineIsAskedByEventsOfTheKernel(t *testing.T) {
	e := &scripted{}
	r := &reconcileTest{Pipeline: unwatched(e)}
	r.directory.Put(container.Identity{ID: containerID(1), Runtime: runtime.Podman, Name: "web", Source: container.SourceFiles})
	r.take(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/libpod_parent/libpod-" + containerID(1), ID: 7}})
	r.take(event.Event{Type: event.ContainerStarted, PID: 50, CgroupID: 7, Start: &event.Start{}})
	if !slices.Equal(e.asked, []string{containerID(1)}) || len(e.ends) > 0 {
		t.Errorf("asked about %q, and about the ends of %q", e.asked, e.ends)
	}
	r.take(event.Event{Type: event.ContainerExited, PID: 50, CgroupID: 7, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}})
	if !slices.Equal(e.ends, []string{containerID(1)}) {
		t.Errorf("asked about the ends of %q", e.ends)
	}
}

// silent is an engine that could not be asked and reports no state, as a containerd without the CRI API.
type silent struct {
	scripted

	synced chan struct{}
}

func (s *silent) Synced() <-chan struct{} { return s.synced }

// Nobody waits for the state of an engine that has none.
func TestAwaitEngines(t *testing.T) {
	e := &silent{synced: make(chan struct{})}
	close(e.synced)
	if n := unwatched(e).AwaitEngines(t.Context()); n != 0 || t.Context().Err() != nil {
		t.Errorf("%d have a state", n)
	}
}

// What is of any runtime needs no connection, and says what no engine says.
func TestFilesBesideEngines(t *testing.T) {
	for _, test := range []struct {
		engine engine.Engine
		want   string
	}{{&scripted{}, ""}, {&dumb{}, "by files"}} {
		p := unwatched(test.engine, &files{})
		settings, err := p.Settings(t.Context(), runtime.Podman, containerID(1))
		if err != nil || settings.Engine != test.want {
			t.Errorf("%+v, %v; want those of %q", settings, err, test.want)
		}
		if n := len(p.engines.Connected()); n != 1 {
			t.Errorf("%d are connected", n)
		}
	}
}
