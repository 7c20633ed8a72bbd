package model

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// froze returns a write of runc to the freezer of a cgroup.
func froze(seconds float64, path string, frozen bool, still ...string) fact.Fact {
	return fact.Fact{Time: at(seconds), Freeze: &fact.Freeze{
		Path: path, By: &event.Process{PID: 10, Comm: "runc"}, Frozen: frozen, Still: still,
	}}
}

// readFrozen returns a reading of a container's freezer.
func readFrozen(seconds float64, c event.Container, frozen bool) fact.Fact {
	return read(seconds, c, fact.Reading{Frozen: &frozen})
}

func TestPaused(t *testing.T) {
	a := who("a", "web")
	running := []fact.Fact{created(1, a), started(2, a, 50)}
	runc := &event.Process{PID: 10, Comm: "runc"}
	own := &fact.Paused{Since: at(3), Cgroup: path(a), By: runc}
	above := &fact.Paused{Since: at(3), Cgroup: "/docker", By: runc}
	reread3, thawed := froze(3, "/", false, path(a)), froze(9, "/", false)
	reread3.Freeze.By, thawed.Freeze.By = nil, nil
	for _, test := range []struct {
		name    string
		facts   []fact.Fact
		known   bool
		want    *fact.Paused
		history []string
	}{
		{"unknown", []fact.Fact{read(3, a, fact.Reading{})}, false, nil, nil},
		{"not paused", []fact.Fact{readFrozen(3, a, false)}, true, nil, nil},
		{"paused", []fact.Fact{froze(3, path(a), true)}, true, own, []string{"3 paused by runc/10"}},
		{"resumed", []fact.Fact{froze(3, path(a), true), froze(4, path(a), false)}, true, nil, []string{"3 paused by runc/10", "4 resumed by runc/10"}},
		{"paused twice", []fact.Fact{froze(3, path(a), true), froze(4, path(a), true)}, true, own, []string{"3 paused by runc/10"}},
		{
			"again and again", []fact.Fact{froze(3, path(a), true), froze(4, path(a), false), froze(5, path(a), true), froze(6, path(a), false)}, true, nil,
			[]string{"3 paused 2 times until 5 by runc/10", "4 resumed 2 times until 6 by runc/10"},
		},
		{"with the cgroup above", []fact.Fact{froze(3, "/docker", true)}, true, above, []string{"3 paused by runc/10"}},
		{"with all cgroups", []fact.Fact{froze(3, "/", true)}, true, &fact.Paused{Since: at(3), Cgroup: "/", By: runc}, []string{"3 paused by runc/10"}},
		{"a cgroup below", []fact.Fact{froze(3, path(a)+"/below", true)}, false, nil, nil},
		{"a cgroup beside", []fact.Fact{froze(3, "/dock", true)}, false, nil, nil},
		{"the cgroup above goes on", []fact.Fact{froze(3, "/docker", true), froze(4, "/docker", false)}, true, nil, []string{"3 paused by runc/10", "4 resumed by runc/10"}},
		{"the cgroup above goes on without it", []fact.Fact{froze(3, "/docker", true), froze(4, "/docker", false, path(a))}, true, above, []string{"3 paused by runc/10"}},
		{"it was frozen when all were read", []fact.Fact{reread3}, true, &fact.Paused{Since: at(3), Cgroup: path(a)}, []string{"3 paused"}},
		{"it was thawed when all were read", []fact.Fact{froze(3, path(a), true), thawed}, true, nil, []string{"3 paused by runc/10", "9 resumed"}},
		{"another one stays as it is", []fact.Fact{froze(3, "/docker", true), froze(4, "/docker", false, path(who("b", "")))}, true, nil, []string{"3 paused by runc/10", "4 resumed by runc/10"}},
		{"a reading found it", []fact.Fact{readFrozen(3, a, true), readFrozen(4, a, true)}, true, &fact.Paused{Since: at(3)}, []string{"3 paused"}},
		{"a reading was faster", []fact.Fact{readFrozen(3, a, true), froze(3.1, path(a), true)}, true, &fact.Paused{Since: at(3.1), Cgroup: path(a), By: runc}, []string{"3 paused by runc/10"}},
		{"a reading was of before", []fact.Fact{froze(3, path(a), true), readFrozen(3.1, a, false)}, true, own, []string{"3 paused by runc/10"}},
		{"a reading missed the write", []fact.Fact{froze(3, path(a), true), readFrozen(13, a, false)}, true, nil, []string{"3 paused by runc/10", "13 resumed"}},
		{"it ends", []fact.Fact{froze(3, path(a), true), exited(4, a, 50)}, false, nil, []string{"3 paused by runc/10"}},
		{"it is started again", []fact.Fact{froze(3, path(a), true), exited(4, a, 50), removed(4, a), created(5, a), started(6, a, 60)}, false, nil, []string{"3 paused by runc/10"}},
	} {
		facts := append(running, test.facts...)
		c := snapshotOf(facts...).container(t, "a")
		if diff := cmp.Diff(test.want, c.Paused); diff != "" || c.PausedKnown != test.known {
			t.Errorf("%s: known: %t; -want +got:\n%s", test.name, c.PausedKnown, diff)
		}
		if (c.State == Paused) != (c.Paused != nil) || !c.Live() && c.Runs() {
			t.Errorf("%s: it is %s", test.name, c.State)
		}
		var history []string
		for _, line := range historyOf(t, "a", facts...) {
			if strings.Contains(line, " paused") || strings.Contains(line, " resumed") {
				history = append(history, line)
			}
		}
		if diff := cmp.Diff(test.history, history); diff != "" {
			t.Errorf("%s, history (-want +got):\n%s", test.name, diff)
		}
	}
}

// A container that starts is frozen for a moment by its runtime, which is no pause.
func TestFrozenDuringItsStart(t *testing.T) {
	a := who("a", "web")
	c := snapshotOf(created(1, a), froze(1.1, path(a), true), froze(1.2, path(a), false), started(2, a, 50)).container(t, "a")
	if c.Paused != nil || c.State != Running {
		t.Errorf("it is %s", c.State)
	}
}

// The history of a cgroup has what was written to its own freezer.
func TestFreezerOfACgroup(t *testing.T) {
	a := who("a", "web")
	m := modelOf(
		DefaultLimits(), created(1, a), froze(2, path(a), true), froze(3, "/docker", true), froze(4, "/docker", true), froze(5, "/docker", false),
		froze(6, path(a), true), froze(7, path(a), false),
	)
	got := map[string][]string{}
	for _, g := range m.listCgroups() {
		got[g.Path] = historyLines(g.History)
	}
	want := map[string][]string{
		"/docker": {"3 paused by runc/10", "5 resumed by runc/10"},
		path(a):   {"1 cgroup_created by runc/10", "2 paused 2 times until 6 by runc/10", "7 resumed by runc/10"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
