package report

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// end is when the containers of the tests end.
var end = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

// at returns the time some seconds after the end.
func at(seconds float64) time.Time { return end.Add(time.Duration(seconds * float64(time.Second))) }

var (
	webID = strings.Repeat("a1", 32)
	dbID  = strings.Repeat("a2", 32)
	web   = &event.Container{ID: webID, Name: "web", Runtime: "docker"}
	db    = &event.Container{ID: dbID, Name: "db", Runtime: "docker"}
)

// ended returns web, which ended after a minute.
func ended(exit *event.Exit) model.Container {
	return model.Container{
		ID: webID, Label: "web", Named: true, Runtime: "docker", State: model.Exited, InitPID: 100, InitComm: "sh",
		CgroupPath: "/docker/" + webID, Started: at(-60), Exited: end, Exit: exit, OOMKills: new(uint64(0)),
	}
}

// killedBy returns an end by a process of the host.
func killedBy(pid int32, comm string, uid uint32) *event.Exit {
	return &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseSignal, By: &event.Process{PID: pid, Comm: comm, UID: &uid}}
}

func runc(pid int32, in *event.Container) *event.Process {
	return &event.Process{PID: pid, Comm: "runc", Container: in}
}

// killed returns an OOM kill in a container.
func killed(pid int32, in *event.Container) model.Kill {
	return model.Kill{InitPID: 100, Ordinal: 1, Event: event.Event{
		Time: end, Type: event.OOMKill, PID: pid, Comm: "hog", Container: in,
		OOM: &event.OOM{Scope: event.ScopeCgroup, Cgroup: "/docker/" + in.ID, Victim: event.Victim{PID: pid, Comm: "hog", Container: in, Init: pid == 100}},
	}}
}

// says returns the engine's report of an end.
func says(code int32, oomKilled bool) *fact.EngineReport {
	return &fact.EngineReport{ID: webID, ExitCode: &code, OOMKilled: &oomKilled}
}
