package container

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

func TestEnteredBy(t *testing.T) {
	joins := func(ms int, pid int32) event.Event {
		return event.Event{
			Time: at(ms), Type: event.NamespaceJoined, PID: pid, Comm: "nsenter", UID: new(uint32(1000)), CgroupID: host,
			Namespace: &event.Namespace{Type: event.Mnt, ID: 7, Via: event.ViaSetns},
		}
	}
	entry := func(ms int, pid int32) event.Event {
		return event.Event{
			Time: at(ms), Type: event.ContainerEntered, PID: pid, CgroupID: root,
			Entered: &event.Entered{By: &event.Process{PID: 9, Comm: "runc", CgroupID: service}},
		}
	}
	nsenter := &event.Process{PID: 50, Comm: "nsenter", UID: new(uint32(1000))}
	runc := &event.Process{PID: 9, Comm: "runc", CgroupID: service}
	var many []event.Event
	for pid := range int32(maxJoiners) {
		many = append(many, joins(0, 1000+pid))
	}
	for name, test := range map[string]struct {
		before []event.Event
		entry  event.Event
		want   *event.Process
	}{
		"its parent":                     {nil, entry(1, 50), runc},
		"its parent, another one joined": {[]event.Event{joins(0, 51)}, entry(1, 50), runc},
		"itself":                         {[]event.Event{joins(0, 50)}, entry(10_000, 50), nsenter},
		"its number was another's":       {[]event.Event{joins(0, 50)}, entry(10_001, 50), runc},
		"itself, again":                  {[]event.Event{joins(0, 50), joins(9_000, 50)}, entry(10_001, 50), nsenter},
		"forgotten":                      {append([]event.Event{joins(0, 50)}, many...), entry(1, 50), runc},
		"still known":                    {append([]event.Event{joins(0, 50)}, many[1:]...), entry(1, 50), nsenter},
	} {
		tracker := NewTracker(NewDirectory(10), nil)
		for _, e := range append([]event.Event{created(0, host, "/"), created(0, service, "/service")}, test.before...) {
			tracker.Attribute(&e)
		}
		tracker.Attribute(&test.entry)
		if diff := cmp.Diff(test.want, test.entry.Entered.By); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
