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
func (p *Pipeline) resolve(id uint64) []container.Cgroup {
	chain, err := p.finder.Resolve(id)
	if err != nil {
		p.cfg.Log.Debug("look up a cgroup", "error", err)
		p.doubt()
	}
	return chain
}

func (l finderLoop) BeginComparison() { l.p.ask(comparisonBegins{}) }

func (l finderLoop) Compare(host []container.Cgroup, complete bool) []find.Cgroup {
	m := comparison{host: host, complete: complete}
	l.p.ask(&m)
	return m.unread
}

// comparisonBegins says that all cgroups are about to be read.
type comparisonBegins struct{}

func (comparisonBegins) handle(p *Pipeline) { p.tracker.BeginComparison() }

// comparison is a reading of all cgroups: those that are there and, if the reading was complete, known ones that are not are
// handled although no event has reported them. Its answer is the discovered cgroups whose limits have not been read.
type comparison struct {
	host     []container.Cgroup
	complete bool
	unread   []find.Cgroup
}

func (m *comparison) handle(p *Pipeline) {
	unknown, gone := p.tracker.Compare(m.host)
	gone = slices.DeleteFunc(gone, func(c container.Cgroup) bool { return !m.complete || !p.layout.Shows(c.Path) })
	for _, c := range gone {
		e := event.Event{Time: p.until, Type: event.CgroupRemoved, Cgroup: &event.Cgroup{Path: c.Path, ID: c.ID, Via: event.ViaReconcile}}
		p.takeEvent(e)
	}
	for _, c := range unknown {
		p.tracker.Discover(c.ID, c.Path)
	}
	p.reportDiscovered(p.until)
	m.unread, p.unread = p.unread, nil
}

// takeDiscovered takes in the cgroups that something spoke of at a time and that had not been reported. Of a container
// among them more is found when the host is read again.
func (p *Pipeline) takeDiscovered(at time.Time) {
	if p.reportDiscovered(at) {
		p.doubt()
	}
}

// reportDiscovered is the same without reading the host again. It reports whether there was something.
func (p *Pipeline) reportDiscovered(at time.Time) bool {
	list := p.tracker.Discovered()
	for _, d := range list {
		c := p.tracker.Describe(d.Container)
		if d.Removed {
			p.tellEvent(event.Event{
				Time: at, Type: event.CgroupRemoved,
				Cgroup: &event.Cgroup{Path: d.Path, ID: d.ID, Container: c, Via: event.ViaReconcile},
			})
			continue
		}
		p.tellEvent(event.Event{
			Time: at, Type: event.CgroupCreated,
			Cgroup: &event.Cgroup{Path: d.Path, ID: d.ID, Container: c, Via: event.ViaReconcile},
		})
		p.tell(fact.Fact{Time: at, Cgroups: []fact.FoundCgroup{{Path: d.Path, Container: c}}})
		p.unread = append(p.unread, find.Cgroup{Cgroup: d.Cgroup, Ref: d.Container})
		if d.Container == nil || d.Container.Root != d.Path {
			continue
		}
		p.questions.AskName(c)
		p.tell(fact.Fact{Time: at, Found: &fact.Found{Container: *c, CgroupPath: d.Path, Starting: true}})
	}
	return len(list) > 0
}

// doubt has the host read again for what nobody knows of.
func (p *Pipeline) doubt() {
	select {
	case p.doubts <- struct{}{}:
	default: // it is due anyway
	}
}
