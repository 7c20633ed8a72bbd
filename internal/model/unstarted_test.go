package model

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// kept finds a container of a snapshot that lists all.
func kept(t *testing.T, letter string, facts ...fact.Fact) *Container {
	t.Helper()
	return modelOf(DefaultLimits(), facts...).Full().container(t, letter)
}

func TestNeverStarted(t *testing.T) {
	const why = "exec: no such file"
	bar := who("a", "bar")
	code := new(int32(127))
	tests := map[string]struct {
		facts []fact.Fact
		want  fact.NeverStarted
	}{
		"only made": {[]fact.Fact{madeByEngine(1, bar)}, fact.NeverStarted{Made: at(1)}},
		"its engine says why, before the cgroup is removed": {
			[]fact.Fact{madeByEngine(1, bar), created(2, bar), notStarted(3, bar, why), removed(4, bar)},
			fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(4), Error: why, ExitCode: code},
		},
		"its engine says why, after that": {
			[]fact.Fact{madeByEngine(1, bar), created(2, bar), removed(4, bar), notStarted(5, bar, why)},
			fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(4), Error: why, ExitCode: code},
		},
		"before there was a cgroup": {
			[]fact.Fact{madeByEngine(1, bar), notStarted(3, bar, why)}, fact.NeverStarted{Made: at(1), Failed: at(3), Error: why, ExitCode: code},
		},
		"it was about to start when nsviz looked": {
			[]fact.Fact{foundStarting(2, bar), removed(4, bar)}, fact.NeverStarted{Failed: at(4)},
		},
		"without an engine": {[]fact.Fact{created(2, bar), removed(4, bar)}, fact.NeverStarted{Tried: at(2), Failed: at(4)}},
		"removed": {
			[]fact.Fact{madeByEngine(1, bar), created(2, bar), removed(4, bar), said(5, bar, "destroy"), judgedRemoved(6, bar)},
			fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(4), Removed: at(5)},
		},
		"removed before its engine could say whether its start had failed": {
			[]fact.Fact{madeByEngine(1, bar), said(2, bar, "destroy"), judgedRemoved(3, bar)}, fact.NeverStarted{Made: at(1), Removed: at(2), Suspected: true},
		},
		"likewise, and its end is reported late": {
			[]fact.Fact{madeByEngine(1, bar), judgedRemoved(2, bar), said(3, bar, "destroy")}, fact.NeverStarted{Made: at(1), Removed: at(3), Suspected: true},
		},
		"only made and removed": {[]fact.Fact{madeByEngine(1, bar), said(2, bar, "destroy")}, fact.NeverStarted{Made: at(1), Removed: at(2)}},
		"its cgroup shows only later": {
			[]fact.Fact{madeByEngine(1, bar), judgedRemoved(5, bar), created(2, bar), removed(4, bar)}, fact.NeverStarted{Made: at(1), Tried: at(2), Failed: at(4)},
		},
		"tried twice": {
			[]fact.Fact{madeByEngine(1, bar), created(2, bar), removed(4, bar), notStarted(5, bar, "busy"), created(6, bar), removed(7, bar), notStarted(8, bar, why)},
			fact.NeverStarted{Made: at(1), Tried: at(6), Failed: at(7), Error: why, ExitCode: code},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := kept(t, "a", test.facts...)
			if c.State != Created || c.Live() || c.Label != "bar" || c.NeverStarted == nil {
				t.Fatalf("%+v", c)
			}
			if diff := cmp.Diff(test.want, *c.NeverStarted); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What runs or ran is not mixed with it.
			s := snapshotOf(test.facts...)
			if len(s.Containers) > 0 || s.LiveCount() > 0 {
				t.Errorf("a snapshot has %+v", s.Containers)
			}
			// Every snapshot lists the failed starts.
			if failed := !test.want.Failed.IsZero(); len(s.FailedStarts) > 1 || failed != (len(s.FailedStarts) == 1) {
				t.Errorf("failed starts are %+v", s.FailedStarts)
			} else if failed && !cmp.Equal(test.want, *s.FailedStarts[0].NeverStarted) {
				t.Errorf("the failed start is %+v", s.FailedStarts[0].NeverStarted)
			}
		})
	}
}

// foundStarting returns a container that is there, and whose own program does not run yet.
func foundStarting(seconds float64, c event.Container) fact.Fact {
	f := found(seconds, c, 0)
	f.Found.Starting, f.Found.Started = true, at(0)
	return f
}

// judgedRemoved reports that the engine knew it no more.
func judgedRemoved(seconds float64, c event.Container) fact.Fact {
	return fact.Fact{Time: at(seconds), EngineReport: &fact.EngineReport{ID: c.ID, Removed: true}}
}

// A container that starts in the end is one like any other.
func TestStartAfterAFailedStart(t *testing.T) {
	web := who("a", "web")
	facts := []fact.Fact{
		madeByEngine(1, web), created(2, web), notStarted(3, web, "busy"), removed(4, web),
		created(5, web), started(6, web, 7, 1), said(7, web, "start"),
	}
	c := kept(t, "a", facts...)
	if c.State != Running || c.NeverStarted != nil || c.EngineReport != nil {
		t.Errorf("it runs: %+v", c)
	}
	// One that it had before it was started is another container's.
	other := who("b", "web")
	s := snapshotOf(append(facts, madeByEngine(8, other), created(9, other), started(10, other, 8, 2))...)
	if c := s.container(t, "b"); c.Label != "web (bbbbbbbbbbbb)" {
		t.Errorf("two called web: %s", c.Label)
	}
}

