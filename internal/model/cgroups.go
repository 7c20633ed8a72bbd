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
	container *event.Container // that it belongs to, nil for none
	created   time.Time        // zero where that was not seen
	creator   *event.Process
	removed   time.Time // zero while it is there
	removedAt instant
	limits    limits
	oomKills  uint64 // of which events told: of its processes, or since its limit was reached
	chronicle chronicle
}

func (g *cgroup) tell(m Moment) { g.chronicle.tell(m, cgroupExtent) }

// cgroupAt returns the cgroup at a path, made if it is new; nil where too many are kept already, or where the
// path is not known.
func (m *Model) cgroupAt(path string) *cgroup {
	g := m.cgroups[path]
	switch {
	case g != nil || path == "":
	case len(m.cgroups) >= m.limits.Cgroups:
		m.leftOut.Cgroups++
	default:
		g = &cgroup{path: path, chronicle: chronicle{clock: &m.clock}}
		if m.cgroupsFound && m.writesWatched { // all that were there are known, so this one is new
			g.limits.known = unlimited(m.swapLimited)
		}
		m.cgroups[path] = g
	}
	return g
}

// watchWrites takes over whether writes to limits are reported. What is known of limits that nobody watches any more
// is soon out of date.
func (m *Model) watchWrites(watched bool) {
	if m.writesWatched && !watched {
		for _, g := range m.cgroups {
			g.limits.expire()
		}
	}
	m.writesWatched = watched
}

// removedAt returns the latest cgroup that was at a path; nil where there is one now, and of no path.
func (m *Model) removedAt(path string) *cgroup {
	if path == "" || m.cgroups[path] != nil {
		return nil
	}
	if list := m.removedAtPath[path]; len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// keepRemoved adds a removed cgroup to those that were at its path.
func (m *Model) keepRemoved(g *cgroup) {
	list := m.removedAtPath[g.path]
	i := len(list)
	for i > 0 && g.removedAt < list[i-1].removedAt {
		i--
	}
	m.removedAtPath[g.path] = slices.Insert(list, i, g)
}

// forgetRemoved is the reverse.
func (m *Model) forgetRemoved(g *cgroup) {
	list := m.removedAtPath[g.path]
	i := slices.Index(list, g)
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(m.removedAtPath, g.path)
	} else {
		m.removedAtPath[g.path] = list
	}
}

// applyCgroupsFound takes in the cgroups that were there when nsviz looked.
func (m *Model) applyCgroupsFound(at time.Time, found []fact.FoundCgroup) {
	for i := range found {
		f := &found[i]
		g := m.cgroups[f.Path]
		switch {
		case g != nil && (f.Limits == nil || g.limits.known != (fact.CgroupLimits{})):
			continue // events or writes have told more
		case g == nil:
			if g = m.cgroupAt(f.Path); g == nil {
				continue
			}
			g.limits = limits{} // whatever is assumed of one that is new
			g.container = f.Container
			g.tell(Moment{Time: at, Kind: MomentFound})
		}
		m.swapLimited = m.swapLimited || f.Limits != nil && f.Limits.Swap != nil
		if first, _ := g.limits.take(at, f.Limits); first != nil {
			g.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
		}
	}
	m.cgroupsFound = true
}

func (m *Model) tellCgroupCreated(e *event.Event) {
	path := e.Cgroup.Path
	if e.Cgroup.Via == event.ViaReconcile {
		return // when and by whom is not known; it is among the cgroups found
	}
	if known := m.cgroups[path]; known != nil && !known.created.IsZero() {
		m.buryCgroup(known, e.Time, nil) // its end was not seen
	}
	g := m.cgroupAt(path)
	if g == nil {
		return
	}
	// What was written to it or happened in it may have been told before, or reading the host was faster.
	g.created, g.creator, g.container = e.Time, actor(e), e.Cgroup.Container
	g.chronicle.forget(MomentFound)
	g.tell(Moment{Time: e.Time, Kind: momentCgroup, By: actor(e)})
}

func (m *Model) tellCgroupRemoved(e *event.Event) {
	if g := m.cgroups[e.Cgroup.Path]; g != nil {
		m.buryCgroup(g, e.Time, actor(e))
	}
}

// buryCgroup keeps a cgroup that is no more, for a while.
func (m *Model) buryCgroup(g *cgroup, at time.Time, by *event.Process) {
	g.removed, g.removedAt = at, m.clock.at(at)
	if by != nil {
		g.tell(Moment{Time: at, Kind: momentCgroupGone, By: by})
	} else {
		g.tell(Moment{Time: at, Kind: MomentGone})
	}
	g.chronicle.rest()
	delete(m.cgroups, g.path)
	list := &m.removed[1]
	if g.oomKills > 0 {
		list = &m.removed[0]
	}
	*list = append(*list, g)
	m.keepRemoved(g)
}

// tellCgroupKill tells an OOM kill to the cgroup that the victim was in, and to the one whose limit was reached.
func (m *Model) tellCgroupKill(e *event.Event) {
	paths := []string{e.OOM.Victim.Cgroup}
	if e.OOM.Cgroup != paths[0] {
		paths = append(paths, e.OOM.Cgroup)
	}
	for _, path := range paths {
		g := m.removedAt(path) // of its end may be told first
		if g == nil {
			g = m.cgroupAt(path)
		}
		if g != nil {
			g.oomKills++
			g.tell(Moment{Time: e.Time, Kind: momentKilled, OOM: e.OOM})
		}
	}
}

// applyWrite tells a cgroup, and the container whose own it is, what somebody wrote to it.
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
		g.tell(Moment{Time: at, Kind: MomentMovedIn, By: w.By})
		return
	}
	first, changed := g.limits.written(at, m.clock.at(at), w)
	if first != nil {
		g.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	g.chronicle.tellChange(Moment{Time: at, Kind: MomentChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: changed}, cgroupExtent)
	// Until its own program runs, its engine still sets them. Whether it does may not be known yet.
	switch c := m.containers[containerID(w.Container)]; {
	case c == nil || c.state == Starting:
		m.await(containerID(w.Container), f)
	case c.state == Running && c.cgroup == w.Path:
		c.tellWritten(at, w)
	}
}

// Cgroup is one cgroup as [Model.Whole] lists it.
type Cgroup struct {
	Path string
	// Container is the one that it belongs to: it is the container's own cgroup or is below that; nil is none.
	Container *event.Container
	// Created and Creator are zero where that was not seen, Removed is zero while it is there.
	Created time.Time
	Creator *event.Process
	Removed time.Time
	// Limits are its own, as known.
	Limits fact.CgroupLimits
	// OOMKills are those of which events told: of processes in it, or because its limit was reached.
	OOMKills uint64
	History  []Moment
}

// listCgroups lists those that are there by their path, and then those that are not any more, the latest first.
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
			Limits: g.limits.current(), OOMKills: g.oomKills, History: g.chronicle.share(),
		}
	}
	return list
}
