package story

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

func at(seconds float64) time.Time {
	return end.Add(time.Duration(seconds * float64(time.Second)))
}

func limit(v float64) fact.Limit { return fact.Limit{Value: &v} }

func born(typ event.NamespaceType) isolation.Touched { return isolation.Touched{Type: typ, ID: 5} }

func own(typ event.NamespaceType) isolation.Touched {
	return isolation.Touched{Type: typ, ID: 5, Own: true}
}

func runc(pid int32, in *event.Container) *event.Process {
	return &event.Process{PID: pid, Comm: "runc", Container: in}
}

func TestMoment(t *testing.T) {
	c := ended(nil)
	const (
		joined  = isolation.MomentKind(event.NamespaceJoined)
		created = isolation.MomentKind(event.NamespaceCreated)
		started = isolation.MomentKind(event.ContainerStarted)
		exit    = isolation.MomentKind(event.ContainerExited)
	)
	ownKill := kill(90, "/docker/"+webID).Event.OOM
	none := fact.Limit{Unlimited: true}
	for _, test := range []struct {
		moment isolation.Moment
		want   string
	}{
		{isolation.Moment{Kind: isolation.MomentKind(event.CgroupCreated), By: runc(7, nil), Cgroup: "/docker/" + webID}, "runc (PID 7, of the host) made its cgroup /docker/a1a1a1a1a1a1…"},
		{isolation.Moment{Kind: isolation.MomentKind(event.CgroupRemoved), By: runc(7, db)}, "runc (PID 7, in db) removed its cgroup"},
		{
			isolation.Moment{Kind: created, By: runc(8, web), Via: event.ViaUnshare, Namespaces: []isolation.Touched{born(event.UTS), born(event.Mnt), born(event.PID)}},
			"runc (PID 8, its own) made mnt, pid and uts namespaces by unshare",
		},
		{isolation.Moment{Kind: created, By: runc(8, web), Via: event.ViaClone, Namespaces: []isolation.Touched{born(event.UTS)}}, "runc (PID 8, its own) made an uts namespace by clone"},
		{
			isolation.Moment{Kind: joined, By: runc(0, nil), Namespaces: []isolation.Touched{own(event.Net), own(event.Mnt)}, Count: 1203, Until: at(1)},
			"runc (of the host) joined its mnt and net namespaces, as `docker exec` does, 1,203 times, the latest at " + at(1).UTC().Format("15:04:05.000 UTC"),
		},
		{isolation.Moment{Kind: joined, By: runc(8, db), Namespaces: []isolation.Touched{own(event.Net), own(event.Mnt)}}, "runc (PID 8, in db) joined its mnt and net namespaces"},
		{isolation.Moment{Kind: joined, By: runc(8, web), Namespaces: []isolation.Touched{{Type: event.Net, Host: true}}}, "runc (PID 8, its own) joined the host's net namespace"},
		{isolation.Moment{Kind: joined, By: runc(8, web), Namespaces: []isolation.Touched{{Type: event.Net, Container: db}}}, "runc (PID 8, its own) joined the net namespace of db"},
		{isolation.Moment{Kind: joined, By: runc(8, web), Namespaces: []isolation.Touched{born(event.Net)}}, "runc (PID 8, its own) joined another net namespace"},
		{isolation.Moment{Kind: joined, Namespaces: []isolation.Touched{own(event.Net)}}, "somebody joined its net namespace"},
		{
			isolation.Moment{
				Kind: started, Init: &event.Process{PID: 100, Comm: "sh"},
				Start:      &event.Start{DurationMS: new(163.9), Phases: []event.Phase{{Name: "cgroup"}, {Name: "namespaces", AtMS: 1.7}, {Name: "exec", AtMS: 163.9}}},
				Namespaces: []isolation.Touched{born(event.Mnt), {Type: event.Net, Container: db}, {Type: event.User, Host: true}, {Type: event.Time, Host: true}},
			},
			"its own program started (sh, 100), 164 ms after its cgroup was made (its namespaces after 2 ms); net is shared with db; user and time are the host's",
		},
		{isolation.Moment{Kind: started}, "its own program started"},
		{isolation.Moment{Kind: isolation.MomentFound, Init: &event.Process{PID: 100, Comm: "sh"}}, "nsviz looked, and it was there; PID 1 is sh (100)"},
		{
			isolation.Moment{Kind: isolation.MomentLimits, Limits: []isolation.LimitChange{
				{Resource: fact.ResourceMemory, To: limit(64 * mib)}, {Resource: fact.ResourceCPU, To: limit(1.5)}, {Resource: fact.ResourcePIDs, To: none},
			}},
			"the first reading of its limits found 64 MiB of memory, 1.5 CPUs and no limit of processes",
		},
		{
			isolation.Moment{Time: at(2), Kind: isolation.MomentChanged, Limits: []isolation.LimitChange{
				{Resource: fact.ResourceMemory, From: new(limit(64 * mib)), To: limit(96 * mib), After: at(1.5)},
				{Resource: fact.ResourcePIDs, From: &none, To: limit(1)},
			}},
			"a reading found its memory limit changed from 64 MiB to 96 MiB, within the 500 ms before; a reading found its limit of processes changed from none to 1 process",
		},
		{
			isolation.Moment{Kind: isolation.MomentLimits, Limits: []isolation.LimitChange{
				{Resource: fact.ResourceMemory, To: none}, {Resource: fact.ResourceSwap, To: limit(32 * mib)},
			}},
			"the first reading of its limits found no memory limit and 32 MiB of swap",
		},
		{
			isolation.Moment{Kind: isolation.MomentChanged, By: runc(7, nil), Limits: []isolation.LimitChange{
				{Resource: fact.ResourceSwap, From: new(limit(32 * mib)), To: none},
			}},
			"runc (PID 7, of the host) changed its swap limit from 32 MiB to none",
		},
		{
			isolation.Moment{Kind: isolation.MomentChanged, By: runc(7, nil), Limits: []isolation.LimitChange{
				{Resource: fact.ResourceMemory, To: limit(32 * mib)}, {Resource: fact.ResourcePIDs, From: &none, To: limit(1)},
				{Resource: fact.ResourceSwap, To: none},
			}},
			"runc (PID 7, of the host) set its memory limit to 32 MiB (unknown before), its limit of processes from none to 1 process, " +
				"its swap limit to none (unknown before)",
		},
		{
			isolation.Moment{Kind: isolation.MomentChanged, By: runc(7, nil), Limits: []isolation.LimitChange{{Resource: fact.ResourceMemory, To: limit(32 * mib)}}},
			"runc (PID 7, of the host) set its memory limit to 32 MiB (unknown before)",
		},
		{
			isolation.Moment{Kind: isolation.MomentChanged, ByAnyOf: []event.Process{*runc(7, nil), *runc(8, web), {PID: 9}, {}}, Limits: []isolation.LimitChange{
				{Resource: fact.ResourceMemory, From: new(limit(32 * mib)), To: limit(64 * mib)},
			}},
			"one of runc (PID 7, of the host), runc (PID 8, its own), a process (PID 9) that had ended and a process that had ended " +
				"changed its memory limit from 32 MiB to 64 MiB",
		},
		{
			isolation.Moment{Kind: isolation.MomentKind(event.OOMKill), OOM: ownKill},
			"the kernel's OOM killer killed hog (PID 90, 60 MiB). web had reached its 64 MiB limit when hog asked for more.",
		},
		{
			isolation.Moment{Kind: isolation.MomentKind(event.OOMKill), OOM: ownKill, Count: 3, Until: at(1)},
			"the kernel's OOM killer killed 3 processes, the latest at " + at(1).UTC().Format("15:04:05.000 UTC") +
				": hog (PID 90, 60 MiB). web had reached its 64 MiB limit when hog asked for more.",
		},
		{isolation.Moment{Kind: isolation.MomentKind(event.OOMKill)}, "an OOM kill of which nothing more is known"},
		{isolation.Moment{Kind: isolation.MomentUnobserved, Count: 2}, "the kernel has counted 2 OOM kills that no event told of"},
		{
			isolation.Moment{Kind: isolation.MomentPIDsRefused, Count: 3, Until: at(1)},
			"the kernel refused it a new process or thread 3 times: a limit of processes was reached, the latest at " + at(1).UTC().Format("15:04:05.000 UTC"),
		},
		{isolation.Moment{Kind: isolation.MomentPIDsRefused, Count: 1}, "the kernel refused it a new process or thread once: a limit of processes was reached"},
		{
			isolation.Moment{Kind: isolation.MomentKind(event.InitMoved), By: runc(7, nil), Moved: &event.Moved{PID: 100, To: "/"}},
			"runc (PID 7, of the host) moved its PID 1 (100) out of its own cgroup, to /: the limits of that do not hold it any more",
		},
		{
			isolation.Moment{Kind: isolation.MomentKind(event.InitMoved), By: runc(7, nil), Moved: &event.Moved{PID: 100, To: "/docker/x", Held: true}},
			"runc (PID 7, of the host) moved its PID 1 (100) back to its own cgroup, whose limits hold it again",
		},
		{isolation.Moment{Kind: isolation.MomentStuck, Cgroup: "/pod"}, "stuck at the limit of /pod, for which the OOM killer is off"},
		{isolation.Moment{Kind: isolation.MomentUnstuck}, "stuck at its limit no more"},
		{isolation.Moment{Kind: exit, Exit: exited(3)}, "its PID 1 ended by itself, exit code 3"},
		{isolation.Moment{Kind: exit, Exit: oomKilled()}, "its PID 1 was killed by the kernel's OOM killer, exit code 137"},
		{
			isolation.Moment{Time: end, Kind: exit, Exit: asked(signalled(9, sender(4243, "runc", 0, nil)), 15, 10*time.Second, sender(4242, "runc", 0, nil))},
			"its PID 1 was ended by SIGKILL from runc (PID 4243, uid 0), exit code 137; 10.0 s before, runc (PID 4242, uid 0) had sent it SIGTERM",
		},
		{isolation.Moment{Kind: isolation.MomentGone}, "it was gone; its end was not seen"},
		{isolation.Moment{Kind: isolation.MomentVerdict, Verdict: says(137, false)}, "asked about its end, docker said exit code 137, OOMKilled=false"},
		{isolation.Moment{Kind: isolation.MomentVerdict, Verdict: &fact.EngineReport{Removed: true}}, "asked about its end, docker knew it no more"},
		{isolation.Moment{Kind: isolation.MomentVerdict}, "asked about its end, docker said nothing"},
		{isolation.Moment{Kind: isolation.MomentSaid, Said: "exec_start", Count: 2, Until: at(1)}, "docker told: exec_start, 2 times, the latest at " + at(1).UTC().Format("15:04:05.000 UTC")},
		{isolation.Moment{Kind: "of_a_later_version"}, "of_a_later_version"},
	} {
		if got := Moment(&test.moment, &c).String(); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.moment.Kind, got, test.want)
		}
	}
}

