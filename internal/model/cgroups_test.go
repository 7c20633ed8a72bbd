package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

const slice, leaf = "/pods", "/pods/7"

func cgroupEvent(seconds float64, typ event.Type, path string) fact.Fact {
	return happened(seconds, event.Event{Type: typ, PID: 10, Comm: "systemd", Cgroup: &event.Cgroup{Path: path, ID: 1}})
}

func movedIn(seconds float64, path string, pid int32) fact.Fact {
	return fact.Fact{Time: at(seconds), CgroupWrite: &fact.CgroupWrite{Path: path, By: &event.Process{PID: pid, Comm: "systemd"}}}
}

func changedAt(seconds float64, path string, by *event.Process, limits fact.CgroupLimits) fact.Fact {
	return fact.Fact{Time: at(seconds), CgroupWrite: &fact.CgroupWrite{Path: path, By: by, Limits: &limits}}
}

func foundSlice(seconds float64, limits fact.CgroupLimits) fact.Fact {
	return fact.Fact{Time: at(seconds), Cgroups: []fact.FoundCgroup{{Path: "/"}, {Path: slice, Limits: &limits}}}
}

// killedBelow returns a kill in a cgroup because the one above it was full.
func killedBelow(seconds float64, path, full string) fact.Fact {
	return happened(seconds, event.Event{Type: event.OOMKill, PID: 7, Comm: "hog", OOM: &event.OOM{
		Scope: event.ScopeCgroup, Cgroup: full, Victim: event.Victim{PID: 7, Comm: "hog", Cgroup: path},
	}})
}

// writesReported returns the fact that writes to limits are reported, or that they are not.
func writesReported(seconds float64, method fact.Method) fact.Fact {
	return fact.Fact{Time: at(seconds), Probes: []fact.Probe{{Name: fact.ProbeCgroupWrites, Method: method}}}
}

// A new cgroup counts as unlimited only if writes to limits are reported.
func TestLimitsOfANewCgroup(t *testing.T) {
	made := []fact.Fact{foundSlice(0, fact.CgroupLimits{Memory: limit(9)}), cgroupEvent(1, event.CgroupCreated, leaf)}
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		known bool
	}{
		{"reported", append([]fact.Fact{writesReported(0, "fanotify")}, made...), true},
		{"not reported", append([]fact.Fact{writesReported(0, fact.MethodNone)}, made...), false},
		{"nothing said", made, false},
		{"no longer reported", append(append([]fact.Fact{writesReported(0, "fanotify")}, made...), writesReported(2, fact.MethodNone)), false},
	} {
		for _, g := range modelOf(DefaultLimits(), test.facts...).Full().Cgroups {
			if known := g.Limits.Memory != nil && g.Limits.CPU != nil && g.Limits.PIDs != nil; g.Path == leaf && known != test.known {
				t.Errorf("%s: %+v", test.name, g.Limits)
			}
			if lost := g.Limits.Memory == nil; g.Path == slice && lost != (test.name == "no longer reported") {
				t.Errorf("%s, found: %+v", test.name, g.Limits)
			}
		}
	}
}

