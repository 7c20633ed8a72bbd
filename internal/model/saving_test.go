package model

import (
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func saves(seconds float64, step fact.Saving) fact.Fact {
	return fact.Fact{Time: at(seconds), OwnMemory: &fact.OwnMemory{LimitBytes: new(uint64(64 << 20)), Cgroup: "/small", Saving: step}}
}

// To save memory the model forgets of the past, and not what it has counted; afterwards it keeps as much as ever.
func TestSavingForgetsAndCountsOn(t *testing.T) {
	const many = 2000
	m := New(DefaultLimits())
	for i := range many {
		c := event.Container{ID: fmt.Sprintf("%064x", i+1), Runtime: "docker", Name: fmt.Sprintf("c%d", i)}
		m.Apply(created(1, c))
		m.Apply(started(2, c, int32(100+i)))
		m.Apply(exited(3, c, int32(100+i)))
	}
	kept := func() (ended, events int) { return len(m.ended), len(m.events) }
	exits := func() (n uint64) {
		for _, count := range m.Snapshot().Totals.Exits {
			n += count
		}
		return n
	}
	if ended, _ := kept(); ended != many {
		t.Fatalf("%d are kept at first", ended)
	}
	for _, tt := range []struct {
		step          fact.Saving
		ended, events int
		taken         [2]uint64
		kept          time.Duration
	}{{fact.SavesPast, 512, 125, [2]uint64{1, 0}, 5 * time.Minute}, {fact.SavesSearches, 64, 16, [2]uint64{1, 1}, time.Minute}} {
		m.Apply(saves(4, tt.step))
		ended, events := kept()
		if ended != tt.ended || events != tt.events {
			t.Errorf("%s: %d ended ones and %d events are kept, want %d and %d", tt.step, ended, events, tt.ended, tt.events)
		}
		s := m.Snapshot()
		if taken := [2]uint64{s.Totals.Savings[fact.SavesPast], s.Totals.Savings[fact.SavesSearches]}; taken != tt.taken || s.OwnMemory.Saving != tt.step || s.Retention != tt.kept {
			t.Errorf("%s: steps %v are counted, at %s, what has ended is kept for %s", tt.step, taken, s.OwnMemory.Saving, s.Retention)
		}
		if got := exits(); got != many {
			t.Errorf("%s: %d ends are counted", tt.step, got)
		}
	}
	m.Apply(fact.Fact{Time: at(3 + (2 * time.Minute).Seconds())})
	if ended, _ := kept(); ended != 0 {
		t.Errorf("%d are kept for longer than a minute", ended)
	}
	m.Apply(saves(130, fact.SavesNothing))
	if m.limits != DefaultLimits() {
		t.Errorf("kept afterwards: %+v", m.limits)
	}
	m.Apply(saves(140, fact.SavesSearches)) // both steps at once
	if s := m.Snapshot(); s.Totals.Savings[fact.SavesPast] != 2 || s.Totals.Savings[fact.SavesSearches] != 2 {
		t.Errorf("counted: %v", s.Totals.Savings)
	}
}

// How little memory the nsviz had that recorded is no reason to forget of its recording.
func TestFixedLimitsIgnoreSaving(t *testing.T) {
	const many = 200
	m := New(RecordingLimits())
	for i := range many {
		c := event.Container{ID: fmt.Sprintf("%064x", i+1), Runtime: "docker"}
		m.Apply(started(2, c, int32(100+i)))
		m.Apply(killed(2, &c, 7))
		m.Apply(exited(3, c, int32(100+i)))
	}
	m.Apply(saves(4, fact.SavesSearches))
	m.Apply(passed(3600))
	s := m.Full()
	if len(s.Containers) != many || len(s.Kills) != many || len(s.Events) != 3*many || !s.LeftOut.IsZero() {
		t.Errorf("%d containers, %d kills, %d events, left out: %+v", len(s.Containers), len(s.Kills), len(s.Events), s.LeftOut)
	}
	if s.OwnMemory.Saving != fact.SavesSearches || s.Totals.Savings[fact.SavesPast] != 1 || s.Totals.Savings[fact.SavesSearches] != 1 {
		t.Errorf("the step is %s, counted: %v", s.OwnMemory.Saving, s.Totals.Savings)
	}
}

// A model that is small already is not made larger.
func TestSavingOfLittle(t *testing.T) {
	little := Limits{Events: 3, Kills: 100, Ended: 1000, Retention: time.Second}
	if got, want := little.saving(fact.SavesPast), (Limits{Events: 3, Kills: 16, Ended: 125, Retention: time.Second}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
