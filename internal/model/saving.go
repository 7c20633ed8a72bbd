package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// saving returns the limits at a step of saving memory. Counters stay correct, since forgotten containers are folded into
// them.
func (l Limits) saving(s fact.Saving) Limits {
	if l.Fixed {
		return l
	}
	less := func(share int, retention time.Duration) Limits {
		l.Retention = min(l.Retention, retention)
		for _, n := range []*int{&l.Events, &l.Kills, &l.Ended, &l.Freed, &l.Removed, &l.Unstarted} {
			*n = min(*n, max(*n/share, leastKept))
		}
		return l
	}
	switch s {
	case fact.SavesPast:
		return less(8, 5*time.Minute)
	case fact.SavesSearches:
		return less(64, time.Minute)
	}
	return l
}

// leastKept is the lowest limit at any step.
const leastKept = 16

// applyOwn applies how much memory nsviz may use.
func (m *Model) applyOwn(own fact.OwnMemory) {
	before := fact.SavesNothing
	if m.own != nil {
		before = m.own.Saving
	}
	for _, step := range fact.Savings() {
		if before < step && step <= own.Saving {
			m.counters.savings[step]++
		}
	}
	m.own = &own
	m.limits = m.usual.saving(own.Saving)
	if own.Saving > before { // forget trims the others; the logs are trimmed only when they grow
		m.events = slices.Clone(latest(m.events, m.limits.Events))
		m.kills = slices.Clone(latest(m.kills, m.limits.Kills))
	}
}
