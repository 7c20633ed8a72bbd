package model_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// A container starts, and the OOM killer takes one of its processes. Snapshots do not change afterwards.
func ExampleModel() {
	web := &event.Container{ID: strings.Repeat("a1", 32), Name: "web", Runtime: "docker"}
	path := "/docker/" + web.ID
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

	m := model.New(model.DefaultLimits())
	for i, e := range []event.Event{
		{Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: path, Container: web}},
		{Type: event.ContainerStarted, Container: web, PID: 100, Comm: "nginx", Start: &event.Start{}},
	} {
		e.Time = start.Add(time.Duration(i) * time.Second)
		m.Apply(fact.Fact{Time: e.Time, Event: &e})
	}
	before := m.Snapshot()

	kill := event.Event{
		Time: start.Add(time.Minute), Type: event.OOMKill, Container: web, PID: 107, Comm: "worker",
		OOM: &event.OOM{Scope: event.ScopeCgroup, Cgroup: path, Victim: event.Victim{PID: 107, Comm: "worker", Container: web}},
	}
	m.Apply(fact.Fact{Time: kill.Time, Event: &kill})

	for _, s := range []*model.Snapshot{before, m.Snapshot()} {
		c := s.Containers[0]
		fmt.Printf("%s is %s, PID 1 is %d, OOM kills: %d\n", c.Label, c.State, c.InitPID, c.OOMKillsAtLeast)
		for _, k := range s.Kills {
			fmt.Printf("the kernel killed %s; the container lives on: %t\n", k.Event.OOM.Victim.Comm, *k.Survived)
		}
	}
	// Output:
	// web is running, PID 1 is 100, OOM kills: 0
	// web is running, PID 1 is 100, OOM kills: 1
	// the kernel killed worker; the container lives on: true
}