// Whatever lacks, there are words.
func TestHollowMoments(t *testing.T) {
	c := ended(nil)
	for _, kind := range append([]event.Type{
		event.Type(isolation.MomentFound), event.Type(isolation.MomentLimits), event.Type(isolation.MomentChanged), event.Type(isolation.MomentUnobserved),
		event.Type(isolation.MomentVerdict), event.Type(isolation.MomentSaid), event.Type(isolation.MomentGone),
	}, event.Types()...) {
		for _, m := range []isolation.Moment{
			{Kind: isolation.MomentKind(kind)}, {Kind: isolation.MomentKind(kind), OOM: &event.OOM{}, Exit: &event.Exit{}, Start: &event.Start{}, By: &event.Process{}},
			{Kind: isolation.MomentKind(kind), Limits: make([]isolation.LimitChange, 1), Namespaces: make([]isolation.Touched, 1), Init: &event.Process{}},
		} {
			if kind != event.Type(isolation.MomentChanged) && Moment(&m, &c).String() == "" || NamespaceMoment(&m).String() == "" {
				t.Errorf("no words for %+v", m)
			}
		}
	}
}

func TestBrief(t *testing.T) {
	kind := func(k event.Type) isolation.MomentKind { return isolation.MomentKind(k) }
	engine := &event.Process{PID: 1, Comm: "dockerd"}
	net, all := []isolation.Touched{born(event.Net)}, []isolation.Touched{born(event.Net), born(event.Mnt)}
	moments := []isolation.Moment{
		{Kind: kind(event.CgroupCreated)}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.NamespaceJoined), By: runc(2, nil), Namespaces: all},
		{Kind: kind(event.ContainerStarted)}, {Kind: isolation.MomentSaid, Said: "start"}, {Kind: isolation.MomentLimits},
		{Kind: kind(event.NamespaceJoined), By: engine, Namespaces: net, Count: 3}, {Kind: isolation.MomentSaid, Said: "exec_start"},
		{Kind: kind(event.NamespaceJoined), By: runc(2, nil), Namespaces: all, LeftOut: 5}, {Kind: isolation.MomentSaid, Said: "pause"},
		{Kind: kind(event.NamespaceJoined), By: runc(2, web), Namespaces: net}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.ContainerExited)},
		{Kind: kind(event.CgroupRemoved)}, {Kind: kind(event.CgroupCreated)}, {Kind: kind(event.NamespaceCreated)}, {Kind: kind(event.ContainerStarted)},
	}
	brief, rest := Brief(moments)
	var got []string
	for _, m := range brief {
		got = append(got, fmt.Sprint(m.Kind, m.Said, m.LeftOut))
	}
	want := []string{
		"container_started0", "limits0", "namespace_joined0", "engine_eventpause0", "namespace_joined0", "namespace_created0", "container_exited0", "container_started0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// However often each happened: so many lines does the whole history have more.
	if rest != len(moments)-len(want) {
		t.Errorf("%d moments are left to the whole history", rest)
	}
	if moments[8].LeftOut != 5 {
		t.Error("the history itself was changed")
	}
	many := make([]isolation.Moment, 100)
	if brief, rest := Brief(many); len(brief) != briefly || rest != 100-briefly {
		t.Errorf("%d moments, and %d more", len(brief), rest)
	}
}

