package container

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// ownNet, ownMnt and hostNet are namespaces of the tests.
const (
	ownNet  = 4026532184
	ownMnt  = 4026532180
	hostNet = 4026531833
)

// startedWith is a start with steps from the probes, in namespaces.
func startedWith(ms float64, pid int32, cgroup uint64, ids map[event.NamespaceType]uint64, steps ...event.Phase) event.Event {
	e := started(0, pid, cgroup)
	e.Time = begin.Add(time.Duration(ms * float64(time.Millisecond)))
	e.Start.DurationMS = new(ms)
	for typ, id := range ids {
		e.Start.Namespaces[typ] = id
	}
	if len(steps) > 0 {
		e.Start.Phases = append(append([]event.Phase{{Name: "cgroup"}}, steps...), event.Phase{Name: "exec", AtMS: ms})
	}
	return e
}

func made(ms int, cgroup uint64, typ event.NamespaceType, id uint64, tookMS *float64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.NamespaceCreated, CgroupID: cgroup,
		Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaUnshare, TookMS: tookMS},
	}
}

func entered(ms int, cgroup uint64, typ event.NamespaceType, id uint64) event.Event {
	return event.Event{
		Time: at(ms), Type: event.NamespaceJoined, CgroupID: cgroup,
		Namespace: &event.Namespace{Type: typ, ID: id, Via: event.ViaSetns},
	}
}

// lastPhases attributes events and returns the phases of the last one.
func lastPhases(t *testing.T, tracker *Tracker, events []event.Event) []event.Phase {
	t.Helper()
	var last event.Event
	for _, e := range events {
		if e.Start != nil {
			e.Start = new(*e.Start)
		}
		if !tracker.Attribute(&e) {
			t.Fatalf("%s is none", e.Type)
		}
		last = e
	}
	return last.Start.Phases
}

