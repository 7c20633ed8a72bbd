package container

import (
	"testing"

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
			Time: at(0), Type: event.NamespaceCreated, PID: 812, Comm: comm, CgroupID: host,
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
			"a rootless container without a cgroup", []event.Event{made("runc:[1:CHILD]", event.PID, 20)}, session,
			with(map[event.NamespaceType]uint64{event.PID: 20}),
			&event.Container{ID: "pid-20", Name: "runc:[1:CHILD]-812", Kind: event.KindContainer, Runtime: "runc"},
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
