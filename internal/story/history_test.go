package story

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func at(seconds float64) time.Time {
	return end.Add(time.Duration(seconds * float64(time.Second)))
}

func limit(v float64) fact.Limit { return fact.Limit{Value: &v} }

func namespacesCreated(typ event.NamespaceType) model.EntryNamespace {
	return model.EntryNamespace{Type: typ, ID: 5}
}

func own(typ event.NamespaceType) model.EntryNamespace {
	return model.EntryNamespace{Type: typ, ID: 5, Own: true}
}

func runc(pid int32, in *event.Container) *event.Process {
	return &event.Process{PID: pid, Comm: "runc", Container: in}
}

func TestEntry(t *testing.T) {
	c := ended(nil)
	const (
		joined  = model.EntryKind(event.NamespaceJoined)
		created = model.EntryKind(event.NamespaceCreated)
		started = model.EntryKind(event.ContainerStarted)
		exit    = model.EntryKind(event.ContainerExited)
	)
	ownKill := kill(90, "/docker/"+webID).Event.OOM
	none := fact.Limit{Unlimited: true}
	for _, test := range []struct {
		entry model.Entry
		want  string
	}{
		{model.Entry{Kind: model.EntryKind(event.CgroupCreated), By: runc(7, nil), Cgroup: "/docker/" + webID}, "runc (PID 7, of the host) made its cgroup /docker/a1a1a1a1a1a1…"},
		{model.Entry{Kind: model.EntryKind(event.CgroupRemoved), By: runc(7, db)}, "runc (PID 7, in db) removed its cgroup"},
		{
			model.Entry{Kind: created, By: runc(8, web), Via: event.ViaUnshare, Namespaces: []model.EntryNamespace{namespacesCreated(event.UTS), namespacesCreated(event.Mnt), namespacesCreated(event.PID)}},
			"runc (PID 8, its own) made mnt, pid and uts namespaces by unshare",
		},
		{model.Entry{Kind: created, By: runc(8, web), Via: event.ViaClone, Namespaces: []model.EntryNamespace{namespacesCreated(event.UTS)}}, "runc (PID 8, its own) made an uts namespace by clone"},
		{
			model.Entry{Kind: joined, By: runc(0, nil), Namespaces: []model.EntryNamespace{own(event.Net), own(event.Mnt)}, Count: 1203, Until: at(1)},
			"runc (of the host) joined its mnt and net namespaces, as `docker exec` does, 1,203 times, the latest at " + at(1).UTC().Format("15:04:05.000 UTC"),
		},
		{model.Entry{Kind: joined, By: runc(8, db), Namespaces: []model.EntryNamespace{own(event.Net), own(event.Mnt)}}, "runc (PID 8, in db) joined its mnt and net namespaces"},
		{
			model.Entry{Kind: joined, By: &event.Process{PID: 8, Comm: "dockerd"}, Namespaces: []model.EntryNamespace{own(event.Net)}, Starting: true},
			"dockerd (PID 8, of the host) joined its net namespace while it was starting",
		},
		{model.Entry{Kind: joined, By: runc(8, web), Namespaces: []model.EntryNamespace{{Type: event.Net, Host: true}}}, "runc (PID 8, its own) joined the host's net namespace"},
		{model.Entry{Kind: joined, By: runc(8, web), Namespaces: []model.EntryNamespace{{Type: event.Net, Container: db}}}, "runc (PID 8, its own) joined the net namespace of db"},
		{model.Entry{Kind: joined, By: runc(8, web), Namespaces: []model.EntryNamespace{namespacesCreated(event.Net)}}, "runc (PID 8, its own) joined another net namespace"},
		{model.Entry{Kind: joined, Namespaces: []model.EntryNamespace{own(event.Net)}}, "somebody joined its net namespace"},
		{
			model.Entry{
				Kind: started, Init: &event.Process{PID: 100, Comm: "sh"},
				Start:      &event.Start{DurationMS: new(163.9), Phases: []event.Phase{{Name: "cgroup"}, {Name: "namespaces", AtMS: 1.7}, {Name: "exec", AtMS: 163.9}}},
				Namespaces: []model.EntryNamespace{namespacesCreated(event.Mnt), {Type: event.Net, Container: db}, {Type: event.User, Host: true}, {Type: event.Time, Host: true}},
			},
			"its own program started (sh, 100), 164 ms after its cgroup was made (its namespaces after 2 ms); net is shared with db; user and time are the host's",
		},
		{model.Entry{Kind: started}, "its own program started"},
		{
			model.Entry{Kind: model.EntryFound, Init: &event.Process{PID: 100, Comm: "sleep"}, Namespaces: []model.EntryNamespace{{Type: event.PID, Container: &event.Container{ID: "2", Name: "pause"}}}},
			"nsviz looked, and it was there; its first process is sleep (100); pid is shared with pause",
		},
		{model.Entry{Kind: model.EntryFound, Init: &event.Process{PID: 100, Comm: "sh"}}, "nsviz looked, and it was there; PID 1 is sh (100)"},
		{
			model.Entry{Kind: model.EntryLimits, Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, To: limit(64 * mib)}, {Resource: fact.ResourceCPU, To: limit(1.5)}, {Resource: fact.ResourcePIDs, To: none},
			}},
			"the first reading of its limits found 64 MiB of memory, 1.5 CPUs and no limit of processes",
		},
		{
			model.Entry{Time: at(2), Kind: model.EntryLimitsChanged, Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, From: new(limit(64 * mib)), To: limit(96 * mib), After: at(1.5)},
				{Resource: fact.ResourcePIDs, From: &none, To: limit(1)},
			}},
			"a reading found its memory limit changed from 64 MiB to 96 MiB, within the 500 ms before; a reading found its limit of processes changed from none to 1 process",
		},
		{
			model.Entry{Kind: model.EntryLimits, Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, To: none}, {Resource: fact.ResourceSwap, To: limit(32 * mib)},
			}},
			"the first reading of its limits found no memory limit and 32 MiB of swap",
		},
		{
			model.Entry{Kind: model.EntryLimitsChanged, By: runc(7, nil), Limits: []model.LimitChange{
				{Resource: fact.ResourceSwap, From: new(limit(32 * mib)), To: none},
			}},
			"runc (PID 7, of the host) changed its swap limit from 32 MiB to none",
		},
		{
			model.Entry{Kind: model.EntryLimitsChanged, By: runc(7, nil), Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, To: limit(32 * mib)}, {Resource: fact.ResourcePIDs, From: &none, To: limit(1)},
				{Resource: fact.ResourceSwap, To: none},
			}},
			"runc (PID 7, of the host) set its memory limit to 32 MiB (unknown before), its limit of processes from none to 1 process, " +
				"its swap limit to none (unknown before)",
		},
		{
			model.Entry{Kind: model.EntryLimitsChanged, By: runc(7, nil), Limits: []model.LimitChange{{Resource: fact.ResourceMemory, To: limit(32 * mib)}}},
			"runc (PID 7, of the host) set its memory limit to 32 MiB (unknown before)",
		},
		{
			model.Entry{Kind: model.EntryLimitsChanged, ByAnyOf: []event.Process{*runc(7, nil), *runc(8, web), {PID: 9}, {}}, Limits: []model.LimitChange{
				{Resource: fact.ResourceMemory, From: new(limit(32 * mib)), To: limit(64 * mib)},
			}},
			"one of runc (PID 7, of the host), runc (PID 8, its own), a process (PID 9) that had ended and a process that had ended " +
				"changed its memory limit from 32 MiB to 64 MiB",
		},
		{
			model.Entry{Kind: model.EntryKind(event.OOMKill), OOM: ownKill},
			"the kernel's OOM killer killed hog (PID 90, 60 MiB). web had reached its 64 MiB limit when hog asked for more.",
		},
		{
			model.Entry{Kind: model.EntryKind(event.OOMKill), OOM: ownKill, Count: 3, Until: at(1)},
			"the kernel's OOM killer killed 3 processes, the latest at " + at(1).UTC().Format("15:04:05.000 UTC") +
				": hog (PID 90, 60 MiB). web had reached its 64 MiB limit when hog asked for more.",
		},
		{model.Entry{Kind: model.EntryKind(event.OOMKill)}, "an OOM kill; nothing else is known about it"},
		{model.Entry{Kind: model.EntryUnobservedKills, Count: 2}, "the kernel has counted 2 OOM kills that no event reported"},
		{
			model.Entry{Kind: model.EntryPIDsRefused, Count: 3, Until: at(1)},
			"the kernel refused it a new process or thread 3 times: a limit of processes was reached, the latest at " + at(1).UTC().Format("15:04:05.000 UTC"),
		},
		{model.Entry{Kind: model.EntryPIDsRefused, Count: 1}, "the kernel refused it a new process or thread once: a limit of processes was reached"},
		{
			model.Entry{Kind: model.EntryKind(event.InitMoved), By: runc(7, nil), Moved: &event.Moved{PID: 100, To: "/"}},
			"runc (PID 7, of the host) moved its PID 1 (100) out of its own cgroup, to /: the limits of that do not hold it any more",
		},
		{
			model.Entry{Kind: model.EntryKind(event.InitMoved), By: runc(7, nil), Moved: &event.Moved{PID: 100, To: "/docker/x", Held: true}},
			"runc (PID 7, of the host) moved its PID 1 (100) back to its own cgroup, whose limits hold it again",
		},
		{model.Entry{Kind: model.EntryStuck, Cgroup: "/pod"}, "stuck at the limit of /pod, for which the OOM killer is off"},
		{model.Entry{Kind: model.EntryUnstuck}, "stuck at its limit no more"},
		{model.Entry{Kind: model.EntryRenamed, Renamed: &model.Rename{From: "web", To: "shop"}}, "it was renamed from web to shop"},
		{model.Entry{Kind: model.EntryRenamed}, "it was renamed"},
		{
			model.Entry{Kind: model.EntryPaused, By: runc(7, nil)},
			"runc (PID 7, of the host) paused it, as `docker pause` does",
		},
		{
			model.Entry{Kind: model.EntryResumed, By: runc(7, nil)},
			"runc (PID 7, of the host) resumed it, as `docker unpause` does",
		},
		{model.Entry{Kind: model.EntryPaused, By: &event.Process{PID: 8, Comm: "bash"}}, "bash (PID 8, of the host) paused it"},
		{
			model.Entry{Kind: model.EntryPaused, By: runc(7, nil), Cgroup: "/docker", Count: 2, Until: at(1)},
			"runc (PID 7, of the host) paused the cgroup /docker, which it is in, 2 times, the latest at " + at(1).UTC().Format("15:04:05.000 UTC"),
		},
		{
			model.Entry{Kind: model.EntryResumed, ByAnyOf: []event.Process{{PID: 8, Comm: "bash"}, {PID: 9, Comm: "sh"}}},
			"one of bash (PID 8, of the host) and sh (PID 9, of the host) resumed it",
		},
		{model.Entry{Kind: model.EntryPaused, By: &event.Process{PID: 8}}, "a process (PID 8) that had ended paused it"},
		{model.Entry{Kind: model.EntryPaused}, "it was found paused"},
		{model.Entry{Kind: model.EntryResumed, Cgroup: "/docker"}, "it was found resumed, with the cgroup /docker"},
		{model.Entry{Kind: exit, Exit: exited(3)}, "its PID 1 ended by itself, exit code 3"},
		{model.Entry{Kind: exit, Exit: oomKilled()}, "its PID 1 was killed by the kernel's OOM killer, exit code 137"},
		{
			model.Entry{Time: end, Kind: exit, Exit: asked(signalled(9, sender(4243, "runc", 0, nil)), 15, 10*time.Second, sender(4242, "runc", 0, nil))},
			"its PID 1 was ended by SIGKILL from runc (PID 4243, uid 0), exit code 137; 10.0 s before, runc (PID 4242, uid 0) had sent it SIGTERM",
		},
		{model.Entry{Kind: model.EntryGone}, "it was gone; its end was not seen"},
		{model.Entry{Kind: model.EntryEngineReport, EngineReport: says(137, false)}, "docker reported about its end: exit code 137, OOMKilled=false"},
		{model.Entry{Kind: model.EntryEngineReport, EngineReport: &fact.EngineReport{Removed: true}}, "docker no longer knew it when asked about its end"},
		{model.Entry{Kind: model.EntryEngineReport}, "docker reported nothing about its end"},
		{model.Entry{Kind: model.EntryEngineEvent, Action: "exec_start", Count: 2, Until: at(1)}, "docker reported: exec_start, 2 times, the latest at " + at(1).UTC().Format("15:04:05.000 UTC")},
		{model.Entry{Kind: "of_a_later_version"}, "of_a_later_version"},
	} {
		if got := Entry(&test.entry, &c).String(); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.entry.Kind, got, test.want)
		}
	}
}

