package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/nsfs"
	"github.com/nsviz/nsviz/internal/probes"
)

// surveying is what surveys need. The sockets are asked for the open sockets of other net namespaces.
func (p *Pipeline) surveying(sockets *probes.Sockets, loop survey.Loop) survey.Config {
	c := survey.Config{
		Machine: p.fs.Machine, Proc: p.fs.Proc, NS: p.fs.NS, Layout: p.layout, Hurry: p.hurry, Self: p.self, Sight: p.sight,
		SavesSearches: p.savesSearches, Now: p.now, Log: p.cfg.Log, Mishaps: p.cfg.Mishaps, Loop: loop, Interval: p.cfg.SurveyInterval,
	}
	if p.hostPIDs { // the kernel counts processes as the host does
		c.Host = p.hostNamespaces
		c.Sockets = func() ([]nsfs.Pin, error) { return socketPins(sockets) }
	}
	return c
}

func socketPins(sockets *probes.Sockets) ([]nsfs.Pin, error) {
	list, err := sockets.Foreign()
	pins := make([]nsfs.Pin, len(list))
	for i, s := range list {
		pins[i] = nsfs.SocketPin(s.NetNamespace, s.PID, s.FD, s.Inode)
	}
	return pins, err
}

// surveyLoop is the loop as surveys know it.
type surveyLoop struct {
	*loop

	kernel *probes.Probes
	// changesReported is whether the kernel reports the processes that change their namespaces.
	changesReported bool
	// freedIsHooked is whether it reports the end of namespaces.
	freedIsHooked bool
}

func (p *Pipeline) newSurveyLoop(kernel *probes.Probes) surveyLoop {
	works := func(name fact.ProbeName) bool {
		return slices.ContainsFunc(kernel.Choices(), func(c probes.Choice) bool { return c.Name == name && c.Works() })
	}
	return surveyLoop{
		loop: p.loop, kernel: kernel, freedIsHooked: works(fact.ProbeNamespacesFreed),
		// It does not for some calls of 32-bit programs, whatever the hook.
		changesReported: works(fact.ProbeNamespacesUnshared) && works(fact.ProbeNamespacesJoined),
	}
}

func (l surveyLoop) Sync(ctx context.Context) bool { return l.kernel.Sync(ctx) }

func (l surveyLoop) BeginSurvey(at time.Time) survey.Begun {
	m := surveyBegins{at: at}
	l.ask(&m)
	if !l.changesReported {
		m.begun.Changed = nil
	}
	return m.begun
}

// EndSurvey is also when engines are looked for that have come since: whoever looks at all processes may look at a few folders.
func (l surveyLoop) EndSurvey(r survey.Result) {
	l.send(surveyEnded{r, l.freedIsHooked})
	l.engines.Look()
	l.usersDue.raise()
}

// surveyBegins asks what a survey should find.
type surveyBegins struct {
	at    time.Time
	begun survey.Begun // the answer
}

func (m *surveyBegins) handle(l *loop) {
	l.tracker.BeginSurvey()
	m.begun = l.namespaces.BeginSurvey(m.at)
}

// surveyEnded is what a survey has found.
type surveyEnded struct {
	survey.Result

	freedIsHooked bool
}

// handle reports what no probe has reported, at the time up to which all events are in, and then the survey.
func (m surveyEnded) handle(l *loop) {
	news, alive := l.namespaces.EndSurvey(m.Result, m.freedIsHooked)
	for _, e := range news {
		e.Time = l.until
		l.handleEvent(e)
	}
	l.takeIsolated(m.Isolated, &alive, l.until)
	apply := l.live.Apply
	if alive.Equal(l.latest) { // a screen need not be drawn for it
		apply, alive.Namespaces = l.live.ApplyUnseen, l.latest.Namespaces
	}
	l.latest = &alive
	l.applyBy(apply, fact.Fact{Time: m.Ended, Namespaces: &alive})
	select {
	case <-l.surveyed:
	default:
		close(l.surveyed)
	}
}
