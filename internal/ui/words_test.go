package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

func TestEventText(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	at := time.Date(2026, 3, 14, 3, 26, 14, 871e6, time.UTC)
	long := strings.Repeat("x", 3000)
	for _, tt := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"of a container", hogKill(12, at).Event, "12:26:14.871  oom kill    hog                   stress-ng-vm (28502), 60.1 of 64 MiB"},
		{"of no container", event.Event{Time: at, Type: event.EventsLost, Lost: &event.Lost{Count: 2, Reason: "ring full"}},
			"12:26:14.871  lost        -                     2 events: ring full"},
		{"of nobody knows whom", event.Event{Time: at, Type: event.NamespaceCreated, PID: 5, Comm: "sh", ContainerUnknown: true,
			Namespace: &event.Namespace{Type: event.Net, ID: 9, Via: event.ViaUnshare}}, "12:26:14.871  unshare     ?                     sh (5) made net 9"},
		{"hostile", event.Event{Time: at, Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/\x1b[2J", Container: ref("x", "a\nb")}},
			`12:26:14.871  cgroup      a\x0ab                made /\x1b[2J`},
		{"long", event.Event{Time: at, Type: event.CgroupCreated, Cgroup: &event.Cgroup{Path: "/" + long, Container: ref("x", long)}},
			"12:26:14.871  cgroup      " + long[:40] + "…" + long[:39] + "  made /" + long[:127] + "…" + long[:127]},
	} {
		if got := EventText(tt.e, tokyo); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
