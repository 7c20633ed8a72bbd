package container

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

var begin = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

func at(ms int) time.Time { return begin.Add(time.Duration(ms) * time.Millisecond) }

func created(ms int, id uint64, path string) event.Event {
	return event.Event{
		Time: at(ms), Type: event.CgroupCreated, PID: 10, Comm: "systemd", CgroupID: 1,
		Cgroup: &event.Cgroup{ID: id, Path: path},
	}
}

func removed(ms int, id uint64, path string) event.Event {
	e := created(ms, id, path)
	e.Type = event.CgroupRemoved
	return e
}

func started(ms int, pid int32, cgroup uint64) event.Event {
	return event.Event{Time: at(ms), Type: event.ContainerStarted, PID: pid, CgroupID: cgroup, Start: &event.Start{}}
}

func exited(ms int, pid int32, cgroup uint64) event.Event {
	return event.Event{Time: at(ms), Type: event.ContainerExited, PID: pid, CgroupID: cgroup, Exit: &event.Exit{}}
}

func early(e event.Event) event.Event {
	e.OOM.Victim.Starting = true
	return e
}

func killed(ms int, pid int32, cgroup uint64, init bool) event.Event {
	return event.Event{
		Time: at(ms), Type: event.OOMKill, PID: pid, CgroupID: cgroup,
		OOM: &event.OOM{CgroupID: cgroup, Victim: event.Victim{PID: pid, Init: init}},
	}
}

// The cgroups of the tests.
const (
	host    = 1
	service = 2
	root    = 100
	below   = 101
	again   = 200
	inner   = 300
)

var (
	rootPath  = "/docker/" + idA
	belowPath = rootPath + "/container"
	innerPath = rootPath + "/docker/" + idB
)

func newTestTracker() *Tracker {
	d := NewDirectory(10)
	d.Put(Identity{ID: idA, Runtime: "docker", Name: "web", Image: "nginx"})
	tracker := NewTracker(d, nil)
	tracker.Place(host, "/")
	tracker.Place(service, "/system.slice/cron.service")
	return tracker
}

