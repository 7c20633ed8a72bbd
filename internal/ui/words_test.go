package ui

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

func TestEventText(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 26, 14, 871e6, time.Local)
	for _, tt := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"of a container", hogKill(12, at).Event, "12:26:14.871  oom kill    hog                   stress-ng-vm (28502), 60.1 of 64 MiB"},
		{"of no container", event.Event{Time: at, Type: event.EventsLost, Lost: &event.Lost{Count: 2, Reason: "ring full"}},
			"12:26:14.871  lost        -                     2 events: ring full"},
		{"hostile", event.Event{Time: at, Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/\x1b[2J", Container: ref("x", "a\nb")}},
			`12:26:14.871  cgroup      a\x0ab                made /\x1b[2J`},
	} {
		if got := EventText(tt.e); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
