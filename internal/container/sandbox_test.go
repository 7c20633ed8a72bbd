package container

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// TestKillsOfWhatHasNoCgroup: the namespaces of a victim that is in no container show whether it is the host's.
func TestKillsOfWhatHasNoCgroup(t *testing.T) {
	var hostIDs event.NamespaceIDs
	for t := range hostIDs {
		hostIDs[t] = uint64(t + 1)
	}
	with := func(changes map[event.NamespaceType]uint64) event.NamespaceIDs {
		ids := hostIDs
		for typ, id := range changes {
			ids[typ] = id
		}
		return ids
	}
	made := func(comm string, typ event.NamespaceType, id uint64) event.Event {
		return event.Event{
			Time: at(0), Type: event.NamespaceCreated, PID: 812, Comm: comm, UID: new(uint32(0)), CgroupID: host,
			Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaClone},
		}
	}
	const session, unit = 600, 601
	tests := []struct {
		name   string
		made   []event.Event
		cgroup uint64
		ids    event.NamespaceIDs
		want   *event.Container // nil is the host
	}{
		{"the host's", nil, session, hostIDs, nil},
		{"unknown", nil, session, event.NamespaceIDs{}, nil},
		{"a mount namespace, as chroot and ip netns exec make", nil, session, with(map[event.NamespaceType]uint64{event.Mnt: 10, event.Net: 11}), nil},
		{
			"bubblewrap", []event.Event{made("bwrap", event.PID, 20)}, session, with(map[event.NamespaceType]uint64{event.PID: 20, event.User: 21}),
			&event.Container{ID: "pid-20", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"},
		},
		{
			"a browser's renderer", []event.Event{made("chrome", event.User, 21)}, session, with(map[event.NamespaceType]uint64{event.User: 21}),
			&event.Container{ID: "user-21", Name: "chrome-812", Kind: event.KindSandbox},
		},
		{
			"one older than nsviz", nil, session, with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: "pid-20", Kind: event.KindSandbox},
		},
		{
			"a container without a cgroup", []event.Event{made("runc:[1:CHILD]", event.PID, 20)}, session,
			with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: "pid-20", Name: "runc:[1:CHILD]-812", Kind: event.KindContainer, Runtime: "runc"},
		},
		{
			"a user's process that calls itself runc", []event.Event{byUser(made("runc", event.PID, 20))}, session, with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: "pid-20", Name: "runc-812", Kind: event.KindSandbox},
		},
		{
			"nspawn without a cgroup", []event.Event{made("systemd-nspawn", event.PID, 20)}, session, with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: "pid-20", Name: "systemd-nspawn-812", Kind: event.KindContainer, Runtime: "nspawn"},
		},
		{
			"a service with PrivateTmp", nil, unit, with(map[event.NamespaceType]uint64{event.Mnt: 10}),
			&event.Container{ID: "/system.slice/db.service", Name: "db.service", Kind: event.KindService, Runtime: "systemd"},
		},
		{"a service without namespaces", nil, unit, hostIDs, nil},
		{
			"a sandbox that a service made", []event.Event{made("bwrap", event.PID, 20)}, unit, with(map[event.NamespaceType]uint64{event.PID: 20, event.Mnt: 10}),
			&event.Container{ID: "pid-20", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"},
		},
		{
			"a container", nil, root, with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: idA, Name: "web", Image: "nginx", Runtime: "docker"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.SetHost(hostIDs)
			tracker.Place(session, "/user.slice/user-1000.slice/user@1000.service/app.slice/session-2.scope")
			tracker.Place(unit, "/system.slice/db.service")
			tracker.Place(root, rootPath)
			for _, e := range test.made {
				tracker.Attribute(&e)
			}
			for range 2 {
				e := killed(5, 50, test.cgroup, false)
				e.OOM.Victim.Namespaces = test.ids
				e.OOM.Trigger = &event.Process{PID: 50, CgroupID: test.cgroup}
				tracker.Attribute(&e)
				if diff := cmp.Diff(test.want, e.OOM.Victim.Container); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if !cmp.Equal(e.Container, e.OOM.Victim.Container) || !cmp.Equal(e.OOM.Trigger.Container, e.OOM.Victim.Container) {
					t.Errorf("the event is of %v, the trigger in %v", e.Container, e.OOM.Trigger.Container)
				}
			}
			found := tracker.Isolated()
			if isolated := test.want != nil && test.cgroup != root; (len(found) == 1) != isolated || len(found) > 1 {
				t.Fatalf("recognised %+v", found)
			}
			if len(found) == 1 && (found[0].Namespaces != test.ids || found[0].FromBeginning != (len(test.made) > 0)) {
				t.Errorf("recognised %+v", found[0])
			}
			for _, id := range []uint64{20, 21} {
				e := event.Event{Type: event.NamespaceFreed, Time: at(6), Namespace: &event.Namespace{ID: id}}
				tracker.Attribute(&e)
			}
			e := removed(7, unit, "/system.slice/db.service")
			tracker.Attribute(&e)
			if ended := tracker.Ended(); len(ended) != len(found) || len(found) == 1 && ended[0] != found[0].Container.ID {
				t.Errorf("ended %v", ended)
			}
		})
	}
}

