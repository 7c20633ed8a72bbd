package model

import (
	"slices"

	"github.com/nsviz/nsviz/internal/fact"
)

// The bounds of the facts that wait for their containers.
const (
	mostAwaited = 256 // containers
	mostWaiting = 16  // facts of each; the oldest go first
)

// waiting holds facts until their containers are known: engine events and reports of containers that no other fact has
// mentioned, and writes to the limits of containers that are not known to run. The engine may be faster than the rings, and
// what was lost in the rings is found a little later.
type waiting struct {
	facts map[string][]waitingFact // by container
	order []string                 // the containers, in the order of the first fact of each
	// arrived are the containers with news that may make their waiting facts applicable.
	arrived []string
}

type waitingFact struct {
	fact.Fact

	at instant
}

// await keeps a fact until it can be applied to its container.
func (m *Model) await(id string, f fact.Fact) {
	w := &m.waiting
	if id == "" {
		return
	}
	if w.facts == nil {
		w.facts = map[string][]waitingFact{}
	}
	list := w.facts[id]
	switch {
	case len(list) >= mostWaiting:
		list = slices.Delete(list, 0, 1)
	case len(list) > 0:
	default:
		if len(w.order) >= mostAwaited {
			delete(w.facts, w.order[0])
			w.order = w.order[1:]
		}
		w.order = append(w.order, id)
	}
	w.facts[id] = append(list, waitingFact{f, m.clock.at(f.Time)})
}

// noteArrival records that a container is known, or known to run.
func (m *Model) noteArrival(c *container) {
	if _, awaited := m.waiting.facts[c.id]; awaited {
		m.waiting.arrived = append(m.waiting.arrived, c.id)
	}
}

// applyWaiting applies the facts that can be applied by now, and drops those that have waited for too long.
func (m *Model) applyWaiting() {
	w := &m.waiting
	for _, id := range w.arrived {
		list, c := w.facts[id], m.containers[id]
		if len(list) == 0 || c == nil {
			continue
		}
		w.drop(id)
		c.timeline.late = true
		for _, f := range list {
			m.applyWaited(c, f)
		}
		c.timeline.late = false
	}
	w.arrived = w.arrived[:0]
	for len(w.order) > 0 && m.nowAt.sub(w.facts[w.order[0]][0].at) > m.limits.Retention {
		w.drop(w.order[0])
	}
}

func (w *waiting) drop(id string) {
	delete(w.facts, id)
	if i := slices.Index(w.order, id); i >= 0 {
		w.order = slices.Delete(w.order, i, i+1)
	}
}

func (m *Model) applyWaited(c *container, f waitingFact) {
	switch {
	case f.EngineEvent != nil:
		m.applyEngineEvent(f.Fact)
	case f.EngineReport != nil:
		if c.live() && !c.found.IsZero() && f.at < c.foundAt {
			c.appendEngineReport(f.Time, f.EngineReport) // of an end before the run that was found
			return
		}
		m.applyEngineReport(f.Fact)
	case f.CgroupWrite != nil:
		switch {
		case c.state == Starting:
			m.await(c.id, f.Fact)
		case c.state == Running && c.cgroup == f.CgroupWrite.Path && (c.started.IsZero() || f.at >= c.startedAt):
			c.recordWrite(f.Time, f.CgroupWrite)
		}
	}
}
