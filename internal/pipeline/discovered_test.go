package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/collect/find"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/model"
)

const outsideID = "28473c53aa01f0e1d2c3b4a5968778695a4b3c2d1e0f00112233445566778899"

// TestRestartWhoseRemovalWasLost: a container was started again at the path that it had, and the removal of its first cgroup
// was lost. To find that out does not end what runs now.
func TestRestartWhoseRemovalWasLost(t *testing.T) {
	path := "/docker/" + outsideID
	began := reconcileBegan
	for name, lost := range map[string]bool{"its creation was seen": false, "its creation was lost, too": true} {
		t.Run(name, func(t *testing.T) {
			p := newReconcileTest(t)
			take := p.take
			created := func(id uint64) event.Event {
				return event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, ID: id}}
			}
			started := func(id uint64, pid int32) event.Event {
				return event.Event{Type: event.ContainerStarted, PID: pid, CgroupID: id, Comm: "app", Start: &event.Start{}}
			}
			take(created(7))
			take(started(7, 50))
			p.tracker.BeginComparison()
			if !lost {
				take(created(8))
			}
			take(started(8, 60))
			p.until = began.Add(time.Minute)
			p.compare([]container.Cgroup{{ID: 8, Path: path}})
			if lost { // as reading the host again finds it
				p.find(path, 60)
			}
			s := p.Snapshot()
			if len(s.Containers) != 1 || s.Containers[0].State != model.Running || s.Containers[0].InitPID != 60 {
				t.Errorf("%+v", s.Containers)
			}
			for _, g := range p.Full().Cgroups {
				if g.Path == path && !g.Removed.IsZero() && g.Created.Equal(began.Add(3*time.Second)) {
					t.Errorf("the cgroup that is there was removed: %+v", g)
				}
			}
		})
	}
}

// reconcileTest is a pipeline without probes, whose events are a second apart.
type reconcileTest struct {
	*Pipeline

	second int
}

var reconcileBegan = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func newReconcileTest(t *testing.T) *reconcileTest {
	p := nameless(t, "")
	return &reconcileTest{Pipeline: p}
}

func (r *reconcileTest) at() (time.Time, uint64) {
	return reconcileBegan.Add(time.Duration(r.second) * time.Second), uint64(r.second) * uint64(time.Second)
}

func (r *reconcileTest) take(e event.Event) {
	r.second++
	e.Time, e.BootNS = r.at()
	r.until = e.Time
	r.handleEvent(e)
}

// find takes in what reading the host has found of the container.
func (r *reconcileTest) find(path string, pid int32) {
	ref, _ := container.NewParser().Parse(path)
	containerFound{
		Ref: &ref, At: r.until, Found: fact.Found{CgroupPath: path, InitPID: pid, Started: reconcileBegan}, MadeNS: uint64(time.Second) / 2,
	}.handle(r.loop)
}

// compare takes in a complete reading of the cgroups, which began before.
func (r *reconcileTest) compare(host []container.Cgroup) (unread []find.Cgroup) {
	m := comparison{host: host, complete: true}
	m.handle(r.loop)
	return m.unread
}

// TestEndWhileItWasFound: a start is lost, and the container ends while reading the host finds it. Its end is reported once,
// with its exit code, and the container does not live on.
func TestEndWhileItWasFound(t *testing.T) {
	path := "/docker/" + outsideID
	exit := event.Event{Type: event.ContainerExited, PID: 50, CgroupID: 7, Comm: "app", Exit: &event.Exit{Code: new(int32(3)), Cause: event.CauseExited}}
	for name, look := range map[string]func(*reconcileTest){
		"its creation was seen": func(r *reconcileTest) {
			r.take(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, ID: 7}})
			r.take(exit)
			r.find(path, 50)
		},
		"its cgroup was discovered": func(r *reconcileTest) {
			r.tracker.Discover(7, path)
			r.reportDiscovered(reconcileBegan)
			r.take(exit)
			r.find(path, 50)
		},
		"the end comes last": func(r *reconcileTest) {
			r.take(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, ID: 7}})
			r.find(path, 50)
			r.take(exit)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReconcileTest(t)
			look(r)
			s := r.Snapshot()
			if len(s.Containers) != 1 {
				t.Fatalf("%+v", s.Containers)
			}
			c := &s.Containers[0]
			if c.State != model.Exited || c.Exit == nil || c.Exit.Code == nil || *c.Exit.Code != 3 {
				t.Errorf("%s, %+v", c.State, c.Exit)
			}
			for k, n := range s.Totals.Exits {
				if k.Cause != event.CauseExited || n != 1 {
					t.Errorf("%d ends by %s", n, k.Cause)
				}
			}
		})
	}
}