// TestWithoutTheHostsNamespaces: where nsviz does not know which ones are the host's, a sandbox cannot be told from it.
func TestWithoutTheHostsNamespaces(t *testing.T) {
	tracker := newTestTracker()
	e := killed(5, 50, host, false)
	e.OOM.Victim.Namespaces = event.NamespaceIDs{event.PID: 20, event.User: 21}
	if tracker.Attribute(&e); e.Container != nil {
		t.Errorf("in %v", e.Container)
	}
}

func TestServiceOf(t *testing.T) {
	for path, want := range map[string]string{
		"/system.slice/a.service": "/system.slice/a.service", "/system.slice/a.service/sub": "/system.slice/a.service",
		"/user.slice/user@1000.service/app.slice/b.service": "/user.slice/user@1000.service/app.slice/b.service",
		"/user.slice/user@1000.service/app.slice/b.scope":   "", "/": "", "": "", "/a.services": "",
	} {
		if got, _ := serviceOf(path); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// found returns a first process as reading the host finds it.
func found(pid int32, comm, cgroup string, ids event.NamespaceIDs, parent ProcessName) *FirstProcess {
	return &FirstProcess{PID: pid, Comm: comm, Cgroup: cgroup, Namespaces: ids, Parent: parent, Started: at(0)}
}

// TestFoundIsolated: what reading the host finds is recognised by its first process.
func TestFoundIsolated(t *testing.T) {
	const session, unit = "/user.slice/session-2.scope", "/system.slice/db.service"
	systemd, bwrap := ProcessName{1, "systemd"}, ProcessName{812, "bwrap"}
	type ids = map[event.NamespaceType]uint64
	browser := found(50, "chrome", session, hostAnd(ids{event.PID: 20, event.User: 21}), ProcessName{700, "chrome"})
	browser.Program = ProcessName{600, "chrome"}
	nested := found(51, "sleep", session, hostAnd(ids{event.PID: 30}), ProcessName{50, "unshare"})
	nested.Above = 20
	byRoot := func(f *FirstProcess) *FirstProcess { f.ParentUID = new(uint32(0)); return f }
	ofUser := func(f *FirstProcess) *FirstProcess { f.ParentUID = new(uint32(1000)); return f }
	tests := []struct {
		name string
		list []*FirstProcess
		want []*event.Container
	}{
		{
			"bubblewrap", []*FirstProcess{found(50, "sleep", session, hostAnd(ids{event.PID: 20, event.User: 21}), bwrap)},
			[]*event.Container{{ID: "pid-20", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"}},
		},
		{
			"an orphan of the host's first process", []*FirstProcess{found(50, "sleep", session, hostAnd(ids{event.PID: 20}), ProcessName{1, "init"})},
			[]*event.Container{{ID: "pid-20", Name: "sleep-50", Kind: event.KindSandbox}},
		},
		{
			"a user namespace that a process has made for itself",
			[]*FirstProcess{found(50, "sleep", session, hostAnd(ids{event.User: 21}), ProcessName{700, "bash"})},
			[]*event.Container{{ID: "user-21", Name: "sleep-50", Kind: event.KindSandbox}},
		},
		{
			"what a browser isolates of itself", []*FirstProcess{browser},
			[]*event.Container{{
				ID: "pid-20", Name: "chrome-50", Kind: event.KindSandbox, Group: &event.Group{Kind: event.GroupProgram, Name: "chrome-600"},
			}},
		},
		{
			"one inside another", []*FirstProcess{found(50, "bash", session, hostAnd(ids{event.PID: 20}), bwrap), nested},
			[]*event.Container{
				{ID: "pid-20", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"},
				{
					ID: "pid-30", Name: "unshare-50", Kind: event.KindSandbox, Runtime: "unshare",
					Parent: &event.Container{ID: "pid-20", Name: "bwrap-812", Kind: event.KindSandbox, Runtime: "bubblewrap"},
				},
			},
		},
		{
			"a container without a cgroup", []*FirstProcess{byRoot(found(50, "sleep", session, hostAnd(ids{event.PID: 20}), ProcessName{812, "systemd-nspawn"}))},
			[]*event.Container{{ID: "pid-20", Name: "systemd-nspawn-812", Kind: event.KindContainer, Runtime: "nspawn"}},
		},
		{
			"of a user's process that calls itself runc", []*FirstProcess{ofUser(found(50, "sleep", session, hostAnd(ids{event.PID: 20}), ProcessName{812, "runc"}))},
			[]*event.Container{{ID: "pid-20", Name: "runc-812", Kind: event.KindSandbox}},
		},
		{
			"services", []*FirstProcess{
				found(50, "db", unit, hostAnd(ids{event.Mnt: 10}), systemd), found(51, "db", unit, hostAnd(ids{event.Net: 11}), systemd),
				found(52, "web", "/system.slice/web.service", hostAnd(ids{event.PID: 40, event.User: 41}), systemd),
			},
			[]*event.Container{
				{ID: unit, Name: "db.service", Kind: event.KindService, Runtime: "systemd"},
				{ID: "/system.slice/web.service", Name: "web.service", Kind: event.KindService, Runtime: "systemd"},
			},
		},
		{
			"a helper of a service with a mount namespace", []*FirstProcess{found(50, "mount", unit, hostAnd(ids{event.Mnt: 10}), ProcessName{700, "db"})}, nil,
		},
		{"ip netns exec", []*FirstProcess{found(50, "sleep", session, hostAnd(ids{event.Mnt: 10, event.Net: 11}), ProcessName{700, "bash"})}, nil},
		{"a container", []*FirstProcess{found(50, "nginx", rootPath, hostAnd(ids{event.PID: 20}), ProcessName{700, "containerd-shim"})}, nil},
		{"a container that is about to start", []*FirstProcess{found(50, "runc:[2:INIT]", session, hostAnd(ids{event.PID: 20}), ProcessName{1, "init"})}, nil},
		{"an engine of a user", []*FirstProcess{found(50, "podman pause", session, hostAnd(ids{event.User: 21}), systemd)}, nil},
		{"of unknown cgroup", []*FirstProcess{found(50, "sleep", "", hostAnd(ids{event.PID: 20}), bwrap)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.SetHost(hostAnd(nil))
			tracker.Place(root, rootPath)
			tracker.BeginSurvey()
			for range 2 {
				for _, first := range test.list {
					tracker.FoundIsolated(first, at(5))
				}
			}
			var got []*event.Container
			ids := map[string]bool{}
			for _, c := range tracker.Isolated() {
				if c.First == nil || c.FromBeginning || (c.CgroupPath != "") != (c.Container.Kind == event.KindService) {
					t.Errorf("%+v", c)
				}
				got = append(got, &c.Container)
				ids[c.Container.ID] = true
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			nobody := func(uint64) bool { return false }
			if tracker.EndUninhabited(nobody); len(tracker.Ended()) != 0 {
				t.Error("what this survey has found has ended")
			}
			tracker.BeginSurvey()
			if tracker.EndUninhabited(func(uint64) bool { return true }); len(tracker.Ended()) != 0 {
				t.Error("what processes are in has ended")
			}
			if tracker.EndUninhabited(nobody); len(tracker.Ended()) != len(ids) {
				t.Error("what no process is in has not ended")
			}
		})
	}
}

// hostAnd returns the host's namespaces with some changed.
func hostAnd(changes map[event.NamespaceType]uint64) event.NamespaceIDs {
	var ids event.NamespaceIDs
	for t := range ids {
		ids[t] = uint64(t + 1)
	}
	for typ, id := range changes {
		ids[typ] = id
	}
	return ids
}

// TestExecInNewNamespaces: the first program in namespaces of which the creation was seen shows what was made. That of a process that has
// joined those of others does not.
func TestExecInNewNamespaces(t *testing.T) {
	ids := hostAnd(map[event.NamespaceType]uint64{event.PID: 20})
	enter := func(pid int32) event.Event {
		return event.Event{
			Time: at(2), Type: event.ContainerEntered, PID: pid, Comm: "sleep", CgroupID: host,
			Entered: &event.Entered{Namespaces: ids, By: &event.Process{PID: 812, Comm: "unshare", CgroupID: host}, Below: true},
		}
	}
	create := event.Event{
		Time: at(1), Type: event.NamespaceCreated, PID: 812, Comm: "unshare", CgroupID: host,
		Namespace: &event.Namespace{Type: event.PID, ID: 20, Via: event.ViaUnshare},
	}
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	e := enter(50)
	if tracker.Attribute(&e); len(tracker.Isolated()) != 0 || e.Container != nil {
		t.Errorf("a process that joins is in %+v", e.Container)
	}
	tracker.Attribute(&create)
	e = enter(51)
	tracker.Attribute(&e)
	list := tracker.Isolated()
	if len(list) != 1 || list[0].Container.Name != "unshare-812" || list[0].First.PID != 51 || !list[0].FromBeginning || e.Container == nil {
		t.Errorf("recognised %+v, in %+v", list, e.Container)
	}
	e = enter(60) // as by nsenter
	if tracker.Attribute(&e); len(tracker.Isolated()) != 0 || e.Container != nil {
		t.Errorf("a process that joins what has begun is in %+v", e.Container)
	}
}

// TestHeldByAContainer: the namespaces that a container runs in are its own, whatever was recognised by them before and whoever joins them.
func TestHeldByAContainer(t *testing.T) {
	ids := hostAnd(map[event.NamespaceType]uint64{event.PID: 20})
	kill := func(tracker *Tracker) *event.Container {
		e := killed(9, 70, host, false)
		e.OOM.Victim.Namespaces = ids
		tracker.Attribute(&e)
		return e.Container
	}
	for name, path := range map[string]string{"with a cgroup": rootPath, "without": ""} {
		t.Run(name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.SetHost(hostAnd(nil))
			tracker.FoundIsolated(found(50, "sleep", "/session", ids, ProcessName{812, "unknown"}), at(5))
			if len(tracker.Isolated()) != 1 || kill(tracker) == nil {
				t.Fatal("it is not recognised")
			}
			ref := &Ref{Runtime: "docker", ID: idA, Root: path}
			if path == "" {
				tracker.FoundOutside(ref, Init{PID: 50, Namespaces: ids})
			} else {
				tracker.Place(root, rootPath)
				tracker.FoundRunning(ref, Init{PID: 50, Namespaces: ids})
			}
			if ended := tracker.Ended(); len(ended) != 1 || ended[0] != "pid-20" {
				t.Errorf("ended %v", ended)
			}
			got := kill(tracker)
			if path == "" && (got == nil || got.ID != idA) || path != "" && got != nil {
				t.Errorf("a process in its PID namespace, in a cgroup of the host's, is in %+v", got)
			}
			if path == "" {
				tracker.Gone(idA)
			} else {
				tracker.InitGone(ref)
			}
			if got := kill(tracker); got == nil || got.Kind != event.KindSandbox {
				t.Errorf("after its end a process there is in %+v", got)
			}
		})
	}
}

// TestNumberGivenOutAgain: the kernel gives the number of a namespace out again. What has it then is another one.
func TestNumberGivenOutAgain(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	ids := hostAnd(map[event.NamespaceType]uint64{event.PID: 20})
	for _, want := range []string{"pid-20", "pid-20@2", "pid-20@3"} {
		tracker.FoundIsolated(found(50, "sleep", "/session", ids, ProcessName{812, "bwrap"}), at(5))
		if list := tracker.Isolated(); len(list) != 1 || list[0].Container.ID != want {
			t.Errorf("%+v, want %s", list, want)
		}
		if got := tracker.CurrentID("pid-20"); got != want {
			t.Errorf("now %s, want %s", got, want)
		}
		tracker.directory.Put(Identity{ID: "pid-20", Name: "jail"})
		if got := tracker.Named(event.Container{ID: want}); got.Name != "jail" {
			t.Errorf("%s is named %q", want, got.Name)
		}
		e := event.Event{Type: event.NamespaceFreed, Time: at(6), Namespace: &event.Namespace{ID: 20}}
		tracker.Attribute(&e)
	}
}

// killedIn returns what a victim in some namespaces and a cgroup is in.
func killedIn(tracker *Tracker, cgroup uint64, ids event.NamespaceIDs) *event.Container {
	e := killed(9, 70, cgroup, false)
	e.OOM.Victim.Namespaces = ids
	tracker.Attribute(&e)
	return e.Container
}

// TestKillInAFoundSandboxOfAUnit: a kill does not say who made the namespaces, reading the host did.
func TestKillInAFoundSandboxOfAUnit(t *testing.T) {
	const unit, path = 601, "/system.slice/cron.service"
	ids := hostAnd(map[event.NamespaceType]uint64{event.PID: 20})
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	tracker.Place(unit, path)
	tracker.FoundIsolated(found(50, "sleep", path, ids, ProcessName{812, "bwrap"}), at(5))
	if c := killedIn(tracker, unit, ids); c == nil || c.ID != "pid-20" {
		t.Errorf("killed in %+v", c)
	}
	if list := tracker.Isolated(); len(list) != 1 {
		t.Errorf("recognised %+v", list)
	}
}

// TestUserNamespaceOfAnEngine: the user namespace of a user's containers has the engine's own processes, too.
func TestUserNamespaceOfAnEngine(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	inside := hostAnd(map[event.NamespaceType]uint64{event.PID: 20, event.User: 21})
	tracker.FoundOutside(&Ref{Runtime: "podman", ID: idA}, Init{PID: 50, Namespaces: inside})
	if c := killedIn(tracker, host, inside); c == nil || c.ID != idA {
		t.Errorf("the container's process is in %+v", c)
	}
	if c := killedIn(tracker, host, hostAnd(map[event.NamespaceType]uint64{event.User: 21})); c != nil {
		t.Errorf("the engine's process is in %+v", c)
	}
}

// TestOtherFirstProcessesOfAService: systemd gives each process that it starts in a unit namespaces of its own. While one of them runs the
// service does, and the one that was found first is its first process.
func TestOtherFirstProcessesOfAService(t *testing.T) {
	const unit = "/system.slice/db.service"
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	find := func(pid int32, id uint64) {
		tracker.FoundIsolated(found(pid, "db", unit, hostAnd(map[event.NamespaceType]uint64{event.Mnt: id}), ProcessName{1, "systemd"}), at(5))
	}
	survey := func(inhabited ...uint64) {
		tracker.BeginSurvey()
		for _, id := range inhabited {
			find(int32(id), id)
		}
		tracker.EndUninhabited(func(id uint64) bool { return slices.Contains(inhabited, id) })
	}
	expect := func(pid int32, ended int) {
		t.Helper()
		list := tracker.Isolated()
		if (len(list) == 1) != (pid != 0) || len(list) > 1 || pid != 0 && list[0].First.PID != pid {
			t.Errorf("recognised %+v", list)
		}
		if got := tracker.Ended(); len(got) != ended {
			t.Errorf("ended %v", got)
		}
	}
	survey(10)
	expect(10, 0)
	survey(10, 20) // as `systemctl reload` has
	expect(0, 0)
	survey(10)
	expect(0, 0)
	survey(10, 30)
	expect(0, 0)
	survey(30)
	expect(30, 0)
	find(31, 30) // the first one in the same namespaces has ended
	expect(31, 0)
	survey()
	expect(0, 1)
}

// TestNamesOfRuntimes: what calls itself as a runtime does is isolated all the same, unless it is about to become a container, or an engine
// of a user without rights, which has a user namespace at most.
func TestNamesOfRuntimes(t *testing.T) {
	own, user := hostAnd(map[event.NamespaceType]uint64{event.PID: 20, event.User: 21}), hostAnd(map[event.NamespaceType]uint64{event.User: 21})
	long := at(0).Add(startingFor)
	for _, test := range []struct {
		comm string
		ids  event.NamespaceIDs
		at   time.Time
		want bool
	}{
		{"runc:[2:INIT]", own, at(5), false}, {"runc:[2:INIT]", own, long, true}, {"dockerd", own, long, true}, {"dockerd", user, long, false},
	} {
		tracker := newTestTracker()
		tracker.SetHost(hostAnd(nil))
		tracker.FoundIsolated(found(50, test.comm, "/session", test.ids, ProcessName{700, "bash"}), test.at)
		if got := len(tracker.Isolated()) > 0; got != test.want {
			t.Errorf("%s at %v in %v: %v", test.comm, test.at, test.ids, got)
		}
	}
}

// TestUserNamespaceThatAnEngineMakes: an engine of a user without rights executes itself again in the user namespace that it has made. That
// is no sandbox.
func TestUserNamespaceThatAnEngineMakes(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	for _, e := range []event.Event{
		{
			Time: at(1), Type: event.NamespaceCreated, PID: 812, Comm: "podman", CgroupID: host,
			Namespace: &event.Namespace{Type: event.User, ID: 21, Via: event.ViaClone},
		},
		{
			Time: at(2), Type: event.ContainerEntered, PID: 813, Comm: "podman", CgroupID: host,
			Entered: &event.Entered{
				Namespaces: hostAnd(map[event.NamespaceType]uint64{event.User: 21, event.Mnt: 22}), By: &event.Process{PID: 812, Comm: "podman", CgroupID: host},
			},
		},
	} {
		tracker.Attribute(&e)
	}
	tracker.FoundIsolated(found(814, "catatonit", "/session", hostAnd(map[event.NamespaceType]uint64{event.User: 21}), ProcessName{1, "systemd"}), at(5))
	if list := tracker.Isolated(); len(list) > 0 {
		t.Errorf("recognised %+v", list)
	}
}

// TestCreationOfAnEarlierNumber: who made an earlier namespace has not made the next one with its number, of which the creation was not reported.
func TestCreationOfAnEarlierNumber(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	for _, e := range []event.Event{
		{
			Time: at(1), Type: event.NamespaceCreated, PID: 812, Comm: "bwrap", CgroupID: host,
			Namespace: &event.Namespace{Type: event.PID, ID: 20, Via: event.ViaClone},
		},
		{Time: at(2), Type: event.NamespaceFreed, Namespace: &event.Namespace{Type: event.PID, ID: 20}},
	} {
		tracker.Attribute(&e)
	}
	tracker.FoundIsolated(found(50, "sleep", "/session", hostAnd(map[event.NamespaceType]uint64{event.PID: 20}), ProcessName{900, "unshare"}), at(5))
	if list := tracker.Isolated(); len(list) != 1 || list[0].Container.Name != "unshare-900" || list[0].FromBeginning {
		t.Errorf("recognised %+v", list)
	}
}

// TestHolderWithoutItsNamespace: a container of which the end was not reported does not hold the next namespace with the number of its own.
func TestHolderWithoutItsNamespace(t *testing.T) {
	tracker := newTestTracker()
	tracker.SetHost(hostAnd(nil))
	ids := hostAnd(map[event.NamespaceType]uint64{event.PID: 20})
	tracker.FoundOutside(&Ref{Runtime: "podman", ID: idA}, Init{PID: 50, Namespaces: ids})
	e := event.Event{Type: event.NamespaceFreed, Time: at(2), Namespace: &event.Namespace{Type: event.PID, ID: 20}}
	tracker.Attribute(&e)
	tracker.FoundOutside(&Ref{Runtime: "podman", ID: idB}, Init{PID: 60, Namespaces: ids})
	tracker.Gone(idA)
	if c := killedIn(tracker, host, ids); c == nil || c.ID != idB {
		t.Errorf("killed in %+v", c)
	}
}
