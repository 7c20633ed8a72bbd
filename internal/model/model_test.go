package model

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func TestHostProbesEngines(t *testing.T) {
	host := fact.Host{Name: "host", Kernel: "6.12", CgroupVersion: "v2", CPUs: 2}
	probes := []fact.Probe{{Name: "namespaces by clone", Method: "tp_btf"}}
	engine := func(name string, state fact.EngineState) fact.Fact {
		return fact.Fact{Engine: &fact.Engine{Name: name, State: state}}
	}
	s := snapshotOf(
		fact.Fact{Host: &host}, fact.Fact{Probes: probes},
		engine("docker", fact.EngineConnecting), engine("podman", fact.EngineAbsent), engine("docker", fact.EngineConnected),
	)
	want := []fact.Engine{{Name: "docker", State: fact.EngineConnected}, {Name: "podman", State: fact.EngineAbsent}}
	if diff := cmp.Diff(want, s.Engines); diff != "" {
		t.Errorf("engines (-want +got):\n%s", diff)
	}
	if !cmp.Equal(s.Host, host) || !cmp.Equal(s.Probes, probes) {
		t.Errorf("host %+v, probes %+v", s.Host, s.Probes)
	}
}

// Engines of one name are told apart by their addresses, and one may learn its name late.
func TestSeveralEngines(t *testing.T) {
	engine := func(name, address string, state fact.EngineState) fact.Fact {
		return fact.Fact{Engine: &fact.Engine{Name: name, Address: address, State: state}}
	}
	s := snapshotOf(
		engine("docker", "unix:///a", fact.EngineConnecting), engine("docker", "unix:///b", fact.EngineConnecting), engine("docker", "unix:///c", fact.EngineAbsent),
		engine("podman", "unix:///b", fact.EngineConnected), engine("docker", "unix:///a", fact.EngineForgotten), engine("docker", "unix:///d", fact.EngineFailing),
	)
	want := []fact.Engine{
		{Name: "podman", Address: "unix:///b", State: fact.EngineConnected}, {Name: "docker", Address: "unix:///c", State: fact.EngineAbsent},
		{Name: "docker", Address: "unix:///d", State: fact.EngineFailing},
	}
	if diff := cmp.Diff(want, s.Engines); diff != "" {
		t.Errorf("engines (-want +got):\n%s", diff)
	}
	for i, want := range []string{"podman", "docker at /c", "docker at /d"} {
		if got := s.Engines[i].Label(s.Engines); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A model that has missed that an engine was forgotten forgets it, too, by what is present.
func TestResyncForgetsEngines(t *testing.T) {
	engine := func(address string, state fact.EngineState) fact.Fact {
		return fact.Fact{Engine: &fact.Engine{Name: "docker", Address: address, State: state}}
	}
	missed, other := New(DefaultLimits()), New(DefaultLimits())
	for _, f := range []fact.Fact{engine("unix:///a", fact.EngineConnected), engine("unix:///b", fact.EngineConnected)} {
		missed.Apply(f)
		other.Apply(f)
	}
	other.Apply(engine("unix:///a", fact.EngineForgotten))
	for _, f := range other.Resync() {
		missed.Apply(f)
	}
	if diff := cmp.Diff(other.Snapshot().Engines, missed.Snapshot().Engines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTimeDoesNotGoBack(t *testing.T) {
	m := New(DefaultLimits())
	for i, step := range []struct {
		fact fact.Fact
		now  time.Time
	}{
		{passed(5), at(5)},
		{passed(3), at(5)}, // late
		{fact.Fact{}, at(5)},
		{memory(4, who("a", ""), 1), at(5)},
		{passed(7), at(7)},
	} {
		m.Apply(step.fact)
		if s := m.Snapshot(); !s.Time.Equal(step.now) {
			t.Errorf("fact %d: %v, want %v", i, s.Time, step.now)
		}
	}
}

// Somebody has set the clock back. What was in the future is not waited for.
func TestClockSetBack(t *testing.T) {
	const hour = 3600
	a, b := who("a", "web"), who("b", "db")
	m := modelOf(DefaultLimits(), created(hour, a), started(hour, a, 5), created(hour, b), started(hour, b, 6), exited(hour, b, 6), memory(hour, a, 7))
	m.Apply(memory(1, a, 8))
	s := m.Snapshot()
	if !s.Time.Equal(at(1)) {
		t.Errorf("time %v", s.Time)
	}
	c := s.container(t, "a")
	if diff := cmp.Diff(map[int]Point{0: {MaxBytes: 8, Known: true}}, seen(c.Memory.History.Points())); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	m.Apply(passed(100))
	if s = m.Snapshot(); len(s.Containers) != 2 || s.Totals.FoldedContainers != 0 {
		t.Errorf("containers %v, %d folded", labels(s), s.Totals.FoldedContainers)
	}
}

func TestLogsAreBounded(t *testing.T) {
	limits := Limits{Events: 10, Kills: 5, Retention: time.Hour, Ended: 10, Listed: 10}
	m := New(limits)
	for i := range 1000 {
		m.Apply(killed(float64(i), nil, int32(i)))
		if i%2 == 0 {
			m.Apply(happened(float64(i), event.Event{Type: event.NamespaceJoined, PID: int32(i), Namespace: &event.Namespace{ID: 3}}))
		}
		if len(m.events) > 2*limits.Events || len(m.kills) > 2*limits.Kills {
			t.Fatalf("%d events, %d kills are kept", len(m.events), len(m.kills))
		}
		s := m.Snapshot()
		last := s.Kills[len(s.Kills)-1]
		if want := min(i+1, limits.Kills); len(s.Kills) != want || last.Event.PID != int32(i) || last.Ordinal != uint64(i+1) {
			t.Fatalf("after %d: %d kills, the last one %d", i, len(s.Kills), last.Event.PID)
		}
		for j := range s.Kills[1:] {
			if s.Kills[j+1].Event.PID != s.Kills[j].Event.PID+1 {
				t.Fatalf("after %d: kill %d follows %d", i, s.Kills[j+1].Event.PID, s.Kills[j].Event.PID)
			}
		}
		if len(s.Events) > limits.Events || s.Events[len(s.Events)-1].Time.Before(at(float64(i))) {
			t.Fatalf("after %d: %d events", i, len(s.Events))
		}
	}
	if n := m.Snapshot().Totals.Events[event.OOMKill]; n != 1000 {
		t.Errorf("%d kills counted", n)
	}
}

// A bound that is 0 keeps nothing.
func TestEveryLimitIsSet(t *testing.T) {
	for name, limits := range map[string]Limits{"default": DefaultLimits(), "recording": RecordingLimits()} {
		is := reflect.ValueOf(limits)
		for i := range is.NumField() {
			if is.Field(i).CanInt() && is.Field(i).Int() <= 0 {
				t.Errorf("%s: %s is %v", name, is.Type().Field(i).Name, is.Field(i))
			}
		}
	}
}

func TestNoLogs(t *testing.T) {
	m := New(Limits{})
	for i := range 10 {
		m.Apply(killed(float64(i), nil, int32(i)))
		for _, f := range one(float64(i), who("a", fmt.Sprint(i))) {
			m.Apply(f)
		}
	}
	if s := m.Snapshot(); len(s.Events) != 0 || len(s.Kills) != 0 || len(s.Containers) != 0 || s.OOMKillCount() != 20 {
		t.Errorf("%+v", s)
	}
	if len(m.events) > 1 || len(m.kills) > 1 {
		t.Errorf("%d events, %d kills are kept", len(m.events), len(m.kills))
	}
}

// An event that does not say what its type promises is none.
func TestIncompleteEventsAreIgnored(t *testing.T) {
	for _, typ := range event.Types() {
		s := snapshotOf(fact.Fact{Event: &event.Event{Type: typ}})
		hollow := typ != event.ContainerStarted && typ != event.ContainerExited
		if n := s.Totals.Events[typ]; (n == 0) != hollow {
			t.Errorf("%s: counted %d times", typ, n)
		}
		c := who("a", "web")
		for _, e := range []event.Event{
			{Type: typ, Container: &c},
			{Type: typ, Namespace: &event.Namespace{}}, {Type: typ, Cgroup: &event.Cgroup{}}, {Type: typ, Start: &event.Start{}},
			{Type: typ, Exit: &event.Exit{}}, {Type: typ, OOM: &event.OOM{}}, {Type: typ, Lost: &event.Lost{}},
			{Type: typ, OOM: &event.OOM{Victim: event.Victim{Container: &event.Container{}}}},
			{Type: typ, Cgroup: &event.Cgroup{Container: &event.Container{}}},
		} {
			snapshotOf(fact.Fact{Event: &e}, fact.Fact{Event: &e}, gone(1, event.Container{}))
		}
	}
	s := snapshotOf(fact.Fact{Event: &event.Event{Type: "of_a_later_version"}})
	if len(s.Events) != 1 || s.Totals.Events["of_a_later_version"] != 1 {
		t.Errorf("%+v", s.Events)
	}
}
