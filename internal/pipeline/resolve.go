package pipeline

import (
	"errors"
	"io/fs"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// resolve looks up a cgroup that the tracker does not know, together with the container's own cgroup above it. Where
// that is not possible for another reason than that it is gone, all cgroups are read.
func (p *Pipeline) resolve(id uint64) []container.Cgroup {
	path, err := p.layout.PathByID(id)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			p.cfg.Log.Debug("look up a cgroup", "error", err)
			p.doubt()
		}
		return nil
	}
	self := container.Cgroup{ID: id, Path: path}
	ref, ok := p.parser.Parse(path)
	if !ok {
		return []container.Cgroup{self}
	}
	var chain []container.Cgroup
	for r := &ref; r != nil; r = r.Inner {
		if r.Root == path {
			break
		}
		if above, err := p.layout.ID(r.Root); err == nil {
			chain = append(chain, container.Cgroup{ID: above, Path: r.Root})
		}
	}
	return append(chain, self)
}

// takeDiscovered takes in the cgroups that something spoke of at a time and that had not been reported. Of a container
// among them more is found when the host is read again.
func (p *Pipeline) takeDiscovered(at time.Time) {
	if p.tellDiscovered(at) {
		p.doubt()
	}
}

// tellDiscovered is the same without reading the host again. It reports whether there was something.
func (p *Pipeline) tellDiscovered(at time.Time) bool {
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
		p.unread = append(p.unread, d.Cgroup)
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