func TestWhyNamespace(t *testing.T) {
	history := []isolation.Moment{{Time: at(1), Kind: isolation.MomentFound}}
	s := &isolation.Snapshot{
		Namespaces: []isolation.Namespace{
			{Type: event.Net, ID: 1, Host: true, Processes: []int32{1}},
			{Type: event.Net, ID: 7, Created: at(1), Via: event.ViaClone, Creator: runc(8, web), Owner: 5, Processes: []int32{1, 2}, Containers: []string{"db", "web"}, PinnedBy: []string{"/run/x"}, History: history},
		},
		Freed: []isolation.Namespace{
			{Type: event.Net, ID: 7, Freed: at(0.5), FreedVia: event.ViaKernel}, {Type: event.UTS, ID: 7, Freed: at(0.4), FreedVia: event.ViaKernel},
			{Type: event.PID, ID: 8, Parent: 3, Freed: at(0.3), FreedVia: event.ViaReconcile},
		},
	}
	for name, want := range map[string]string{
		"net:1": "net:[1] is the host's own. It lives; 1 process is known in it.",
		"net:[7]": "net:[7] was made by runc (PID 8, in web) by clone at " + at(1).UTC().Format("2006-01-02 15:04:05.000 UTC") + ". It lives; 2 processes are known in it, of db and web. " +
			"It is kept by /run/x. Its owner is user:[5]. Before it, 1 other one had the same number.",
		"uts:7": "uts:[7]'s birth was not seen. The kernel freed it at " + at(0.4).UTC().Format("2006-01-02 15:04:05.000 UTC") + ".",
		"pid:8": "pid:[8]'s birth was not seen. It is gone: by " + at(0.3).UTC().Format("2006-01-02 15:04:05.000 UTC") + " it was not found any more, or its number was another's. Its parent is pid:[3].",
	} {
		parsed, ok := ParseNamespaceName(name)
		a, err := WhyNamespace(s, parsed)
		if !ok || err != nil || a.Sentence != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", name, err, a.Sentence, want)
		}
	}
	_, err := WhyNamespace(s, NamespaceName{event.Net, 9})
	if missing := (*NoNamespaceError)(nil); !errors.As(err, &missing) || err.Error() != "nothing is known of a namespace net:[9]" {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"net", "net:", "net:[7", "net:7]", "net:[7]]", "net:0", "net:-7", "web:7", "net:[]", "net:x", ":7", "net:99999999999999999999"} {
		if n, ok := ParseNamespaceName(name); ok {
			t.Errorf("%s is %s", name, n)
		}
	}
}

