package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// What happened to a container stands in the order of time, whatever kind of thing it was; an end of unknown time is last.
func TestContainerHistoryIsInOrder(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	c := isolation.Container{
		ID: "1", Label: "web", State: isolation.Exited, Created: at(-2), Started: at(-1), Previous: &isolation.End{},
		Unheld: &isolation.Unheld{Since: at(5), Cgroup: "/"},
	}
	s := &isolation.Snapshot{Time: at(20)}
	for _, minutes := range []int{0, 10} {
		who := &event.Container{ID: "1"}
		s.Kills = append(s.Kills, isolation.Kill{Event: event.Event{
			Time: at(minutes), Type: event.OOMKill, Container: who, OOM: &event.OOM{Victim: event.Victim{PID: 7, Comm: "hog", Container: who}},
		}})
	}
	for ended, last := range map[time.Time]string{{}: "?", at(11): "12:11:00.000"} {
		c.Exited = ended
		var got []string
		for _, l := range history(&c, s, 120) {
			got = append(got, strings.Fields(l.String())[0])
		}
		want := []string{"?", "11:58:00.000", "11:59:00.000", "12:00:00.000", "12:05:00.000", "12:10:00.000", last}
		if !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}
