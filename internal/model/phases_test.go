package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// The engine's word on a start is the last of its phases, whenever it comes, and of no other start.
func TestPhases(t *testing.T) {
	a := who("a", "web")
	begun := func(seconds float64) fact.Fact {
		f := started(seconds, a, int32(seconds))
		f.Event.Start.Phases = []event.Phase{{Name: event.PhaseCgroup}, {Name: event.PhaseExec, AtMS: 1000}}
		return f
	}
	said := func(seconds float64, letter string) fact.Fact {
		return fact.Fact{Time: at(seconds), EngineEvent: &fact.EngineEvent{ID: id(letter), Action: "start", At: at(seconds)}}
	}
	first := []fact.Fact{created(1, a), begun(2)}
	end := []fact.Fact{exited(5, a, 2), removed(6, a)}
	again := []fact.Fact{created(7, a), begun(8)}
	tests := []struct {
		name  string
		facts [][]fact.Fact
		want  string
	}{
		{"not seen", [][]fact.Fact{{created(1, a), said(4, "a")}}, ""},
		{"without the engine", [][]fact.Fact{first}, "cgroup exec"},
		{"afterwards", [][]fact.Fact{first, {said(4, "a")}}, "cgroup exec engine_start"},
		{"twice", [][]fact.Fact{first, {said(4, "a"), said(5, "a")}}, "cgroup exec engine_start"},
		{"before the start was read", [][]fact.Fact{{created(1, a), said(4, "a"), begun(2)}}, "cgroup exec engine_start"},
		{"after the end", [][]fact.Fact{first, end, {said(7, "a")}}, "cgroup exec engine_start"},
		{"of another", [][]fact.Fact{first, {said(4, "b")}}, "cgroup exec"},
		{"of the start before", [][]fact.Fact{first, {said(4, "a")}, end, again}, "cgroup exec"},
		{"of both", [][]fact.Fact{first, {said(4, "a")}, end, again, {said(9, "a")}}, "cgroup exec engine_start"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var facts []fact.Fact
			for _, part := range test.facts {
				facts = append(facts, part...)
			}
			var names []string
			for _, p := range snapshotOf(facts...).container(t, "a").Phases {
				names = append(names, p.Name)
			}
			if got := strings.Join(names, " "); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// What a snapshot holds does not change when the engine's word comes.
func TestPhasesOfASnapshotStay(t *testing.T) {
	a := who("a", "web")
	begun := started(2, a, 50)
	begun.Event.Start.Phases = append(make([]event.Phase, 0, 9), event.Phase{Name: event.PhaseCgroup}, event.Phase{Name: event.PhaseExec})
	m := New(DefaultLimits())
	m.Apply(created(1, a))
	m.Apply(begun)
	before := m.Snapshot().Containers[0].Phases
	m.Apply(fact.Fact{Time: at(3), EngineEvent: &fact.EngineEvent{ID: a.ID, Action: "start", At: at(3)}})
	after := m.Snapshot().Containers[0].Phases
	if len(before) != 2 || len(after) != 3 || fmt.Sprint(before) != fmt.Sprint(after[:2]) || len(begun.Event.Start.Phases) != 2 {
		t.Errorf("before %v, after %v", before, after)
	}
	if last := before[:cap(before)][len(before)-1]; last.Name != event.PhaseExec {
		t.Errorf("the snapshot's ends with %v", last)
	}
}
