package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// unlimited returns the limits of a new cgroup. Whether swap can be limited depends on the host.
func unlimited(swap bool) fact.CgroupLimits {
	none := &fact.Limit{Unlimited: true}
	l := fact.CgroupLimits{Memory: none, CPU: none, PIDs: none}
	if swap {
		l.Swap = none
	}
	return l
}

// limits holds the known limits of one cgroup.
type limits struct {
	known fact.CgroupLimits
	// read is when each limit was last read, stale whether it may have changed unseen since.
	read  [fact.ResourceCount]time.Time
	stale [fact.ResourceCount]bool
	wrote instant // when a write was last reported; 0 is never
}

// current returns the limits that are not stale.
func (l *limits) current() fact.CgroupLimits {
	current := l.known
	for i, r := range fact.Resources() {
		if l.stale[i] {
			current.Set(r, nil)
		}
	}
	return current
}

// expire marks all limits as stale.
func (l *limits) expire() {
	for i := range l.stale {
		l.stale[i] = true
	}
}

// update sets the limits to what was read. It returns those that were unknown before and those that changed.
func (l *limits) update(at time.Time, read *fact.CgroupLimits) (first, changed []LimitChange) {
	if read == nil {
		return nil, nil
	}
	for i, r := range fact.Resources() {
		now := read.Of(r)
		if now == nil {
			continue
		}
		before, after := l.known.Of(r), l.read[i]
		l.known.Set(r, now)
		l.read[i], l.stale[i] = at, false
		switch {
		case before == nil:
			first = append(first, LimitChange{Resource: r, To: *now})
		case !before.Equal(*now):
			changed = append(changed, LimitChange{Resource: r, From: before, To: *now, After: after})
		}
	}
	return first, changed
}

// written is update for limits that were read because of a write, or because writes may have been missed since w.After. A
// written limit counts as changed even if it was unknown before.
func (l *limits) written(at time.Time, when instant, w *fact.CgroupWrite) (first, changed []LimitChange) {
	l.wrote = when
	first, changed = l.update(at, w.Limits)
	if w.By != nil || w.ByAnyOf != nil {
		first, changed = nil, merged(first, changed)
	}
	for i := range changed {
		c := &changed[i]
		if w.After.IsZero() || w.After.After(c.After) {
			c.After = w.After
		}
	}
	return first, changed
}

// recordLimits adds the limits of a reading to the history if they are new.
func (c *container) recordLimits(at time.Time, read *fact.CgroupLimits) {
	if past := c.timeline.clock.at(at).sub(c.limits.wrote); c.limits.wrote != 0 && past >= 0 && past < lateness {
		return // the reading may be older than the write
	}
	first, changed := c.limits.update(at, read)
	if first != nil {
		c.append(Entry{Time: at, Kind: EntryLimits, Limits: first})
	}
	if changed != nil {
		c.append(Entry{Time: at, Kind: EntryLimitsChanged, Limits: changed})
	}
}

// recordWrite adds a write to the limits to the history.
func (c *container) recordWrite(at time.Time, w *fact.CgroupWrite) {
	first, changed := c.limits.written(at, c.timeline.clock.at(at), w)
	if first != nil {
		c.append(Entry{Time: at, Kind: EntryLimits, Limits: first})
	}
	if w.By != nil || w.ByAnyOf != nil {
		c.timeline.attribute(at, w, changed, containerExtent)
	}
	c.timeline.appendLimitChange(Entry{Time: at, Kind: EntryLimitsChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: changed}, containerExtent)
}

// attribute sets who made a change that a reading found just before the write was reported. The limits in changed were
// not found by a reading.
func (l *timeline) attribute(at time.Time, w *fact.CgroupWrite, changed []LimitChange, e extent) {
	isWritten := func(c LimitChange) bool {
		of := func(other LimitChange) bool { return other.Resource == c.Resource }
		is := w.Limits.Of(c.Resource)
		return is != nil && is.Equal(c.To) && !slices.ContainsFunc(changed, of)
	}
	for i := len(l.entries) - 1; i >= 0; i-- {
		m := &l.entries[i]
		past := l.clock.at(at).sub(l.spans[i].from)
		if past > lateness {
			return
		}
		if m.Kind != EntryLimitsChanged || m.By != nil || m.ByAnyOf != nil || past < -lateness || !slices.ContainsFunc(m.Limits, isWritten) {
			continue
		}
		l.own()
		m = &l.entries[i]
		var written, others []LimitChange
		for _, c := range m.Limits {
			if isWritten(c) {
				c.After = time.Time{}
				written = append(written, c)
			} else {
				others = append(others, c)
			}
		}
		if others == nil {
			m.By, m.ByAnyOf, m.Limits = w.By, w.ByAnyOf, written
			return
		}
		m.Limits = others
		l.appendAt(l.spans[i].from, Entry{Time: m.Time, Kind: EntryLimitsChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: written}, e)
		return
	}
}

// sameChangeWindow is the time within which writes of one process, file by file, count as one change.
const sameChangeWindow = time.Second

// appendLimitChange adds an entry for changed limits. It does nothing if there are none.
func (l *timeline) appendLimitChange(m Entry, e extent) {
	if len(m.Limits) == 0 {
		return
	}
	if n := len(l.entries); n > 0 && m.By != nil {
		last := &l.entries[n-1]
		past := l.clock.at(m.Time).sub(l.spans[n-1].from)
		if last.Kind == EntryLimitsChanged && last.By != nil && last.By.PID == m.By.PID && past >= 0 && past < sameChangeWindow {
			if both := merged(last.Limits, m.Limits); len(both) > 0 {
				l.own()
				l.entries[n-1].Limits = both
				return
			}
		}
	}
	l.append(m, e)
}

// merged merges two changes, and leaves out limits that are as they were before.
func merged(earlier, later []LimitChange) []LimitChange {
	list := slices.Clone(earlier)
	for _, change := range later {
		if i := slices.IndexFunc(list, func(c LimitChange) bool { return c.Resource == change.Resource }); i >= 0 {
			list[i].To = change.To
		} else {
			list = append(list, change)
		}
	}
	order := fact.Resources()
	slices.SortStableFunc(list, func(a, b LimitChange) int {
		return slices.Index(order[:], a.Resource) - slices.Index(order[:], b.Resource)
	})
	return slices.DeleteFunc(list, func(c LimitChange) bool { return c.From != nil && c.From.Equal(c.To) })
}
