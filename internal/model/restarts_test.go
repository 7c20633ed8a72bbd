package model

import (
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
