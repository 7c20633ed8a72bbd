package model

import (
	"cmp"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// clockSetBack is how far a reading must lie behind the other facts to mean that the clock was set back, in a recording
// without the kernel's clock. A reading is never late otherwise.
const clockSetBack = time.Minute

func (m *Model) applyMemory(at time.Time, readings []fact.Reading) {
	if m.nowAt.sub(m.clock.at(at)) > clockSetBack {
		m.nowAt, m.now = m.clock.at(at), at
		for _, c := range m.containers {
			c.history = lastMinute{}
			c.cached, c.room, c.used = nil, room{}, used{}
		}
	}
	// What the kernel has counted in a container inside must be known before its count in the outer one is looked at.
	if slices.ContainsFunc(readings, func(r fact.Reading) bool { return m.depth(r.ID) > 0 }) {
		readings = slices.Clone(readings)
		slices.SortStableFunc(readings, func(a, b fact.Reading) int { return cmp.Compare(m.depth(b.ID), m.depth(a.ID)) })
	}
	for _, r := range readings {
		c := m.containers[r.ID]
		if c == nil || !c.live() {
			continue
		}
		before := c.reading.UsageBytes
		c.reading, c.readAt = r, m.clock.at(at)
		if m.reconcileKills(c, at, r.OOMKills) {
			m.recount()
		}
		c.recordLimits(at, r.Limits)
		m.countRefusals(c, at, r.PIDsRefused)
		c.readStuck(at, r.StuckAt)
		c.readFrozen(at, r.Frozen)
		c.readWorkingSet(m.clock.at(at), &r)
		c.spent.take(r.Use, !c.created.IsZero())
		if c.used.take(m.clock.at(at), r.Use) {
			c.used.record(&c.history)
		}
		if r.UsageBytes != nil {
			if before != nil && *before == *r.UsageBytes {
				c.history.same(m.clock.at(at), *before)
			}
			c.history.usage(m.clock.at(at), *r.UsageBytes)
		}
	}
}
