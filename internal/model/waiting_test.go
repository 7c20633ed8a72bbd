package model

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Engine reports and limit changes of an unknown container are kept until it is known, and then get their place in its history.
func TestFactsWaitForTheirContainers(t *testing.T) {
	a := who("a", "web")
	mib := func(n float64) fact.CgroupLimits {
		return fact.CgroupLimits{Memory: &fact.Limit{Value: new(n * (1 << 20))}}
	}
	runs := func(seconds, since float64) fact.Fact {
		f := found(seconds, a, 50)
		f.Found.Started = at(since)
		return f
	}
	for _, test := range []struct {
		name    string
		facts   []fact.Fact
		history []string
		verdict bool // of its end
	}{
		{
			"found when events were lost, by which the engine's word was older",
			[]fact.Fact{said(3, a, "exec_start"), runs(20, 1)},
			[]string{"engine_event exec_start", "found"}, false,
		},
		{
			"the engine was faster than the ring",
			[]fact.Fact{engineReported(2, a, true), created(1, a), started(1.5, a, 50), exited(1.9, a, 50)},
			[]string{"cgroup_created", "container_started", "container_exited", "engine_verdict"}, true,
		},
		{
			"the engine was faster than the ring, which has made the container",
			[]fact.Fact{madeByEngine(0.5, a), engineReported(2, a, true), created(1, a), started(1.5, a, 50), exited(1.9, a, 50)},
			[]string{"cgroup_created", "container_started", "container_exited", "engine_verdict"}, true,
		},
		{
			"what the engine said of an end is not of the run that was found later",
			[]fact.Fact{engineReported(2, a, true), runs(20, 10), exited(30, a, 50)},
			[]string{"engine_verdict", "found", "container_exited"}, false,
		},
		{
			"somebody wrote",
			[]fact.Fact{wrote(3, a, "runc", mib(64)), wrote(10, a, "bash", mib(32)), runs(20, 1)},
			[]string{"limits_changed runc", "limits_changed bash", "found"}, false,
		},
		{
			"its engine set the limits before its own program ran",
			[]fact.Fact{wrote(3, a, "runc", mib(64)), runs(20, 5)},
			[]string{"found"}, false,
		},
		{
			"its start is read after somebody wrote",
			[]fact.Fact{created(1, a), wrote(1.5, a, "runc", mib(64)), wrote(10, a, "bash", mib(32)), started(2, a, 50)},
			[]string{"cgroup_created", "container_started", "limits_changed bash"}, false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := modelOf(DefaultLimits(), test.facts...).Full().container(t, "a")
			var history []string
			for _, m := range c.History {
				words := string(m.Kind)
				if m.Action != "" {
					words += " " + string(m.Action)
				}
				if m.Kind == EntryLimitsChanged {
					words += " " + m.By.Comm
				}
				history = append(history, words)
			}
			if diff := cmp.Diff(test.history, history); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if (c.EngineReport != nil) != test.verdict {
				t.Errorf("the engine's word on its end is %+v", c.EngineReport)
			}
		})
	}
}

// What waits is bounded, and does not wait for ever.
func TestWaitingIsBounded(t *testing.T) {
	m := New(DefaultLimits())
	for i := range 2 * mostAwaited {
		for n := range 2 * mostWaiting {
			m.Apply(said(float64(i), event.Container{ID: fmt.Sprint(i)}, fact.EngineAction(fmt.Sprint("did ", n))))
		}
	}
	if n := len(m.waiting.facts); n != mostAwaited || len(m.waiting.order) != n {
		t.Errorf("%d containers are awaited, in an order of %d", n, len(m.waiting.order))
	}
	for id, list := range m.waiting.facts {
		if len(list) != mostWaiting || list[0].EngineEvent.Action != fact.EngineAction(fmt.Sprint("did ", mostWaiting)) {
			t.Fatalf("of %s there waits %+v", id, list)
		}
	}
	if !slices.Contains(m.waiting.order, fmt.Sprint(2*mostAwaited-1)) {
		t.Error("the latest was left out")
	}
	m.Apply(passed(2*mostAwaited + DefaultLimits().Retention.Seconds()))
	if n := len(m.waiting.facts) + len(m.waiting.order); n != 0 {
		t.Errorf("%d still wait", n)
	}
}