func TestWhatIsAStartAndAnExit(t *testing.T) {
	type step struct {
		event event.Event
		want  bool
	}
	mkdir := func(id uint64, path string, ms int) step { return step{created(ms, id, path), true} }
	tests := []struct {
		name  string
		steps []step
	}{
		{"in the container's own cgroup", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {exited(9, 50, root), true},
		}},
		{"in a cgroup below, as crun does", []step{
			mkdir(root, rootPath, 0), mkdir(below, belowPath, 1), {started(5, 50, below), true}, {exited(9, 50, below), true},
		}},
		{"services of a running container", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true},
			mkdir(below, belowPath, 6), {started(7, 51, below), false}, {exited(8, 51, below), false},
			{exited(9, 50, root), true},
		}},
		{"a service that the init itself becomes", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true},
			mkdir(below, belowPath, 6), {started(7, 50, below), false}, {exited(9, 50, root), true},
		}},
		{"an exec in the root after a start below", []step{
			mkdir(root, rootPath, 0), mkdir(below, belowPath, 1), {started(5, 50, below), true},
			{started(6, 60, root), false}, {exited(7, 60, root), false}, {exited(9, 50, below), true},
		}},
		{"an exit that nobody started", []step{mkdir(root, rootPath, 0), {exited(9, 50, root), false}}},
		{"one end is reported once", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {exited(9, 50, root), true}, {exited(9, 50, root), false},
		}},
		{"a system service", []step{{started(5, 50, service), false}, {exited(9, 50, service), false}}},
		{"a cgroup that was never reported", []step{{started(5, 50, 999), false}, {exited(9, 50, 999), false}, {started(5, 50, 0), false}}},
		{"started again in a new cgroup", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {exited(9, 50, root), true},
			{removed(10, root, rootPath), true}, mkdir(again, rootPath, 20), {started(25, 70, again), true}, {exited(29, 70, again), true},
		}},
		{"started again after an exit that was lost", []step{
			mkdir(root, rootPath, 0), mkdir(below, belowPath, 1), {started(5, 50, below), true},
			{removed(10, below, belowPath), true}, {removed(10, root, rootPath), true},
			mkdir(again, rootPath, 20), mkdir(again+1, belowPath, 21), {started(25, 70, again+1), true}, {exited(29, 70, again+1), true},
		}},
		{"started again before the exit is read", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {removed(10, root, rootPath), true},
			mkdir(again, rootPath, 20), {exited(9, 50, root), true}, {started(25, 70, again), true}, {exited(29, 70, again), true},
		}},
		{"an exit that is read after the removal", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {removed(10, root, rootPath), true}, {exited(9, 50, root), true},
		}},
		{"one inside another", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true},
			mkdir(inner, innerPath, 6), {started(7, 60, inner), true}, {exited(8, 60, inner), true}, {exited(9, 50, root), true},
		}},
		{"one inside that bears the outer one's id", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true},
			mkdir(inner, rootPath+"/docker/"+idA, 6), {started(7, 60, inner), true}, {exited(8, 60, inner), true}, {exited(9, 50, root), true},
		}},
		{"one whose own cgroup was not reported", []step{
			mkdir(below, belowPath, 1), {started(5, 50, below), true}, {exited(9, 50, below), true},
		}},
		{"a removal reported twice", []step{
			mkdir(root, rootPath, 0), {removed(10, root, rootPath), true}, mkdir(again, rootPath, 20),
			{removed(10, root, rootPath), false}, mkdir(below, belowPath, 21), {started(25, 70, below), true}, {exited(29, 70, again), true},
		}},
		{"a removal that is read after the next making", []step{
			mkdir(root, rootPath, 0), mkdir(again, rootPath, 20), {removed(10, root, rootPath), false}, mkdir(below, belowPath, 21),
			{started(25, 70, below), true}, {started(26, 70, again), false}, {exited(29, 70, again), true},
		}},
		{"an id given out again", []step{
			mkdir(root, rootPath, 0), {started(5, 50, root), true}, {removed(10, root, rootPath), true},
			mkdir(root, rootPath, 20), {started(25, 70, root), true}, {exited(29, 70, root), true},
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			for i, step := range test.steps {
				if got := tracker.Attribute(&step.event); got != step.want {
					t.Fatalf("step %d, %s of %d: %v", i, step.event.Type, step.event.PID, got)
				}
			}
		})
	}
}