func TestRemember(t *testing.T) {
	c := ended(signalled(9, sender(4242, "runc", 0, nil)))
	c.Created, c.Verdict = at(-61), says(137, false)
	c.Memory.UsageBytes = new(uint64(5))
	c.Limits = fact.CgroupLimits{Memory: new(limit(64)), CPU: new(limit(1)), PIDs: new(limit(2))}
	c.Namespaces[event.Net] = isolation.Membership{ID: 7, Relation: isolation.RelationOwn}
	c.Namespaces[event.User] = isolation.Membership{ID: 1, Relation: isolation.RelationHost}
	c.Namespaces[event.PID] = isolation.Membership{ID: 8}
	c.History = []isolation.Moment{{Kind: isolation.MomentFound}, {Kind: isolation.MomentSaid, LeftOut: 1234}}
	in := func(seconds float64, kind event.Type, of *event.Container) isolation.Moment {
		return isolation.Moment{Time: at(seconds), Kind: isolation.MomentKind(kind), Container: of}
	}
	other := func(name string) *event.Container { return &event.Container{ID: name, Name: name} }
	s := &isolation.Snapshot{
		Time: at(5), Containers: []isolation.Container{c},
		Namespaces: []isolation.Namespace{{Type: event.Net, ID: 7, Created: at(1)}}, // younger
		Freed: []isolation.Namespace{
			{Type: event.Net, ID: 7, Owner: 1, Created: at(-60.5), Creator: runc(8, web), Freed: at(0.5), FreedVia: event.ViaKernel, History: []isolation.Moment{
				in(-65, event.ContainerStarted, other("before")), in(-62, event.ContainerExited, other("before")),
				in(-60, event.ContainerStarted, web), in(-50, event.ContainerStarted, other("side")), in(-40, event.ContainerExited, other("side")),
				in(-30, event.ContainerStarted, db), in(0, event.ContainerExited, web), in(3, event.ContainerStarted, other("after")),
			}},
			{Type: event.Net, ID: 7, Created: at(-80), Freed: at(-70)}, // older
		},
	}
	k := Remember(&c, s)
	want := map[event.NamespaceType]KnownNamespace{
		event.Net: {
			ID: 7, Owner: 1, SharedWithHost: new(false), SharedWith: []string{"db", "side"}, Created: at(-60.5), Creator: runc(8, web),
			Freed: at(0.5), FreedVia: event.ViaKernel,
		},
		event.User: {ID: 1, SharedWithHost: new(true)},
		event.PID:  {ID: 8},
	}
	if diff := cmp.Diff(want, k.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	a := Why(&c, s)
	if diff := cmp.Diff(a, Answer{
		Container: k.Container, State: k.State, PID: k.PID, Comm: k.Comm, Started: k.Started, Sentence: k.Sentence, Text: k.Text, OOMKills: k.OOMKills,
		End: k.End, History: k.History,
	}); diff != "" {
		t.Errorf("why and inspect differ:\n%s", diff)
	}
	unknown := strings.Join(k.Unknown, "\n")
	for _, says := range []string{"were gone with it", "its mnt, ipc, uts, cgroup, time namespace", "1,234 moments"} {
		if !strings.Contains(unknown, says) {
			t.Errorf("nothing of %q in\n%s", says, unknown)
		}
	}
	if len(k.Unknown) != 3 || !k.AsOf.Equal(at(5)) {
		t.Errorf("unknown:\n%s", unknown)
	}

	little := isolation.Container{ID: webID, Label: "web", State: isolation.Exited}
	for _, says := range []string{"when its own program started", "how it was started", "its namespaces", "how much memory", "its limits", "how many processes the OOM killer took from it before", "how it ended", "what its engine says"} {
		if !strings.Contains(strings.Join(Remember(&little, s).Unknown, "\n"), says) {
			t.Errorf("of one of which nothing is known it is not said: %s", says)
		}
	}
	little.State = isolation.Running
	if says := Remember(&little, s).Unknown[0]; !strings.Contains(says, "`sudo nsviz inspect` reads while it lives") {
		t.Errorf("of one that lives: %s", says)
	}
}
