package isolation

import (
	"slices"
	"time"
)

// CgroupLimits are the limits of a cgroup itself; nil is unknown or, in a Reading, not read.
type CgroupLimits struct {
	Memory *Limit `json:"memory,omitempty"`
	CPU    *Limit `json:"cpu,omitempty"`
	PIDs   *Limit `json:"pids,omitempty"`
}

// unlimited is what a cgroup has that was just made.
func unlimited() CgroupLimits {
	none := &Limit{Unlimited: true}
	return CgroupLimits{Memory: none, CPU: none, PIDs: none}
}

// limits are those of one cgroup, as known.
type limits struct {
	known CgroupLimits
	read  [3]time.Time // when each was read for the last time
	wrote instant      // when a write was told of for the last time; 0 is never
}

// take takes in what was read, and says what is known for the first time and what has changed.
func (l *limits) take(at time.Time, read *CgroupLimits) (first, changed []LimitChange) {
	if read == nil {
		return nil, nil
	}
	for i, r := range []struct {
		resource Resource
		known    **Limit
		now      *Limit
	}{
		{ResourceMemory, &l.known.Memory, read.Memory},
		{ResourceCPU, &l.known.CPU, read.CPU},
		{ResourcePIDs, &l.known.PIDs, read.PIDs},
	} {
		if r.now == nil {
			continue
		}
		before, after := *r.known, l.read[i]
		*r.known, l.read[i] = r.now, at
		switch {
		case before == nil:
			first = append(first, LimitChange{Resource: r.resource, To: *r.now})
		case !before.equal(*r.now):
			changed = append(changed, LimitChange{Resource: r.resource, From: before, To: *r.now, After: after})
		}
	}
	return first, changed
}

// written is take for what was read because somebody had written: when it changed is known then.
func (l *limits) written(at time.Time, when instant, read *CgroupLimits) (first, changed []LimitChange) {
	l.wrote = when
	first, changed = l.take(at, read)
	for i := range changed {
		changed[i].After = time.Time{}
	}
	return first, changed
}

// tellLimits tells what a reading found of the limits, where that is news.
func (c *container) tellLimits(at time.Time, read *CgroupLimits) {
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
func (c *container) tellWritten(at time.Time, w *CgroupWrite) {
	first, changed := c.limits.written(at, c.chronicle.clock.at(at), w.Limits)
	if first != nil {
		c.tell(Moment{Time: at, Kind: MomentLimits, Limits: first})
	}
	if changed == nil && w.By != nil {
		c.chronicle.attribute(at, w)
		return
	}
	c.chronicle.tellChange(Moment{Time: at, Kind: MomentChanged, By: w.By, Limits: changed}, containerExtent)
}

// attribute notes who made a change that a reading found a moment before the write was told of.
func (l *chronicle) attribute(at time.Time, w *CgroupWrite) {
	for i := len(l.moments) - 1; i >= 0; i-- {
		m := &l.moments[i]
		past := l.clock.at(at).sub(l.spans[i].from)
		if past > lateness {
			return
		}
		if m.Kind != MomentChanged || m.By != nil || past < -lateness {
			continue
		}
		l.own()
		m = &l.moments[i]
		m.By, m.Limits = w.By, slices.Clone(m.Limits)
		for j := range m.Limits {
			m.Limits[j].After = time.Time{}
		}
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
			l.own()
			last = &l.moments[n-1]
			last.Limits = merged(last.Limits, m.Limits)
			return
		}
	}
	l.tell(m, e)
}

// merged is one change made of two.
func merged(earlier, later []LimitChange) []LimitChange {
	list := slices.Clone(earlier)
	for _, change := range later {
		if i := slices.IndexFunc(list, func(c LimitChange) bool { return c.Resource == change.Resource }); i >= 0 {
			list[i].To = change.To
		} else {
			list = append(list, change)
		}
	}
	return list
}
