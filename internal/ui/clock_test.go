package ui

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// An ended container and the banner of a kill stay for their full time, however the wall clock is set.
func TestTheClockIsSet(t *testing.T) {
	begin := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	for _, by := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		for _, test := range []struct {
			seconds          int
			listed, bannered bool
		}{{10, true, true}, {int((16 * time.Minute).Seconds()), false, false}} {
			limits := model.RecordingLimits() // so that it is the screen that forgets
			limits.Listed = 9
			m := model.New(limits)
			c := &event.Container{ID: "a", Name: "web"}
			apply := func(seconds int, by time.Duration, e *event.Event) {
				when := begin.Add(time.Duration(seconds)*time.Second + by)
				if e != nil {
					e.Time = when
				}
				m.Apply(fact.Fact{Time: when, BootNS: uint64(1e12 + 1e9*seconds), Event: e})
			}
			apply(0, 0, &event.Event{Type: event.ContainerStarted, PID: 7, Container: c, Start: &event.Start{}})
			apply(1, 0, &event.Event{Type: event.OOMKill, PID: 8, Container: c, OOM: &event.OOM{Scope: event.ScopeCgroup, Victim: event.Victim{PID: 8, Container: c}}})
			apply(2, 0, &event.Event{Type: event.ContainerExited, PID: 7, Container: c, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}})
			apply(test.seconds, by, nil)
			s := m.Snapshot()
			if got := len(listedContainers(s, "", false)) == 1; got != test.listed {
				t.Errorf("set by %v, after %d s: listed: %t", by, test.seconds, got)
			}
			if got := len(screen{s: s, w: 100, h: 40}.banner(9, false)) > 0; got != test.bannered {
				t.Errorf("set by %v, after %d s: a banner: %t", by, test.seconds, got)
			}
		}
	}
}
