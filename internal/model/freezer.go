package model

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// applyFreeze applies a write to the freezer of a cgroup to that cgroup and to all running containers in it or below it.
func (m *Model) applyFreeze(at time.Time, w *fact.Freeze) {
	if g := m.cgroupAt(w.Path); g != nil {
		if g.container == nil {
			g.container = w.Container
		}
		if w.Frozen != g.frozen {
			g.frozen = w.Frozen
			g.append(Entry{Time: at, Kind: freezeKind(w.Frozen), By: w.By, ByAnyOf: w.ByAnyOf})
		}
	}
	if !w.Frozen {
		for _, g := range m.cgroups {
			g.frozen = g.frozen && (!isBelow(g.path, w.Path) || staysFrozen(w, g.path) != "")
		}
	}
	for _, c := range m.live {
		if c.state == Running && isBelow(c.cgroup, w.Path) {
			c.froze = m.clock.at(at)
			by := fact.Paused{Since: at, Cgroup: w.Path, By: w.By, ByAnyOf: w.ByAnyOf}
			still := staysFrozen(w, c.cgroup)
			if still != "" {
				by = fact.Paused{Since: at, Cgroup: still} // by whoever wrote there
			}
			c.setFrozen(at, w.Frozen || still != "", by)
		}
	}
}

// isBelow reports whether a cgroup is the one at a path or below it.
func isBelow(cgroup, path string) bool {
	rest, found := strings.CutPrefix(cgroup, strings.TrimSuffix(path, "/"))
	return found && cgroup != "" && (rest == "" || rest[0] == '/')
}

// staysFrozen returns the path of the cgroup by whose file a cgroup is frozen, other than the one that was written to; "" is none.
func staysFrozen(w *fact.Freeze, cgroup string) string {
	if i := slices.IndexFunc(w.Still, func(still string) bool { return isBelow(cgroup, still) }); i >= 0 {
		return w.Still[i]
	}
	return ""
}

// freezeKind returns the kind of the entry for a cgroup that was frozen or thawed.
func freezeKind(frozen bool) EntryKind {
	if frozen {
		return EntryPaused
	}
	return EntryResumed
}

// readFrozen applies whether a reading found the container frozen; nil means that it was not read.
func (c *container) readFrozen(at time.Time, frozen *bool) {
	if frozen == nil || c.state != Running {
		return
	}
	if past := c.timeline.clock.at(at).sub(c.froze); c.froze != 0 && past >= 0 && past < lateness {
		return // the reading may be older than the write
	}
	c.setFrozen(at, *frozen, fact.Paused{Since: at})
}

// setFrozen sets whether the container is frozen. The fields of by but for Since are also those of a thaw; they are zero if a
// reading found it.
func (c *container) setFrozen(at time.Time, frozen bool, by fact.Paused) {
	c.pausedKnown = true
	if frozen == (c.paused != nil) {
		if c.attributeFreeze(at, freezeKind(frozen), &by) && frozen {
			c.paused = &by
		}
		return
	}
	c.paused = nil
	if frozen {
		c.paused = &by
	}
	c.append(Entry{Time: at, Kind: freezeKind(frozen), By: by.By, ByAnyOf: by.ByAnyOf, Cgroup: c.above(by.Cgroup)})
}

// above returns the path of a cgroup above the container's own; "" if it is not above.
func (c *container) above(cgroup string) string {
	if cgroup == c.cgroup {
		return ""
	}
	return cgroup
}

// attributeFreeze sets who froze or thawed the container if a reading found that just before the write was reported. It returns
// false if the latest entry of the kind has its author, or there is none so recent.
func (c *container) attributeFreeze(at time.Time, kind EntryKind, by *fact.Paused) bool {
	if by.By == nil && by.ByAnyOf == nil {
		return false
	}
	l := &c.timeline
	for i := len(l.entries) - 1; i >= 0 && l.clock.at(at).sub(l.spans[i].from) <= lateness; i-- {
		e := &l.entries[i]
		if e.Kind != kind {
			continue
		}
		if e.By != nil || e.ByAnyOf != nil || e.Times() > 1 {
			return false
		}
		l.own()
		e = &l.entries[i]
		e.By, e.ByAnyOf, e.Cgroup = by.By, by.ByAnyOf, c.above(by.Cgroup)
		return true
	}
	return false
}
