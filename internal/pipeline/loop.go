package pipeline

import (
	"cmp"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/collect/find"
	"github.com/nsviz/nsviz/internal/collect/kills"
	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/namespaces"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/store"
)

// loop is what one goroutine does: it handles the messages of the producers one after the other, attributes what they say to
// containers, and applies it to the model as facts. Its fields are for that goroutine alone, but for those that say otherwise.
type loop struct {
	now  func() time.Time
	log  *slog.Logger
	live *store.Live // for any goroutine
	// sinks are called with every fact.
	sinks []func(fact.Fact)
	// inputs carries what the producers hand over.
	inputs chan message
	// doubts is raised where the host may have cgroups, containers or inits that nobody knows of; wake where the sampler may
	// wait for longer than it should; hurry where a survey should come soon.
	doubts, wake, hurry signal
	// recount is raised where OOM kills may not have been reported.
	recount signal
	// usersStarts is raised where a user may have started a container without a cgroup, usersDue where such ones are to be looked for anyway.
	usersStarts, usersDue signal

	layout cgroupfs.Layout
	// self is nsviz's own PID in procfs; hostPIDs is whether procfs counts as the host does.
	self     int32
	hostPIDs bool

	directory  *container.Directory // for any goroutine
	tracker    *container.Tracker
	namespaces *namespaces.Table
	engines    *names.Engines // for any goroutine
	questions  *names.Questions
	// finder is for the goroutine that watches, but for Resolve.
	finder *find.Finder
	// namespaceNames are those that administrators give; nil knows none.
	namespaceNames *nsfs.Names
	// boot is the kernel's id of this boot, for the ids of kills; "" is unknown.
	boot string
	// domains reads what the memory of the OOM kills of the current batch was made of.
	domains kills.Domains
	// saving is the fact.Saving that nsviz is at.
	saving atomic.Int32
	// until is up to when all events have been handled, by their clock.
	until time.Time
	// unread are the cgroups that were discovered and whose limits have not been read.
	unread []find.Cgroup
	// held are the OOM kills that wait for a look at users' files.
	held []heldKill
	// surveyed is closed after the first survey. latest is what the latest one has found; nil before.
	surveyed chan struct{}
	latest   *fact.Survey
}

// signal wakes one goroutine, once for all that happens before it looks.
type signal chan struct{}

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default: // it is due anyway
	}
}

// newLoop returns a loop that knows nothing of the host yet, and keeps the labels that have one of the keys.
func newLoop(log *slog.Logger, sinks []func(fact.Fact), labels ...string) *loop {
	directory := container.NewDirectory(names.Remembered, labels...)
	return &loop{
		now: time.Now, log: log, live: store.NewLive(model.DefaultLimits()), sinks: sinks,
		inputs: make(chan message), doubts: make(signal, 1), wake: make(signal, 1), hurry: make(signal, 1), recount: make(signal, 1),
		usersStarts: make(signal, 1), usersDue: make(signal, 1), surveyed: make(chan struct{}),
		directory: directory, tracker: container.NewTracker(directory, nil), namespaces: namespaces.New(),
	}
}

// run handles messages until all producers have ended.
func (l *loop) run() {
	for m := range l.inputs {
		m.handle(l)
		l.releaseOld()
	}
	l.release(func(*heldKill) bool { return true })
}

// batch is what the probes have read.
type batch probes.Batch

// handle attributes the events and applies them.
func (b batch) handle(l *loop) {
	l.until = b.Until
	l.domains.NextBatch()
	for _, e := range l.namespaces.Complete(b.Events) {
		l.handleEvent(e)
	}
	if b.Errors != nil {
		l.apply(fact.Fact{BPFErrors: b.Errors})
		l.doubts.raise() // what the programs could not remember may be a start or an end
		l.namespaces.ChangesLost()
	}
}

func (l *loop) handleEvent(e event.Event) {
	switch e.Type {
	case event.OOMKill:
		if l.hold(&e) {
			return
		}
	case event.NamespaceFreed:
		l.releaseBefore(e.Namespace)
	}
	l.handleNow(e)
}

// handleNow handles an event that does not wait.
func (l *loop) handleNow(e event.Event) {
	belongs := l.tracker.Attribute(&e)
	l.handleDiscovered(e.Time)
	l.admitIsolated(e.Time)
	if belongs && l.live.Complete(fact.Fact{Event: &e}) {
		l.report(e)
	}
	l.endIsolated(e.Time)
}

