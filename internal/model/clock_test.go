package model

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// booted gives facts the kernel's time: the host started a thousand seconds before t0.
func booted(facts []fact.Fact) []fact.Fact {
	list := make([]fact.Fact, len(facts))
	for i, f := range facts {
		f.BootNS = uint64(f.Time.Sub(t0) + 1000*time.Second)
		list[i] = f
	}
	return list
}

// set returns what the same facts say where somebody sets the wall clock by so much before one of them.
func set(facts []fact.Fact, from int, by time.Duration) []fact.Fact {
	list := make([]fact.Fact, len(facts))
	for i, f := range facts {
		if i >= from {
			f.Time = f.Time.Add(by)
			if f.Event != nil {
				e := *f.Event
				e.Time = e.Time.Add(by)
				f.Event = &e
			}
			if f.Found != nil {
				found := *f.Found
				found.Started = found.Started.Add(by)
				f.Found = &found
			}
		}
		list[i] = f
	}
	return list
}

// A container that has ended is kept for a quarter of an hour by the kernel's clock, whatever is done to the wall clock.
func TestSettingTheClockAgesNothing(t *testing.T) {
	a := who("a", "web")
	facts := booted([]fact.Fact{
		created(1, a), started(2, a, 50), killed(3, &a, 51), exited(4, a, 50), removed(4, a),
		happened(4, event.Event{Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.Net, ID: 7, Via: event.ViaClone}}),
		happened(5, event.Event{Type: event.NamespaceFreed, Namespace: &event.Namespace{Type: event.Net, ID: 7}}),
		passed(6), passed(7),
	})
	for _, by := range []time.Duration{20 * time.Minute, -20 * time.Minute, 48 * time.Hour, -48 * time.Hour, -time.Second} {
		m := modelOf(DefaultLimits(), set(facts, len(facts)-1, by)...)
		s := m.Full()
		if n := s.Totals.FoldedContainers; n != 0 {
			t.Errorf("set by %v: %d containers are folded away", by, n)
		}
		if got := killCounts(s); got["web/cgroup"] != 1 || len(s.Containers) != 1 || len(s.Freed) != 1 || len(s.Cgroups) != 1 {
			t.Errorf("set by %v: kills %v, %d containers, %d freed namespaces, %d cgroups", by, got, len(s.Containers), len(s.Freed), len(s.Cgroups))
		}
		if want := at(7).Add(by); !s.Time.Equal(want) {
			t.Errorf("set by %v: it is %v, want %v", by, s.Time, want)
		}
		later := passed(8 + 15*60)
		later.Time, later.BootNS = later.Time.Add(by), booted([]fact.Fact{later})[0].BootNS
		m.Apply(later)
		if s := m.Full(); s.Totals.FoldedContainers != 1 || len(s.Freed) != 0 || len(s.Cgroups) != 0 {
			t.Errorf("set by %v, a quarter of an hour later: %d folded, %d freed namespaces, %d cgroups", by, s.Totals.FoldedContainers, len(s.Freed), len(s.Cgroups))
		}
	}
}

// Kills after a clock was set back count, and stand behind what was before.
func TestKillsAfterTheClockWasSetBack(t *testing.T) {
	a := who("a", "web")
	running := found(1, a, 50)
	running.Found.OOMKills = new(uint64(5))
	facts := set(booted([]fact.Fact{running, memory(2, a, 7), killed(3, &a, 51), memory(4, a, 9)}), 2, -20*time.Minute)
	c := modelOf(DefaultLimits(), facts...).Snapshot().container(t, "a")
	if c.OOMKills == nil || *c.OOMKills != 6 {
		t.Errorf("%d kills, want the kernel's 5 and one", c.OOMKillsAtLeast)
	}
	got := seen(c.Memory.History.Points())
	if diff := cmp.Diff(map[int]Point{2: {MaxBytes: 7, Known: true}, 1: {Kills: 1}, 0: {MaxBytes: 9, Known: true}}, got); diff != "" {
		t.Errorf("memory (-want +got):\n%s", diff)
	}
	// By one second, so that what comes now could be taken for late.
	facts = set(booted([]fact.Fact{created(1, a), started(1.2, a, 50), exited(1.4, a, 50)}), 2, -time.Second)
	if diff := cmp.Diff([]string{"cgroup_created", "container_started", "container_exited"}, kinds(modelOf(DefaultLimits(), facts...).Snapshot().container(t, "a").History)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func kinds(history []Entry) (list []string) {
	for i := range history {
		list = append(list, string(history[i].Kind))
	}
	return list
}

// Recordings without the kernel's time use the wall clock, as before.
func TestWithoutTheKernelsTime(t *testing.T) {
	a := who("a", "web")
	facts := []fact.Fact{started(2, a, 50), exited(4, a, 50), passed(5 + 15*60)}
	if n := snapshotOf(facts...).Totals.FoldedContainers; n != 1 {
		t.Errorf("%d folded", n)
	}
	data, err := json.Marshal(facts[0])
	if err != nil || json.Valid(data) && cmp.Equal(facts[0], booted(facts)[0]) {
		t.Errorf("%v, %s", err, data)
	}
}

// orNil returns a number that may be unknown.
func orNil(n *uint64) any {
	if n == nil {
		return nil
	}
	return *n
}

// shape returns a snapshot without the times that a wall clock shows.
func shape(m *Model) []string {
	s := m.Full()
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	for i := range s.Containers {
		c := &s.Containers[i]
		add("%s %s %d kills of which all are known: %t, %v unobserved, %v", c.Label, c.State, c.OOMKillsAtLeast, c.OOMKills != nil, orNil(c.OOMKillsUnobserved), c.Memory.History.Points())
		for j := range c.History {
			add("  %s %d, %d left out", c.History[j].Kind, c.History[j].Times(), c.History[j].LeftOut)
		}
		for _, is := range c.Namespaces {
			add("  %d %s %d %v", is.ID, is.Relation, is.Group, is.SharedWith.Labels())
		}
	}
	for _, all := range [][]Namespace{s.Namespaces, s.Freed} {
		for i := range all {
			add("%s %d freed %v: %v", all[i].Type, all[i].ID, !all[i].Freed.IsZero(), kinds(all[i].History))
		}
	}
	for i := range s.Cgroups {
		add("%s removed %v: %v", s.Cgroups[i].Path, !s.Cgroups[i].Removed.IsZero(), kinds(s.Cgroups[i].History))
	}
	totals, _ := json.Marshal([]any{s.Totals.FoldedContainers, killCounts(s), exitCounts(s), s.Totals.Lost})
	add("%s", totals)
	return list
}

// Whatever happens, and whenever the wall clock is set, what is known is the same.
func TestInvariantsHoldWhenTheClockIsSet(t *testing.T) {
	for seed := range uint64(40) {
		random := &story{Rand: rand.New(rand.NewPCG(seed, 5))}
		facts := booted(random.facts(300))
		changed := facts
		for range 3 {
			by := time.Duration(random.IntN(4000)-2000) * time.Second / time.Duration(1+random.IntN(1000))
			changed = set(changed, random.IntN(len(facts)), by)
		}
		plain, reported := New(smallLimits), New(smallLimits)
		for i := range facts {
			plain.Apply(facts[i])
			reported.Apply(changed[i])
			if i%20 != 19 {
				continue
			}
			if diff := cmp.Diff(shape(plain), shape(reported)); diff != "" {
				t.Fatalf("seed %d, fact %d (-not set +set):\n%s", seed, i, diff)
			}
		}
	}
}
