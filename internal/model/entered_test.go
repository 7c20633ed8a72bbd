package model

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func TestWhoseNamespaceIsJoined(t *testing.T) {
	web, side := who("a", "web"), who("b", "side")
	host := hostIs(1, 2, 3, 4)
	surveyed := fact.Fact{Time: at(3), Namespaces: &fact.Survey{Namespaces: []fact.Namespace{{Type: event.Net, ID: 12, MadeFor: &web}}}}
	tests := map[string]struct {
		facts []fact.Fact
		net   uint64
		of    string
		host  bool
	}{
		"a container's":        {[]fact.Fact{host, started(1, web, 5, 10, 11, 12)}, 12, "web", false},
		"one that was found":   {[]fact.Fact{host, found(1, web, 5, 10, 11, 12)}, 12, "web", false},
		"shared, of the first": {[]fact.Fact{host, started(1, web, 5, 10, 11, 12), started(2, side, 6, 20, 21, 12)}, 12, "web", false},
		"shared, of the one that it was made for": {
			[]fact.Fact{host, found(1, side, 6, 20, 21, 12), found(2, web, 5, 10, 11, 12), surveyed}, 12, "web", false,
		},
		"of one that was named later":   {[]fact.Fact{host, started(1, who("a", ""), 5, 10, 11, 12), named(2, web)}, 12, "web", false},
		"the host's":                    {[]fact.Fact{host, started(1, web, 5, 10, 11, 3)}, 3, "", true},
		"nobody's":                      {[]fact.Fact{host, started(1, web, 5, 10, 11, 12)}, 13, "", false},
		"of one that has ended":         {[]fact.Fact{host, started(1, web, 5, 10, 11, 12), exited(2, web, 5)}, 12, "", false},
		"with the host's not known":     {[]fact.Fact{started(1, web, 5, 10, 11, 12)}, 3, "", false},
		"one of another type by number": {[]fact.Fact{hostIs(1, 2, 3, 44), started(1, web, 5, 10, 11, 12)}, 44, "", false},
		"of one that is being started":  {[]fact.Fact{host, created(1, web), inStart(1, web, 12)}, 12, "web", false},
	}
	for name, test := range tests {
		e := joined(9, 50, nil, event.Namespace{Type: event.Net, ID: test.net}).Event
		if !modelOf(DefaultLimits(), test.facts...).Complete(e) {
			t.Errorf("%s: the event was refused", name)
		}
		if n := e.Namespace; n.Of.Label() != test.of || n.Host != test.host || n.Starting != (name == "of one that is being started") {
			t.Errorf("%s: of %q, the host's %t, starting %t; want %q, %t", name, n.Of.Label(), n.Host, n.Starting, test.of, test.host)
		}
	}
}

// Whose namespace was joined, and which container was entered, is described as completely as the container of any event.
func TestWhoseIsDescribed(t *testing.T) {
	outer := who("a", "outer")
	inner := who("b", "app")
	inner.Kind, inner.Image, inner.Runtime, inner.Labels = event.KindPod, "img", "containerd", map[string]string{"team": "x"}
	inner.Group = &event.Group{Kind: event.GroupPod, Namespace: "shop", Name: "cart", Member: "app"}
	inner.Parent = &outer
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4), started(1, outer, 5, 10, 11, 12), started(2, inner, 6, 20, 21, 22), named(3, inner))
	join := joined(9, 50, nil, event.Namespace{Type: event.Net, ID: 22}).Event
	entry := entering(9, 50, nil, 20, 21, 22)
	if !m.Complete(join) || !m.Complete(&entry) {
		t.Fatal("refused")
	}
	for which, got := range map[string]*event.Container{"joined": join.Namespace.Of, "entered": entry.Entered.Container} {
		if diff := cmp.Diff(&inner, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", which, diff)
		}
	}
}

// inStart returns the creation of a net namespace from inside of a container's cgroup.
func inStart(seconds float64, c event.Container, id uint64) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.NamespaceCreated, PID: 10, Comm: "runc", Container: &c, Namespace: &event.Namespace{Type: event.Net, ID: id, Via: event.ViaUnshare},
	})
}

// entering returns the exec of a process in some namespaces, by a process of the host. in is the container by its cgroup, nil is the
// host.
func entering(seconds float64, pid int32, in *event.Container, ids ...uint64) event.Event {
	e := event.Event{
		Time: at(seconds), Type: event.ContainerEntered, PID: pid, Comm: "sh", UID: new(uint32(1000)), Container: in,
		Entered: &event.Entered{CommandLine: "sh -c id", By: &event.Process{PID: 40, Comm: "runc", UID: new(uint32(0))}, Below: true},
	}
	copy(e.Entered.Namespaces[:], ids)
	return e
}

