package container

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// hostCgroups is a resolver over a made-up host that counts how often it is asked.
type hostCgroups struct {
	byID  map[uint64][]Cgroup
	asked int
}

func (h *hostCgroups) resolve(id uint64) []Cgroup {
	h.asked++
	return h.byID[id]
}

func lookupTracker(h *hostCgroups) *Tracker {
	tracker := newTestTracker()
	tracker.resolve = h.resolve
	return tracker
}

// TestUnreportedCgroupIsLookedUp: a kill in a cgroup that no event reported is its container's, whose own cgroup is
// discovered with it.
func TestUnreportedCgroupIsLookedUp(t *testing.T) {
	h := &hostCgroups{byID: map[uint64][]Cgroup{below: {{root, rootPath}, {below, belowPath}}}}
	tracker := lookupTracker(h)
	for range 2 {
		e := event.Event{Type: event.OOMKill, Time: at(1), PID: 70, CgroupID: below, OOM: &event.OOM{Victim: event.Victim{PID: 70}}}
		if !tracker.Attribute(&e) {
			t.Fatal("no event")
		}
		if c := e.OOM.Victim.Container; c == nil || c.Name != "web" || e.ContainerUnknown || e.OOM.Victim.Cgroup != belowPath {
			t.Errorf("a kill in %+v at %q, unknown: %v", c, e.OOM.Victim.Cgroup, e.ContainerUnknown)
		}
	}
	if h.asked != 1 {
		t.Errorf("asked %d times", h.asked)
	}
	ref := &Ref{Runtime: "docker", ID: idA, Root: rootPath}
	want := []Discovery{{Cgroup: Cgroup{root, rootPath}, Container: ref}, {Cgroup: Cgroup{below, belowPath}, Container: ref}}
	if diff := cmp.Diff(want, tracker.Discovered()); diff != "" {
		t.Errorf("discovered (-want +got):\n%s", diff)
	}
	if more := tracker.Discovered(); more != nil {
		t.Errorf("discovered again: %v", more)
	}
}

// TestUnknownCgroupIsNotTheHost: where a cgroup cannot be looked up it is not known whose a process is.
func TestUnknownCgroupIsNotTheHost(t *testing.T) {
	h := &hostCgroups{}
	tracker := lookupTracker(h)
	for range 3 {
		e := event.Event{
			Type: event.OOMKill, Time: at(1), PID: 70, CgroupID: 4711,
			OOM: &event.OOM{Victim: event.Victim{PID: 70}, Trigger: &event.Process{PID: 71, CgroupID: host}},
		}
		tracker.Attribute(&e)
		if !e.ContainerUnknown || !e.OOM.Victim.ContainerUnknown || e.OOM.Trigger.ContainerUnknown {
			t.Errorf("unknown: event %v, victim %v, trigger %v", e.ContainerUnknown, e.OOM.Victim.ContainerUnknown, e.OOM.Trigger.ContainerUnknown)
		}
	}
	if h.asked != 1 {
		t.Errorf("asked %d times for a cgroup that is gone", h.asked)
	}
	e := event.Event{Type: event.NamespaceFreed, Time: at(1), Namespace: &event.Namespace{ID: 5}}
	if tracker.Attribute(&e); e.ContainerUnknown {
		t.Error("nobody acts when a namespace is freed")
	}
}

// TestPathThatNoEventCanHold: it is looked up by the cgroup's id.
func TestPathThatNoEventCanHold(t *testing.T) {
	h := &hostCgroups{byID: map[uint64][]Cgroup{root: {{root, rootPath}}}}
	tracker := lookupTracker(h)
	e := created(1, root, "")
	tracker.Attribute(&e)
	if e.Cgroup.Path != rootPath || e.Cgroup.Container == nil || e.Cgroup.Container.Name != "web" {
		t.Errorf("made: %q of %v", e.Cgroup.Path, e.Cgroup.Container)
	}
	if found := tracker.Discovered(); found != nil {
		t.Errorf("discovered what an event reported: %v", found)
	}
	e = removed(2, root, "")
	if tracker.Attribute(&e); e.Cgroup.Path != rootPath {
		t.Errorf("removed: %q", e.Cgroup.Path)
	}
}

