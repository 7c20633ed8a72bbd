package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

func TestEvent(t *testing.T) {
	web := &event.Container{ID: "c1", Name: "web"}
	runc := &event.Process{PID: 70, Comm: "runc"}
	for _, test := range []struct {
		e    event.Event
		want string
	}{
		{event.Event{Type: event.ContainerStarted, PID: 7, Comm: "nginx", Container: web, Start: &event.Start{DurationMS: new(120.0)}},
			"web: its own program started (nginx, 7), 120 ms after its cgroup was made."},
		{event.Event{Type: event.ContainerEntered, PID: 71, Comm: "sh", Entered: &event.Entered{Container: web, CommandLine: "sh -c id", By: runc}},
			"web: runc (PID 70, of the host) ran `sh -c id` in it (PID 71)."},
		{event.Event{Type: event.InitMoved, PID: 5, Comm: "sh", Moved: &event.Moved{PID: 7, Container: web, To: "/"}},
			"web: sh (PID 5, of the host) moved its PID 1 (7) out of its own cgroup, to /: the limits of that do not hold it any more."},
		{event.Event{Type: event.ContainerExited, PID: 7, Container: web, Exit: &event.Exit{Code: new(int32(3)), Cause: event.CauseExited}},
			"web: its PID 1 ended by itself, exit code 3."},
		{event.Event{Type: event.OOMKill, PID: 9, Comm: "hog", Container: web, OOM: &event.OOM{Victim: event.Victim{PID: 9, Comm: "hog", Container: web}}},
			"web: the kernel killed hog (PID 9). Whose memory had run out is unknown. web lives on, because its PID 1 was not the victim."},
		{event.Event{Type: event.NamespaceCreated, PID: 70, Comm: "runc", Container: web, Namespace: &event.Namespace{Type: event.Net, ID: 12}},
			"web: runc (PID 70, in web) made the namespace net:[12]."},
		{event.Event{Type: event.NamespaceJoined, PID: 8, Comm: "nsenter", Namespace: &event.Namespace{Type: event.Net, ID: 12, Of: web}},
			"nsenter (PID 8, of the host) joined the namespace net:[12] of web."},
		{event.Event{Type: event.NamespaceJoined, PID: 8, Comm: "nsenter", Namespace: &event.Namespace{Type: event.Net, ID: 1, Host: true}},
			"nsenter (PID 8, of the host) joined the host's namespace net:[1]."},
		{event.Event{Type: event.NamespaceFreed, Namespace: &event.Namespace{Type: event.PID, ID: 12}}, "the namespace pid:[12] was freed."},
		{event.Event{Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.PID, ID: 12, Via: event.ViaReconcile}}, "the namespace pid:[12] was found."},
		{event.Event{Type: event.CgroupCreated, PID: 70, Comm: "runc", Cgroup: &event.Cgroup{Path: "/a", Container: web}},
			"web: runc (PID 70, of the host) made the cgroup /a."},
		{event.Event{Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: "/a"}}, "somebody removed the cgroup /a."},
		{event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 1, Reason: event.LostRing}}, "1 event was lost: ring full."},
		{event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 3, Reason: event.LostThrottled, UID: new(uint32(1000))}},
			"3 events were lost: throttled, by user 1000 in an unknown place."},
	} {
		if got := Event(&test.e).For(time.UTC); got != test.want {
			t.Errorf("%s:\n%s, want\n%s", test.e.Type, got, test.want)
		}
	}
}
