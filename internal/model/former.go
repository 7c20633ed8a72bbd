package model

import (
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// maxFormer bounds the former labels of a container under which it has counts.
const maxFormer = 8

// former holds what a container was counted for under a label that it had before it was renamed. Those counters stay where they are: a series whose
// values appeared under another label, too, would be counted twice. It is not changed once it is made.
type former struct {
	label      string
	knownSince time.Time
	kills      map[event.Scope]uint64
	exits      map[event.Cause]uint64
	unobserved uint64
	refused    uint64
	entries    uint64
}

// leaveCounts leaves the counts of a container with the label that it has by now; those of its next one begin at 0. Its CPU time goes along, since that
// counter has no time of creation and so is not taken for new.
func (m *Model) leaveCounts(c *container) {
	f := former{
		label: c.label(), knownSince: c.knownSince, kills: maps.Clone(c.kills), exits: maps.Clone(c.exits),
		unobserved: c.unobservedEver, refused: c.refusedEver, entries: c.entries,
	}
	c.forgetCounts()
	c.knownSince = m.now
	if len(f.kills)+len(f.exits) == 0 && f.unobserved+f.refused+f.entries == 0 {
		return
	}
	list := slices.Clone(c.former) // copies of the model share the one before
	if i := slices.IndexFunc(list, func(other former) bool { return other.label == f.label }); i >= 0 {
		list[i] = list[i].with(&f)
	} else {
		list = append(list, f)
	}
	if len(list) > maxFormer {
		m.settle(&list[0])
		list = list[1:]
	}
	c.former = list
	m.recount()
}

// forgetCounts resets all counts of a container, but for its CPU time.
func (c *container) forgetCounts() {
	clear(c.kills)
	clear(c.exits)
	c.unobservedEver, c.refusedEver, c.entries = 0, 0, 0
}

// with returns the sum of two that have the same label.
func (f former) with(later *former) former {
	f.kills, f.exits = maps.Clone(f.kills), maps.Clone(f.exits)
	for scope, n := range later.kills {
		f.kills[scope] += n
	}
	for cause, n := range later.exits {
		f.exits[cause] += n
	}
	f.unobserved += later.unobserved
	f.refused += later.refused
	f.entries += later.entries
	return f
}

// settle hands what was counted under a former label to the container that has that label by now, since a series must not fall, or else to
// FoldedLabel.
func (m *Model) settle(f *former) {
	m.recount()
	to := m.heir(f.label)
	if to == nil {
		m.counters.foldFormer(f)
		return
	}
	for scope, n := range f.kills {
		to.kills[scope] += n
	}
	for cause, n := range f.exits {
		to.exits[cause] += n
	}
	to.unobservedEver += f.unobserved
	to.refusedEver += f.refused
	to.entries += f.entries
	if f.knownSince.Before(to.knownSince) {
		to.knownSince = f.knownSince
	}
}

// foldFormer adds what was counted under a former label to FoldedLabel.
func (c *counters) foldFormer(f *former) {
	for scope, n := range f.kills {
		c.foldedKills[scope] += n
	}
	for cause, n := range f.exits {
		c.foldedExits[cause] += n
	}
	c.foldedUnobserved += f.unobserved
	c.foldedRefused += f.refused
	c.foldedEntries += f.entries
}
