package model

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

var t0 = time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)

// at is so many seconds after the beginning.
func at(seconds float64) time.Time {
	return t0.Add(time.Duration(seconds * float64(time.Second)))
}

// id returns a container's id that begins with a letter of its own.
func id(letter string) string { return strings.Repeat(letter, 64) }

// who returns a container as an event names it; "" is one without a name yet.
func who(letter, name string) event.Container {
	return event.Container{ID: id(letter), Name: name, Runtime: "docker"}
}

func path(c event.Container) string { return "/docker/" + c.ID }

func happened(seconds float64, e event.Event) fact.Fact {
	e.Time = at(seconds)
	return fact.Fact{Time: e.Time, Event: &e}
}

func created(seconds float64, c event.Container) fact.Fact { return createdAt(seconds, c, path(c)) }

func createdAt(seconds float64, c event.Container, path string) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.CgroupCreated, PID: 10, Comm: "runc", Cgroup: &event.Cgroup{Path: path, ID: 1, Container: &c},
	})
}

func removed(seconds float64, c event.Container) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.CgroupRemoved, PID: 10, Comm: "runc", Cgroup: &event.Cgroup{Path: path(c), ID: 1, Container: &c},
	})
}

func started(seconds float64, c event.Container, pid int32, ids ...uint64) fact.Fact {
	s := &event.Start{DurationMS: new(150.0)}
	copy(s.Namespaces[:], ids)
	return happened(seconds, event.Event{Type: event.ContainerStarted, PID: pid, Comm: "app", Container: &c, Start: s})
}

func exited(seconds float64, c event.Container, pid int32) fact.Fact {
	return happened(seconds, event.Event{
		Type: event.ContainerExited, PID: pid, Comm: "app", Container: &c,
		Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited},
	})
}

// killed returns a kill in a container, nil on the host.
func killed(seconds float64, c *event.Container, pid int32) fact.Fact {
	victim := event.Victim{PID: pid, Comm: "hog", Container: c}
	if c != nil {
		victim.Cgroup = path(*c)
	}
	return happened(seconds, event.Event{
		Type: event.OOMKill, PID: pid, Comm: "hog", Container: c, OOM: &event.OOM{Scope: event.ScopeCgroup, Victim: victim},
	})
}

// engineReported returns an engine's report of an end.
func engineReported(seconds float64, c event.Container, oomKilled bool) fact.Fact {
	return fact.Fact{Time: at(seconds), EngineReport: &fact.EngineReport{ID: c.ID, ExitCode: new(int32(137)), OOMKilled: &oomKilled}}
}

func found(seconds float64, c event.Container, pid int32, ids ...uint64) fact.Fact {
	f := &fact.Found{Container: c, CgroupPath: path(c), InitPID: pid, InitComm: "app", Started: at(seconds - 100)}
	copy(f.Namespaces[:], ids)
	return fact.Fact{Time: at(seconds), Found: f}
}

func gone(seconds float64, c event.Container) fact.Fact {
	return fact.Fact{Time: at(seconds), Gone: &fact.Gone{ID: c.ID}}
}

func named(seconds float64, c event.Container) fact.Fact {
	return fact.Fact{Time: at(seconds), Identity: &c}
}

func memory(seconds float64, c event.Container, bytes uint64) fact.Fact {
	return fact.Fact{Time: at(seconds), Memory: []fact.Reading{{
		ID: c.ID, UsageBytes: new(bytes), LimitBytes: new(uint64(1 << 20)), Processes: new(2),
	}}}
}

// limit returns a limit of that value; 0 is none.
func limit(value int) *fact.Limit {
	if value == 0 {
		return &fact.Limit{Unlimited: true}
	}
	return &fact.Limit{Value: new(float64(value))}
}

// limited returns a reading of limits.
func limited(seconds float64, c event.Container, limits fact.CgroupLimits) fact.Fact {
	return fact.Fact{Time: at(seconds), Memory: []fact.Reading{{ID: c.ID, Limits: &limits}}}
}

