package isolation

import (
	"slices"
	"time"
)

// Saving is what nsviz does without, so that it needs less memory. Each step goes on with those before it.
type Saving int

// The steps, in the order in which they are taken.
const (
	// SavesNothing is as usual.
	SavesNothing Saving = iota
	// SavesPast keeps less of what has ended.
	SavesPast
	// SavesSearches keeps hardly any of it, and does not search for what keeps a namespace in which no process is.
	SavesSearches
)

// Savings lists the steps, without that of none.
func Savings() []Saving { return []Saving{SavesPast, SavesSearches} }

// String names a step as the metrics do.
func (s Saving) String() string {
	switch s {
	case SavesPast:
		return "past"
	case SavesSearches:
		return "searches"
	}
	return "none"
}

// OwnMemory is what nsviz itself may use, and what it does about it.
type OwnMemory struct {
	// LimitBytes is the lowest limit of the cgroup that nsviz is in and of those above it; nil where there is none.
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	// Cgroup has that limit; empty is one that nsviz does not see.
	Cgroup string `json:"cgroup,omitempty"`
	// Saving is the step that nsviz is at.
	Saving Saving `json:"saving,omitempty"`
}

// saving are limits at a step: a model keeps so much then. The counters are as right as ever, since what is forgotten is folded
// into them.
func (l Limits) saving(s Saving) Limits {
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
	case SavesPast:
		return less(8, 5*time.Minute)
	case SavesSearches:
		return less(64, time.Minute)
	}
	return l
}

// leastKept is how many of a kind are kept at every step.
const leastKept = 16

// applyOwn takes in what nsviz may use.
func (m *Model) applyOwn(own OwnMemory) {
	before := SavesNothing
	if m.own != nil {
		before = m.own.Saving
	}
	for _, step := range Savings() {
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