func TestEntered(t *testing.T) {
	web, side := who("a", "web"), who("b", "side")
	base := []fact.Fact{hostIs(1, 2, 3, 4), started(1, web, 5, 10, 11, 12, 4), started(2, side, 6, 20, 21, 12, 4)}
	by := func(c *event.Container, below bool, e event.Event) event.Event {
		e.Entered.By.Container, e.Entered.Below = c, below
		return e
	}
	for name, test := range map[string]struct {
		facts []fact.Fact
		e     event.Event
		want  string // the container and which of its namespaces; "" is no entry
	}{
		"all of its namespaces":    {nil, entering(9, 50, &web, 10, 11, 12, 4), "web [10 11 12 0 0 0 0 0]"},
		"from the host's cgroup":   {nil, entering(9, 50, nil, 10, 11, 12, 4), "web [10 11 12 0 0 0 0 0]"},
		"pid and net":              {nil, entering(9, 50, nil, 1, 11, 12, 4), "web [0 11 12 0 0 0 0 0]"},
		"mnt of one, net of two":   {nil, entering(9, 50, nil, 20, 2, 12, 4), "side [20 0 12 0 0 0 0 0]"},
		"mnt alone":                {nil, entering(9, 50, nil, 10, 2, 3, 4), ""},
		"mnt alone, in its cgroup": {nil, entering(9, 50, &web, 10, 2, 3, 4), "web [10 0 0 0 0 0 0 0]"},
		"a pid ns of two, in the cgroup of the second": {
			[]fact.Fact{started(8, who("c", "new"), 7, 30, 11, 32, 4)}, entering(9, 50, ptrTo(who("c", "new")), 1, 11, 3, 4), "new [0 11 0 0 0 0 0 0]",
		},
		"neither mnt nor pid":                     {nil, entering(9, 50, nil, 1, 2, 12, 4), ""},
		"a sandbox inside":                        {nil, entering(9, 50, &web, 99, 98, 12, 4), ""},
		"those of nobody":                         {nil, entering(9, 50, nil, 99, 98, 97, 4), ""},
		"the host's":                              {nil, entering(9, 50, nil, 1, 2, 3, 4), ""},
		"by its own process, as systemd":          {nil, by(&web, false, entering(9, 50, &web, 99, 11, 12, 4)), ""},
		"by its runtime in its cgroup":            {nil, by(&web, true, entering(9, 50, &web, 10, 11, 12, 4)), "web [10 11 12 0 0 0 0 0]"},
		"by another container":                    {nil, by(&side, false, entering(9, 50, &side, 10, 11, 12, 4)), "web [10 11 12 0 0 0 0 0]"},
		"its own PID 1":                           {nil, entering(9, 5, &web, 10, 11, 12, 4), ""},
		"one that has ended":                      {[]fact.Fact{exited(8, web, 5)}, entering(9, 50, nil, 10, 11, 97, 4), ""},
		"one that has not started":                {[]fact.Fact{created(8, who("c", "new")), inStart(8, who("c", "new"), 77)}, entering(9, 50, nil, 1, 77, 77, 4), ""},
		"one of which only the pid ns is its own": {[]fact.Fact{started(8, who("c", "new"), 7, 1, 31, 3, 4)}, entering(9, 50, ptrTo(who("c", "new")), 1, 31, 3, 4), "new [0 31 0 0 0 0 0 0]"},
	} {
		m := modelOf(DefaultLimits(), append(base[:len(base):len(base)], test.facts...)...)
		e := test.e
		got := ""
		if m.Complete(&e) {
			got = fmt.Sprint(e.Entered.Container.Label(), " ", [event.NamespaceTypeCount]uint64(e.Entered.Namespaces))
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func ptrTo[T any](v T) *T { return &v }

// An entry is reported once: the joins before it and what the engine reports of it are part of it.
func TestEntryInHistory(t *testing.T) {
	web := who("a", "web")
	base := []fact.Fact{hostIs(1, 2, 3, 4), started(1, web, 5, 10, 11, 12, 4)}
	joins := func(seconds float64, pid int32) []fact.Fact {
		return []fact.Fact{
			joined(seconds, pid, nil, event.Namespace{Type: event.Net, ID: 12}), joined(seconds+0.1, pid, nil, event.Namespace{Type: event.PID, ID: 11}),
			joined(seconds+0.2, pid, nil, event.Namespace{Type: event.Mnt, ID: 10}),
		}
	}
	enters := func(seconds float64, pid int32, in *event.Container) fact.Fact {
		e := entering(seconds, pid, in, 10, 11, 12)
		e.Entered.Container = &web
		return happened(seconds, e)
	}
	asks := func(seconds float64) fact.Fact { return said(seconds, web, fact.ActionExec) }
	for name, test := range map[string]struct {
		facts [][]fact.Fact
		want  []string
	}{
		"joins": {[][]fact.Fact{joins(2, 50)}, []string{"2 namespace_joined by nsenter/50 net:12* pid:11* mnt:10*"}},
		"joins, then the entry": {
			[][]fact.Fact{joins(2, 50), {enters(3, 51, nil)}}, []string{"3 container_entered by runc/40"},
		},
		"joins long before it": {
			[][]fact.Fact{joins(2, 50), {enters(13, 51, nil)}},
			[]string{"2 namespace_joined by nsenter/50 net:12* pid:11* mnt:10*", "13 container_entered by runc/40"},
		},
		"three times, and joins alone": {
			[][]fact.Fact{joins(2, 50), {enters(3, 51, nil)}, joins(4, 52), {enters(5, 53, nil)}, joins(6, 54), joins(6.5, 55), {enters(7, 56, nil)}},
			[]string{"3 container_entered 3 times until 7 by runc/40", "6 namespace_joined by nsenter/54 net:12* pid:11* mnt:10*"},
		},
		"joins of one and of several": {
			[][]fact.Fact{{joined(2, 60, nil, event.Namespace{Type: event.Net, ID: 12})}, joins(3, 50), {enters(4, 51, nil)}, joins(5, 52), {enters(6, 53, nil)}},
			[]string{"2 namespace_joined by nsenter/60 net:12*", "4 container_entered 2 times until 6 by runc/40"},
		},
		"the joins of two, one in between the other": {
			[][]fact.Fact{joins(2, 50)[:1], joins(2.05, 52), joins(2, 50)[1:], {enters(3, 51, nil), enters(4, 53, nil)}},
			[]string{"3 container_entered 2 times until 4 by runc/40"},
		},
		"its own processes make namespaces between its joins": {
			[][]fact.Fact{joins(2, 50)[:2], {inStart(2.1, web, 77)}, joins(2, 50)[2:], {enters(3, 51, nil)}},
			[]string{"2.1 namespace_created by runc/10 of web net:77", "3 container_entered by runc/40"},
		},
		"several at once": {
			[][]fact.Fact{joins(2, 50), joins(3, 52), joins(4, 54), {enters(5, 53, nil), enters(6, 51, nil), enters(7, 55, nil)}},
			[]string{"5 container_entered 3 times until 7 by runc/40"},
		},
		"the joins of another namespace stay": {
			[][]fact.Fact{{joined(2, 60, nil, event.Namespace{Type: event.Net, ID: 12})}, {enters(3, 51, nil)}},
			[]string{"2 namespace_joined by nsenter/60 net:12*", "3 container_entered by runc/40"},
		},
		"the engine reports it before": {
			[][]fact.Fact{{asks(2)}, {enters(3, 51, &web)}}, []string{"3 container_entered by runc/40"},
		},
		"the engine reports it after": {
			[][]fact.Fact{{enters(3, 51, &web), asks(4)}}, []string{"3 container_entered by runc/40"},
		},
		"the engine reports three, of which one failed": {
			[][]fact.Fact{{asks(2), asks(2), enters(3, 51, &web), enters(3.5, 52, &web), asks(4)}},
			[]string{"3 container_entered 2 times until 3.5 by runc/40", "4 engine_event exec_start"},
		},
		"the engine reports one much later": {
			[][]fact.Fact{{enters(3, 51, &web), asks(14)}}, []string{"3 container_entered by runc/40", "14 engine_event exec_start"},
		},
		"by hand, while the engine reports one that failed": {
			[][]fact.Fact{{asks(2), enters(3, 51, nil)}}, []string{"2 engine_event exec_start", "3 container_entered by runc/40"},
		},
	} {
		m := modelOf(DefaultLimits(), base...)
		for _, facts := range test.facts {
			for _, f := range facts {
				m.Apply(f)
			}
		}
		history := m.Snapshot().container(t, "a").History
		if diff := cmp.Diff(test.want, historyLines(history)[1:]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Whoever enters one of the containers that share a net namespace has not entered the others.
func TestEntryIntoOneThatSharesItsNet(t *testing.T) {
	web, side := who("a", "web"), who("b", "side")
	joinsNet := func(seconds float64, pid int32) fact.Fact {
		return joined(seconds, pid, nil, event.Namespace{Type: event.Net, ID: 12})
	}
	joinsWeb := func(seconds float64, pid int32) []fact.Fact {
		return []fact.Fact{
			joinsNet(seconds, pid), joined(seconds+0.1, pid, nil, event.Namespace{Type: event.PID, ID: 11}),
			joined(seconds+0.2, pid, nil, event.Namespace{Type: event.Mnt, ID: 10}),
		}
	}
	entry := func(seconds float64, pid int32) fact.Fact {
		e := entering(seconds, pid, nil, 10, 11, 12)
		e.Entered.Container = &web
		return happened(seconds, e)
	}
	for name, test := range map[string]struct {
		facts [][]fact.Fact
		want  []string // of side
	}{
		"an entry":                      {[][]fact.Fact{joinsWeb(2, 50), {entry(3, 51)}}, nil},
		"a join of somebody else stays": {[][]fact.Fact{{joinsNet(1.5, 60)}, joinsWeb(2, 50), {entry(3, 51)}}, []string{"1.5 namespace_joined by nsenter/60 net:12*"}},
		"a join that nobody follows up": {[][]fact.Fact{{joinsNet(2, 50)}}, []string{"2 namespace_joined by nsenter/50 net:12*"}},
	} {
		m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4), started(1, side, 6, 20, 21, 12, 4), started(1.1, web, 5, 10, 11, 12, 4))
		for _, facts := range test.facts {
			for _, f := range facts {
				m.Apply(f)
			}
		}
		history := historyLines(m.Snapshot().container(t, "b").History)
		if diff := cmp.Diff(test.want, history[1:], cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A process that has entered and leaves a namespace, to execute again, has not entered again. One that enters more has.
func TestEntersOnce(t *testing.T) {
	web := who("a", "web")
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4), started(1, web, 5, 10, 11, 12, 4))
	for i, step := range []struct {
		seconds float64
		pid     int32
		ids     []uint64
		want    bool
	}{
		{2, 50, []uint64{10, 11, 3}, true},
		{3, 50, []uint64{77, 11, 3}, false},  // unshare --mount
		{3, 51, []uint64{77, 11, 12}, true},  // another process
		{4, 50, []uint64{10, 11, 12}, true},  // into net, too
		{15, 50, []uint64{77, 11, 12}, true}, // another process with that PID, most likely
	} {
		e := entering(step.seconds, step.pid, &web, step.ids...)
		got := m.Complete(&e)
		if got != step.want {
			t.Errorf("step %d: %t", i, got)
		}
		if got {
			m.Apply(happened(step.seconds, e))
		}
	}
	if got := m.Snapshot().Totals.Entries["web"]; got != 4 {
		t.Errorf("%d entries are counted", got)
	}
}

// What an engine does in the namespaces of a container before its program starts is marked.
func TestJoinsWhileStarting(t *testing.T) {
	web := who("a", "web")
	dockerd := func(seconds float64) fact.Fact {
		f := joined(seconds, 60, nil, event.Namespace{Type: event.Net, ID: 12})
		f.Event.Comm = "dockerd"
		return f
	}
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4), created(1, web), inStart(1.1, web, 12), dockerd(1.2), started(2, web, 5, 10, 11, 12, 4), dockerd(3))
	var got []bool
	for _, entry := range m.Snapshot().container(t, "a").History {
		if entry.Kind == entryNamespaceJoined {
			got = append(got, entry.Starting)
		}
	}
	if diff := cmp.Diff([]bool{true, false}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Entries of different users or commands are entries of their own.
func TestEntriesApart(t *testing.T) {
	web := who("a", "web")
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4), started(1, web, 5, 10, 11, 12, 4))
	for i, edit := range []func(*event.Event){
		func(*event.Event) {}, func(*event.Event) {}, func(e *event.Event) { e.UID = new(uint32(0)) },
		func(e *event.Event) { e.Entered.CommandLine = "ls" }, func(e *event.Event) { e.Entered.By.UID = new(uint32(1000)) },
		func(e *event.Event) { e.Entered.By.Comm = "nsenter" }, func(e *event.Event) { e.Container = &web },
		func(e *event.Event) { e.Container, e.Entered.By.Comm = &web, "containerd-shim" }, // also an engine's
	} {
		e := entering(float64(2+i), int32(50+i), nil, 10, 11, 12)
		e.Entered.Container = &web
		edit(&e)
		m.Apply(happened(float64(2+i), e))
	}
	c := m.Snapshot().container(t, "a")
	if got := len(c.History) - 1; got != 6 || c.History[1].Count != 2 || c.History[6].Count != 2 {
		t.Errorf("%d entries: %v", got, historyLines(c.History))
	}
	if p := c.History[1].Process; p.PID != 0 || p.UID == nil || *p.UID != 1000 {
		t.Errorf("by several processes of one user: %+v", p)
	}
	if got := m.Snapshot().Totals.Entries; got["web"] != 8 || len(got) != 1 {
		t.Errorf("counted: %v", got)
	}
}