// What runs already is found by reading the host. Its start, or not even that, is read from the ring
// later.
func TestFoundRunning(t *testing.T) {
	ref := &Ref{Runtime: "docker", ID: idA, Root: rootPath}
	t.Run("long ago", func(t *testing.T) {
		tracker := newTestTracker()
		tracker.Place(root, rootPath)
		tracker.FoundRunning(ref, Init{PID: 50})
		for _, step := range []struct {
			event event.Event
			want  bool
		}{
			{created(1, below, belowPath), true}, {started(2, 51, below), false}, {started(3, 50, below), false},
			{exited(4, 51, below), false}, {exited(5, 50, root), true}, {exited(5, 50, root), false},
		} {
			if got := tracker.Attribute(&step.event); got != step.want {
				t.Errorf("%s of %d: %v", step.event.Type, step.event.PID, got)
			}
		}
	})
	t.Run("just now", func(t *testing.T) {
		tracker := newTestTracker()
		tracker.Place(root, rootPath)
		tracker.FoundRunning(ref, Init{PID: 50})
		for _, step := range []struct {
			event event.Event
			want  bool
		}{
			{created(-9, root, rootPath), true}, {started(-5, 50, root), true}, {started(-4, 50, root), false}, {exited(5, 50, root), true},
		} {
			if got := tracker.Attribute(&step.event); got != step.want {
				t.Errorf("%s of %d at %v: %v", step.event.Type, step.event.PID, step.event.Time, got)
			}
		}
	})
	t.Run("while execs were hooked", func(t *testing.T) {
		tracker := newTestTracker()
		tracker.Place(root, rootPath)
		made := created(-9, root, rootPath)
		tracker.Attribute(&made)
		tracker.FoundRunning(ref, Init{PID: 50, Made: at(-8), Seen: at(0)})
		for _, step := range []struct {
			event event.Event
			want  bool
		}{{started(3_600_000, 50, root), false}, {exited(3_600_001, 50, root), true}} {
			if got := tracker.Attribute(&step.event); got != step.want {
				t.Errorf("%s of %d at %v: %v", step.event.Type, step.event.PID, step.event.Time, got)
			}
		}
	})
	t.Run("in a cgroup older than the probes", func(t *testing.T) {
		for _, test := range []struct {
			what   string
			found  int32     // its init where it was found running; -1 where it was not found
			forked time.Time // when that was made
			ran    bool      // before execs were hooked
			seen   time.Time // when its program was seen to run
			steps  []event.Event
			want   []bool
		}{
			{"just now", 50, at(-500), false, at(-4), []event.Event{started(-5, 50, root), started(-4, 50, root), exited(5, 50, root)}, []bool{true, false, true}},
			{"in the middle of its exec", 50, at(-500), false, at(-10), []event.Event{started(-5, 50, root), exited(5, 50, root)}, []bool{true, true}},
			{"while execs were hooked, and its shell makes way later", 50, at(-4000), false, at(-3900), []event.Event{started(-5, 50, root), exited(5, 50, root)}, []bool{false, true}},
			{"and its shell makes way", 50, at(-20_000), false, at(-10), []event.Event{started(-5, 50, root), exited(5, 50, root)}, []bool{false, true}},
			{"and its shell makes way at once", 50, at(-1500), true, at(-10), []event.Event{started(-5, 50, root), exited(5, 50, root)}, []bool{false, true}},
			{"and another of its processes", 50, at(-500), false, at(-10), []event.Event{started(-5, 51, root), exited(-4, 51, root)}, []bool{false, false}},
			{"with an init that cannot be seen", 0, time.Time{}, false, at(-10), []event.Event{started(-5, 51, root), exited(-4, 51, root)}, []bool{false, false}},
			{"gone when the host was read", -1, time.Time{}, false, time.Time{}, []event.Event{exited(-5, 50, root), exited(-4, 51, root)}, []bool{true, false}},
			{"started and gone", -1, time.Time{}, false, time.Time{}, []event.Event{started(-5, 50, root), exited(-4, 50, root), exited(-3, 51, root)}, []bool{true, true, false}},
		} {
			tracker := newTestTracker()
			tracker.Place(root, rootPath)
			if test.found >= 0 {
				tracker.FoundRunning(ref, Init{PID: test.found, Made: test.forked, Ran: test.ran, Seen: test.seen})
			}
			for i, e := range test.steps {
				if got := tracker.Attribute(&e); got != test.want[i] {
					t.Errorf("%s: step %d, %s of %d: %v", test.what, i, e.Type, e.PID, got)
				}
			}
		}
	})
	t.Run("whose cgroup is not known", func(t *testing.T) {
		tracker := newTestTracker()
		tracker.FoundRunning(ref, Init{PID: 50})
		if e := exited(5, 50, root); tracker.Attribute(&e) {
			t.Error("an exit in an unknown cgroup")
		}
	})
}