func TestCgroupHistories(t *testing.T) {
	kubelet := &event.Process{PID: 80, Comm: "kubelet"}
	web := who("a", "web")
	for _, test := range []struct {
		name  string
		path  string
		facts []fact.Fact
		want  []string
	}{
		{
			"a whole life", leaf,
			[]fact.Fact{
				foundSlice(0, fact.CgroupLimits{}), cgroupEvent(1, event.CgroupCreated, leaf),
				changedAt(1.1, leaf, kubelet, fact.CgroupLimits{Memory: limit(64), PIDs: limit(0)}),
				changedAt(1.2, leaf, kubelet, fact.CgroupLimits{Memory: limit(64), PIDs: limit(5)}),
				movedIn(2, leaf, 80), movedIn(2.5, leaf, 81), killedBelow(3, leaf, slice), cgroupEvent(4, event.CgroupRemoved, leaf),
			},
			[]string{
				"1 cgroup_created by systemd/10", "1.1 limits_changed by kubelet/80 memory none to 64 pids none to 5",
				"2 moved_in 2 times until 2.5 by systemd/0", "3 oom_kill hog/7", "4 cgroup_removed by systemd/10",
			},
		},
		{
			"full, and the kill is below", slice, []fact.Fact{foundSlice(1, fact.CgroupLimits{Memory: limit(9)}), killedBelow(2, leaf, slice)},
			[]string{"1 found", "1 limits memory ? to 9", "2 oom_kill hog/7"},
		},
		{
			"full, and the kill is in itself", slice, []fact.Fact{killedBelow(2, slice, slice)}, []string{"2 oom_kill hog/7"},
		},
		{
			"its making is read from the ring after the first write", leaf,
			[]fact.Fact{foundSlice(0, fact.CgroupLimits{}), changedAt(1.1, leaf, kubelet, fact.CgroupLimits{Memory: limit(4)}), cgroupEvent(1, event.CgroupCreated, leaf)},
			[]string{"1 cgroup_created by systemd/10", "1.1 limits_changed by kubelet/80 memory none to 4"},
		},
		{
			"its making is read from the ring after it was found", slice,
			[]fact.Fact{foundSlice(1, fact.CgroupLimits{Memory: limit(9)}), cgroupEvent(0.9, event.CgroupCreated, slice)},
			[]string{"0.9 cgroup_created by systemd/10", "1 limits memory ? to 9"},
		},
		{
			"a kill in it is read after its end", leaf,
			[]fact.Fact{cgroupEvent(1, event.CgroupCreated, leaf), cgroupEvent(3, event.CgroupRemoved, leaf), killedBelow(2.9, leaf, leaf)},
			[]string{"1 cgroup_created by systemd/10", "2.9 oom_kill hog/7", "3 cgroup_removed by systemd/10"},
		},
		{
			"its end was not seen", leaf,
			[]fact.Fact{cgroupEvent(1, event.CgroupCreated, leaf), cgroupEvent(9, event.CgroupCreated, leaf), cgroupEvent(10, event.CgroupRemoved, leaf)},
			[]string{"9 cgroup_created by systemd/10", "10 cgroup_removed by systemd/10"},
		},
		{
			"two processes change it", slice,
			[]fact.Fact{
				foundSlice(1, fact.CgroupLimits{Memory: limit(9)}), changedAt(2, slice, kubelet, fact.CgroupLimits{Memory: limit(8)}),
				changedAt(2.1, slice, &event.Process{PID: 81, Comm: "sh"}, fact.CgroupLimits{Memory: limit(7)}),
				changedAt(3, slice, nil, fact.CgroupLimits{Memory: limit(7)}), changedAt(4, slice, nil, fact.CgroupLimits{Memory: limit(6)}),
			},
			[]string{
				"1 found", "1 limits memory ? to 9", "2 limits_changed by kubelet/80 memory 9 to 8", "2.1 limits_changed by sh/81 memory 8 to 7",
				"4 limits_changed memory 7 to 6",
			},
		},
		{
			"two processes, one of which changed it", slice,
			[]fact.Fact{foundSlice(1, fact.CgroupLimits{Memory: limit(9)}), {Time: at(2), CgroupWrite: &fact.CgroupWrite{
				Path: slice, ByAnyOf: []event.Process{*kubelet, {PID: 81, Comm: "sh"}}, Limits: &fact.CgroupLimits{Memory: limit(8)},
			}}},
			[]string{"1 found", "1 limits memory ? to 9", "2 limits_changed by any of kubelet/80 or sh/81 memory 9 to 8"},
		},
		{
			"changed and back", slice,
			[]fact.Fact{
				foundSlice(1, fact.CgroupLimits{Memory: limit(9), Swap: limit(5)}), changedAt(2, slice, kubelet, fact.CgroupLimits{Memory: limit(8), Swap: limit(6)}),
				changedAt(2.1, slice, kubelet, fact.CgroupLimits{Swap: limit(5)}), changedAt(2.2, slice, kubelet, fact.CgroupLimits{Memory: limit(9)}),
			},
			[]string{
				"1 found", "1 limits memory ? to 9 swap ? to 5", "2 limits_changed by kubelet/80 memory 9 to 8",
				"2.2 limits_changed by kubelet/80 memory 8 to 9",
			},
		},
		{
			"swap first, then memory", slice,
			[]fact.Fact{
				foundSlice(1, fact.CgroupLimits{Memory: limit(9), Swap: limit(5)}), changedAt(2, slice, kubelet, fact.CgroupLimits{Swap: limit(6)}),
				changedAt(2.1, slice, kubelet, fact.CgroupLimits{Memory: limit(8)}),
			},
			[]string{"1 found", "1 limits memory ? to 9 swap ? to 5", "2 limits_changed by kubelet/80 memory 9 to 8 swap 5 to 6"},
		},
		{
			"changed while writes were not watched", slice,
			[]fact.Fact{
				foundSlice(1, fact.CgroupLimits{Memory: limit(9), PIDs: limit(5)}), writesReported(2, fact.MethodNone), writesReported(4, "fanotify"),
				{Time: at(4.5), CgroupWrite: &fact.CgroupWrite{Path: slice, Limits: &fact.CgroupLimits{Memory: limit(8), PIDs: limit(5)}, After: at(2)}},
			},
			[]string{"1 found", "1 limits memory ? to 9 pids ? to 5", "4.5 limits_changed memory 9 to 8 after 2"},
		},
		{
			"swap where the host can limit it", leaf,
			[]fact.Fact{
				foundSlice(0, fact.CgroupLimits{Swap: limit(0)}), cgroupEvent(1, event.CgroupCreated, leaf),
				changedAt(1.1, leaf, kubelet, fact.CgroupLimits{Swap: limit(64)}),
			},
			[]string{"1 cgroup_created by systemd/10", "1.1 limits_changed by kubelet/80 swap none to 64"},
		},
		{
			"swap where that is not known", leaf,
			[]fact.Fact{
				foundSlice(0, fact.CgroupLimits{}), cgroupEvent(1, event.CgroupCreated, leaf),
				changedAt(1.1, leaf, kubelet, fact.CgroupLimits{Swap: limit(64)}),
			},
			[]string{"1 cgroup_created by systemd/10", "1.1 limits_changed by kubelet/80 swap ? to 64"},
		},
		{
			"a container's own", path(web), []fact.Fact{created(1, web), started(2, web, 5), killed(3, &web, 6), exited(4, web, 5), removed(5, web)},
			[]string{"1 cgroup_created by runc/10", "3 oom_kill hog/6", "5 cgroup_removed by runc/10"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, g := range modelOf(DefaultLimits(), append([]fact.Fact{writesReported(0, "fanotify")}, test.facts...)...).Full().Cgroups {
				if g.Path == test.path {
					got = historyLines(g.History)
					break
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Who changes a container's limits appears once in its own history, whether the reading or the write is reported first.
func TestLimitsWritten(t *testing.T) {
	web := who("a", "web")
	of := func(n int) fact.CgroupLimits { return fact.CgroupLimits{Memory: limit(n)} }
	const wrote2 = "4 limits_changed by dockerd/80 memory 1 to 2"
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  []string
	}{
		{"reported", []fact.Fact{limited(3, web, of(1)), wrote(4, web, "dockerd", of(2)), limited(7, web, of(2))}, []string{wrote2}},
		{"a reading of before comes after it", []fact.Fact{limited(3, web, of(1)), wrote(4, web, "dockerd", of(2)), limited(4.1, web, of(1)), limited(7, web, of(2))}, []string{wrote2}},
		{"a reading was faster", []fact.Fact{limited(3, web, of(1)), limited(4, web, of(2)), wrote(4.1, web, "dockerd", of(2))}, []string{wrote2}},
		{
			"by one of two", []fact.Fact{limited(3, web, of(1)), wroteOneOf(4, web, of(2)), limited(7, web, of(2))},
			[]string{"4 limits_changed by any of dockerd/80 or sh/81 memory 1 to 2"},
		},
		{
			"a reading was faster, and both were changed by others",
			[]fact.Fact{
				limited(3, web, fact.CgroupLimits{Memory: limit(1), PIDs: limit(5)}), limited(4, web, fact.CgroupLimits{Memory: limit(2), PIDs: limit(6)}),
				wrote(4.1, web, "dockerd", of(2)), wroteOneOf(4.2, web, fact.CgroupLimits{PIDs: limit(6)}),
			},
			[]string{"4 limits_changed by any of dockerd/80 or sh/81 pids 5 to 6", wrote2},
		},
		{
			"a reading found another change, that no write reported",
			[]fact.Fact{
				limited(3, web, fact.CgroupLimits{Memory: limit(1), PIDs: limit(5)}), limited(4, web, fact.CgroupLimits{Memory: limit(1), PIDs: limit(6)}),
				wrote(5, web, "dockerd", of(2)),
			},
			[]string{"4 limits_changed pids 5 to 6 after 3", "5 limits_changed by dockerd/80 memory 1 to 2"},
		},
		{
			"found after writes may have been missed",
			[]fact.Fact{limited(3, web, of(1)), reread(9, 5, web, of(2))}, []string{"9 limits_changed memory 1 to 2 after 5"},
		},
		{
			"found after writes may have been missed, and read meanwhile",
			[]fact.Fact{limited(3, web, of(1)), limited(6, web, of(1)), reread(9, 5, web, of(2))}, []string{"9 limits_changed memory 1 to 2 after 6"},
		},
		{
			"before anything was read", []fact.Fact{wrote(4, web, "dockerd", of(2)), limited(7, web, of(2)), wrote(8, web, "dockerd", of(3))},
			[]string{"4 limits_changed by dockerd/80 memory ? to 2", "8 limits_changed by dockerd/80 memory 2 to 3"},
		},
		{
			"before anything was read, by one of two", []fact.Fact{wroteOneOf(4, web, of(2))},
			[]string{"4 limits_changed by any of dockerd/80 or sh/81 memory ? to 2"},
		},
		{"found before anything was read, after writes may have been missed", []fact.Fact{limited(3, web, fact.CgroupLimits{PIDs: limit(5)}), reread(9, 5, web, of(2))}, []string{}},
		{"of before it ran", []fact.Fact{wrote(1.5, web, "runc", of(1)), limited(3, web, of(1))}, nil},
		{"of another time", []fact.Fact{limited(3, web, of(1)), limited(4, web, of(2)), wrote(9, web, "dockerd", of(2))}, []string{"4 limits_changed memory 1 to 2 after 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			facts := []fact.Fact{created(1, web), started(2, web, 5)}
			if test.want == nil {
				facts = []fact.Fact{created(1, web), test.facts[0], started(2, web, 5)}
				test.facts = test.facts[1:]
			}
			got := test.want[:0:0]
			for _, line := range historyOf(t, "a", append(facts, test.facts...)...) {
				if len(line) > 2 && line[2:min(16, len(line))] == "limits_changed" {
					got = append(got, line)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
