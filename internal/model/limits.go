package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// unlimited is what a cgroup has that was just made. Whether swap can be limited depends on the host.
func unlimited(swap bool) fact.CgroupLimits {
	none := &fact.Limit{Unlimited: true}
	l := fact.CgroupLimits{Memory: none, CPU: none, PIDs: none}
	if swap {
		l.Swap = none
	}
	return l
}

// limits are those of one cgroup, as known.
type limits struct {
	known fact.CgroupLimits
	// read is when each was read for the last time, stale whether it may have changed since without anybody seeing it.
	read  [fact.ResourceCount]time.Time
	stale [fact.ResourceCount]bool
	wrote instant // when a write was reported for the last time; 0 is never
}

// current returns what is known and not stale.
func (l *limits) current() fact.CgroupLimits {
	current := l.known
	for i, r := range fact.Resources() {
		if l.stale[i] {
			current.Set(r, nil)
		}
	}
	return current
}

// expire marks all of them as stale.
func (l *limits) expire() {
	for i := range l.stale {
		l.stale[i] = true
	}
}

// take takes in what was read, and returns what is known for the first time and what has changed.
func (l *limits) take(at time.Time, read *fact.CgroupLimits) (first, changed []LimitChange) {
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

// written is take for what was read because of a write, the time of which is known, or because writes may have been
// missed since w.After. What somebody wrote has changed even where it is unknown what it was before.
func (l *limits) written(at time.Time, when instant, w *fact.CgroupWrite) (first, changed []LimitChange) {
	l.wrote = when
	first, changed = l.take(at, w.Limits)
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

// tellLimits tells what a reading found of the limits, where that is news.
func (c *container) tellLimits(at time.Time, read *fact.CgroupLimits) {
	if past := c.chronicle.clock.at(at).sub(c.limits.wrote); c.limits.wrote != 0 && past >= 0 && past < lateness {
		return // it may have been read before that was written
	}
	first, changed := c.limits.take(at, read)
	if first != nil {
		c.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	if changed != nil {
		c.tell(Moment{Time: at, Kind: MomentChanged, Limits: changed})
	}
}

// tellWritten tells of limits that somebody wrote.
func (c *container) tellWritten(at time.Time, w *fact.CgroupWrite) {
	first, changed := c.limits.written(at, c.chronicle.clock.at(at), w)
	if first != nil {
		c.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	if w.By != nil || w.ByAnyOf != nil {
		c.chronicle.attribute(at, w, changed, containerExtent)
	}
	c.chronicle.tellChange(Moment{Time: at, Kind: MomentChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: changed}, containerExtent)
}

// attribute notes who made a change that a reading found just before the write was reported. What of the write is
// among changed is no such change.
func (l *chronicle) attribute(at time.Time, w *fact.CgroupWrite, changed []LimitChange, e extent) {
	isWritten := func(c LimitChange) bool {
		of := func(other LimitChange) bool { return other.Resource == c.Resource }
		is := w.Limits.Of(c.Resource)
		return is != nil && is.Equal(c.To) && !slices.ContainsFunc(changed, of)
	}
	for i := len(l.moments) - 1; i >= 0; i-- {
		m := &l.moments[i]
		past := l.clock.at(at).sub(l.spans[i].from)
		if past > lateness {
			return
		}
		if m.Kind != MomentChanged || m.By != nil || m.ByAnyOf != nil || past < -lateness || !slices.ContainsFunc(m.Limits, isWritten) {
			continue
		}
		l.own()
		m = &l.moments[i]
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
		l.tellAt(l.spans[i].from, Moment{Time: m.Time, Kind: MomentChanged, By: w.By, ByAnyOf: w.ByAnyOf, Limits: written}, e)
		return
	}
}

// together is within which time what one process changes, file by file, is one change.
const together = time.Second

// tellChange tells of changed limits, if there are any.
func (l *chronicle) tellChange(m Moment, e extent) {
	if len(m.Limits) == 0 {
		return
	}
	if n := len(l.moments); n > 0 && m.By != nil {
		last := &l.moments[n-1]
		past := l.clock.at(m.Time).sub(l.spans[n-1].from)
		if last.Kind == MomentChanged && last.By != nil && last.By.PID == m.By.PID && past >= 0 && past < together {
			if both := merged(last.Limits, m.Limits); len(both) > 0 {
				l.own()
				l.moments[n-1].Limits = both
				return
			}
		}
	}
	l.tell(m, e)
}

// merged returns one change made of two, without what is as it was before.
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