// A start that fails after an earlier run is reported beside that run.
func TestIsNotStartedAgain(t *testing.T) {
	web := who("a", "web")
	c := kept(t, "a", created(1, web), started(2, web, 7, 1), exited(3, web, 7), engineReported(4, web, false),
		created(5, web), removed(6, web), notStarted(7, web, "busy"))
	if c.State != Exited || c.Exit != nil || c.EngineReport == nil || c.EngineReport.StartError != "busy" ||
		c.Previous == nil || c.Previous.Exit == nil || c.Previous.EngineReport == nil || c.Previous.EngineReport.StartError != "" {
		t.Errorf("%+v, before %+v", c, c.Previous)
	}
}

// A container that ran has not "never started", whatever is known of its end.
func TestHasRunBefore(t *testing.T) {
	web := who("a", "web")
	again := []fact.Fact{created(20, web), removed(21, web)}
	for name, facts := range map[string][]fact.Fact{
		"its end was not seen":          {madeByEngine(1, web), created(1, web), started(2, web, 7, 1), gone(10, web)},
		"its end was found by a resync": {created(1, web), started(2, web, 7, 1), {Time: at(10), Present: &fact.Present{}}},
		"it was found":                  {found(1, web, 7), gone(10, web)},
		"only its kills were counted": {
			created(1, web), started(2, web, 7, 1), read(3, web, fact.Reading{OOMKills: new(uint64(3))}), read(4, web, fact.Reading{OOMKills: new(uint64(3))}),
			read(5, web, fact.Reading{OOMKills: new(uint64(3))}), gone(10, web),
		},
	} {
		m := modelOf(DefaultLimits(), append(facts, again...)...)
		c := m.Full().container(t, "a")
		if c.State != Exited || c.NeverStarted != nil || c.Previous == nil || c.Previous.InitPID != 7 {
			t.Errorf("%s: %s, never started: %+v, before: %+v", name, c.State, c.NeverStarted, c.Previous)
		}
		if want := m.containers[web.ID].unobservedEver; m.Snapshot().Totals.OOMKillsUnobserved["web"] != want || name == "only its kills were counted" && want != 3 {
			t.Errorf("%s: %d kills that no event reported", name, want)
		}
	}
}

func TestNeverStartedAreForgotten(t *testing.T) {
	limits := DefaultLimits()
	limits.Unstarted = 3
	list := func(facts ...fact.Fact) string {
		names := ""
		for _, c := range modelOf(limits, facts...).Full().Containers {
			names += c.Label
		}
		return names
	}
	late := limits.Retention.Seconds() + 60
	a, b, c, d := who("a", "a"), who("b", "b"), who("c", "c"), who("d", "d")
	if got := list(madeByEngine(1, a), madeByEngine(2, b), madeByEngine(3, c), madeByEngine(4, d)); got != "dcb" {
		t.Errorf("kept: %s, want the latest", got)
	}
	if got := list(madeByEngine(1, a), madeByEngine(2, b), notStarted(3, b, "x"), madeByEngine(4, c), said(5, c, "destroy"), passed(late)); got != "a" {
		t.Errorf("kept: %s, want only what may still start", got)
	}
	// One that has started since makes room, and to save memory fewer are kept.
	if got := list(madeByEngine(1, a), created(2, a), madeByEngine(3, b), madeByEngine(4, c), madeByEngine(5, d)); got != "adcb" {
		t.Errorf("kept: %s, want a, which starts, and the three", got)
	}
	limits.Unstarted = 20
	many := make([]fact.Fact, 0, 21)
	for i := range 20 {
		many = append(many, madeByEngine(1, event.Container{ID: fmt.Sprint(i), Name: "x"}))
	}
	if got := list(append(many, saves(2, fact.SavesPast))...); len(got) != leastKept {
		t.Errorf("%d are kept to save memory", len(got))
	}
}

// Of many failed starts a snapshot has the latest ones; one that starts after all is no failed start any more.
func TestFailedStartsAreTheLatest(t *testing.T) {
	var facts []fact.Fact
	for n := range mostFailedStarts + 3 {
		c := who("a", fmt.Sprint("c", n))
		c.ID = fmt.Sprintf("%064x", n)
		facts = append(facts, created(float64(3*n), c), removed(float64(3*n+1), c))
	}
	last := who("a", "c")
	last.ID = fmt.Sprintf("%064x", mostFailedStarts+2)
	facts = append(facts, created(float64(3*mostFailedStarts+10), last))
	s := snapshotOf(facts...)
	if len(s.FailedStarts) != mostFailedStarts || s.FailedStarts[0].Label != fmt.Sprint("c", mostFailedStarts+1) {
		t.Errorf("%d failed starts, the first %q", len(s.FailedStarts), s.FailedStarts[0].Label)
	}
}