// The program in a sandbox need not be PID 1, which is bubblewrap itself.
func TestFirstProcessOfSandbox(t *testing.T) {
	m := model.Entry{Kind: model.EntryFound, Init: &event.Process{PID: 100, Comm: "sleep"}, Container: &event.Container{ID: "pid-5", Name: "bwrap-7", Kind: event.KindSandbox}}
	const want = "; its first process is sleep (100)"
	if got := Entry(&m, &model.Container{ID: "pid-5", Kind: event.KindSandbox}).String(); got != "nsviz looked, and it was there"+want {
		t.Error(got)
	}
	if got := NamespaceEntry(&m).String(); got != "nsviz looked, and bwrap-7 was in it"+want {
		t.Error(got)
	}
}

// Whatever lacks, there are words.
func TestIncompleteEntries(t *testing.T) {
	c := ended(nil)
	for _, kind := range append([]event.Type{
		event.Type(model.EntryFound), event.Type(model.EntryLimits), event.Type(model.EntryLimitsChanged), event.Type(model.EntryUnobservedKills),
		event.Type(model.EntryEngineReport), event.Type(model.EntryEngineEvent), event.Type(model.EntryGone),
		event.Type(model.EntryRenamed), event.Type(model.EntryPaused), event.Type(model.EntryResumed),
	}, event.Types()...) {
		for _, m := range []model.Entry{
			{Kind: model.EntryKind(kind)}, {Kind: model.EntryKind(kind), OOM: &event.OOM{}, Exit: &event.Exit{}, Start: &event.Start{}, By: &event.Process{}},
			{Kind: model.EntryKind(kind), Limits: make([]model.LimitChange, 1), Namespaces: make([]model.EntryNamespace, 1), Init: &event.Process{}},
		} {
			if kind != event.Type(model.EntryLimitsChanged) && Entry(&m, &c).String() == "" || NamespaceEntry(&m).String() == "" {
				t.Errorf("no words for %+v", m)
			}
		}
	}
}

