package pipeline

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// admitIsolated takes in what was recognised by its namespaces, as an event or a survey at a time has shown.
func (l *loop) admitIsolated(at time.Time) {
	for _, found := range l.tracker.Isolated() {
		if found.MayBeUsers { // its program runs, so that the engine has noted its process
			l.usersStarts.raise()
		}
		known := l.tracker.Named(found.Container)
		f := fact.Found{Container: known, Namespaces: found.Namespaces, CgroupPath: found.CgroupPath}
		f.Unnamed = known.Kind != event.KindService && known.Name == found.Container.Name
		if found.FromBeginning {
			f.OOMKills = new(uint64(0))
		}
		if first := found.First; first != nil {
			f.InitPID, f.InitComm, f.Started = first.PID, first.Comm, first.Started
		}
		l.apply(fact.Fact{Time: at.Add(-time.Microsecond), Found: &f})
	}
}

// endIsolated takes in that some of it has ended.
func (l *loop) endIsolated(at time.Time) {
	for _, id := range l.tracker.Ended() {
		l.apply(fact.Fact{Time: at, Gone: &fact.Gone{ID: id}})
	}
}

// isolates reports whether an event may be the beginning of something that only a survey recognises: a process of the host that is no
// runtime's has made a PID or a user namespace.
func isolates(e *event.Event) bool {
	return e.Type == event.NamespaceCreated && (e.Namespace.Type == event.PID || e.Namespace.Type == event.User) &&
		e.Namespace.Via != event.ViaReconcile && e.Container == nil && !e.ContainerUnknown && runtime.Makes(e.Comm) == "" && !runtime.SetsUp(e.Comm)
}

// takeIsolated takes in what a survey has found of what the kernel isolates.
func (l *loop) takeIsolated(found []container.FirstProcess, of *fact.Survey, at time.Time) {
	defer func() { of.LeftOut = l.tracker.LeftOut() }()
	inhabited := map[uint64]bool{}
	for i := range of.Namespaces {
		if n := &of.Namespaces[i]; len(n.Processes) > 0 {
			inhabited[n.ID] = true
		}
	}
	for i := range found {
		// One that has ended since is not among these any more.
		if !slices.ContainsFunc(found[i].Namespaces[:], func(id uint64) bool { return id != 0 && !inhabited[id] }) {
			l.tracker.FoundIsolated(&found[i], at)
		}
	}
	if !of.Unseen.Blind() {
		l.tracker.EndUninhabited(func(id uint64) bool { return inhabited[id] })
	}
	l.handleDiscovered(at)
	l.admitIsolated(at)
	l.endIsolated(at)
}

// looked is what a single survey has found.
type looked survey.Result

func (m looked) handle(l *loop) {
	l.takeIsolated(m.Isolated, &m.Survey, l.now())
	l.apply(fact.Fact{Namespaces: &m.Survey})
}
