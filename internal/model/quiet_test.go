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
