package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// moved returns a container's PID 1 that bash moves to a cgroup.
func moved(seconds float64, c event.Container, pid int32, to string, held bool) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.InitMoved, PID: 812, Comm: "bash", Moved: &event.Moved{PID: pid, Container: &c, Home: path(c), To: to, Held: held},
	})
}

// read returns a reading of a container.
func read(seconds float64, c event.Container, r fact.Reading) fact.Fact {
	r.ID = c.ID
	return fact.Fact{Time: at(seconds), Memory: []fact.Reading{r}}
}

func TestUnheld(t *testing.T) {
	a := who("a", "web")
	running := []fact.Fact{created(1, a), started(2, a, 50)}
	foundOutside := found(3, a, 50)
	foundOutside.Found.Unheld = &fact.Unheld{Cgroup: "/"}
	by := &event.Process{PID: 812, Comm: "bash"}
	out := &fact.Unheld{Since: at(4), Cgroup: "/", By: by}
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		state ContainerState
		want  *fact.Unheld
	}{
		{"held", running, Running, nil},
		{"moved out", append(running, moved(4, a, 50, "/", false)), Running, out},
		{"moved out, and on", append(running, moved(4, a, 50, "/x", false), moved(5, a, 50, "/", false)), Running, &fact.Unheld{Since: at(5), Cgroup: "/", By: by}},
		{"moved out and back", append(running, moved(4, a, 50, "/", false), moved(5, a, 50, path(a), true)), Running, nil},
		{"another process of it", append(running, moved(4, a, 51, "/", false)), Running, nil},
		{"found so", []fact.Fact{foundOutside}, Running, &fact.Unheld{Cgroup: "/"}},
		{"its cgroup is removed as it is empty", append(running, moved(4, a, 50, "/", false), removed(5, a)), Running, out},
		{"it ends", append(running, moved(4, a, 50, "/", false), removed(5, a), exited(6, a, 50)), Exited, out},
		{"it is started again", append(running, moved(4, a, 50, "/", false), exited(6, a, 50), removed(6, a), created(7, a), started(8, a, 60)), Running, nil},
		{"after its end", append(running, exited(6, a, 50), moved(7, a, 50, "/", false)), Exited, nil},
		{"its cgroup is removed, and it was held", append(running, removed(5, a)), Exited, nil},
	} {
		c := snapshotOf(test.facts...).container(t, "a")
		if diff := cmp.Diff(test.want, c.Unheld); diff != "" || c.State != test.state {
			t.Errorf("%s: %s; -want +got:\n%s", test.name, c.State, diff)
		}
	}
	want := []string{"1 cgroup_created by runc/10", "2 container_started", "4 init_moved by bash/812", "5 init_moved by bash/812"}
	if diff := cmp.Diff(want, historyOf(t, "a", append(running, moved(4, a, 50, "/", false), moved(5, a, 50, path(a), true))...)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestStuck(t *testing.T) {
	b := who("b", "web")
	running := []fact.Fact{created(1, b), started(2, b, 50)}
	stuckAt := func(seconds float64, where string) fact.Fact { return read(seconds, b, fact.Reading{StuckAt: &where}) }
	for _, test := range []struct {
		name    string
		facts   []fact.Fact
		known   bool
		want    *fact.Stuck
		history []string
	}{
		{"unknown", []fact.Fact{read(3, b, fact.Reading{})}, false, nil, nil},
		{"not stuck", []fact.Fact{stuckAt(3, "")}, true, nil, nil},
		{"for a moment", []fact.Fact{stuckAt(3, path(b)), stuckAt(4, "")}, true, nil, nil},
		{"for longer", []fact.Fact{stuckAt(3, path(b)), stuckAt(4, path(b)), stuckAt(5, path(b))}, true, &fact.Stuck{Since: at(3), Cgroup: path(b)}, []string{"4 stuck_at_limit"}},
		{"until somebody made room", []fact.Fact{stuckAt(3, path(b)), stuckAt(4, path(b)), stuckAt(5, "")}, true, nil, []string{"4 stuck_at_limit", "5 stuck_no_more"}},
		{"again", []fact.Fact{
			stuckAt(3, path(b)), stuckAt(4, path(b)), stuckAt(5, ""), stuckAt(6, path(b)), stuckAt(7, path(b)), stuckAt(8, ""),
		}, true, nil, []string{"4 stuck_at_limit 2 times until 7", "5 stuck_no_more 2 times until 8"}},
		{"until it ended", []fact.Fact{stuckAt(3, path(b)), stuckAt(4, path(b)), exited(5, b, 50)}, false, nil, []string{"4 stuck_at_limit"}},
		{"not to be read any more", []fact.Fact{stuckAt(3, path(b)), read(4, b, fact.Reading{})}, false, nil, nil},
	} {
		facts := append(running, test.facts...)
		c := snapshotOf(facts...).container(t, "b")
		if diff := cmp.Diff(test.want, c.Stuck); diff != "" || c.StuckKnown != test.known {
			t.Errorf("%s: known: %t; -want +got:\n%s", test.name, c.StuckKnown, diff)
		}
		var history []string
		for _, line := range historyOf(t, "b", facts...) {
			if len(line) > 7 && line[2:7] == "stuck" {
				history = append(history, line)
			}
		}
		if diff := cmp.Diff(test.history, history); diff != "" {
			t.Errorf("%s, history (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestPIDsRefused(t *testing.T) {
	a, b := who("a", "web"), who("b", "web")
	running := []fact.Fact{created(1, a), started(2, a, 50)}
	refused := func(seconds float64, n uint64) fact.Fact { return read(seconds, a, fact.Reading{PIDsRefused: &n}) }
	ended := func(seconds float64, n *uint64) fact.Fact {
		f := exited(seconds, a, 50)
		f.Event.Exit.PIDsRefused = n
		return f
	}
	n := func(n uint64) *uint64 { return &n }
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  *uint64
		total map[string]uint64 // by label
	}{
		// As where it is summed over a subtree of which a part is removed.
		{"the sum falls", append(running, refused(3, 100), refused(4, 0), refused(5, 0), refused(6, 60), refused(7, 100)), n(200), map[string]uint64{"web": 200}},
		{"the sum falls, of before nsviz", []fact.Fact{found(3, a, 50), refused(4, 5), refused(5, 2), refused(6, 3)}, n(6), map[string]uint64{"web": 1}},
		{"not counted", append(running, read(3, a, fact.Reading{})), nil, map[string]uint64{}},
		{"none", append(running, refused(3, 0)), n(0), map[string]uint64{"web": 0}},
		{"some", append(running, refused(3, 0), refused(4, 3), refused(5, 7)), n(7), map[string]uint64{"web": 7}},
		{"before the first reading", append(running, refused(3, 5)), n(5), map[string]uint64{"web": 5}},
		{"before nsviz", []fact.Fact{found(3, a, 50), refused(4, 5), refused(5, 7)}, n(7), map[string]uint64{"web": 2}},
		{"after the last reading", append(running, refused(3, 1), ended(4, n(4)), removed(5, a)), n(4), map[string]uint64{"web": 4}},
		{"without a reading", append(running, ended(3, n(4)), removed(5, a)), n(4), map[string]uint64{"web": 4}},
		{"its end was seen to be gone first", append(running, gone(3, a), ended(2.9, n(4))), n(4), map[string]uint64{"web": 4}},
		{"fewer at the end, as PID 1's own cgroup has them", append(running, refused(3, 6), ended(4, n(4))), n(6), map[string]uint64{"web": 6}},
		{"fewer at the end, and more later", append(running, refused(3, 6), ended(4, n(4)), created(5, a), started(6, a, 60), refused(7, 5)), n(5), map[string]uint64{"web": 11}},
		{"started again", append(running, ended(3, n(4)), removed(3, a), created(4, a), started(5, a, 60), refused(6, 1)), n(1), map[string]uint64{"web": 5}},
		{
			"forgotten", append(running, ended(3, n(4)), removed(3, a), passed(3600)), nil, map[string]uint64{FoldedLabel: 4},
		},
		{
			"forgotten, while another one has its name",
			append(running, ended(3, n(4)), removed(3, a), created(4, b), started(5, b, 60), passed(3600)), nil, map[string]uint64{"web": 4},
		},
	} {
		s := snapshotOf(test.facts...)
		if diff := cmp.Diff(test.total, s.Totals.PIDsRefused); diff != "" {
			t.Errorf("%s, totals (-want +got):\n%s", test.name, diff)
		}
		for i := range s.Containers {
			if c := &s.Containers[i]; c.ID == a.ID {
				if diff := cmp.Diff(test.want, c.PIDsRefused); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.name, diff)
				}
			}
		}
	}
	want := []string{"1 cgroup_created by runc/10", "2 container_started", "4 pids_refused 7 times until 5", "6 container_exited"}
	if diff := cmp.Diff(want, historyOf(t, "a", append(running, refused(3, 0), refused(4, 3), refused(5, 7), exited(6, a, 50))...)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

// Of the run before the limit is kept that it had.
func TestLimitOfThePreviousRun(t *testing.T) {
	a := who("a", "web")
	c := snapshotOf(
		created(1, a), started(2, a, 50), limited(3, a, fact.CgroupLimits{PIDs: limit(20)}), exited(4, a, 50), removed(4, a),
		created(5, a), started(6, a, 60), limited(7, a, fact.CgroupLimits{PIDs: limit(4000)}),
	).container(t, "a")
	if c.Previous == nil || !cmp.Equal(c.Previous.PIDsLimit, limit(20)) || !cmp.Equal(c.End().PIDsLimit, limit(4000)) {
		t.Errorf("%+v, now %+v", c.Previous, c.End().PIDsLimit)
	}
}