// TestCompareWithTheHost: what was lost shows, and what has happened since the reading began does not.
func TestCompareWithTheHost(t *testing.T) {
	tracker := newTestTracker()
	for _, e := range []event.Event{created(1, root, rootPath), created(1, below, belowPath), created(2, inner, innerPath)} {
		tracker.Attribute(&e)
	}
	gone := removed(3, inner, innerPath)
	tracker.Attribute(&gone)
	tracker.BeginComparison()
	young := created(4, 950, "/docker/"+idB)
	tracker.Attribute(&young)
	lost := Cgroup{951, "/lost"}
	unknown, missing := tracker.Compare([]Cgroup{{host, "/"}, {service, "/system.slice/cron.service"}, lost})
	if diff := cmp.Diff([]Cgroup{lost}, unknown); diff != "" {
		t.Errorf("unknown (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Cgroup{{below, belowPath}, {root, rootPath}}, missing); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
}

// TestCgroupsAreBounded: whoever makes cgroups without end pushes out no container's own, and what was pushed out is
// looked up.
func TestCgroupsAreBounded(t *testing.T) {
	h := &hostCgroups{byID: map[uint64][]Cgroup{}}
	tracker := lookupTracker(h)
	tracker.limit = 100
	tracker.Place(root, rootPath)
	tracker.FoundRunning(&Ref{ID: idA, Root: rootPath}, Init{PID: 50, Made: at(0)})
	for i := range uint64(1000) {
		c := Cgroup{2000 + i, fmt.Sprintf("/user.slice/%d", i)}
		h.byID[c.ID] = []Cgroup{c}
		tracker.Place(c.ID, c.Path)
	}
	if n := len(tracker.cgroups); n > 100 {
		t.Errorf("%d cgroups kept", n)
	}
	if e := exited(5, 50, root); !tracker.Attribute(&e) || e.Container == nil {
		t.Error("the container was pushed out")
	}
	for i := range uint64(1000) {
		if path := tracker.path(2000 + i); path != fmt.Sprintf("/user.slice/%d", i) {
			t.Fatalf("cgroup %d is %q", i, path)
		}
	}
	for i := range uint64(10 * maxUnresolved) {
		tracker.path(1_000_000 + i)
	}
	if n := len(tracker.unresolved); n > maxUnresolved {
		t.Errorf("%d ids of nothing kept", n)
	}
}

// TestPathOfAnother: the removal of a cgroup was lost, and another one has its path, as after `docker restart`. That the
// first one is gone is reported before the other one, once, and never as the end of the other one.
func TestPathOfAnother(t *testing.T) {
	const younger = 960
	for name, test := range map[string]struct {
		report func(*Tracker)
		want   []Discovery
	}{
		"created": {
			func(tracker *Tracker) { e := created(5, younger, rootPath); tracker.Attribute(&e) },
			[]Discovery{{Cgroup: Cgroup{root, rootPath}, Container: &Ref{Runtime: "docker", ID: idA, Root: rootPath}, Removed: true}},
		},
		"discovered": {
			func(tracker *Tracker) { tracker.Discover(younger, rootPath) },
			[]Discovery{
				{Cgroup: Cgroup{root, rootPath}, Container: &Ref{Runtime: "docker", ID: idA, Root: rootPath}, Removed: true},
				{Cgroup: Cgroup{younger, rootPath}, Container: &Ref{Runtime: "docker", ID: idA, Root: rootPath}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := newTestTracker()
			e := created(1, root, rootPath)
			tracker.Attribute(&e)
			test.report(tracker)
			if diff := cmp.Diff(test.want, tracker.Discovered()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			tracker.BeginComparison()
			unknown, gone := tracker.Compare([]Cgroup{{host, "/"}, {service, "/system.slice/cron.service"}, {younger, rootPath}})
			if unknown != nil || gone != nil {
				t.Errorf("unknown %v, gone %v", unknown, gone)
			}
			tracker.FoundRunning(&Ref{Runtime: "docker", ID: idA, Root: rootPath}, Init{PID: 50, Made: at(6)})
			if e := removed(7, root, rootPath); tracker.Attribute(&e) {
				t.Error("the removal of the first one is reported again, by the path that the other one has")
			}
			if state := tracker.StateOf(&Ref{Runtime: "docker", ID: idA, Root: rootPath}); state.Init != 50 {
				t.Errorf("the other one's PID 1 is %d", state.Init)
			}
			if e := removed(8, younger, rootPath); !tracker.Attribute(&e) || e.Cgroup.Container == nil {
				t.Error("the removal of the other one is not reported")
			}
		})
	}
}

// TestCompareWhatHasThePathOfAnother: of the cgroups of no container, too, the older one is not reported as gone when a younger
// one has its path: by that the younger one would seem to be gone.
func TestCompareWhatHasThePathOfAnother(t *testing.T) {
	tracker := newTestTracker()
	tracker.Place(970, "/user.slice")
	tracker.BeginComparison()
	e := created(5, 971, "/user.slice")
	tracker.Attribute(&e)
	if _, gone := tracker.Compare([]Cgroup{{host, "/"}, {service, "/system.slice/cron.service"}}); gone != nil {
		t.Errorf("gone: %v", gone)
	}
	tracker.BeginComparison()
	if _, gone := tracker.Compare([]Cgroup{{host, "/"}, {service, "/system.slice/cron.service"}}); len(gone) != 1 || gone[0].ID != 971 {
		t.Errorf("gone later: %v", gone)
	}
}
