package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// The engine's word belongs to the end that it is about, whenever it comes.
func TestEngineReports(t *testing.T) {
	a := who("a", "web")
	run := []fact.Fact{created(1, a), started(2, a, 50)}
	end := []fact.Fact{exited(5, a, 50), removed(6, a)}
	again := []fact.Fact{created(7, a), started(8, a, 60)}
	word := func(v *fact.EngineReport) string {
		switch {
		case v == nil:
			return "none"
		case *v.OOMKilled:
			return "OOM-killed"
		}
		return "not OOM-killed"
	}
	tests := []struct {
		name           string
		facts          [][]fact.Fact
		now, previous  string
		previousExists bool
	}{
		{"none", [][]fact.Fact{run, end}, "none", "none", false},
		{"after the end", [][]fact.Fact{run, end, {engineReported(6, a, true)}}, "OOM-killed", "none", false},
		{"before the end is reported", [][]fact.Fact{run, {engineReported(5, a, true)}, end}, "OOM-killed", "none", false},
		{"of a container that is not known", [][]fact.Fact{run, end, {engineReported(6, who("b", "db"), true)}}, "none", "none", false},
		{"it is started again", [][]fact.Fact{run, end, {engineReported(6, a, true)}, again}, "none", "OOM-killed", true},
		{"it has been started again", [][]fact.Fact{run, end, again, {engineReported(9, a, true)}}, "none", "OOM-killed", true},
		{
			"of both ends", [][]fact.Fact{run, end, {engineReported(6, a, true)}, again, {exited(9, a, 60), engineReported(10, a, false)}},
			"not OOM-killed", "OOM-killed", true,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var facts []fact.Fact
			for _, part := range test.facts {
				facts = append(facts, part...)
			}
			c := snapshotOf(facts...).container(t, "a")
			if got := word(c.EngineReport); got != test.now {
				t.Errorf("%s, want %s", got, test.now)
			}
			if (c.Previous != nil) != test.previousExists {
				t.Fatalf("before that: %+v", c.Previous)
			}
			if c.Previous != nil {
				if got := word(c.Previous.EngineReport); got != test.previous {
					t.Errorf("before that %s, want %s", got, test.previous)
				}
			}
		})
	}
}

func TestPreviousEnd(t *testing.T) {
	a := who("a", "web")
	ofInit := killed(4, &a, 50)
	c := snapshotOf(created(1, a), started(2, a, 50), killed(3, &a, 55), ofInit, exited(5, a, 50), created(7, a), started(8, a, 60)).container(t, "a")
	want := &End{
		Time: at(5), InitPID: 50, InitComm: "app", Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited},
		OOMKills: new(uint64(2)), OOMKillsAtLeast: 2,
		LatestKill: &Kill{Event: *ofInit.Event, At: Instant(at(4).UnixNano()), Ordinal: 2, Survived: new(false), InitPID: 50, InitComm: "app"},
	}
	if diff := cmp.Diff(want, c.Previous); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.LatestKill != nil || c.Exit != nil {
		t.Errorf("the run after it has %+v, %+v", c.LatestKill, c.Exit)
	}
}

// The kill that ended a container is not hidden by those of its other processes that follow.
func TestLatestKill(t *testing.T) {
	a := who("a", "web")
	run := []fact.Fact{created(1, a), started(2, a, 50)}
	for name, test := range map[string]struct {
		facts []fact.Fact
		want  int32
	}{
		"the latest":            {append(run, killed(3, &a, 55), killed(4, &a, 56)), 56},
		"that of PID 1":         {append(run, killed(3, &a, 55), killed(4, &a, 50)), 50},
		"PID 1 and then others": {append(run, decided(killed(3, &a, 50), 1), decided(killed(3, &a, 56), 1)), 50},
	} {
		if c := snapshotOf(test.facts...).container(t, "a"); c.LatestKill == nil || c.LatestKill.Event.PID != test.want {
			t.Errorf("%s: %+v", name, c.LatestKill)
		}
	}
}

// A full snapshot has all that the model has kept.
func TestWhole(t *testing.T) {
	var facts []fact.Fact
	for i, letter := range []string{"a", "b", "c", "d", "e"} {
		c := who(letter, letter)
		facts = append(facts, started(float64(i), c, int32(i+1)), exited(float64(i)+0.5, c, int32(i+1)))
	}
	m := modelOf(Limits{Retention: DefaultLimits().Retention, Ended: 4, Listed: 2}, facts...)
	if n := len(m.Snapshot().Containers); n != 2 {
		t.Errorf("a snapshot lists %d", n)
	}
	if n := len(m.Full().Containers); n != 4 {
		t.Errorf("a whole one lists %d", n)
	}
}
