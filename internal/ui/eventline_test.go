package ui

import (
	"slices"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

func TestEventRows(t *testing.T) {
	s := scene()
	for _, tt := range []struct {
		name  string
		e     []event.Event
		kind  string
		words string
	}{
		{"one namespace", []event.Event{{Type: event.NamespaceCreated, PID: 5, Comm: "ip",
			Namespace: &event.Namespace{Type: event.Net, ID: 4026532999, Via: event.ViaUnshare}}},
			"unshare", "ip (5) made net 4026532999"},
		{"by clone", []event.Event{{Type: event.NamespaceCreated, PID: 5, Comm: "sh",
			Namespace: &event.Namespace{Type: event.PID, ID: 4026532999, Via: event.ViaClone, ChildPID: 6}}},
			"clone", "sh (5) made pid 4026532999 for its child 6"},
		{"found in /proc", []event.Event{{Type: event.NamespaceCreated,
			Namespace: &event.Namespace{Type: event.Mnt, ID: 4026532999, Via: event.ViaReconcile}}},
			"found", "a new mnt 4026532999"},
		{"joined", []event.Event{{Type: event.NamespaceJoined, PID: 5, Comm: "nsenter",
			Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaSetns}}},
			"joined", "nsenter (5) entered net 4026532184 by setns"},
		{"joined a container's", []event.Event{
			{Type: event.NamespaceJoined, PID: 812, Comm: "nsenter", UID: ptr(uint32(1000)),
				Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaSetns, Of: ref(hogID, "web")}},
			{Type: event.NamespaceJoined, PID: 812, Comm: "nsenter", UID: ptr(uint32(1000)),
				Namespace: &event.Namespace{Type: event.PID, ID: 4026532182, Via: event.ViaSetns, Of: ref(hogID, "web")}},
		}, "joined", "nsenter (PID 812, uid 1000) entered pid, net of web"},
		{"joined a container's that is starting", []event.Event{
			{Type: event.NamespaceJoined, PID: 60, Comm: "dockerd", UID: ptr(uint32(0)), Namespace: &event.Namespace{Type: event.Net, ID: 12, Via: event.ViaSetns, Of: ref(hogID, "web"), Starting: true}},
		}, "joined", "dockerd (PID 60, uid 0) entered net of web, which is starting"},
		{"joined a named one", []event.Event{
			{Type: event.NamespaceJoined, PID: 812, Comm: "ip", UID: ptr(uint32(0)), Namespace: &event.Namespace{Type: event.Net, ID: 12, Via: event.ViaSetns, Name: "b\x1blue"}},
		}, "joined", "ip (PID 812, uid 0) entered net of netns b\\x1blue"},
		{"joined those of several", []event.Event{
			{Type: event.NamespaceJoined, PID: 812, Comm: "nsenter", UID: ptr(uint32(1000)),
				Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaSetns, Of: ref(hogID, "web")}},
			{Type: event.NamespaceJoined, PID: 812, Comm: "nsenter", UID: ptr(uint32(1000)),
				Namespace: &event.Namespace{Type: event.UTS, ID: 4026532999, Via: event.ViaSetns}},
		}, "joined", "nsenter (PID 812, uid 1000) entered net 4026532184, uts 4026532999 by setns"},
		{"joined the host's", []event.Event{{Type: event.NamespaceJoined, PID: 812, Comm: "nsenter", UID: ptr(uint32(0)),
			Namespace: &event.Namespace{Type: event.Mnt, ID: 4026532999, Via: event.ViaSetns, Host: true}}},
			"joined", "nsenter (PID 812, uid 0) entered the host's mnt by setns"},
		{"entered by an engine", []event.Event{{Type: event.ContainerEntered, PID: 9, Comm: "sh", UID: ptr(uint32(1000)), Entered: &event.Entered{
			Container: ref(hogID, "hog"), CommandLine: "sh -c id", By: &event.Process{PID: 7, Comm: "runc", UID: ptr(uint32(0))},
		}}}, "entered", "runc (PID 7, uid 0) ran `sh -c id` in it as sh (PID 9, uid 1000)"},
		{"entered by who became it", []event.Event{{Type: event.ContainerEntered, PID: 9, Comm: "sh", UID: ptr(uint32(1000)), Entered: &event.Entered{
			Container: ref(hogID, "hog"), CommandLine: "sh -c id", By: &event.Process{PID: 9, Comm: "nsenter", UID: ptr(uint32(1000))},
		}}}, "entered", "nsenter (PID 9, uid 1000) ran `sh -c id` in it"},
		{"freed", []event.Event{{Type: event.NamespaceFreed,
			Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaKernel}}},
			"freed", "net 4026532184"},
		{"seen gone", []event.Event{{Type: event.NamespaceFreed,
			Namespace: &event.Namespace{Type: event.Net, ID: 4026532184, Via: event.ViaReconcile}}},
			"freed", "net 4026532184, seen gone"},
		{"cgroup made", []event.Event{{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/docker/" + hogID}}},
			"cgroup", "made /docker/28473c53aa01…"},
		{"cgroup removed", []event.Event{{Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: "/a"}}},
			"cgroup", "removed /a"},
		{"started", []event.Event{{Type: event.ContainerStarted, PID: 9, Comm: "stress-ng", Start: &event.Start{DurationMS: ptr(411.6)}}},
			"started", "stress-ng (9), 412 ms after its cgroup was made"},
		{"started, since when is unknown", []event.Event{{Type: event.ContainerStarted, PID: 9, Comm: "stress-ng"}},
			"started", "stress-ng (9)"},
		{"exited", []event.Event{{Type: event.ContainerExited, PID: 9, Comm: "sh", Exit: &event.Exit{Code: ptr(int32(0)), Cause: event.CauseExited}}},
			"exited", "sh (9) exited 0"},
		{"killed", []event.Event{{Type: event.ContainerExited, PID: 9, Comm: "sh",
			Exit: &event.Exit{Code: ptr(int32(137)), Signal: 9, Cause: event.CauseSignal, By: &event.Process{PID: 123, Comm: "runc"}}}},
			"exited", "sh (9) killed by signal 9 (by runc, PID 123)"},
		{"killed with a PID namespace", []event.Event{{Type: event.ContainerExited, PID: 9, Comm: "sh", Exit: &event.Exit{
			Code: ptr(int32(137)), Signal: 9, Cause: event.CauseSignal, PIDNamespaceEnded: &event.Process{PID: 7, Comm: "app", Container: ref(hogID, "hog")},
		}}}, "exited", "sh (9) killed: hog's PID namespace ended"},
		{"killed with a PID namespace of no container", []event.Event{{Type: event.ContainerExited, PID: 9, Comm: "sh", Exit: &event.Exit{
			Code: ptr(int32(137)), Signal: 9, Cause: event.CauseSignal, PIDNamespaceEnded: &event.Process{PID: 7, Comm: "unshare"},
		}}}, "exited", "sh (9) killed: its PID namespace ended"},
		{"code unknown", []event.Event{{Type: event.ContainerExited, Exit: &event.Exit{Cause: event.CauseExited}}},
			"exited", "a process exited, its code is unknown"},
		{"OOM-killed", []event.Event{{Type: event.ContainerExited, PID: 9, Exit: &event.Exit{Signal: 9, Cause: event.CauseOOMKill}}},
			"exited", "PID 9 OOM-killed"},
		{"a start that is OOM-killed", []event.Event{{Type: event.OOMKill, PID: 9, Comm: "runc:[2:INIT]",
			OOM: &event.OOM{Scope: event.ScopeCgroup, LimitBytes: mibs(3), Victim: event.Victim{AnonBytes: mibs(2.4), Starting: true}}}},
			"oom kill", "runc:[2:INIT] (9), 2.4 of 3 MiB, while the container was starting"},
		{"host out of memory", []event.Event{{Type: event.OOMKill, PID: 9, Comm: "db",
			OOM: &event.OOM{Scope: event.ScopeSystem, Victim: event.Victim{AnonBytes: mibs(900)}}}},
			"oom kill", "db (9), 900 MiB, the host was out of memory"},
		{"lost", []event.Event{{Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: "ring full"}}},
			"lost", "1 event: ring full"},
		{"of nsviz", []event.Event{{Type: "other", PID: 3, Comm: "nsviz", Self: true}},
			"other", "nsviz itself: nsviz (3)"},
	} {
		s.Events = tt.e
		rows := eventRows(s, "", 10, false)
		if len(rows) != 1 || rows[0].kind != tt.kind || rows[0].text.String() != tt.words {
			t.Errorf("%s: got %d rows, %q %q; want %q %q", tt.name, len(rows), rows[0].kind, rows[0].text, tt.kind, tt.words)
		}
	}
}