func TestPhases(t *testing.T) {
	namespaces := func(ms int) event.Event { return made(ms, root, event.IPC, 1, nil) }
	start := startedWith(150.25, 50, root, nil)
	whole := []event.Phase{{Name: "cgroup"}, {Name: "namespaces", AtMS: 20}, {Name: "exec", AtMS: 150.25}}
	net := map[event.NamespaceType]uint64{event.Net: ownNet}
	tests := []struct {
		name   string
		events []event.Event
		want   []event.Phase
	}{
		{"all", []event.Event{created(0, root, rootPath), namespaces(20), start}, whole},
		{"more namespaces later", []event.Event{created(0, root, rootPath), namespaces(20), namespaces(30), start}, whole},
		{
			"no namespaces of its own", []event.Event{created(0, root, rootPath), start},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 150.25}},
		},
		{
			"without a duration", []event.Event{created(0, root, rootPath), started(40, 50, root)},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 40}},
		},
		{"making not seen", []event.Event{namespaces(20), start}, nil},
		{"the clock was set back in between", []event.Event{created(3_600_000, root, rootPath), start}, nil},
		{
			"an earlier life's namespaces do not count",
			[]event.Event{created(-900, root, rootPath), namespaces(-800), removed(-700, root, rootPath), created(0, root, rootPath), start},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 150.25}},
		},
		{
			"as runc and Docker do it",
			[]event.Event{
				created(0, root, rootPath),
				made(21, root, event.Mnt, ownMnt, new(0.7)), made(21, root, event.Net, ownNet, new(0.7)),
				entered(60, host, event.Net, ownNet), entered(61, host, event.Net, hostNet), entered(90, host, event.Net, ownNet),
				startedWith(150, 50, root, map[event.NamespaceType]uint64{event.Mnt: ownMnt, event.Net: ownNet, event.User: 4026531837},
					event.Phase{Name: "entered", AtMS: 1}, event.Phase{Name: "clone", AtMS: 22},
					event.Phase{Name: "mounts", AtMS: 30}, event.Phase{Name: "mounts_last", AtMS: 40, Count: new(uint32(31))},
					event.Phase{Name: "pivot_root", AtMS: 100}),
			},
			[]event.Phase{
				{Name: "cgroup"}, {Name: "entered", AtMS: 1}, {Name: "namespaces", AtMS: 21},
				{Name: "namespace_mnt", AtMS: 21, TookMS: new(0.7)}, {Name: "namespace_net", AtMS: 21, TookMS: new(0.7)},
				{Name: "clone", AtMS: 22}, {Name: "mounts", AtMS: 30}, {Name: "mounts_last", AtMS: 40, Count: new(uint32(31))},
				{Name: "network", AtMS: 60}, {Name: "network_last", AtMS: 90}, {Name: "pivot_root", AtMS: 100},
				{Name: "exec", AtMS: 150},
			},
		},
		{
			"made outside before the cgroup, and visited once",
			[]event.Event{
				made(-3, host, event.Net, ownNet, nil), created(0, root, rootPath), entered(5, host, event.Net, ownNet),
				startedWith(9, 50, root, net, event.Phase{Name: "clone", AtMS: -3.1}),
			},
			[]event.Phase{
				{Name: "clone", AtMS: -3.1}, {Name: "namespace_net", AtMS: -3}, {Name: "cgroup"}, {Name: "network", AtMS: 5},
				{Name: "exec", AtMS: 9},
			},
		},
		{
			"long before the cgroup is no part of the start",
			[]event.Event{
				made(-10_001, host, event.Net, ownNet, nil), created(0, root, rootPath),
				startedWith(9, 50, root, net, event.Phase{Name: "clone", AtMS: -60_000}),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}},
		},
		{
			"it joins the network of another that has just started",
			[]event.Event{
				created(-500, again, "/docker/"+idB), made(-490, again, event.Net, ownNet, nil),
				startedWith(-400, 40, again, net),
				created(0, root, rootPath), entered(7, root, event.Net, ownNet), entered(8, host, event.Net, ownNet),
				startedWith(9, 50, root, net),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "joined_net", AtMS: 7}, {Name: "exec", AtMS: 9}},
		},
		{
			"it is found in the network of another",
			[]event.Event{
				created(-500, again, "/docker/"+idB), made(-490, again, event.Net, ownNet, nil), startedWith(-400, 40, again, net),
				created(0, root, rootPath), startedWith(9, 50, root, net),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}},
		},
		{
			"it joins what was made for it, as podman's network",
			[]event.Event{
				made(-50, host, event.Net, ownNet, nil), created(0, root, rootPath), entered(7, root, event.Net, ownNet),
				startedWith(9, 50, root, net),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "joined_net", AtMS: 7}, {Name: "exec", AtMS: 9}},
		},
		{
			"it leaves a namespace that it had joined",
			[]event.Event{
				created(0, root, rootPath), entered(5, root, event.Net, ownNet), entered(7, root, event.Net, hostNet),
				startedWith(9, 50, root, net),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}},
		},
		{
			"a namespace that was only found has no creation",
			[]event.Event{
				{Time: at(-5), Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.Net, ID: ownNet, Via: event.ViaReconcile}},
				created(0, root, rootPath), startedWith(9, 50, root, net),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}},
		},
		{
			"a number that is given out again counts from its latest creation",
			[]event.Event{
				made(-900, host, event.Net, ownNet, nil), created(0, root, rootPath), made(3, root, event.Net, ownNet, nil),
				startedWith(9, 50, root, net),
			},
			[]event.Phase{
				{Name: "cgroup"}, {Name: "namespaces", AtMS: 3}, {Name: "namespace_net", AtMS: 3}, {Name: "exec", AtMS: 9},
			},
		},
		{
			"steps that the probes tell after the exec are none",
			[]event.Event{
				created(0, root, rootPath), startedWith(9, 50, root, nil, event.Phase{Name: "mounts", AtMS: 12}),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}},
		},
		{
			"all at once",
			[]event.Event{
				created(0, root, rootPath),
				startedWith(0, 50, root, nil, event.Phase{Name: "entered"}, event.Phase{Name: "clone"}),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "entered"}, {Name: "clone"}, {Name: "exec"}},
		},
		{
			"below its own cgroup, as crun does",
			[]event.Event{
				created(0, root, rootPath), created(1, below, belowPath), entered(3, root, event.Net, ownNet),
				startedWith(9, 50, below, net, event.Phase{Name: "entered", AtMS: 1}),
			},
			[]event.Phase{{Name: "cgroup"}, {Name: "entered", AtMS: 1}, {Name: "joined_net", AtMS: 2}, {Name: "exec", AtMS: 9}},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.Place(root, rootPath)
			if diff := cmp.Diff(test.want, lastPhases(t, tracker, test.events)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// The kernel's clock decides where it is known: nobody sets it.
func TestPhasesByTheKernelsClock(t *testing.T) {
	boot := func(ms uint64, e event.Event) event.Event {
		e.BootNS = 1_000_000_000 + ms*1_000_000
		return e
	}
	want := []event.Phase{
		{Name: "cgroup"}, {Name: "namespaces", AtMS: 20}, {Name: "namespace_net", AtMS: 20}, {Name: "exec", AtMS: 150},
	}
	start := startedWith(150, 50, root, map[event.NamespaceType]uint64{event.Net: ownNet})
	start.Time = at(-3_600_000) // the wall clock was set back
	got := lastPhases(t, newTestTracker(), []event.Event{
		boot(0, created(0, root, rootPath)), boot(20, made(-3_599_000, root, event.Net, ownNet, nil)), boot(150, start),
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The time of the engine's create is reported with the first start, if that followed.
func TestPhasesFromTheEngine(t *testing.T) {
	for _, test := range []struct {
		name    string
		created time.Time
		want    bool
	}{
		{"just now", at(-153), true}, {"long ago", at(-10_001), false}, {"after the exec", at(10), false}, {"never", time.Time{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracker := newTestTracker()
			tracker.directory.Put(Identity{ID: idA, Runtime: "docker", Name: "web", Created: test.created})
			tracker.directory.Put(Identity{ID: idA, Runtime: "docker", Name: "shop"}) // as the list has it
			want := []event.Phase{{Name: "cgroup"}, {Name: "exec", AtMS: 9}}
			first := want
			if test.want {
				first = append([]event.Phase{{Name: "create", AtMS: -153}}, want...)
			}
			events := []event.Event{created(0, root, rootPath), startedWith(9, 50, root, nil)}
			if diff := cmp.Diff(first, lastPhases(t, tracker, events)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			second := startedWith(9, 60, again, nil)
			second.Time = at(2009)
			events = []event.Event{
				exited(20, 50, root), removed(21, root, rootPath), created(2000, again, rootPath), second,
			}
			if diff := cmp.Diff(want, lastPhases(t, tracker, events)); diff != "" {
				t.Errorf("started again (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreationsAreBounded(t *testing.T) {
	tracker := newTestTracker()
	for i := range 3 * maxCreations {
		for _, id := range []uint64{uint64(10_000 + i), 7} { // one number again and again
			e := made(i, host, event.Net, id, nil)
			tracker.Attribute(&e)
		}
	}
	if n, m := len(tracker.creations.byID), len(tracker.creations.order); n > maxCreations || m > maxCreations {
		t.Errorf("%d creations by number, %d in order", n, m)
	}
	if b := tracker.creations.byID[7]; b == nil || !b.at.wall.Equal(at(3*maxCreations-1)) {
		t.Errorf("the latest creation of number 7 is %+v", b)
	}
	for i := range 100 {
		e := entered(i, root, event.NamespaceType(i%event.NamespaceTypeCount), uint64(i))
		tracker.Place(root, rootPath)
		tracker.Attribute(&e)
	}
	if n := len(tracker.roots[rootPath].joined); n != event.NamespaceTypeCount {
		t.Errorf("%d joins, one of each type is wanted", n)
	}
}

func TestTakeCreated(t *testing.T) {
	d := NewDirectory(1)
	d.Put(Identity{ID: idA, Created: at(1)})
	if d.Put(Identity{ID: idA, Created: at(2)}) {
		t.Error("when it was created is no news")
	}
	for i, want := range []time.Time{at(2), {}} {
		if got := d.takeCreated(idA); !got.Equal(want) {
			t.Errorf("time %d: %v", i, got)
		}
	}
	if got := d.takeCreated(fmt.Sprintf("%064x", 1)); !got.IsZero() {
		t.Errorf("nobody: %v", got)
	}
}
