package model

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func quietly(when time.Time, id string, kind event.Kind, pid int32, namespaces event.NamespaceIDs) fact.Fact {
	return fact.Fact{Time: when, Found: &fact.Found{
		Container: event.Container{ID: id, Name: id, Kind: kind}, InitPID: pid, InitComm: "sleep", Started: when, Namespaces: namespaces,
	}}
}

// Sandboxes and services are apart from the containers until the OOM killer takes something from one, and are forgotten at their end.
func TestQuiet(t *testing.T) {
	m := New(DefaultLimits())
	sandbox := event.NamespaceIDs{event.Mnt: 1, event.PID: 50, event.Net: 3}
	for _, f := range []fact.Fact{
		hostIs(1, 2, 3), quietly(at(1), "bwrap-7", event.KindSandbox, 70, sandbox),
		quietly(at(2), "db.service", event.KindService, 80, event.NamespaceIDs{event.Mnt: 60, event.PID: 2, event.Net: 3}),
		started(3, who("a", "a"), 5, 10, 2, 3),
		{Time: at(4), Namespaces: &fact.Survey{Namespaces: []fact.Namespace{{Type: event.PID, ID: 50, Processes: []int32{70, 71}}}}},
	} {
		m.Apply(f)
	}
	s := m.Snapshot()
	if len(s.Containers) != 1 || len(s.Quiet) != 2 || s.Quiet[0].Label != "bwrap-7" || s.Quiet[1].Label != "db.service" {
		t.Fatalf("containers %+v, quiet %+v", s.Containers, s.Quiet)
	}
	if got := s.Containers[0].Namespaces[event.Net]; got.Relation != RelationHost || got.SharedWith.Count() != 0 {
		t.Errorf("the container shares the host's net namespace with %v", got.SharedWith.Labels())
	}
	c := &s.Quiet[0]
	if c.Namespaces[event.PID].Relation != RelationOwn || c.Namespaces[event.Net].Relation != RelationHost || c.Processes == nil || *c.Processes != 2 {
		t.Errorf("the sandbox: %+v, processes %v", c.Namespaces, c.Processes)
	}
	for _, n := range s.Namespaces {
		if n.ID == 50 && (len(n.Containers) != 1 || n.Containers[0] != "bwrap-7") {
			t.Errorf("its namespace has %v", n.Containers)
		}
	}
	if len(s.Totals.Known) != 1 {
		t.Errorf("counted are %v", s.Totals.Known)
	}

	m.Apply(quietly(at(5), "bwrap-7", event.KindSandbox, 71, sandbox)) // its first process has ended, and left it to a child
	if s = m.Snapshot(); s.Quiet[0].InitPID != 71 {
		t.Errorf("its first process is %d", s.Quiet[0].InitPID)
	}
	kill := fact.Fact{Time: at(6), Event: &event.Event{
		Time: at(6), Type: event.OOMKill, Container: &event.Container{ID: "bwrap-7", Name: "bwrap-7", Kind: event.KindSandbox},
		OOM: &event.OOM{Victim: event.Victim{PID: 71, Container: &event.Container{ID: "bwrap-7", Name: "bwrap-7", Kind: event.KindSandbox}}},
	}}
	m.Apply(kill)
	if s = m.Snapshot(); len(s.Containers) != 2 || len(s.Quiet) != 1 || s.Containers[0].Label != "bwrap-7" || len(s.Totals.Known) != 2 {
		t.Errorf("after a kill: containers %+v, quiet %+v", s.Containers, s.Quiet)
	}
	m.Apply(fact.Fact{Time: at(7), Gone: &fact.Gone{ID: "bwrap-7"}})
	m.Apply(fact.Fact{Time: at(7), Gone: &fact.Gone{ID: "db.service"}})
	s = m.Snapshot()
	if len(s.Quiet) != 0 || len(s.Containers) != 2 || s.Containers[1].Label != "bwrap-7" || s.Containers[1].State != Exited {
		t.Errorf("at their end: containers %+v, quiet %+v", s.Containers, s.Quiet)
	}
	if s.Totals.FoldedContainers != 0 || len(m.labels) != 2 {
		t.Errorf("%d are folded, labels are of %d", s.Totals.FoldedContainers, len(m.labels))
	}
}

// killIn is an OOM kill in a sandbox.
func killIn(when time.Time, id string) fact.Fact {
	c := event.Container{ID: id, Name: id, Kind: event.KindSandbox}
	return fact.Fact{Time: when, Event: &event.Event{
		Time: when, Type: event.OOMKill, Container: &c, OOM: &event.OOM{Scope: event.ScopeCgroup, Victim: event.Victim{PID: 71, Container: &c}},
	}}
}