func TestEventRowsGroup(t *testing.T) {
	words := func(s *model.Snapshot, fold bool) (out []string) {
		for _, r := range eventRows(s, "", 100, fold) {
			out = append(out, r.kind+" "+r.text.String())
		}
		return out
	}
	s := scene()
	folded, all := words(s, true), words(s, false)
	if want := "oom kill stress-ng-vm (28502), 60.1 of 64 MiB, and 11 more since 12:25:52"; folded[0] != want {
		t.Errorf("a storm reads %q, want %q", folded[0], want)
	}
	if len(all) != len(folded)+11 {
		t.Errorf("%d rows folded, %d unfolded", len(folded), len(all))
	}
	if want := "unshare runc:[1:CHILD] (28470) made mnt pid net ipc uts"; all[len(all)-2] != want {
		t.Errorf("one unshare reads %q, want %q", all[len(all)-2], want)
	}

	// Cgroups of no container that come and go in one place are one line of the stream.
	cgroup := func(at time.Duration, typ event.Type, path string, of *event.Container) event.Event {
		return event.Event{Time: sceneTime.Add(at), Type: typ, Container: of, Cgroup: &event.Cgroup{Path: path}}
	}
	s.Events = []event.Event{
		cgroup(0, event.CgroupCreated, "/jobs/a", nil), cgroup(time.Second, event.CgroupRemoved, "/jobs/a", nil), cgroup(2*time.Second, event.CgroupCreated, "/jobs/b", nil),
		cgroup(3*time.Second, event.CgroupCreated, "/docker/c", &event.Container{ID: "c"}), cgroup(4*time.Second, event.CgroupCreated, "/jobs/c", nil),
	}
	if got, want := words(s, true), []string{
		"cgroup made /jobs/c", "cgroup made /docker/c", "cgroup made /jobs/b, and 2 more made or removed there since " + clockIn(sceneTime, sceneTime),
	}; !slices.Equal(got, want) {
		t.Errorf("cgroups that come and go are %q, want %q", got, want)
	}
	if got := words(s, false); len(got) != 5 {
		t.Errorf("the view of events has %q", got)
	}

	// What nsviz reads for a page that is open is left out, unless somebody looks for it; what others do is told each time.
	look := func(at time.Duration, self bool) event.Event {
		return event.Event{Time: sceneTime.Add(at), Type: event.NamespaceJoined, PID: 7, Comm: "p", Self: self,
			Namespace: &event.Namespace{Type: event.UTS, Via: event.ViaSetns}}
	}
	kill := func(at time.Duration) event.Event {
		return event.Event{Time: sceneTime.Add(at), Type: event.OOMKill, PID: 9, Comm: "db", OOM: &event.OOM{Scope: event.ScopeSystem}}
	}
	s.Events = []event.Event{kill(0), look(time.Second, true), kill(2 * time.Second), look(3*time.Second, true), kill(4 * time.Second)}
	if got, want := words(s, true), []string{"oom kill db (9), the host was out of memory, and 2 more since " + clockIn(sceneTime, sceneTime)}; !slices.Equal(got, want) {
		t.Errorf("kills between looks are %q, want %q", got, want)
	}
	for self, want := range map[bool]int{true: 0, false: 3} {
		s.Events = []event.Event{look(0, self), look(2*time.Second, self), look(4*time.Second, self)}
		for _, fold := range []bool{true, false} {
			if got := words(s, fold); len(got) != want {
				t.Errorf("three looks, by nsviz itself: %v, are %q", self, got)
			}
		}
		if got := eventRows(s, "uts", 100, true); len(got) != 3 {
			t.Errorf("a search finds %d looks", len(got))
		}
		st := State{Tab: Events}
		st.Filter[eventKindRows] = "type=namespace_joined"
		if got := st.filteredEvents(s); len(got) != 3 {
			t.Errorf("a filter finds %d looks", len(got))
		}
	}

	// A millisecond and more apart, or of another process, are different calls.
	made := func(pid int32, at time.Duration, typ event.NamespaceType) event.Event {
		return event.Event{Time: sceneTime.Add(at), Type: event.NamespaceCreated, PID: pid, Comm: "p",
			Namespace: &event.Namespace{Type: typ, Via: event.ViaUnshare}}
	}
	for _, tt := range []struct {
		name string
		b    event.Event
		want int
	}{
		{"the same call", made(1, time.Millisecond, event.Net), 1},
		{"later", made(1, 2*time.Millisecond, event.Net), 2},
		{"another process", made(2, 0, event.Net), 2},
		{"the same type again", made(1, 0, event.Mnt), 2},
	} {
		s.Events = []event.Event{made(1, 0, event.Mnt), tt.b}
		if got := len(eventRows(s, "", 10, false)); got != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.name, got, tt.want)
		}
	}
}

