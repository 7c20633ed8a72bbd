package model

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// cgroup is the model's view of one cgroup of the tracked hierarchy, a container's own or any other.
type cgroup struct {
	path      string
	container *event.Container // that it belongs to; nil is none
	created   time.Time        // zero if its creation was not seen
	creator   *event.Process
	removed   time.Time // zero while it is there
	removedAt instant
	limits    limits
	frozen    bool   // by its freezer or one above, as of the latest write to its own
	oomKills  uint64 // reported by events: of its processes, or because its limit was reached
	timeline  timeline
}

func (g *cgroup) append(m Entry) { g.timeline.append(m, cgroupExtent) }

// cgroupAt gets or creates the cgroup at a path. It returns nil if too many are kept already or the path is unknown.
func (m *Model) cgroupAt(path string) *cgroup {
	g := m.cgroups[path]
	switch {
	case g != nil || path == "":
	case len(m.cgroups) >= m.limits.Cgroups:
		m.leftOut.Cgroups++
	default:
		g = &cgroup{path: path, timeline: timeline{clock: &m.clock}}
		if m.cgroupsFound && m.writesWatched { // all older ones are known, so this one is new
			g.limits.known = unlimited(m.swapLimited)
		}
		m.cgroups[path] = g
	}
	return g
}

// watchWrites sets whether writes to limits are reported. Without that, known limits are soon out of date.
func (m *Model) watchWrites(watched bool) {
	if m.writesWatched && !watched {
		for _, g := range m.cgroups {
			g.limits.expire()
		}
	}
	m.writesWatched = watched
}

// removedAt returns the latest removed cgroup of a path; nil if the path is empty or has a cgroup now.
func (m *Model) removedAt(path string) *cgroup {
	if path == "" || m.cgroups[path] != nil {
		return nil
	}
	if list := m.removedAtPath[path]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// keepRemoved adds a removed cgroup to removedAtPath.
func (m *Model) keepRemoved(g *cgroup) {
	list := m.removedAtPath[g.path]
	i := len(list)
	for i > 0 && g.removedAt < list[i-1].removedAt {
		i--
	}
	m.removedAtPath[g.path] = slices.Insert(list, i, g)
}

// forgetRemoved removes a cgroup from removedAtPath.
func (m *Model) forgetRemoved(g *cgroup) {
	list := m.removedAtPath[g.path]
	i := slices.Index(list, g)
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(m.removedAtPath, g.path)
	} else {
		m.removedAtPath[g.path] = list
	}
}

// applyCgroupsFound applies the cgroups that reading the host found.
func (m *Model) applyCgroupsFound(at time.Time, found []fact.FoundCgroup) {
	for i := range found {
		f := &found[i]
		g := m.cgroups[f.Path]
		switch {
		case g != nil && (f.Limits == nil || g.limits.known != (fact.CgroupLimits{})):
			continue // events or writes have reported more
		case g == nil:
			if g = m.cgroupAt(f.Path); g == nil {
				continue
			}
			g.limits = limits{} // cgroupAt assumes those of a new one
			g.container = f.Container
			g.append(Entry{Time: at, Kind: EntryFound})
		}
		m.swapLimited = m.swapLimited || f.Limits != nil && f.Limits.Swap != nil
		if first, _ := g.limits.update(at, f.Limits); first != nil {
			g.append(Entry{Time: at, Kind: EntryLimits, Limits: first})
		}
	}
	m.cgroupsFound = true
}

func (m *Model) recordCgroupCreated(e *event.Event) {
	path := e.Cgroup.Path
	if e.Cgroup.Via == event.ViaReconcile {
		return // its time and creator are unknown; fact.Cgroups has it, too
	}
	if known := m.cgroups[path]; known != nil && !known.created.IsZero() {
		m.expireCgroup(known, e.Time, nil) // its end was not seen
	}
	g := m.cgroupAt(path)
	if g == nil {
		return
	}
	// A write or a kill may have been reported before, or reading the host may have found it first.
	g.created, g.creator, g.container = e.Time, actor(e), e.Cgroup.Container
	g.timeline.forget(EntryFound)
	g.append(Entry{Time: e.Time, Kind: entryCgroupCreated, By: actor(e)})
}

