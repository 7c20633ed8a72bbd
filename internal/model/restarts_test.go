package model

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
)

// A restart is a start of the container's own program after one before, whether nsviz saw that one or found it running.
func TestRestarts(t *testing.T) {
	c := who("a", "web")
	watched := fact.Fact{Time: at(0), Probes: []fact.Probe{{Name: fact.ProbeContainerStarts, Method: fact.MethodTpBTF}}}
	again := []fact.Fact{exited(10, c, 50), removed(10.1, c), created(11, c), started(12, c, 51)}
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  *uint64
	}{
		{"started once", []fact.Fact{watched, created(1, c), started(2, c, 50)}, new(uint64(0))},
		{"started again", append([]fact.Fact{watched, created(1, c), started(2, c, 50)}, again...), new(uint64(1))},
		{"found, and started again", append([]fact.Fact{watched, found(1, c, 50)}, again...), new(uint64(1))},
		{"found before the event of its start", []fact.Fact{watched, found(3, c, 50), started(2, c, 50)}, new(uint64(0))},
		{"a start that failed", append([]fact.Fact{watched, created(1, c), started(2, c, 50)}, again[:3]...), new(uint64(0))},
		{"its end was not seen", []fact.Fact{watched, created(1, c), started(2, c, 50), started(12, c, 51)}, new(uint64(1))},
		{"starts are not seen", append([]fact.Fact{created(1, c), started(2, c, 50)}, again...), nil},
	} {
		m := New(DefaultLimits())
		for _, f := range test.facts {
			m.Apply(f)
		}
		got := m.Snapshot().Containers[0].Restarts
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v restarts, want %v", test.name, got, test.want)
		}
	}
}

// A model that has missed facts takes over the count.
func TestRestartsAfterMissedFacts(t *testing.T) {
	c := who("a", "web")
	facts := []fact.Fact{
		{Time: at(0), Probes: []fact.Probe{{Name: fact.ProbeContainerStarts, Method: fact.MethodTpBTF}}},
		created(1, c), started(2, c, 50), exited(10, c, 50), removed(10.1, c), created(11, c), started(12, c, 51),
	}
	full, lossy := New(DefaultLimits()), New(DefaultLimits())
	for i, f := range facts {
		full.Apply(f)
		if i < 3 {
			lossy.Apply(f)
		}
	}
	for _, m := range []*Model{lossy, New(DefaultLimits())} {
		resync(t, full, m)
		if got := m.Snapshot().Containers[0].Restarts; got == nil || *got != 1 {
			t.Errorf("%v restarts, want 1", got)
		}
	}
}

// The engine's own count comes with each report of an end and, of a container that ran before, apart from any. It may come first.
func TestEngineRestarts(t *testing.T) {
	c := who("a", "web")
	counted := func(seconds float64, n int, runs bool) fact.Fact {
		return fact.Fact{Time: at(seconds), EngineReport: &fact.EngineReport{ID: c.ID, RestartCount: &n, Runs: runs}}
	}
	ended := counted(11, 5, false)
	ended.EngineReport.ExitCode = new(int32(1))
	for name, test := range map[string]struct {
		facts []fact.Fact
		want  *uint64
	}{
		"not asked":           {[]fact.Fact{found(1, c, 50)}, nil},
		"none":                {[]fact.Fact{found(1, c, 50), counted(2, 0, true)}, new(uint64(0))},
		"before it was found": {[]fact.Fact{counted(0.5, 3, true), found(1, c, 50)}, new(uint64(3))},
		"at its end":          {[]fact.Fact{found(1, c, 50), counted(2, 3, true), exited(10, c, 50), ended}, new(uint64(5))},
		"nonsense":            {[]fact.Fact{found(1, c, 50), counted(2, -3, true)}, nil},
	} {
		m := modelOf(DefaultLimits(), test.facts...)
		web := m.Snapshot().container(t, "a")
		if got := web.EngineRestarts; (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		for _, entry := range web.History {
			if v := entry.EngineReport; v != nil && v.Runs {
				t.Errorf("%s: its history has %+v", name, entry)
			}
		}
		if !web.Live() || test.want == nil {
			continue
		}
		again := New(DefaultLimits())
		resync(t, m, again)
		if got := again.Snapshot().container(t, "a").EngineRestarts; got == nil || *got != *test.want {
			t.Errorf("%s: after facts that were missed: %v", name, got)
		}
	}
}

// What engines count is bounded, also of containers that are on another host.
func TestEngineRestartsAreBounded(t *testing.T) {
	m := New(DefaultLimits())
	for n := range maxEngineRestarts + 10 {
		m.Apply(fact.Fact{Time: at(1), EngineReport: &fact.EngineReport{ID: fmt.Sprint(n), RestartCount: &n, Runs: true}})
	}
	if got := len(m.engineRestarts); got != maxEngineRestarts {
		t.Errorf("%d are kept", got)
	}
}
