package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// goneAfter is after how many readings without its cgroup a container counts as gone: its end
// should have been told, but events can be lost.
const goneAfter = 4

// sample reads the memory of all live containers, again and again.
func (p *Pipeline) sample(ctx context.Context) {
	ticker := time.NewTicker(sampleInterval)
	defer ticker.Stop()
	absent := map[string]int{}
	for {
		readings, gone := p.readings(p.Snapshot(), absent)
		now := p.now()
		p.do(func() {
			p.tell(isolation.Fact{Time: now, Memory: readings})
			for _, id := range gone {
				p.tell(isolation.Fact{Time: now, Gone: &isolation.Gone{ID: id}})
			}
		})
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// readings reads once. absent counts, by container, the readings in a row that found no cgroup.
func (p *Pipeline) readings(s *isolation.Snapshot, absent map[string]int) (list []isolation.Reading, gone []string) {
	seen := map[string]bool{}
	for i := range s.Containers {
		c := &s.Containers[i]
		if !c.Live() || c.CgroupPath == "" {
			continue
		}
		seen[c.ID] = true
		memory, err := p.layout.Memory(c.CgroupPath)
		if errors.Is(err, fs.ErrNotExist) {
			if absent[c.ID]++; absent[c.ID] >= goneAfter {
				gone = append(gone, c.ID)
			}
			continue
		}
		if err != nil {
			p.cfg.Log.Debug("read memory", "container", c.Label, "error", err)
			continue
		}
		delete(absent, c.ID)
		r := isolation.Reading{
			ID: c.ID, UsageBytes: memory.UsageBytes, LimitBytes: memory.LimitBytes, Unlimited: memory.Unlimited,
			OOMKills: memory.OOMKills,
		}
		if procs, err := p.layout.TreeProcs(c.CgroupPath); err == nil {
			r.Processes = new(len(procs))
		}
		list = append(list, r)
	}
	maps.DeleteFunc(absent, func(id string, _ int) bool { return !seen[id] })
	return list, gone
}

// survey looks at the namespaces of all processes, again and again: for who is in which one, and to
// find what no probe has told.
func (p *Pipeline) survey(ctx context.Context, freedIsHooked bool) {
	ticker := time.NewTicker(surveyInterval)
	defer ticker.Stop()
	surveyor := &surveyor{p: p, relations: map[uint64]relation{}}
	for {
		began := p.now()
		p.do(func() { p.namespaces.beginSurvey(began) })
		if s, err := surveyor.look(); err != nil {
			p.cfg.Log.Warn("look at the namespaces of all processes", "error", err)
		} else {
			ended := p.now()
			p.do(func() {
				news, alive := p.namespaces.endSurvey(ended, s, freedIsHooked)
				for _, e := range news {
					p.tellEvent(e)
				}
				p.tell(isolation.Fact{Time: ended, Namespaces: &alive})
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// surveyor makes surveys. It remembers how namespaces are related, which never changes.
type surveyor struct {
	p         *Pipeline
	relations map[uint64]relation
}

type relation struct {
	typ           event.NamespaceType
	owner, parent uint64
}

func (s *surveyor) look() (isolation.Survey, error) {
	found := map[uint64]*isolation.Surveyed{}
	pids, err := s.p.fs.PIDs()
	if err != nil {
		return isolation.Survey{}, err
	}
	for _, pid := range pids {
		ids, err := s.p.fs.Namespaces(pid)
		if err != nil {
			continue // gone meanwhile
		}
		for _, t := range event.NamespaceTypes() {
			if ids[t] == 0 {
				continue
			}
			n := found[ids[t]]
			if n == nil {
				n = &isolation.Surveyed{Type: t, ID: ids[t]}
				r := s.relation(pid, t, ids[t])
				n.Owner, n.Parent = r.owner, r.parent
				found[ids[t]] = n
			}
			n.Processes = append(n.Processes, pid)
		}
	}
	mounts, err := s.p.fs.NamespaceMounts()
	if err != nil {
		return isolation.Survey{}, err
	}
	for _, m := range mounts {
		n := found[m.ID]
		if n == nil {
			n = &isolation.Surveyed{Type: m.Type, ID: m.ID}
			found[m.ID] = n
		}
		n.PinnedBy = append(n.PinnedBy, m.Point)
	}
	s.addAncestors(found)
	maps.DeleteFunc(s.relations, func(id uint64, _ relation) bool { return found[id] == nil })
	list := isolation.Survey{Namespaces: make([]isolation.Surveyed, 0, len(found))}
	for _, id := range slices.Sorted(maps.Keys(found)) {
		list.Namespaces = append(list.Namespaces, *found[id])
	}
	return list, nil
}

func (s *surveyor) relation(pid int32, t event.NamespaceType, id uint64) relation {
	if r, ok := s.relations[id]; ok && r.typ == t {
		return r
	}
	owner, parent, err := s.p.fs.NamespaceRelations(pid, t)
	if err != nil {
		return relation{} // gone, or not for us to know
	}
	r := relation{typ: t, owner: owner, parent: parent}
	s.relations[id] = r
	return r
}

// addAncestors adds the namespaces that nothing is in and that live because others below them do.
func (s *surveyor) addAncestors(found map[uint64]*isolation.Surveyed) {
	for _, n := range slices.Collect(maps.Values(found)) {
		if n.Owner != 0 && found[n.Owner] == nil {
			found[n.Owner] = &isolation.Surveyed{Type: event.User, ID: n.Owner, PinnedBy: []string{"a namespace that it owns"}}
		}
		if n.Parent != 0 && found[n.Parent] == nil {
			found[n.Parent] = &isolation.Surveyed{Type: n.Type, ID: n.Parent, PinnedBy: []string{"a child namespace"}}
		}
	}
}
