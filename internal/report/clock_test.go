package report

import (
	"slices"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// If somebody sets the wall clock while a container runs, its kills, its namespaces and their sharing stay known.
func TestTheClockIsSet(t *testing.T) {
	pid := func(is event.Container, typ event.Type, pid int32) event.Event {
		return event.Event{Type: typ, PID: pid, Comm: "app", Container: &is}
	}
	namespaces := event.NamespaceIDs{}
	namespaces[event.Net] = 7
	start := func(of event.Container, n int32) event.Event {
		e := pid(of, event.ContainerStarted, n)
		e.Start = &event.Start{Namespaces: namespaces}
		return e
	}
	exit := func(of event.Container, n int32) event.Event {
		e := pid(of, event.ContainerExited, n)
		e.Exit = &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}
		return e
	}
	net := func(typ event.Type) event.Event {
		return event.Event{Type: typ, PID: 9, Comm: "runc", Namespace: &event.Namespace{Type: event.Net, ID: 7, Via: event.ViaClone}}
	}
	kill := pid(*web, event.OOMKill, 101)
	kill.OOM = &event.OOM{Scope: event.ScopeCgroup, Victim: event.Victim{PID: 101, Comm: "hog", Container: web}}
	before, after := event.Container{ID: "before", Name: "before"}, event.Container{ID: "after", Name: "after"}
	events := []event.Event{
		net(event.NamespaceCreated), start(before, 80), exit(before, 80), start(*web, 100), start(*db, 90), kill, exit(*web, 100), start(after, 70),
	}
	for step := range events {
		for _, by := range []time.Duration{0, 20 * time.Minute, -20 * time.Minute} {
			m := model.New(model.DefaultLimits())
			m.Apply(fact.Fact{Time: at(0), BootNS: 1e12, Host: &fact.Host{}})
			for i, e := range events {
				when, boot := at(float64(i)), uint64(1e12+1e9*i)
				if i >= step {
					when = when.Add(by)
				}
				e.Time = when
				m.Apply(fact.Fact{Time: when, BootNS: boot, Event: &e})
			}
			s := m.Full()
			c, err := Find(s, "web")
			if err != nil {
				t.Fatal(err)
			}
			k := NewKnown(c, s)
			if n := len(WhyContainer(c, s).Kills); n != 1 || k.Namespaces[event.Net].Created.IsZero() {
				t.Errorf("set by %v before event %d: %d kills, its net namespace is %+v", by, step, n, k.Namespaces[event.Net])
			}
			if got := k.Namespaces[event.Net].SharedWith; !slices.Equal(got, []string{"db"}) {
				t.Errorf("set by %v before event %d: it shared with %v", by, step, got)
			}
		}
	}
}