func TestAttribution(t *testing.T) {
	web := &event.Container{ID: idA, Name: "web", Image: "nginx", Runtime: "docker"}
	webInner := &event.Container{ID: idB, Runtime: "docker", Parent: web}
	tracker := newTestTracker()
	for _, e := range []event.Event{
		created(0, root, rootPath), created(1, inner, innerPath), started(2, 50, root), started(3, 60, inner),
	} {
		tracker.Attribute(&e)
	}
	attribute := func(e event.Event) event.Event {
		t.Helper()
		if !tracker.Attribute(&e) {
			t.Fatalf("%s is none", e.Type)
		}
		return e
	}

	e := attribute(created(4, below, belowPath))
	if e.Container != nil || !cmp.Equal(e.Cgroup.Container, web) {
		t.Errorf("cgroup: %v made one of %v", e.Container, e.Cgroup.Container)
	}
	e = attribute(removed(4, below, ""))
	if e.Cgroup.Path != belowPath || !cmp.Equal(e.Cgroup.Container, web) {
		t.Errorf("removed, the kernel does not say which: %q of %v", e.Cgroup.Path, e.Cgroup.Container)
	}
	if e = attribute(created(4, 997, "")); e.Cgroup.Path != "" || e.Cgroup.Container != nil {
		t.Errorf("made, the kernel does not say which: %q of %v", e.Cgroup.Path, e.Cgroup.Container)
	}
	tracker.Place(998, "/batch/"+idB) // the probes cut a path that is too long
	e = attribute(removed(4, 998, "/docker/"+idA+"/x"))
	if !cmp.Equal(e.Cgroup.Container, web) {
		t.Errorf("removed: one of %v", e.Cgroup.Container)
	}
	e = attribute(event.Event{Type: event.NamespaceJoined, CgroupID: below})
	if !cmp.Equal(e.Container, web) {
		t.Errorf("below: %v", e.Container)
	}
	e = attribute(event.Event{Type: event.NamespaceCreated, CgroupID: inner})
	if !cmp.Equal(e.Container, webInner) {
		t.Errorf("inside: %v", e.Container)
	}
	for _, id := range []uint64{0, host, service, 999} {
		if e = attribute(event.Event{Type: event.NamespaceJoined, CgroupID: id}); e.Container != nil {
			t.Errorf("cgroup %d: %v", id, e.Container)
		}
	}

	kill := killed(5, 55, inner, false)
	kill.OOM.CgroupID = root
	kill.OOM.Trigger = &event.Process{PID: 56, CgroupID: root}
	e = attribute(kill)
	if !cmp.Equal(e.Container, webInner) || !cmp.Equal(e.OOM.Victim.Container, webInner) || !cmp.Equal(e.OOM.Trigger.Container, web) ||
		e.OOM.Cgroup != rootPath {
		t.Errorf("kill: %+v", e.OOM)
	}
	kill = killed(5, 9, host, false)
	kill.OOM.CgroupID = 0
	kill.OOM.Trigger = &event.Process{PID: 56, CgroupID: 999}
	e = attribute(kill)
	if e.OOM.Victim.Container != nil || e.OOM.Trigger.Container != nil || e.OOM.Cgroup != "" {
		t.Errorf("kill on the host: %+v", e.OOM)
	}

	exit := exited(6, 50, root)
	exit.Exit.By = &event.Process{PID: 60, CgroupID: inner}
	if e = attribute(exit); !cmp.Equal(e.Exit.By.Container, webInner) {
		t.Errorf("by: %v", e.Exit.By.Container)
	}
}

// The probes take the first program of any service for an init.
func TestVictimIsInit(t *testing.T) {
	tests := []struct {
		name     string
		victim   int32
		cgroup   uint64
		reported bool
		want     bool
	}{
		{"the init", 50, root, true, true},
		{"the init, of which the probes do not know", 50, root, false, true},
		{"another", 51, root, false, false},
		{"a service inside", 52, below, true, false},
		{"a service outside", 53, service, true, false},
		{"in a cgroup that is not known", 54, 999, true, false},
		{"of a container whose init is not known", 60, inner, true, true},
		{"not the init of a container whose init is not known", 61, inner, false, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			for _, e := range []event.Event{
				created(0, root, rootPath), created(1, below, belowPath), created(1, inner, innerPath), started(2, 50, root),
			} {
				tracker.Attribute(&e)
			}
			e := killed(5, test.victim, test.cgroup, test.reported)
			tracker.Attribute(&e)
			if e.OOM.Victim.Init != test.want {
				t.Errorf("init: %v", e.OOM.Victim.Init)
			}
		})
	}
}

func TestRemovedCgroupsAreRememberedAndBounded(t *testing.T) {
	tracker := newTestTracker()
	known := len(tracker.cgroups)
	path := func(i int) string { return fmt.Sprintf("/docker/%064x", i) }
	const total = 3 * maxRemoved
	for i := range total {
		id := uint64(1000 + i)
		for _, e := range []event.Event{created(i, id, path(i)), started(i, int32(i+1), id), removed(i, id, path(i))} {
			if !tracker.Attribute(&e) {
				t.Fatalf("%d: %s is none", i, e.Type)
			}
		}
	}
	if n := len(tracker.cgroups) - known; n != maxRemoved {
		t.Errorf("%d cgroups are remembered", n)
	}
	if len(tracker.roots) != 0 || len(tracker.removed) > maxRemoved {
		t.Errorf("%d roots, %d removed", len(tracker.roots), len(tracker.removed))
	}
	for i, want := range map[int]bool{total - 1: true, total - maxRemoved: true, total - maxRemoved - 1: false, 0: false} {
		e := exited(0, int32(i+1), uint64(1000+i)) // an exit that was read late
		if got := tracker.Attribute(&e); got != want {
			t.Errorf("%d: %v", i, got)
		}
		if (tracker.path(uint64(1000+i)) == path(i)) != want {
			t.Errorf("%d: path %q", i, tracker.path(uint64(1000+i)))
		}
	}
}

