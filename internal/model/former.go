package model

import (
	"maps"
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
	if len(c.former) == maxFormer {
		m.counters.foldFormer(&c.former[0])
		c.former = c.former[1:]
	}
	c.former = append(c.former[:len(c.former):len(c.former)], f) // copies of the model share the list
	m.recount()
}

// forgetCounts resets all counts of a container, but for its CPU time.
func (c *container) forgetCounts() {
	clear(c.kills)
	clear(c.exits)
	c.unobservedEver, c.refusedEver, c.entries = 0, 0, 0
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