// report completes and applies an event that is attributed.
func (l *loop) report(e event.Event) {
	if n := e.Namespace; e.Type == event.NamespaceJoined && n.Of == nil && !n.Host {
		n.Name = l.namespaceNames.Of(n.ID)
	}
	e.Self = l.isSelf(&e)
	l.questions.AskNames(&e)
	switch e.Type {
	case event.OOMKill:
		l.domains.Complete(&e)
		e.OOM.ID = l.killID(&e)
	case event.NamespaceCreated:
		l.questions.AskName(container.Isolates(&e))
		if _, containers, ok := runtime.Isolates(e.Comm); ok && containers && e.Container == nil && e.UID != nil && *e.UID != 0 {
			l.usersStarts.raise()
		}
	case event.CgroupCreated:
		if e.Cgroup.Container != nil {
			break
		}
		if id := l.tracker.PossibleID(e.Cgroup.ID); id != "" { // its start should have its name
			l.questions.AskName(&event.Container{ID: id})
		}
	case event.CgroupRemoved:
		if l.tracker.NeverRan(e.Cgroup.ID) {
			l.questions.AskStart(e.Cgroup.Container)
		}
	case event.ContainerStarted:
		l.questions.AskStarted(e.Container)
	case event.ContainerExited:
		l.questions.AskEnd(e.Container)
		if e.Container != nil && e.Container.Runtime == runtime.Podman {
			l.engines.AskFilesForEnd(e.Container)
		}
	case event.EventsLost:
		l.doubts.raise()
	}
	l.applyEvent(e)
	if isolates(&e) {
		l.hurry.raise()
	}
}

// killID returns the id of an OOM kill.
func (l *loop) killID(e *event.Event) string {
	at := e.BootNS
	if at == 0 {
		at = l.bootAt(e.Time)
	}
	return event.KillID(l.boot, at, cmp.Or(e.OOM.Victim.TID, e.OOM.Victim.PID))
}

// isSelf reports whether an nsviz did something: this one or, of what `nsviz inspect` does, another one of the host.
func (l *loop) isSelf(e *event.Event) bool {
	if l.hostPIDs && e.PID == l.self {
		return true
	}
	return e.Comm == nsfs.LookingThread && e.Container == nil && !e.ContainerUnknown &&
		e.Type == event.NamespaceJoined && e.Namespace.Type == event.UTS
}

func (l *loop) applyEvent(e event.Event) {
	f := fact.Fact{Time: e.Time, BootNS: e.BootNS, Event: &e}
	if f.BootNS == 0 {
		f.BootNS = l.bootAt(e.Time)
	}
	e.Time = fact.Plain(e.Time)
	e.BootNS = 0 // the fact has it
	if e.Exit != nil && e.Exit.EarlierSignal != nil {
		e.Exit.EarlierSignal.Time = fact.Plain(e.Exit.EarlierSignal.Time)
	}
	l.apply(f)
}

// bootAt returns a recent time by the kernel's clock. If t was read in this process, setting the wall clock since then makes
// no difference.
func (l *loop) bootAt(t time.Time) uint64 {
	return probes.BootNow() - uint64(l.now().Sub(t))
}

// apply applies a fact to the model and passes it on to the sinks.
func (l *loop) apply(f fact.Fact) { l.applyBy(l.live.Apply, f) }

// applyBy is apply by a method of the model's store.
func (l *loop) applyBy(apply func(fact.Fact, time.Time), f fact.Fact) {
	if f.Time.IsZero() {
		f.Time = l.now()
	}
	if f.BootNS == 0 {
		f.BootNS = l.bootAt(f.Time)
	}
	f.Time = fact.Plain(f.Time)
	apply(f, l.now())
	if hurries(f) {
		if f.Event != nil && f.Event.Type == event.EventsLost {
			l.recount.raise()
		}
		l.wake.raise()
	}
	for _, sink := range l.sinks {
		sink(f)
	}
}

// hurries reports whether a fact is a reason to read soon what containers use: there is another one, one has lost a process to
// the OOM killer, or that was perhaps not reported.
func hurries(f fact.Fact) bool {
	if f.Event == nil {
		return f.Found != nil
	}
	switch f.Event.Type {
	case event.ContainerStarted, event.OOMKill, event.EventsLost:
		return true
	case event.CgroupCreated:
		return f.Event.Cgroup.Container != nil
	}
	return false
}
