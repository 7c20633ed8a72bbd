package pipeline

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect/find"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// resolve is the tracker's [container.Resolver]. Where a cgroup cannot be looked up by its id, all cgroups are read.
func (l *loop) resolve(id uint64) []container.Cgroup {
	chain, err := l.finder.Resolve(id)
	if err != nil {
		l.log.Debug("look up a cgroup", "error", err)
		l.doubts.raise()
	}
	return chain
}

func (l finderLoop) BeginComparison() { l.ask(comparisonBegins{}) }

func (l finderLoop) Compare(host []container.Cgroup, complete bool) []find.Cgroup {
	m := comparison{host: host, complete: complete}
	l.ask(&m)
	return m.unread
}

// comparisonBegins says that all cgroups are about to be read.
type comparisonBegins struct{}

func (comparisonBegins) handle(l *loop) { l.tracker.BeginComparison() }

// comparison is a reading of all cgroups: those that are there and, if the reading was complete, known ones that are not are
// handled although no event has reported them. Its answer is the discovered cgroups whose limits have not been read.
type comparison struct {
	host     []container.Cgroup
	complete bool
	unread   []find.Cgroup
}

func (m *comparison) handle(l *loop) {
	unknown, gone := l.tracker.Compare(m.host)
	gone = slices.DeleteFunc(gone, func(c container.Cgroup) bool { return !m.complete || !l.layout.Shows(c.Path) })
	for _, c := range gone {
		e := event.Event{Time: l.until, Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: c.Path, ID: c.ID, Via: event.ViaReconcile}}
		l.handleEvent(e)
	}
	for _, c := range unknown {
		l.tracker.Discover(c.ID, c.Path)
	}
	l.reportDiscovered(l.until)
	m.unread, l.unread = l.unread, nil
}

// handleDiscovered takes in the cgroups that something spoke of at a time and that had not been reported. Of a container
// among them more is found when the host is read again.
func (l *loop) handleDiscovered(at time.Time) {
	if l.reportDiscovered(at) {
		l.doubts.raise()
	}
}

// reportDiscovered is the same without reading the host again. It reports whether there was something to read.
func (l *loop) reportDiscovered(at time.Time) bool {
	unread := false
	for _, d := range l.tracker.Discovered() {
		c := l.tracker.Describe(d.Container)
		if d.Confirmed {
			l.questions.AskName(c)
			l.apply(fact.Fact{Time: at, Cgroups: []fact.FoundCgroup{{Path: d.Path, Container: c}}})
			l.apply(fact.Fact{Time: at, Found: &fact.Found{Container: *c, CgroupPath: d.Path, Starting: true}})
			continue
		}
		unread = true
		if d.Removed {
			l.applyEvent(event.Event{
				Time: at, Type: event.CgroupRemoved,
				Cgroup: &event.Cgroup{Path: d.Path, ID: d.ID, Container: c, Via: event.ViaReconcile},
			})
			continue
		}
		l.applyEvent(event.Event{
			Time: at, Type: event.CgroupCreated,
			Cgroup: &event.Cgroup{Path: d.Path, ID: d.ID, Container: c, Via: event.ViaReconcile},
		})
		l.apply(fact.Fact{Time: at, Cgroups: []fact.FoundCgroup{{Path: d.Path, Container: c}}})
		l.unread = append(l.unread, find.Cgroup{Cgroup: d.Cgroup, Ref: d.Container})
		if d.Container == nil || d.Container.Root != d.Path {
			continue
		}
		l.questions.AskName(c)
		l.apply(fact.Fact{Time: at, Found: &fact.Found{Container: *c, CgroupPath: d.Path, Starting: true}})
	}
	return unread
}
