package container

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// createdBy is the creation of a cgroup by a process that calls itself so.
func createdBy(comm string, ms int, id uint64, path string) event.Event {
	e := created(ms, id, path)
	e.Comm, e.UID = comm, new(uint32(0))
	return e
}

// byUser has a user without rights cause an event.
func byUser(e event.Event) event.Event {
	e.UID = new(uint32(1000))
	return e
}

// TestRecognisedByItsStart: a cgroup whose path does not show a container is one's own if a program starts in it that the kernel isolates,
// and, if the id is a name, a runtime made the cgroup.
func TestRecognisedByItsStart(t *testing.T) {
	const mine, child, other = 500, 501, 502
	tests := []struct {
		name   string
		events []event.Event
		start  uint64
		want   *event.Container // nil is none
	}{
		{
			"runc without an engine", []event.Event{createdBy("runc", 0, mine, "/mycid")}, mine,
			&event.Container{ID: "mycid", Name: "mycid", Runtime: "runc"},
		},
		{
			"crun, which makes a cgroup below", []event.Event{createdBy("crun", 0, mine, "/mycid"), createdBy("crun", 1, child, "/mycid/container")}, child,
			&event.Container{ID: "mycid", Name: "mycid", Runtime: "crun"},
		},
		{
			"ctr", []event.Event{createdBy("runc", 0, other, "/default"), createdBy("runc", 0, mine, "/default/web")}, mine,
			&event.Container{ID: "web", Name: "web", Runtime: "containerd"},
		},
		{
			"runc in a cgroup of its own", []event.Event{createdBy("bash", 0, other, "/work"), createdBy("runc", 0, mine, "/work/mycid")}, mine,
			&event.Container{ID: "mycid", Name: "mycid", Runtime: "runc"},
		},
		{
			"runc in a folder that it made", []event.Event{createdBy("runc", 0, other, "/work"), createdBy("runc", 0, mine, "/work/mycid")}, mine,
			&event.Container{ID: "mycid", Name: "mycid", Runtime: "runc"},
		},
		{
			"crun there", []event.Event{createdBy("crun", 0, mine, "/user.slice/mycid"), createdBy("crun", 0, child, "/user.slice/mycid/container")}, child,
			&event.Container{ID: "mycid", Name: "mycid", Runtime: "crun"},
		},
		{
			"crun in a scope of systemd", []event.Event{
				createdBy("systemd", 0, mine, "/system.slice/batch-job.scope"), createdBy("crun", 0, child, "/system.slice/batch-job.scope/container"),
			}, child, &event.Container{ID: "batch-job", Name: "batch-job", Runtime: "crun"},
		},
		{
			"nspawn in a unit of the user's", []event.Event{
				createdBy("systemd", 0, other, "/system.slice/box.service"), createdBy("systemd-nspawn", 0, mine, "/system.slice/box.service/payload"),
			}, mine, &event.Container{ID: "box", Name: "box", Runtime: "nspawn"},
		},
		{"a folder of somebody's with a mount namespace of its own", []event.Event{createdBy("bash", 0, mine, "/mycid")}, mine, nil},
		{"a folder of a user's process that calls itself runc", []event.Event{byUser(createdBy("runc", 0, mine, "/user.slice/mycid"))}, mine, nil},
		{"a service", []event.Event{createdBy("systemd", 0, mine, "/system.slice/cron2.service")}, mine, nil},
		{
			"an unknown engine", []event.Event{createdBy("engined", 0, other, "/batch"), createdBy("engined", 0, mine, "/batch/"+idB)}, mine,
			&event.Container{ID: idB},
		},
		{
			"a folder that a runtime made for its container", []event.Event{createdBy("runc", 0, other, "/batch"), createdBy("runc", 0, mine, "/batch/"+idB)}, mine,
			&event.Container{ID: idB},
		},
		{
			"deep below", []event.Event{
				createdBy("runc", 0, mine, "/mycid"), createdBy("sh", 1, child, "/mycid/a"), createdBy("sh", 2, other, "/mycid/a/b"),
			}, other, nil,
		},
		{
			"a folder that a runtime made for a container of an unknown engine", []event.Event{
				createdBy("runc", 0, other, "/work"), createdBy("runc", 1, mine, "/work/"+idC),
			}, mine, &event.Container{ID: idC},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			for _, e := range test.events {
				if tracker.Attribute(&e); e.Cgroup.Container != nil {
					t.Errorf("%s is one of %v before anything runs in it", e.Cgroup.Path, e.Cgroup.Container)
				}
			}
			e := started(5, 50, test.start)
			if got := tracker.Attribute(&e); got != (test.want != nil) {
				t.Errorf("a start: %v", got)
			}
			if diff := cmp.Diff(test.want, e.Container); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			found := tracker.Discovered()
			if test.want == nil {
				if found != nil {
					t.Errorf("discovered %+v", found)
				}
				return
			}
			if len(found) != 1 || !found[0].Confirmed || found[0].Container.Root != found[0].Path {
				t.Fatalf("discovered %+v", found)
			}
			if e := exited(9, 50, test.start); !tracker.Attribute(&e) || e.Container == nil {
				t.Errorf("its end is one of %v", e.Container)
			}
			if c := tracker.DescribePath("/batch"); c != nil {
				t.Errorf("the folder belongs to %v", c)
			}
		})
	}
}

