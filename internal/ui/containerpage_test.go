package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/isolation"
)

// What happened to a container stands in the order of time, whatever kind of thing it was; an end of unknown time is last.
func TestContainerHistoryIsInOrder(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	c := isolation.Container{
		ID: "1", Label: "web", State: isolation.Exited, Created: at(-2), Started: at(-1), Previous: &isolation.End{},
		Unheld: &fact.Unheld{Since: at(5), Cgroup: "/"},
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

// One that is not held and stuck is shown as both, and a cgroup that is unknown in words.
func TestUnheldAndStuck(t *testing.T) {
	c := isolation.Container{ID: "1", Label: "web", State: isolation.Running, Unheld: &fact.Unheld{Since: time.Unix(1, 0)}, Stuck: &fact.Stuck{Cgroup: "/pod"}}
	page := ""
	for _, l := range containerPage(&c, &isolation.Snapshot{Containers: []isolation.Container{c}}, 120) {
		page += l.String() + "\n"
	}
	for _, want := range []string{"not held   PID 1 is not in this cgroup", "stuck      at the limit of /pod", "PID 1 was moved out of its cgroup, to a cgroup that is unknown"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if row := (columns{bar: 8, memory: 20}).memoryOf(&c).String(); !strings.HasPrefix(row, "not held, stuck") {
		t.Errorf("row: %q", row)
	}
}