// A number that was given out again is not forgotten with the cgroup that had it before.
func TestTombstoneOfAReusedID(t *testing.T) {
	tracker := newTestTracker()
	for _, e := range []event.Event{created(0, root, rootPath), removed(1, root, rootPath), created(2, root, "/docker/"+idB)} {
		tracker.Attribute(&e)
	}
	for i := range maxRemoved {
		id := uint64(1000 + i)
		for _, e := range []event.Event{created(3, id, "/x"), removed(4, id, "/x")} {
			tracker.Attribute(&e)
		}
	}
	if got := tracker.path(root); got != "/docker/"+idB {
		t.Errorf("path %q", got)
	}
}

func TestDescribe(t *testing.T) {
	tracker := newTestTracker()
	if got := tracker.Describe(nil); got != nil {
		t.Errorf("none: %v", got)
	}
	if diff := cmp.Diff(&event.Container{ID: "nsviz-demo-a", Name: "nsviz-demo-a", Runtime: runtime.Demo},
		tracker.Describe(&Ref{Runtime: runtime.Demo, ID: "nsviz-demo-a", Name: "nsviz-demo-a"})); diff != "" {
		t.Errorf("demo (-want +got):\n%s", diff)
	}
	// The path does not tell the runtime, the engine does.
	if diff := cmp.Diff(&event.Container{ID: idA, Name: "web", Image: "nginx", Runtime: "docker"},
		tracker.Describe(&Ref{ID: idA})); diff != "" {
		t.Errorf("named (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&event.Container{ID: idC, Runtime: "podman"},
		tracker.Describe(&Ref{Runtime: "podman", ID: idC})); diff != "" {
		t.Errorf("unnamed (-want +got):\n%s", diff)
	}
}

func BenchmarkAttribute(b *testing.B) {
	tracker := newTestTracker()
	tracker.Place(root, rootPath)
	e := event.Event{Type: event.NamespaceJoined, CgroupID: root}
	b.ReportAllocs()
	for b.Loop() {
		tracker.Attribute(&e)
	}
}

// Who is killed in a new cgroup belongs to a container's start only where that is the container's own one.
func TestKillWhileStarting(t *testing.T) {
	for name, test := range map[string]struct {
		before []event.Event
		in     uint64
		want   bool
	}{
		"before its program":               {[]event.Event{created(0, root, rootPath)}, root, true},
		"before its program, further down": {[]event.Event{created(0, root, rootPath), created(1, below, belowPath)}, below, true},
		"after it has started":             {[]event.Event{created(0, root, rootPath), started(2, 50, root)}, root, false},
		"in a new cgroup inside":           {[]event.Event{created(0, root, rootPath), started(2, 50, root), created(3, below, belowPath)}, below, false},
		"after it has ended":               {[]event.Event{created(0, root, rootPath), started(2, 50, root), exited(3, 50, root)}, root, false},
		"in the next run":                  {[]event.Event{created(0, root, rootPath), started(2, 50, root), removed(3, root, rootPath), created(4, again, rootPath)}, again, true},
		"of a service of the host":         {nil, service, false},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := newTestTracker()
			for _, e := range test.before {
				tracker.Attribute(&e)
			}
			kill := early(killed(9, 55, test.in, false))
			tracker.Attribute(&kill)
			if got := kill.OOM.Victim.Starting; got != test.want {
				t.Errorf("it is starting: %v, want %v", got, test.want)
			}
			kill = killed(9, 55, test.in, false) // the kernel says that something has run in that cgroup
			tracker.Attribute(&kill)
			if kill.OOM.Victim.Starting {
				t.Error("it is starting, and the kernel does not say so")
			}
		})
	}
}