// TestKilledWhileStarting: the kernel kills in a new cgroup before a program of its own runs there.
func TestKilledWhileStarting(t *testing.T) {
	tracker := newTestTracker()
	e := createdBy("runc", 0, 500, "/tiny")
	tracker.Attribute(&e)
	e = early(killed(1, 50, 500, false))
	tracker.Attribute(&e)
	if c := e.OOM.Victim.Container; c == nil || c.Name != "tiny" || !e.OOM.Victim.Starting {
		t.Errorf("killed in %v, %+v", c, e.OOM.Victim)
	}
}

// TestPossibleID: an engine is asked about what may be its container, so that the start has its name.
func TestPossibleID(t *testing.T) {
	tracker := newTestTracker()
	number := uint64(500)
	for path, want := range map[string]string{
		"/batch/" + idB: idB, "/" + idB: idB, "/batch": "", "/mycid": "", "/batch/" + idB + "/x": "", "/docker/" + idB: "", "/": "", "": "",
	} {
		number++
		tracker.Place(number, path)
		if got := tracker.PossibleID(number); got != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// TestKnownByItsEngine: an engine that has a container with the id of the path says what the cgroup is.
func TestKnownByItsEngine(t *testing.T) {
	tracker := newTestTracker()
	e := createdBy("systemd", 0, 500, "/batch/"+idA)
	if tracker.Attribute(&e); e.Cgroup.Container == nil || e.Cgroup.Container.Name != "web" {
		t.Errorf("the cgroup of %v", e.Cgroup.Container)
	}
}

// TestFoundByItsProcesses: reading the host has shown that a cgroup is a container's own. What was placed below belongs to it.
func TestFoundByItsProcesses(t *testing.T) {
	tracker := newTestTracker()
	tracker.Place(500, "/mycid")
	tracker.Place(501, "/mycid/container")
	tracker.Place(502, "/mycidx")
	ref, ok := NewParser().Parse("/mycid")
	if !ok || !ref.Unsure {
		t.Fatalf("%+v", ref)
	}
	tracker.Confirm(&ref)
	tracker.FoundRunning(&ref, Init{PID: 50})
	for id, want := range map[uint64]bool{500: true, 501: true, 502: false} {
		if c, _ := tracker.container(id); (c != nil) != want {
			t.Errorf("cgroup %d is one of %v", id, c)
		}
	}
	if e := exited(5, 50, 501); !tracker.Attribute(&e) || e.Container.Name != "mycid" {
		t.Errorf("the end of %v", e.Container)
	}
}

// TestIDsAreUnique: whoever makes cgroups may give them any name, and users of different runtimes choose the same names.
func TestIDsAreUnique(t *testing.T) {
	tracker := newTestTracker()
	user := "/user.slice/user-1000.slice/user@1000.service"
	for i, test := range []struct{ path, id, name string }{
		{"/docker/" + idA, idA, "web"},
		{user + "/docker-" + idA + ".scope", idA + "@1001", ""},
		{"/docker/" + idA + "/docker/" + idA, idA + "@1002", ""},
		{"/lxc.payload.box", "box", "box"},
		{"/machine.slice/machine-box.scope/payload", "nspawn/box", "box"},
		{user + "/lxc.payload.box", "box@1005", "box"},
		{"/lxc.payload.box/lxc.payload.box", "box@1006", "box"},
	} {
		e := created(i, 1000+uint64(i), test.path)
		tracker.Attribute(&e)
		if c := e.Cgroup.Container; c == nil || c.ID != test.id || c.Name != test.name {
			t.Errorf("%s is %+v, want %s", test.path, c, test.id)
		}
		below := created(i, 2000+uint64(i), test.path+"/x")
		if tracker.Attribute(&below); below.Cgroup.Container == nil || below.Cgroup.Container.ID != test.id {
			t.Errorf("below %s: %+v", test.path, below.Cgroup.Container)
		}
	}
	// What runs the machine of a container of Kata has a cgroup of the same name, which is no container's, though an engine knows the id.
	overhead := created(40, 3000, "/kata_overhead/"+idA)
	if tracker.Attribute(&overhead); overhead.Cgroup.Container != nil {
		t.Errorf("Kata's overhead is %+v", overhead.Cgroup.Container)
	}
	if c := tracker.DescribePath("/docker/" + idA); c == nil || c.ID != idA {
		t.Errorf("beside Kata's overhead it is %+v", c)
	}
	// The same container, started again.
	gone := removed(50, 1003, "/lxc.payload.box")
	tracker.Attribute(&gone)
	if again := created(51, 1010, "/lxc.payload.box"); !tracker.Attribute(&again) || again.Cgroup.Container.ID != "box" {
		t.Errorf("started again it is %+v", again.Cgroup.Container)
	}
}

// TestEngineOfALowLevelRuntime: an engine's container whose cgroup says nothing is recognised as one of the runtime that the engine calls. What
// the engine's files say of a container with that id is believed if they name its cgroup.
func TestEngineOfALowLevelRuntime(t *testing.T) {
	for _, test := range []struct {
		name, end, root string
		want            string
	}{
		{"its cgroup", "/other/web", "/other/web", "containerd"},
		{"its cgroup, below that of the daemon", "/other/web", "/session/other/web", "containerd"},
		{"its scope", "/ctr-web.scope", "/system.slice/ctr-web.scope", "containerd"},
		{"another one's", "/other/web", "/bare/web", "runc"},
		{"unknown", "", "/other/web", "runc"},
	} {
		tracker := newTestTracker()
		tracker.directory.Put(Identity{ID: "web", Name: "web", Image: "shop/web", Runtime: "containerd", CgroupEnd: test.end})
		got := tracker.Describe(&Ref{Runtime: "runc", ID: "web", Name: "web", Root: test.root})
		if got.Runtime != test.want || (got.Image != "") != (test.want == "containerd") {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}
