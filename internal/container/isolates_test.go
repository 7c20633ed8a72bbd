package container

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

func TestIsolatesWhatItsCreatorDescribes(t *testing.T) {
	made := func(comm string, typ event.NamespaceType, in *event.Container) *event.Event {
		return &event.Event{Type: event.NamespaceCreated, Comm: comm, PID: 9, Container: in, Namespace: &event.Namespace{Type: typ, ID: 7}}
	}
	if c := Isolates(made("bwrap", event.PID, nil)); c == nil || c.ID != "pid-7" || c.Runtime != "bubblewrap" || c.Name != "" {
		t.Errorf("%+v", c)
	}
	if c := Isolates(made("systemd-nspawn", event.User, nil)); c == nil || c.ID != "user-7" || c.Runtime != "nspawn" {
		t.Errorf("%+v", c)
	}
	for _, e := range []*event.Event{
		made("bwrap", event.Net, nil), made("unshare", event.PID, nil), made("bwrap", event.PID, &event.Container{ID: "web"}),
	} {
		if c := Isolates(e); c != nil {
			t.Errorf("%s, %s: %+v", e.Comm, e.Namespace.Type, c)
		}
	}
}

// A kill has the name that was found meanwhile, until the number of the namespace is another one's.
func TestKillIsNamed(t *testing.T) {
	hostIDs := event.NamespaceIDs{event.PID: 1, event.User: 2}
	directory := NewDirectory(10)
	tracker := NewTracker(directory, nil)
	tracker.SetHost(hostIDs)
	tracker.place(1, "/")
	kill := func() event.Container {
		t.Helper()
		ids := hostIDs
		ids[event.PID] = 7
		e := event.Event{Time: at(1), Type: event.OOMKill, PID: 9, CgroupID: 1, OOM: &event.OOM{Victim: event.Victim{PID: 9, Namespaces: ids}}}
		tracker.Attribute(&e)
		if e.Container == nil || e.OOM.Victim.Container != e.Container {
			t.Fatalf("%+v", e)
		}
		return *e.Container
	}
	if c := kill(); c.Name != "" || c.Kind != event.KindSandbox {
		t.Errorf("%+v", c)
	}
	directory.Put(Identity{ID: "pid-7", Name: "box", Runtime: "nspawn", Source: SourceCommandLine})
	if c := kill(); c.Name != "box" || c.Runtime != "nspawn" || c.Kind != event.KindContainer {
		t.Errorf("%+v", c)
	}
	made := func(via event.Via) {
		tracker.Attribute(&event.Event{
			Time: at(2), Type: event.NamespaceCreated, PID: 5, Comm: "bwrap", Namespace: &event.Namespace{Type: event.PID, ID: 7, Via: via},
		})
	}
	made(event.ViaReconcile) // it was there before
	if c := kill(); c.Name != "box" {
		t.Errorf("%+v", c)
	}
	made(event.ViaClone)
	if c := kill(); c.Name == "box" {
		t.Errorf("%+v", c)
	}
	directory.Put(Identity{ID: "pid-7", Name: "box", Runtime: "nspawn", User: 1000})
	if c := kill(); c.Name == "box" {
		t.Errorf("a user says so: %+v", c)
	}
}