// An entry hides the joins by which it came about, and no others.
func TestEntryHidesItsJoins(t *testing.T) {
	web := ref(hogID, "web")
	joins := func(pid int32, comm string, at time.Duration, typ event.NamespaceType, id uint64, of *event.Container) event.Event {
		return event.Event{Time: sceneTime.Add(at), Type: event.NamespaceJoined, PID: pid, Comm: comm,
			Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaSetns, Of: of}}
	}
	enters := func(pid, by int32, in *event.Container) event.Event {
		return event.Event{Time: sceneTime, Type: event.ContainerEntered, PID: pid, Comm: "sh", Container: in, Entered: &event.Entered{
			Container: web, CommandLine: "sh -c id", Namespaces: event.NamespaceIDs{event.Mnt: 10, event.Net: 12}, By: &event.Process{PID: by, Comm: "nsenter"},
		}}
	}
	for _, tt := range []struct {
		name   string
		before event.Event
		entry  event.Event
		want   int
	}{
		{"its parent's", joins(7, "nsenter", -time.Second, event.Mnt, 10, web), enters(9, 7, nil), 1},
		{"its own", joins(9, "nsenter", -time.Second, event.Mnt, 10, web), enters(9, 9, nil), 1},
		{"its runtime's", joins(8, "runc:[1:CHILD]", -time.Second, event.Mnt, 10, web), enters(9, 7, web), 1},
		{"a runtime's, of an entry by hand", joins(8, "runc:[1:CHILD]", -time.Second, event.Mnt, 10, web), enters(9, 7, nil), 2},
		{"another one's", joins(8, "nsenter", -time.Second, event.Mnt, 10, web), enters(9, 7, web), 2},
		{"of another namespace", joins(7, "nsenter", -time.Second, event.Mnt, 11, web), enters(9, 7, nil), 2},
		{"of nobody's", joins(7, "nsenter", -time.Second, event.Mnt, 10, nil), enters(9, 7, nil), 2},
		{"long before", joins(7, "nsenter", -11*time.Second, event.Mnt, 10, web), enters(9, 7, nil), 2},
		{"of no container that is known", joins(7, "nsenter", -time.Second, event.Mnt, 10, web),
			event.Event{Time: sceneTime, Type: event.ContainerEntered, PID: 9, Entered: &event.Entered{}}, 2},
	} {
		s := scene()
		s.Events = []event.Event{tt.before, tt.entry}
		if rows := eventRows(s, "", 10, false); len(rows) != tt.want {
			t.Errorf("%s: %d rows, want %d: %v", tt.name, len(rows), tt.want, rows)
		}
	}
}
