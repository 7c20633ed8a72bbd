package container

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// moved is the init 50, which bash moves; home is where it was started.
func moved(ms int, home, to uint64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.InitMoved, PID: 812, Comm: "bash", CgroupID: host,
		Moved: &event.Moved{PID: 50, HomeID: home, ToID: to},
	}
}

// TestMoveFromAnUnreportedCgroup: an init leaves a container's cgroup that no event has reported. It is still attributed to the
// container.
func TestMoveFromAnUnreportedCgroup(t *testing.T) {
	h := &hostCgroups{byID: map[uint64][]Cgroup{root: {{root, rootPath}}, host: {{host, "/"}}}}
	tracker := lookupTracker(h)
	e := moved(6, root, host)
	if !tracker.Attribute(&e) || e.Moved.Home != rootPath || e.Moved.To != "/" || e.Moved.Held || e.Moved.Container == nil || e.Moved.Container.Name != "web" {
		t.Errorf("%+v", e.Moved)
	}
	if found := tracker.Discovered(); len(found) == 0 {
		t.Error("its cgroup is not discovered")
	}
}

// TestInitMoved follows an init that leaves the container's cgroup: which moves are ones, and whose its end and the kill of
// it are.
func TestInitMoved(t *testing.T) {
	begin := []event.Event{created(0, root, rootPath), created(1, below, belowPath), started(5, 50, root)}
	for _, test := range []struct {
		name   string
		events []event.Event
		want   []string // of those after the start; "" is no event of a container
	}{
		{"out", []event.Event{moved(6, root, host)}, []string{"web " + rootPath + " to /"}},
		{"out and back", []event.Event{moved(6, root, host), moved(7, root, root)}, []string{"web " + rootPath + " to /", "web " + rootPath + " to " + rootPath + " held"}},
		{"out and back below", []event.Event{moved(6, root, host), moved(7, root, below)}, []string{"web " + rootPath + " to /", "web " + rootPath + " to " + belowPath + " held"}},
		{"from one outside to another", []event.Event{moved(6, root, host), moved(7, root, service)}, []string{"web " + rootPath + " to /", "web " + rootPath + " to /system.slice/cron.service"}},
		{"to one that is unknown", []event.Event{moved(6, root, 999)}, []string{""}},
		{"within the container", []event.Event{moved(6, root, below), moved(7, root, root)}, []string{"", ""}},
		{"into a container in it", []event.Event{created(6, inner, innerPath), moved(7, root, inner)}, []string{"", ""}},
		{"of no container", []event.Event{moved(6, service, host), moved(7, 999, host)}, []string{"", ""}},
		{
			"killed out of memory there, and ended",
			[]event.Event{moved(6, root, host), killed(7, 50, host, true), exited(8, 50, root), killed(9, 50, host, true)},
			[]string{"web " + rootPath + " to /", "killed web, its init", "exited web", "killed nobody"},
		},
		{
			"its cgroup is removed before its end", []event.Event{moved(6, root, host), removed(7, root, rootPath), exited(8, 50, root)},
			[]string{"web " + rootPath + " to /", "", "exited web"},
		},
	} {
		tracker := newTestTracker()
		for _, e := range begin {
			tracker.Attribute(&e)
		}
		var got []string
		for _, e := range test.events {
			text := ""
			switch ok := tracker.Attribute(&e); {
			case !ok:
			case e.Moved != nil:
				text = fmt.Sprintf("%s %s to %s", e.Subject().Label(), e.Moved.Home, e.Moved.To)
				if e.Moved.Held {
					text += " held"
				}
			case e.OOM != nil && e.Container == nil:
				text = "killed nobody"
			case e.OOM != nil:
				text = "killed " + e.OOM.Victim.Container.Label()
				if e.OOM.Victim.Init {
					text += ", its init"
				}
			case e.Exit != nil:
				text = "exited " + e.Container.Label()
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// A container that is found with its init outside: in its cgroup of another hierarchy, or by its engine alone.
func TestFoundOutside(t *testing.T) {
	for name, path := range map[string]string{"its cgroup is there": rootPath, "its cgroup is gone": ""} {
		tracker := newTestTracker()
		home := uint64(0)
		if path != "" {
			tracker.Place(root, path)
			home = root
		}
		tracker.FoundOutside(&Ref{ID: idA, Runtime: "docker", Root: path}, Init{PID: 50, Made: at(0)})
		kill := killed(6, 50, host, true)
		tracker.Attribute(&kill)
		if kill.Container.Label() != "web" || !kill.OOM.Victim.Init {
			t.Errorf("%s: the kill is %+v", name, kill.OOM.Victim)
		}
		other := exited(7, 51, home)
		if tracker.Attribute(&other) {
			t.Errorf("%s: another process is taken for its init", name)
		}
		end := exited(8, 50, home)
		if !tracker.Attribute(&end) || end.Container.Label() != "web" {
			t.Errorf("%s: the end is %+v", name, end)
		}
		if again := exited(9, 50, home); tracker.Attribute(&again) {
			t.Errorf("%s: it ended twice", name)
		}
	}
}

// The end of an init outside of its cgroup was lost: whoever has its PID then is none of the container's.
func TestOutsideForgetsTheDead(t *testing.T) {
	ref := &Ref{ID: idA, Runtime: "docker", Root: rootPath}
	for name, forget := range map[string]func(*Tracker){
		"reading the host found it gone":  func(tracker *Tracker) { tracker.InitGone(ref) },
		"the container was found gone":    func(tracker *Tracker) { tracker.Gone(idA) },
		"the container was started again": func(tracker *Tracker) { tracker.FoundRunning(ref, Init{PID: 60, Made: at(5)}) },
	} {
		tracker := newTestTracker()
		tracker.Place(root, rootPath)
		tracker.FoundOutside(ref, Init{PID: 50, Made: at(0)})
		forget(tracker)
		kill := killed(6, 50, service, true)
		tracker.Attribute(&kill)
		if kill.Container != nil || kill.OOM.Victim.Container != nil || kill.OOM.Victim.Init {
			t.Errorf("%s: a kill on the host is reported as %+v", name, kill.OOM.Victim)
		}
	}
}