func TestBrief(t *testing.T) {
	kind := func(k event.Type) model.EntryKind { return model.EntryKind(k) }
	engine := &event.Process{PID: 1, Comm: "dockerd"}
	net, all := []model.EntryNamespace{namespacesCreated(event.Net)}, []model.EntryNamespace{namespacesCreated(event.Net), namespacesCreated(event.Mnt)}
	entries := []model.Entry{
		{Kind: kind(event.CgroupCreated)}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.NamespaceJoined), By: runc(2, nil), Namespaces: all},
		{Kind: kind(event.ContainerStarted)}, {Kind: model.EntryEngineEvent, Action: "start"}, {Kind: model.EntryLimits},
		{Kind: kind(event.NamespaceJoined), By: engine, Namespaces: net, Count: 3}, {Kind: model.EntryEngineEvent, Action: "exec_start"},
		{Kind: kind(event.NamespaceJoined), By: runc(2, nil), Namespaces: all, LeftOut: 5}, {Kind: model.EntryEngineEvent, Action: "restart"},
		{Kind: kind(event.NamespaceJoined), By: runc(2, web), Namespaces: net}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.ContainerExited)},
		{Kind: kind(event.CgroupRemoved)}, {Kind: kind(event.CgroupCreated)}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.ContainerStarted)},
	}
	brief, rest := Brief(entries)
	var got []string
	for _, m := range brief {
		got = append(got, fmt.Sprint(m.Kind, m.Action, m.LeftOut))
	}
	want := []string{
		"container_started0", "limits0", "namespace_joined0", "engine_eventrestart0", "namespace_joined0", "namespace_created0", "container_exited0", "container_started0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// However often each happened: so many lines does the whole history have more.
	if rest != len(entries)-len(want) {
		t.Errorf("%d entries are left to the full history", rest)
	}
	if entries[8].LeftOut != 5 {
		t.Error("the history itself was changed")
	}
	many := make([]model.Entry, 100)
	if brief, rest := Brief(many); len(brief) != maxBrief || rest != 100-maxBrief {
		t.Errorf("%d entries, and %d more", len(brief), rest)
	}
}
