package isolation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// cgroup is the model's view of one cgroup of the tracked hierarchy, a container's own or any other.
type cgroup struct {
	path      string
	container *event.Container // that it belongs to, nil for none
	created   time.Time        // zero where that was not seen
	creator   *event.Process
	removed   time.Time // zero while it is there
	limits    limits
	oomKills  uint64 // of which events told: of its processes, or since its limit was reached
	chronicle chronicle
}

func (g *cgroup) tell(m Moment) { g.chronicle.tell(m, cgroupExtent) }

// cgroupAt returns the cgroup at a path, made if it is new; nil where too many are kept already, or where the
// path is not known.
func (m *Model) cgroupAt(path string) *cgroup {
	g := m.cgroups[path]
	if g == nil && path != "" && len(m.cgroups) < m.limits.Cgroups {
		g = &cgroup{path: path}
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
	var latest *cgroup
	for _, list := range m.removed {
		for _, g := range list {
			if g.path == path && (latest == nil || g.removed.After(latest.removed)) {
				latest = g
			}
		}
	}
	return latest
}

// applyCgroupsFound takes in the cgroups that were there when nsviz looked.
func (m *Model) applyCgroupsFound(at time.Time, found []FoundCgroup) {
	for i := range found {
		f := &found[i]
		if m.cgroups[f.Path] != nil {
			continue // an event or a write has told of it already
		}
		g := m.cgroupAt(f.Path)
		if g == nil {
			continue
		}
		g.container = f.Container
		g.tell(Moment{Time: at, Kind: MomentFound})
		m.swapLimited = m.swapLimited || f.Limits != nil && f.Limits.Swap != nil
		if first, _ := g.limits.take(at, f.Limits); first != nil {
			g.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
		}
	}
	m.cgroupsFound = true
}

func (m *Model) tellCgroupCreated(e *event.Event) {
	path := e.Cgroup.Path
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
	g.removed = at
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
func (m *Model) applyWrite(at time.Time, w *CgroupWrite) {
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
	first, changed := g.limits.written(at, w)
	if first != nil {
		g.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	g.chronicle.tellChange(Moment{Time: at, Kind: MomentChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: changed}, cgroupExtent)
	// Until its own program runs, its engine still sets them.
	if c := m.containers[containerID(w.Container)]; c != nil && c.state == Running && c.cgroup == w.Path {
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
	Limits CgroupLimits
	// OOMKills are those of which events told: of processes in it, or because its limit was reached.
	OOMKills uint64
	History  []Moment
}

// listCgroups lists those that are there by their path, and then those that are not any more, the latest first.
func (m *Model) listCgroups() []Cgroup {
	list := make([]Cgroup, 0, len(m.cgroups)+len(m.removed[0])+len(m.removed[1]))
	add := func(g *cgroup) {
		list = append(list, Cgroup{
			Path: g.path, Container: g.container, Created: g.created, Creator: g.creator, Removed: g.removed,
			Limits: g.limits.current(), OOMKills: g.oomKills, History: g.chronicle.share(),
		})
	}
	for _, g := range m.cgroups {
		add(g)
	}
	for _, removed := range m.removed {
		for _, g := range removed {
			add(g)
		}
	}
	slices.SortFunc(list, func(a, b Cgroup) int {
		if a.Removed.IsZero() != b.Removed.IsZero() {
			if a.Removed.IsZero() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Removed.Compare(a.Removed), strings.Compare(a.Path, b.Path))
	})
	return list
}
