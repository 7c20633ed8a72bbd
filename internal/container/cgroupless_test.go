package container

import (
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

const ofTheUser = 1000

// cgrouplessTest is a host whose user runs a container without a cgroup, by a PID 1 in namespaces of its own.
func cgrouplessTest() (*Tracker, *Directory, Init) {
	d := NewDirectory(4)
	t := NewTracker(d, nil)
	t.SetHost(event.NamespaceIDs{event.Mnt: 1, event.PID: 2})
	t.Place(7, "/session")
	return t, d, Init{PID: 50, MadeNS: 9, Namespaces: event.NamespaceIDs{event.Mnt: 11, event.PID: 12}}
}

func podmans(id string) *Ref { return &Ref{Runtime: runtime.Podman, ID: id, User: ofTheUser} }

func killIn(pid int32, ids event.NamespaceIDs) *event.Event {
	return &event.Event{Type: event.OOMKill, PID: pid, CgroupID: 7, OOM: &event.OOM{
		CgroupID: 7, Victim: event.Victim{PID: pid, Namespaces: ids},
	}}
}

// What happens in a container without a cgroup is the container's: by its PID 1 and by its namespaces.
func TestCgroupless(t *testing.T) {
	tracker, d, init := cgrouplessTest()
	d.Put(Identity{ID: idA, Runtime: runtime.Podman, Name: "web", User: ofTheUser})
	if end := tracker.FoundOutside(podmans(idA), init); end != nil {
		t.Fatalf("it has ended: %+v", end)
	}
	for name, test := range map[string]struct {
		kill *event.Event
		want string
		init bool
	}{
		"its PID 1":                     {killIn(50, init.Namespaces), "web", true},
		"another process":               {killIn(51, init.Namespaces), "web", false},
		"with another mount namespace":  {killIn(52, event.NamespaceIDs{event.Mnt: 13, event.PID: 12}), "web", false},
		"a process of the host":         {killIn(53, event.NamespaceIDs{event.Mnt: 1, event.PID: 2}), "", false},
		"its namespaces are not known":  {killIn(54, event.NamespaceIDs{}), "", false},
		"a process of another sandbox":  {killIn(55, event.NamespaceIDs{event.Mnt: 21, event.PID: 22}), "pid-22", false},
		"a sandbox inside of container": {killIn(58, event.NamespaceIDs{event.Mnt: 31, event.PID: 32}), "pid-32", false},
	} {
		test.kill.OOM.Trigger = &event.Process{PID: 50, CgroupID: 7}
		tracker.Attribute(test.kill)
		got := ""
		if c := test.kill.Container; c != nil {
			got = c.ID
			if c.Name != "" {
				got = c.Name
			}
		}
		if got != test.want || test.kill.OOM.Victim.Init != test.init || test.kill.ContainerUnknown {
			t.Errorf("%s: of %q, init %v", name, got, test.kill.OOM.Victim.Init)
		}
		if by := test.kill.OOM.Trigger.Container; by == nil || by.Name != "web" {
			t.Errorf("%s: triggered by %+v", name, by)
		}
	}
	if list, _ := tracker.OfUsers(); len(list) != 1 || list[0].Ref.ID != idA || list[0].State.Init != 50 {
		t.Errorf("%+v", list)
	}

	exit := &event.Event{Type: event.ContainerExited, PID: 50, BootNS: 10, Exit: &event.Exit{}}
	if !tracker.Attribute(exit) || exit.Container == nil || exit.Container.Name != "web" || exit.ContainerUnknown {
		t.Errorf("%+v", exit.Container)
	}
	if list, _ := tracker.OfUsers(); len(list) != 0 {
		t.Errorf("after its end: %+v", list)
	}
	if !tracker.IsOf(idA, ofTheUser) {
		t.Error("its engine has nothing to say of its end")
	}
}

// The end of a container without a cgroup may be reported before the container itself.
func TestCgrouplessEndsBeforeItIsFound(t *testing.T) {
	tracker, _, init := cgrouplessTest()
	for _, pid := range []int32{50, 51} {
		if tracker.Attribute(&event.Event{Type: event.ContainerExited, PID: pid, BootNS: 10, Exit: &event.Exit{}}) {
			t.Fatal("the end of nobody")
		}
	}
	if end := tracker.FoundOutside(podmans(idA), init); end == nil || end.PID != 50 {
		t.Errorf("%+v", end)
	}
	init.PID, init.MadeNS = 51, 11 // another one with the PID
	if end := tracker.FoundOutside(podmans(idB), init); end != nil {
		t.Errorf("%+v", end)
	}
}

// A container whose end was lost is gone once it was looked for.
func TestCgrouplessIsGone(t *testing.T) {
	tracker, _, init := cgrouplessTest()
	tracker.FoundOutside(podmans(idA), init)
	tracker.InitGone(podmans(idA))
	if list, _ := tracker.OfUsers(); len(list) != 0 || tracker.StateOf(podmans(idA)).Init != 0 {
		t.Errorf("%+v", list)
	}
}

// A user may give his container any id, that of another one included. Then it has neither that one's name nor its row, and the user's engine
// reports nothing about that one.
func TestCgrouplessTakesNoOthersID(t *testing.T) {
	for name, other := range map[string]func(*Tracker, *Directory){
		"one that runs":       func(tracker *Tracker, _ *Directory) { tracker.Place(8, "/docker/"+idA) },
		"one that its engine": func(_ *Tracker, d *Directory) { d.Put(Identity{ID: idA, Runtime: runtime.Docker, Name: "db"}) },
		"another user's": func(tracker *Tracker, _ *Directory) {
			tracker.FoundOutside(&Ref{ID: idA, User: 1001}, Init{PID: 60, Namespaces: event.NamespaceIDs{event.Mnt: 15}})
		},
	} {
		tracker, d, init := cgrouplessTest()
		other(tracker, d)
		d.Put(Identity{ID: idA, Runtime: runtime.Podman, Name: "forged", User: ofTheUser})
		tracker.FoundOutside(podmans(idA), init)
		e := killIn(50, init.Namespaces)
		tracker.Attribute(e)
		if c := e.Container; c == nil || c.ID == idA || c.Name == "db" {
			t.Errorf("%s: it is %+v", name, c)
		}
		if tracker.IsOf(idA, ofTheUser) {
			t.Errorf("%s: it is the user's", name)
		}
	}
}

// The user's own name is not that of a container that somebody else's engine has no word of.
func TestCgrouplessNamesAreTheUsers(t *testing.T) {
	tracker, d, init := cgrouplessTest()
	d.Put(Identity{ID: idA, Runtime: runtime.Podman, Name: "of another", User: 1001})
	tracker.FoundOutside(podmans(idA), init)
	if c := tracker.Describe(podmans(idA)); c.Name != "" || c.ID != idA {
		t.Errorf("%+v", c)
	}
	if !tracker.IsOf(idA, ofTheUser) || tracker.IsOf(idA, 1001) {
		t.Error("it is somebody else's")
	}
}

// TestKillThatMayBeAUsersContainers: a kill in a young PID namespace that a user's container runtime seems to have made may be in a container
// that is found only later.
func TestKillThatMayBeAUsersContainers(t *testing.T) {
	tests := map[string]struct {
		comm string
		uid  uint32
		at   int // ms after the creation
		edit func(tracker *Tracker, kill *event.Event)
		want bool
	}{
		"a user's crun":             {comm: "crun", uid: ofTheUser, want: true},
		"long after":                {comm: "crun", uid: ofTheUser, at: 10_001},
		"root's crun":               {comm: "crun"},
		"another program":           {comm: "unshare", uid: ofTheUser},
		"its cgroup is a container": {comm: "crun", uid: ofTheUser, edit: func(t *Tracker, kill *event.Event) { t.Place(root, rootPath); kill.CgroupID = root }},
		"the container is known": {comm: "crun", uid: ofTheUser, edit: func(t *Tracker, kill *event.Event) {
			t.FoundOutside(podmans(idA), Init{PID: 50, Namespaces: kill.OOM.Victim.Namespaces})
		}},
		"in the host's": {comm: "crun", uid: ofTheUser, edit: func(_ *Tracker, kill *event.Event) { kill.OOM.Victim.Namespaces[event.PID] = 2 }},
	}
	for name, test := range tests {
		tracker, _, init := cgrouplessTest()
		tracker.Attribute(&event.Event{
			Time: at(0), Type: event.NamespaceCreated, PID: 812, Comm: test.comm, UID: &test.uid, CgroupID: 7,
			Namespace: &event.Namespace{Type: event.PID, ID: 12, Via: event.ViaUnshare},
		})
		kill := killIn(51, init.Namespaces)
		kill.Time = at(test.at)
		if test.edit != nil {
			test.edit(tracker, kill)
		}
		if got := tracker.MayBeUsers(kill); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSandboxInAContainerWithoutACgroup: what is isolated in it has it as its parent.
func TestSandboxInAContainerWithoutACgroup(t *testing.T) {
	tracker, d, init := cgrouplessTest()
	d.Put(Identity{ID: idA, Runtime: runtime.Podman, Name: "web", User: ofTheUser})
	tracker.FoundOutside(podmans(idA), init)
	first := found(60, "sleep", "/session", event.NamespaceIDs{event.Mnt: 31, event.PID: 32}, ProcessName{59, "unshare"})
	first.Above = 12
	tracker.FoundIsolated(first, at(5))
	list := tracker.Isolated()
	if len(list) != 1 || list[0].Container.Parent == nil || list[0].Container.Parent.Name != "web" {
		t.Errorf("recognised %+v", list)
	}
}
