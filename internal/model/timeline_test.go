package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// historyLines writes entries in short, a line each.
func historyLines(entries []Entry) []string {
	var list []string
	for i := range entries {
		m := &entries[i]
		words := []string{fmt.Sprint(m.Time.Sub(t0).Seconds()), string(m.Kind)}
		add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
		if m.LeftOut > 0 {
			add("after %d more", m.LeftOut)
		}
		if m.Count > 0 {
			add("%d times until %v", m.Count, m.Until.Sub(t0).Seconds())
		}
		if m.By != nil {
			add("by %s/%d", m.By.Comm, m.By.PID)
			if m.By.Container != nil {
				add("of %s", m.By.Container.Label())
			}
		}
		for i, by := range m.ByAnyOf {
			add("%s %s/%d", []string{"by any of", "or"}[min(i, 1)], by.Comm, by.PID)
		}
		for _, n := range m.Namespaces {
			whose := ""
			if n.Host {
				whose = " the host's"
			}
			if n.Own {
				whose = "*"
			}
			add("%s:%d%s", n.Type, n.ID, whose)
			if n.Container != nil {
				add("of %s", n.Container.Label())
			}
		}
		if m.Container != nil {
			add("container %s", m.Container.Label())
		}
		for _, l := range m.Limits {
			from := "?"
			if l.From != nil {
				from = limitWords(*l.From)
			}
			add("%s %s to %s", l.Resource, from, limitWords(l.To))
			if !l.After.IsZero() {
				add("after %v", l.After.Sub(t0).Seconds())
			}
		}
		if m.OOM != nil {
			add("%s/%d", m.OOM.Victim.Comm, m.OOM.Victim.PID)
		}
		if m.Action != "" {
			add("%s", m.Action)
		}
		list = append(list, strings.Join(words, " "))
	}
	return list
}

func limitWords(l fact.Limit) string {
	if l.Value == nil {
		return "none"
	}
	return fmt.Sprint(*l.Value)
}

// namespaceCreated returns a namespace created by a process.
func namespaceCreated(seconds float64, pid int32, comm string, c *event.Container, typ event.NamespaceType, id uint64) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.NamespaceCreated, PID: pid, Comm: comm, Container: c,
		Namespace: &event.Namespace{Type: typ, ID: id, Owner: 6, Via: event.ViaUnshare},
	})
}

func freed(seconds float64, typ event.NamespaceType, id uint64) fact.Fact {
	return happened(seconds, event.Event{Type: event.NamespaceFreed, Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaKernel}})
}

// acted returns a join by a process of any name.
func acted(comm string, f fact.Fact) fact.Fact {
	f.Event.Comm = comm
	return f
}

// wholeLife returns what a container goes through, and another one that shares its net namespace.
func wholeLife() []fact.Fact {
	web, db := who("a", "web"), who("b", "db")
	net := event.Namespace{Type: event.Net, ID: 22}
	mnt := event.Namespace{Type: event.Mnt, ID: 20}
	return []fact.Fact{
		hostIs(1, 2, 3, 4, 5, 6, 7, 8),
		created(1, web),
		namespaceCreated(1.1, 9, "runc", &web, event.Mnt, 20), namespaceCreated(1.1, 9, "runc", &web, event.PID, 21), namespaceCreated(1.1, 9, "runc", &web, event.Net, 22),
		acted("dockerd", joined(1.2, 50, nil, net)),
		acted("dockerd", joined(1.25, 50, nil, event.Namespace{Type: event.Net, ID: 3})),
		acted("dockerd", joined(1.3, 50, nil, net)),
		started(1.5, web, 100, 20, 21, 22, 4, 5, 6, 7, 8),
		said(1.6, web, "start"),
		limited(2, web, fact.CgroupLimits{Memory: limit(64), CPU: limit(0), PIDs: limit(100)}),
		limited(2.5, web, fact.CgroupLimits{Memory: limit(64)}),
		created(3, db),
		joined(3.1, 60, &db, net),
		started(3.2, db, 110, 30, 31, 22, 4, 5, 6, 7, 8),
		joined(4, 70, nil, mnt), joined(4, 70, nil, net),
		joined(5, 71, nil, mnt), joined(5, 71, nil, net),
		limited(5.4, web, fact.CgroupLimits{Memory: limit(64), CPU: limit(0)}),
		limited(6, web, fact.CgroupLimits{Memory: limit(96), PIDs: limit(100)}),
		killed(7, &web, 101), killed(7.1, &web, 102),
		joined(8, 72, nil, mnt),
		killed(8, &web, 103),
		joined(9, 100, &web, event.Namespace{Type: event.Net, ID: 3}),
		exited(10, web, 100),
		engineReported(10.1, web, false),
		removed(10.2, web),
		freed(10.3, event.Mnt, 20), freed(10.3, event.PID, 21),
		said(11, web, "destroy"),
	}
}