// wrote reports that somebody changed the limits of a container's own cgroup.
func wrote(seconds float64, c event.Container, comm string, limits fact.CgroupLimits) fact.Fact {
	return fact.Fact{Time: at(seconds), CgroupWrite: &fact.CgroupWrite{
		Path: path(c), Container: &c, By: &event.Process{PID: 80, Comm: comm}, Limits: &limits,
	}}
}

// wroteOneOf is wrote by one of two processes.
func wroteOneOf(seconds float64, c event.Container, limits fact.CgroupLimits) fact.Fact {
	f := wrote(seconds, c, "", limits)
	f.CgroupWrite.By, f.CgroupWrite.ByAnyOf = nil, []event.Process{{PID: 80, Comm: "dockerd"}, {PID: 81, Comm: "sh"}}
	return f
}

// reread returns what the limits of a container's own cgroup were found to be after writes may have been missed.
func reread(seconds, after float64, c event.Container, limits fact.CgroupLimits) fact.Fact {
	return fact.Fact{Time: at(seconds), CgroupWrite: &fact.CgroupWrite{Path: path(c), Container: &c, Limits: &limits, After: at(after)}}
}

func said(seconds float64, c event.Container, action fact.EngineAction) fact.Fact {
	return fact.Fact{Time: at(seconds), EngineEvent: &fact.EngineEvent{ID: c.ID, Action: action}}
}

// madeByEngine reports that the engine made a container.
func madeByEngine(seconds float64, c event.Container) fact.Fact {
	return fact.Fact{Time: at(seconds), EngineEvent: &fact.EngineEvent{ID: c.ID, Action: "create", At: at(seconds), Container: &c}}
}

// notStarted reports that the engine could not start it.
func notStarted(seconds float64, c event.Container, why string) fact.Fact {
	return fact.Fact{Time: at(seconds), EngineReport: &fact.EngineReport{ID: c.ID, ExitCode: new(int32(127)), StartError: why}}
}

// joined returns a process, nil is of the host, that enters a namespace.
func joined(seconds float64, pid int32, c *event.Container, n event.Namespace) fact.Fact {
	n.Via = event.ViaSetns
	return happened(seconds, event.Event{Type: event.NamespaceJoined, PID: pid, Comm: "nsenter", Container: c, Namespace: &n})
}

func passed(seconds float64) fact.Fact { return fact.Fact{Time: at(seconds)} }

// hostIs says which namespaces are the host's own.
func hostIs(ids ...uint64) fact.Fact {
	h := &fact.Host{Name: "host"}
	copy(h.Namespaces[:], ids)
	return fact.Fact{Time: at(0), Host: h}
}

func modelOf(limits Limits, facts ...fact.Fact) *Model {
	m := New(limits)
	for _, f := range facts {
		m.Apply(f)
	}
	return m
}

func snapshotOf(facts ...fact.Fact) *Snapshot { return modelOf(DefaultLimits(), facts...).Snapshot() }

// container finds a container of a snapshot by the letter of its id.
func (s *Snapshot) container(t testing.TB, letter string) *Container {
	t.Helper()
	for i := range s.Containers {
		if s.Containers[i].ID == id(letter) {
			return &s.Containers[i]
		}
	}
	t.Fatalf("no container %s…", letter)
	return nil
}

// killCounts and exitCounts write totals for comparison.
func killCounts(s *Snapshot) map[string]uint64 {
	counts := map[string]uint64{}
	for k, n := range s.Totals.OOMKills {
		counts[fmt.Sprintf("%s/%s", k.Container, k.Scope)] = n
	}
	return counts
}

func exitCounts(s *Snapshot) map[string]uint64 {
	counts := map[string]uint64{}
	for k, n := range s.Totals.Exits {
		counts[fmt.Sprintf("%s/%s", k.Container, k.Cause)] = n
	}
	return counts
}