func (m *Model) recordCgroupRemoved(e *event.Event) {
	if g := m.cgroups[e.Cgroup.Path]; g != nil {
		m.expireCgroup(g, e.Time, actor(e))
	}
}

// expireCgroup moves a cgroup that was removed to the removed ones, which are kept for a while.
func (m *Model) expireCgroup(g *cgroup, at time.Time, by *event.Process) {
	g.removed, g.removedAt = at, m.clock.at(at)
	if by != nil {
		g.append(Entry{Time: at, Kind: entryCgroupRemoved, By: by})
	} else {
		g.append(Entry{Time: at, Kind: EntryGone})
	}
	g.timeline.shrink()
	delete(m.cgroups, g.path)
	list := &m.removed[1]
	if g.oomKills > 0 {
		list = &m.removed[0]
	}
	*list = append(*list, g)
	m.keepRemoved(g)
}

// recordCgroupKill adds an OOM kill to the histories of the victim's cgroup and of the one whose limit was reached.
func (m *Model) recordCgroupKill(e *event.Event) {
	paths := []string{e.OOM.Victim.Cgroup}
	if e.OOM.Cgroup != paths[0] {
		paths = append(paths, e.OOM.Cgroup)
	}
	for _, path := range paths {
		g := m.removedAt(path) // its end may be reported first
		if g == nil {
			g = m.cgroupAt(path)
		}
		if g != nil {
			g.oomKills++
			g.append(Entry{Time: e.Time, Kind: entryKilled, OOM: e.OOM})
		}
	}
}

// applyWrite applies a write to a cgroup, also to the container whose own cgroup it is.
func (m *Model) applyWrite(f fact.Fact) {
	at, w := f.Time, f.CgroupWrite
	g := m.cgroupAt(w.Path)
	if g == nil {
		return
	}
	if g.container == nil {
		g.container = w.Container
	}
	if w.Limits == nil {
		g.append(Entry{Time: at, Kind: EntryMovedIn, By: w.By})
		return
	}
	first, changed := g.limits.written(at, m.clock.at(at), w)
	if first != nil {
		g.append(Entry{Time: at, Kind: EntryLimits, Limits: first})
	}
	g.timeline.appendLimitChange(Entry{Time: at, Kind: EntryLimitsChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: changed}, cgroupExtent)
	// The engine sets limits until the container's own program runs. Whether it runs may not be known yet.
	switch c := m.containers[containerID(w.Container)]; {
	case c == nil || c.state == Starting:
		m.await(containerID(w.Container), f)
	case c.state == Running && c.cgroup == w.Path:
		c.recordWrite(at, w)
	}
}

// Cgroup is one cgroup as [Model.Full] lists it.
type Cgroup struct {
	Path string
	// Container is the one whose own cgroup this is or is below; nil is none.
	Container *event.Container
	// Created and Creator are zero if its creation was not seen. Removed is zero while it exists.
	Created time.Time
	Creator *event.Process
	Removed time.Time
	// Limits are its own, as far as known.
	Limits fact.CgroupLimits
	// OOMKills counts kills that events reported: of processes in it, or because its limit was reached.
	OOMKills uint64
	History  []Entry
}

// listCgroups lists the existing cgroups by path, then the removed ones, latest first.
func (m *Model) listCgroups() []Cgroup {
	all := slices.Concat(slices.Collect(maps.Values(m.cgroups)), m.removed[0], m.removed[1])
	slices.SortStableFunc(all, func(a, b *cgroup) int {
		if a.removed.IsZero() != b.removed.IsZero() {
			if a.removed.IsZero() {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.removedAt, a.removedAt), strings.Compare(a.path, b.path))
	})
	list := make([]Cgroup, len(all))
	for i, g := range all {
		list[i] = Cgroup{
			Path: g.path, Container: g.container, Created: g.created, Creator: g.creator, Removed: g.removed,
			Limits: g.limits.current(), OOMKills: g.oomKills, History: g.timeline.share(),
		}
	}
	return list
}