func TestHistories(t *testing.T) {
	s := modelOf(DefaultLimits(), wholeLife()...).Full()
	if diff := cmp.Diff([]string{
		"1 cgroup_created by runc/10",
		"1.1 namespace_created by runc/9 of web mnt:20 pid:21 net:22",
		"1.2 namespace_joined 2 times until 1.3 by dockerd/50 net:22*",
		"1.5 container_started mnt:20 pid:21 net:22 ipc:4 the host's uts:5 the host's user:6 the host's cgroup:7 the host's time:8 the host's",
		"1.6 engine_event start",
		"2 limits memory ? to 64 cpu ? to none pids ? to 100",
		"3.1 namespace_joined by nsenter/60 of db net:22*",
		"4 namespace_joined 2 times until 5 by nsenter/0 mnt:20* net:22*",
		"6 limits_changed memory 64 to 96 after 5.4",
		"7 oom_kill 3 times until 8 hog/103",
		"8 namespace_joined by nsenter/72 mnt:20*",
		"9 namespace_joined by nsenter/100 of web net:3 the host's",
		"10 container_exited",
		"10.1 engine_verdict",
		"10.2 cgroup_removed by runc/10",
		"11 engine_event destroy",
	}, historyLines(s.container(t, "a").History)); diff != "" {
		t.Errorf("web (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"3 cgroup_created by runc/10",
		"3.1 namespace_joined by nsenter/60 of db net:22 of web",
		"3.2 container_started mnt:30 pid:31 net:22 of web ipc:4 the host's uts:5 the host's user:6 the host's cgroup:7 the host's time:8 the host's",
		"4 namespace_joined 2 times until 5 by nsenter/0 net:22*",
	}, historyLines(s.container(t, "b").History)); diff != "" {
		t.Errorf("db (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"1.1 namespace_created by runc/9 of web",
		"1.2 namespace_joined 2 times until 1.3 by dockerd/50",
		"1.5 container_started container web",
		"3.1 namespace_joined by nsenter/60 of db",
		"3.2 container_started container db",
		"4 namespace_joined 2 times until 5 by nsenter/0",
		"10 container_exited container web",
	}, historyLines(namespaceOf(t, s.Namespaces, 22).History)); diff != "" {
		t.Errorf("net:22 (-want +got):\n%s", diff)
	}
	mnt := namespaceOf(t, s.Freed, 20)
	if diff := cmp.Diff([]string{
		"1.1 namespace_created by runc/9 of web",
		"1.5 container_started container web",
		"4 namespace_joined 3 times until 8 by nsenter/0",
		"10 container_exited container web",
		"10.3 namespace_freed",
	}, historyLines(mnt.History)); diff != "" {
		t.Errorf("mnt:20 (-want +got):\n%s", diff)
	}
	if !mnt.Freed.Equal(at(10.3)) || mnt.FreedVia != event.ViaKernel || mnt.Owner != 6 || mnt.Creator.PID != 9 {
		t.Errorf("mnt:20 is %+v", mnt)
	}
	if c := s.container(t, "a"); !c.Limits.Memory.Equal(*limit(96)) || !c.Limits.CPU.Equal(*limit(0)) {
		t.Errorf("limits are %+v", c.Limits)
	}
}

