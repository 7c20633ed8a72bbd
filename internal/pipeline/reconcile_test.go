package pipeline

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// TestRestartWhoseRemovalWasLost: a container was started again at the path that it had, and the removal of its first cgroup
// was lost. To find that out does not end what runs now.
func TestRestartWhoseRemovalWasLost(t *testing.T) {
	path := "/docker/" + outsideID
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for name, lost := range map[string]bool{"its creation was seen": false, "its creation was lost, too": true} {
		t.Run(name, func(t *testing.T) {
			p := nameless(t, "")
			p.doubts = make(chan struct{}, 1)
			second := 0
			take := func(e event.Event) {
				second++
				e.Time, e.BootNS = began.Add(time.Duration(second)*time.Second), uint64(second)*uint64(time.Second)
				p.until = e.Time
				p.takeEvent(e)
			}
			created := func(id uint64) event.Event {
				return event.Event{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, ID: id}}
			}
			started := func(id uint64, pid int32) event.Event {
				return event.Event{Type: event.ContainerStarted, PID: pid, CgroupID: id, Comm: "app", Start: &event.Start{}}
			}
			take(created(7))
			take(started(7, 50))
			p.tracker.Mark()
			if !lost {
				take(created(8))
			}
			take(started(8, 60))
			p.until = began.Add(time.Minute)
			p.compareCgroups([]container.Cgroup{{ID: 8, Path: path}}, true)
			if lost { // as reading the host again finds it
				ref, _ := container.NewParser().Parse(path)
				p.takeFound(p.until, &ref, &foundContainer{Found: isolation.Found{CgroupPath: path, InitPID: 60, Started: began}})
			}
			s := p.Snapshot()
			if len(s.Containers) != 1 || s.Containers[0].State != isolation.Running || s.Containers[0].InitPID != 60 {
				t.Errorf("%+v", s.Containers)
			}
			for _, g := range p.Whole().Cgroups {
				if g.Path == path && !g.Removed.IsZero() && g.Created.Equal(began.Add(3*time.Second)) {
					t.Errorf("the cgroup that is there was removed: %+v", g)
				}
			}
		})
	}
}