// A kill in a sandbox that no fact has reported counts like any other: the sandbox has ended.
func TestKillInAnUnknownSandbox(t *testing.T) {
	m := New(DefaultLimits())
	m.Apply(hostIs(1, 2, 3))
	m.Apply(killIn(at(1), "bwrap-7"))
	s := m.Snapshot()
	if len(s.Containers) != 1 || s.Containers[0].State != Exited || s.Containers[0].OOMKillsAtLeast != 1 {
		t.Errorf("containers %+v", s.Containers)
	}
	if got := s.Totals.OOMKills; len(got) != 1 {
		t.Errorf("counted %v", got)
	}
}

// The first process of what the OOM killer has shown becomes known later, and changes, as that of a quiet one does.
func TestFirstProcessAfterAKill(t *testing.T) {
	m := New(DefaultLimits())
	sandbox := event.NamespaceIDs{event.Mnt: 1, event.PID: 50, event.Net: 3}
	for _, f := range []fact.Fact{
		hostIs(1, 2, 3), quietly(at(1), "bwrap-7", event.KindSandbox, 0, sandbox), killIn(at(2), "bwrap-7"),
		quietly(at(3), "bwrap-7", event.KindSandbox, 70, sandbox),
	} {
		m.Apply(f)
	}
	if s := m.Snapshot(); len(s.Containers) != 1 || s.Containers[0].InitPID != 70 || s.Containers[0].InitComm != "sleep" {
		t.Errorf("containers %+v", s.Containers)
	}
}

// A model that missed facts shows the same sandboxes, and takes the name that one gets for no new one.
func TestResyncOfSandboxes(t *testing.T) {
	full, lossy := New(DefaultLimits()), New(DefaultLimits())
	found := quietly(at(1), "pid-50", event.KindSandbox, 70, event.NamespaceIDs{event.Mnt: 1, event.PID: 50, event.Net: 3})
	found.Found.Unnamed = true
	for _, f := range []fact.Fact{hostIs(1, 2, 3), found, killIn(at(2), "pid-50")} {
		full.Apply(f)
	}
	for _, f := range full.Resync() {
		lossy.Apply(f)
	}
	// Another one becomes its first process while facts are missing, which is no other run.
	full.Apply(quietly(at(2.5), "pid-50", event.KindSandbox, 71, found.Found.Namespaces))
	full.Apply(fact.Fact{Time: at(2.6)})
	for _, f := range full.Resync() {
		lossy.Apply(f)
	}
	named := fact.Fact{Time: at(3), Identity: &event.Container{ID: "pid-50", Name: "web"}}
	for _, m := range []*Model{full, lossy} {
		m.Apply(named)
		s := m.Snapshot()
		if len(s.Containers) != 1 || s.Containers[0].Label != "web" || s.Containers[0].InitPID != 71 || s.Containers[0].Previous != nil || len(s.Containers[0].FormerNames) != 0 {
			t.Errorf("containers %+v, quiet %+v", s.Containers, s.Quiet)
		}
	}
}

// Anybody may give a sandbox the name of a container. It takes no label from one, and gets another one when it is shown.
func TestQuietHoldsNoLabel(t *testing.T) {
	m := New(DefaultLimits())
	sandbox := event.Container{ID: "pid-50", Name: "web", Kind: event.KindSandbox}
	found := quietly(at(1), "pid-50", event.KindSandbox, 70, event.NamespaceIDs{event.PID: 50})
	found.Found.Container = sandbox
	for _, f := range []fact.Fact{hostIs(1, 2, 3), found, started(2, who("a", "web"), 5, 10, 11, 12)} {
		m.Apply(f)
	}
	if s := m.Snapshot(); s.Containers[0].Label != "web" || s.Quiet[0].Label != "web" {
		t.Errorf("the container is %q, the sandbox %q", s.Containers[0].Label, s.Quiet[0].Label)
	}
	for n := range 2 {
		m.Apply(fact.Fact{Time: at(3), Event: &event.Event{
			Time: at(3), Type: event.OOMKill, Container: &sandbox, OOM: &event.OOM{Victim: event.Victim{PID: int32(71 + n), Container: &sandbox}},
		}})
		labels := map[string]bool{}
		s := m.Snapshot()
		for i := range s.Containers {
			labels[s.Containers[i].Label] = true
		}
		if !labels["web"] || !labels["web (pid-50)"] {
			t.Errorf("labels %v", labels)
		}
		total := uint64(0)
		for key, kills := range s.Totals.OOMKills {
			if total += kills; key.Container != "web (pid-50)" {
				t.Errorf("kills are counted at %q", key.Container)
			}
		}
		if total != uint64(n+1) {
			t.Errorf("%d kills", total)
		}
	}
}
