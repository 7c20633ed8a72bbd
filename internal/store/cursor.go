package store

import (
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Cursor makes snapshots of one state after the other, as somebody does who steps through a Timeline. It is for one goroutine.
type Cursor struct {
	timeline *Timeline
	of       *segment     // that facts are of; nil is none
	facts    []fact.Fact  // unpacked
	latest   *model.Model // in the state of the latest snapshot; nil is none
}

// NewCursor returns a Cursor.
func NewCursor(t *Timeline) *Cursor { return &Cursor{timeline: t} }

// Snapshot returns the snapshot of a state, as Live.Snapshot, or of the nearest one that is kept; nil if none is.
func (c *Cursor) Snapshot(facts uint64) *model.Snapshot {
	if m := c.model(facts); m != nil {
		return m.Snapshot()
	}
	return nil
}

// Find is that of the Timeline.
func (c *Cursor) Find(from uint64, m Move) uint64 { return c.timeline.Find(from, m) }

// State returns the snapshot of a state and its place.
func (c *Cursor) State(facts uint64) (*model.Snapshot, Place) {
	s := c.Snapshot(facts)
	if s == nil {
		return nil, Place{}
	}
	return s, c.timeline.Place(s.Facts)
}

// Resume forgets what was looked at.
func (c *Cursor) Resume(uint64) { *c = Cursor{timeline: c.timeline} }

// Fact returns the fact that leads from a state to the next one. It returns false if that is not kept, or there is none yet.
func (c *Cursor) Fact(facts uint64) (f fact.Fact, there bool) {
	s, next, kept := c.timeline.at(facts + 1)
	if !kept || next != facts+1 || next <= s.from {
		return f, false
	}
	c.load(s)
	return c.facts[next-s.from-1], true
}

// load gets the facts of a segment.
func (c *Cursor) load(s stretch) {
	if c.of != s.segment || len(c.facts) != s.count {
		c.of, c.facts = s.segment, s.unpack()
	}
}

// model returns a model in a state, or in the nearest one that is kept; nil if none is. It goes on with the latest one if that is less to do
// than to begin with a keyframe.
func (c *Cursor) model(facts uint64) *model.Model {
	s, facts, kept := c.timeline.at(facts)
	if !kept {
		return nil
	}
	c.load(s)
	if c.latest == nil || c.latest.Applied() < s.from || c.latest.Applied() > facts {
		c.latest = s.key.Copy()
	}
	for _, f := range c.facts[c.latest.Applied()-s.from : facts-s.from] {
		c.latest.Apply(f)
	}
	return c.latest
}