func namespaceOf(t *testing.T, list []Namespace, id uint64) *Namespace {
	t.Helper()
	i := slices.IndexFunc(list, func(n Namespace) bool { return n.ID == id })
	if i < 0 {
		t.Fatalf("no namespace %d in %+v", id, list)
	}
	return &list[i]
}

func historyOf(t *testing.T, letter string, facts ...fact.Fact) []string {
	t.Helper()
	return historyLines(modelOf(DefaultLimits(), facts...).Full().container(t, letter).History)
}

func TestContainerHistories(t *testing.T) {
	web := who("a", "web")
	net := event.Namespace{Type: event.Net, ID: 22}
	const entry = "container_started mnt:20 pid:21 net:22"
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  []string
	}{
		{
			"running before nsviz", []fact.Fact{found(1, web, 5, 20), limited(2, web, fact.CgroupLimits{Memory: limit(1)}), gone(3, web)},
			[]string{"1 found mnt:20", "2 limits memory ? to 1", "3 gone"},
		},
		{
			"its end is read after it is gone", []fact.Fact{created(1, web), started(2, web, 5), removed(3, web), exited(2.9, web, 5)},
			[]string{"1 cgroup_created by runc/10", "2 container_started", "2.9 container_exited", "3 cgroup_removed by runc/10"},
		},
		{
			"started again", []fact.Fact{created(1, web), started(2, web, 5), exited(3, web, 5), created(4, web), started(5, web, 6)},
			[]string{
				"1 cgroup_created by runc/10", "2 container_started", "3 container_exited",
				"4 cgroup_created by runc/10", "5 container_started",
			},
		},
		{
			"made by its runtime from outside",
			[]fact.Fact{
				namespaceCreated(1, 9, "crun", nil, event.Mnt, 20), namespaceCreated(1, 9, "crun", nil, event.PID, 21), created(1.1, web),
				started(1.2, web, 5, 20, 21),
			},
			[]string{
				"1 namespace_created by crun/9 mnt:20 pid:21", "1.1 cgroup_created by runc/10", "1.2 container_started mnt:20 pid:21",
			},
		},
		{
			"kills that only the kernel has counted",
			[]fact.Fact{started(1, web, 5), counted(2, web, 3), counted(3, web, 3), counted(4, web, 5), counted(5, web, 5), counted(6, web, 5)},
			[]string{"1 container_started", "4 oom_kills_unobserved 5 times until 6"},
		},
		{
			"a limit that was not read is not changed",
			[]fact.Fact{
				started(1, web, 5), limited(2, web, fact.CgroupLimits{Memory: limit(1), PIDs: limit(2)}), limited(3, web, fact.CgroupLimits{Memory: limit(1)}),
				limited(4, web, fact.CgroupLimits{PIDs: limit(0)}), limited(5, web, fact.CgroupLimits{CPU: limit(1)}),
			},
			[]string{
				"1 container_started", "2 limits memory ? to 1 pids ? to 2", "4 limits_changed pids 2 to none after 2", "5 limits cpu ? to 1",
			},
		},
		{
			"no reading of limits before its program runs", []fact.Fact{created(1, web), memory(1.1, web, 5), started(2, web, 5)},
			[]string{"1 cgroup_created by runc/10", "2 container_started"},
		},
		{
			"a name that comes later", []fact.Fact{started(1, who("b", ""), 5, 20, 21, 22), started(2, web, 6, 30, 31, 22)},
			[]string{"2 container_started mnt:30 pid:31 net:22 of bbbbbbbbbbbb"},
		},
		{
			"late ones take their place", []fact.Fact{started(1, web, 5, 20, 21, 22), said(3, web, "kill"), joined(2.5, 7, nil, net), said(1.5, web, "start")},
			[]string{"1 " + entry, "1.5 engine_event start", "2.5 namespace_joined by nsenter/7 net:22*", "3 engine_event kill"},
		},
		{
			"the clock was set back", []fact.Fact{started(100, web, 5, 20, 21, 22), said(102, web, "kill"), said(1, web, "start")},
			[]string{"100 " + entry, "102 engine_event kill", "1 engine_event start"},
		},
		{
			"a container that leaves for another's namespace, and for one that nobody knows",
			[]fact.Fact{
				started(1, web, 5, 20, 21, 22), started(2, who("b", "db"), 6, 30, 31, 32),
				joined(3, 5, &web, event.Namespace{Type: event.Net, ID: 32}), joined(4, 5, &web, event.Namespace{Type: event.Mnt, ID: 99}),
			},
			[]string{"1 " + entry, "3 namespace_joined by nsenter/5 of web net:32 of db", "4 namespace_joined by nsenter/5 of web mnt:99"},
		},
		{
			"brought in from outside as a process of its own, but not on its way in",
			[]fact.Fact{
				created(1, web), namespaceCreated(1, 8, "runc", &web, event.Net, 22), joined(1, 8, &web, net), started(1, web, 5, 20, 21, 22), joined(2, 9, &web, net),
			},
			[]string{
				"1 cgroup_created by runc/10", "1 namespace_created by runc/8 of web net:22", "1 " + entry, "2 namespace_joined by nsenter/9 of web net:22*",
			},
		},
		{
			"what the engine does again and again", []fact.Fact{started(1, web, 5), said(2, web, "exec_start"), said(3, web, "exec_start"), said(4, web, "update")},
			[]string{"1 container_started", "2 engine_event 2 times until 3 exec_start", "4 engine_event update"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, historyOf(t, "a", test.facts...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// counted returns a reading of the kernel's own count of kills.
func counted(seconds float64, c event.Container, kills uint64) fact.Fact {
	return fact.Fact{Time: at(seconds), Memory: []fact.Reading{{ID: c.ID, OOMKills: &kills}}}
}

// Many joins by processes of one name are one entry.
func TestRepetitionsAreFolded(t *testing.T) {
	web := who("a", "web")
	m := modelOf(DefaultLimits(), started(1, web, 5, 20, 21, 22))
	const visits = 1203
	for i := range visits {
		second := 2 + float64(i)/1000
		for typ, id := range []uint64{20, 21, 22} {
			m.Apply(joined(second, int32(1000+i), nil, event.Namespace{Type: event.NamespaceType(typ), ID: id}))
		}
		if i%3 == 0 {
			m.Apply(killed(second, &web, int32(2000+i)))
			m.Apply(said(second, web, "exec_start"))
		}
	}
	want := []string{
		"1 container_started mnt:20 pid:21 net:22",
		"2 namespace_joined 1203 times until 3.202 by nsenter/0 mnt:20* pid:21* net:22*",
		"2 oom_kill 401 times until 3.2 hog/3200",
		"2 engine_event 401 times until 3.2 exec_start",
	}
	if diff := cmp.Diff(want, historyLines(m.Snapshot().container(t, "a").History)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A crowd of ever new ones leaves the first and the latest, and the number of the others.
func TestHistoryIsBounded(t *testing.T) {
	web := who("a", "web")
	m := modelOf(DefaultLimits(), created(1, web), started(2, web, 5, 20, 21, 22))
	const crowd = 5000
	for i := range crowd {
		m.Apply(acted(fmt.Sprint("name ", i), joined(3+float64(i), int32(1000+i), nil, event.Namespace{Type: event.Net, ID: 22})))
		history := m.Snapshot().container(t, "a").History
		kept := uint64(0)
		for j := range history {
			kept += history[j].Times() + history[j].LeftOut
		}
		if n := len(history); n != min(i+3, containerExtent.first+containerExtent.latest) || kept != uint64(i+3) {
			t.Fatalf("after %d joins %d entries, which stand for %d", i+1, n, kept)
		}
	}
	history := m.Snapshot().container(t, "a").History
	if history[0].Kind != entryCgroupCreated || history[1].Kind != entryStarted || history[2].By.Comm != "name 0" ||
		history[len(history)-1].By.Comm != fmt.Sprint("name ", crowd-1) {
		t.Errorf("%q", historyLines(history))
	}
	for i := range history {
		if want := i == containerExtent.first; (history[i].LeftOut > 0) != want {
			t.Errorf("entry %d is after %d more", i, history[i].LeftOut)
		}
	}
}

// Freed namespaces are kept for as long as containers that ended, and a crowd of them does not push out
// those that containers were in.
func TestFreedAreBounded(t *testing.T) {
	limits := DefaultLimits()
	limits.Freed = 10
	web := who("a", "web")
	m := modelOf(limits, namespaceCreated(1, 9, "runc", &web, event.Net, 22), started(2, web, 5, 20, 21, 22), exited(3, web, 5), freed(4, event.Net, 22))
	for i := range uint64(100) {
		m.Apply(namespaceCreated(5+float64(i), 9, "unshare", nil, event.UTS, 1000+i))
		m.Apply(freed(5+float64(i), event.UTS, 1000+i))
	}
	list := m.Full().Freed
	if len(list) != 11 || list[0].ID != 1099 || list[9].ID != 1090 || list[10].ID != 22 {
		t.Errorf("%d namespaces, %+v", len(list), list)
	}
	m.Apply(passed(5 + limits.Retention.Seconds()))
	if list := m.Full().Freed; len(list) != 10 {
		t.Errorf("%d namespaces are kept for too long", len(list))
	}
	m.Apply(passed(1000 + limits.Retention.Seconds()))
	if list := m.Full().Freed; list != nil {
		t.Errorf("%d namespaces are kept for too long", len(list))
	}
	if m.Snapshot().Freed != nil {
		t.Error("each frame lists them")
	}
}

// Of a number that is given out again each namespace has its own history.
func TestReusedNamespaceNumberStartsANewHistory(t *testing.T) {
	s := modelOf(
		DefaultLimits(),
		namespaceCreated(1, 9, "first", nil, event.UTS, 50), freed(2, event.UTS, 50), namespaceCreated(2, 9, "second", nil, event.Net, 50),
		namespaceCreated(3, 9, "third", nil, event.Net, 50), // whose end nobody reported
		survey(4, fact.Namespace{Type: event.IPC, ID: 50}),
		happened(5, event.Event{Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.IPC, ID: 50, Via: event.ViaReconcile}}),
	).Full()
	var got []string
	for _, n := range append(s.Namespaces, s.Freed...) {
		got = append(got, fmt.Sprint(n.Type, " ", strings.Join(historyLines(n.History), ", "), " ", n.FreedVia))
	}
	if diff := cmp.Diff([]string{
		"ipc 4 found ",
		"net 3 namespace_created by third/9, 4 namespace_freed reconcile",
		"net 2 namespace_created by second/9, 3 namespace_freed reconcile",
		"uts 1 namespace_created by first/9, 2 namespace_freed kernel",
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// historiesMakeSense checks what holds in any story.
func historiesMakeSense(s *Snapshot) string {
	check := func(what string, list []Entry, e extent, mayBeEmpty bool) string {
		if len(list) == 0 && mayBeEmpty {
			return "" // named or written to, and nothing happened yet
		}
		if len(list) == 0 || len(list) > e.first+e.latest {
			return fmt.Sprintf("%s has %d entries", what, len(list))
		}
		for i := range list {
			m := &list[i]
			if m.Kind == "" || m.LeftOut > 0 && i != e.first || m.Count == 1 || !m.Until.IsZero() && m.Until.Before(m.Time) {
				return fmt.Sprintf("%s, entry %d: %+v", what, i, m)
			}
		}
		return ""
	}
	for i := range s.Containers {
		if problem := check(s.Containers[i].Label, s.Containers[i].History, containerExtent, true); problem != "" {
			return problem
		}
	}
	for _, g := range s.Cgroups {
		if problem := check(g.Path, g.History, cgroupExtent, true); problem != "" {
			return problem
		}
	}
	for _, n := range slices.Concat(s.Namespaces, s.Freed) {
		if problem := check(fmt.Sprint(n.Type, n.ID), n.History, namespaceExtent, false); problem != "" {
			return problem
		}
	}
	return ""
}
