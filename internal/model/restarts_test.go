package model

import (
	"testing"

	"github.com/nsviz/nsviz/internal/fact"
)

func TestRestarts(t *testing.T) {
	a := who("a", "web")
	watched := fact.Fact{Time: at(0), Probes: []fact.Probe{{Name: fact.ProbeContainerStarts, Method: fact.MethodTpBTF}}}
	running := []fact.Fact{watched, created(1, a), started(2, a, 50)}
	again := func(from float64, pid int32) []fact.Fact {
		return []fact.Fact{exited(from, a, pid-1), removed(from, a), created(from+1, a), started(from+2, a, pid)}
	}
	join := func(lists ...[]fact.Fact) (all []fact.Fact) {
		for _, list := range lists {
			all = append(all, list...)
		}
		return all
	}
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  *uint64
	}{
		{"not watched", []fact.Fact{found(1, a, 50)}, nil},
		{"started once", running, new(uint64(0))},
		{"found running", []fact.Fact{watched, found(1, a, 50)}, new(uint64(0))},
		{"found, and its start is reported late", []fact.Fact{watched, found(3, a, 50), started(2, a, 50)}, new(uint64(0))},
		{"started again", join(running, again(3, 51)), new(uint64(1))},
		{"twice", join(running, again(3, 51), again(6, 52)), new(uint64(2))},
		{"it is on its way", join(running, again(3, 51)[:3]), new(uint64(0))},
		{"its end was not seen", join(running, []fact.Fact{created(5, a), started(6, a, 51)}), new(uint64(1))},
		{"found running again", join(running, again(3, 51)[:2], []fact.Fact{found(9, a, 51)}), new(uint64(1))},
		{"a start that failed is none", []fact.Fact{watched, created(1, a), removed(2, a), created(3, a), started(4, a, 50)}, new(uint64(0))},
	} {
		got := snapshotOf(test.facts...).container(t, "a").Restarts
		if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
