package pipeline

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// TestKillInAUsersContainerThatIsNotFoundYet: a kill waits for the look that finds its container, but not for ever, nor beyond the end of
// its namespace.
func TestKillInAUsersContainerThatIsNotFoundYet(t *testing.T) {
	ids := event.NamespaceIDs{event.Mnt: 11, event.PID: 12}
	begin := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	found := containerFound{
		Ref: &container.Ref{Runtime: runtime.Podman, ID: "a", User: 1000}, At: begin,
		Found: fact.Found{InitPID: 50, Namespaces: ids, SharedCgroup: "/session"},
	}
	freed := event.Event{Type: event.NamespaceFreed, Time: begin, Namespace: &event.Namespace{Type: event.PID, ID: 12}}
	for name, test := range map[string]struct {
		then func(l *loop, now *time.Time)
		want string // the id of what the kill is in
	}{
		"it is found": {func(l *loop, _ *time.Time) {
			found.handle(l)
			usersLooked(begin.Add(time.Millisecond)).handle(l)
		}, "a"},
		"it is not":                          {func(l *loop, _ *time.Time) { usersLooked(begin.Add(time.Millisecond)).handle(l) }, "pid-12"},
		"a look began before":                {func(l *loop, _ *time.Time) { usersLooked(begin.Add(-time.Millisecond)).handle(l) }, ""},
		"its namespace ends":                 {func(l *loop, _ *time.Time) { l.handleEvent(freed) }, "pid-12"},
		"too long":                           {func(l *loop, now *time.Time) { *now = now.Add(killPatience); l.releaseOld() }, "pid-12"},
		"not too long":                       {func(l *loop, now *time.Time) { *now = now.Add(killPatience - 1); l.releaseOld() }, ""},
		"nsviz ends, and all is handed over": {func(l *loop, _ *time.Time) { close(l.inputs); l.run() }, "pid-12"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []event.Event
			l := newLoop(slog.New(slog.DiscardHandler), []func(fact.Fact){func(f fact.Fact) {
				if f.Event != nil && f.Event.Type == event.OOMKill {
					got = append(got, *f.Event)
				}
			}})
			now := begin
			l.now = func() time.Time { return now }
			l.questions = names.NewQuestions(func() []engine.Engine { return nil }, l.directory, l.now)
			l.tracker.SetHost(event.NamespaceIDs{event.Mnt: 1, event.PID: 2})
			l.tracker.Place(7, "/session")
			l.handleEvent(event.Event{
				Type: event.NamespaceCreated, Time: begin, PID: 49, Comm: "crun", UID: new(uint32(1000)), CgroupID: 7,
				Namespace: &event.Namespace{Type: event.PID, ID: 12, Via: event.ViaClone},
			})
			<-l.usersStarts
			l.handleEvent(event.Event{
				Type: event.OOMKill, Time: begin, PID: 51, CgroupID: 7,
				OOM: &event.OOM{Victim: event.Victim{PID: 51, Namespaces: ids}},
			})
			if len(got) != 0 {
				t.Fatalf("it does not wait: %+v", got)
			}
			<-l.usersStarts
			test.then(l, &now)
			switch {
			case test.want == "" && len(got) == 0:
			case len(got) != 1 || got[0].Container == nil || got[0].Container.ID != test.want:
				t.Errorf("kills: %+v", got)
			}
		})
	}
}
