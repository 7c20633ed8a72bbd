package model

import (
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// saving are limits at a step: a model keeps so much then. The counters are as right as ever, since what is forgotten is folded
// into them.
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

// leastKept is how many of a kind are kept at every step.
const leastKept = 16

// applyOwn takes in what nsviz may use.
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
	if own.Saving > before { // what is forgotten otherwise goes by and by, and these only when others come
		m.events = slices.Clone(latest(m.events, m.limits.Events))
		m.kills = slices.Clone(latest(m.kills, m.limits.Kills))
	}
}