// TestManyCgroupsAreNotDiscoveredAgainAndAgain: a host has more cgroups than may be kept. Only containers' own are discovered, and
// to compare does not cause another comparison.
func TestManyCgroupsAreNotDiscoveredAgainAndAgain(t *testing.T) {
	r := newReconcileTest(t)
	host := []container.Cgroup{}
	for i := range uint64(70_000) {
		host = append(host, container.Cgroup{ID: 1000 + i, Path: fmt.Sprintf("/user.slice/%d", i)})
	}
	own := container.Cgroup{ID: 7, Path: "/docker/" + outsideID}
	host = append(host, own)
	r.tracker.BeginComparison()
	if unread := r.compare(host); len(unread) != 1 || unread[0].Path != own.Path || unread[0].Ref == nil {
		t.Errorf("the limits of %+v are to be read", unread)
	}
	r.tracker.BeginComparison()
	if unread := r.compare(host); len(unread) > 0 {
		t.Errorf("the limits of %+v are to be read again", unread)
	}
	if n := r.Snapshot().Totals.Events[event.CgroupCreated]; n != 1 {
		t.Errorf("%d cgroups were reported as created", n)
	}
	select {
	case <-r.doubts:
		t.Error("the comparison causes another one")
	default:
	}
}

// TestPartOfTheHierarchy: nsviz sees a part of the cgroups. Cgroups that events have reported and that it cannot see are not
// taken for removed.
func TestPartOfTheHierarchy(t *testing.T) {
	r := newReconcileTest(t)
	r.layout = cgroupfs.Layout{Dir: "/sys/fs/cgroup", Root: "/kubepods"}
	for id, path := range map[uint64]string{7: "/docker/" + outsideID, 8: "/kubepods/burstable"} {
		r.take(event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, ID: id}})
	}
	r.tracker.BeginComparison()
	r.compare(nil)
	for _, g := range r.Full().Cgroups {
		if removed := !g.Removed.IsZero(); removed != (g.Path == "/kubepods/burstable") {
			t.Errorf("%s removed: %t", g.Path, removed)
		}
	}
	if s := r.Snapshot(); len(s.Containers) != 1 || !s.Containers[0].Live() {
		t.Errorf("%+v", s.Containers)
	}
}

// A cgroup that is removed while the limits of what was discovered are read does not come back with them.
func TestLimitsOfARemovedCgroupAreNotReported(t *testing.T) {
	for name, limits := range map[string]*fact.CgroupLimits{"read": {}, "unknown": nil} {
		t.Run(name, func(t *testing.T) {
			r := newReconcileTest(t)
			path := "/system.slice/x.service"
			r.tracker.BeginComparison()
			r.tracker.Discover(7, path)
			r.reportDiscovered(reconcileBegan)
			r.take(event.Event{Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: path, ID: 7}})
			limitsRead{{Cgroup: find.Cgroup{Cgroup: container.Cgroup{ID: 7, Path: path}}, Limits: limits}}.handle(r.loop)
			r.tracker.BeginComparison()
			r.compare(nil) // and no later reading of all cgroups corrects it
			for _, g := range r.Full().Cgroups {
				if g.Path == path && g.Removed.IsZero() {
					t.Errorf("%s is there again: %+v", path, g.History)
				}
			}
		})
	}
}
