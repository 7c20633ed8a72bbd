package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// applyEngineReport applies what the engine reports of an end. The report may come after the container was started again
// or, rarely, before the event of its end.
func (m *Model) applyEngineReport(f fact.Fact) {
	at, v := f.Time, *f.EngineReport
	m.noteEngineRestarts(&v)
	if v.Runs {
		return
	}
	c := m.find(v.ID)
	switch {
	case c == nil, c.state == Created && c.neverStarted.Tried.IsZero() && v.StartError == "" && !v.Removed: // it did start
		m.await(v.ID, f)
		return
	case v.StartError != "" && c.state == Running: // that is about a start before this one
		return
	}
	c.appendEngineReport(at, &v)
	switch {
	case c.state == Created:
		c.failedToStart(&v)
		if c.neverStarted.Failed.IsZero() && v.StartError != "" {
			c.neverStarted.Failed, c.overAt = at, m.clock.at(at)
		}
		if n := &c.neverStarted; v.Removed {
			n.Suspected = n.Tried.IsZero() && n.Error == ""
			if c.overAt == never {
				c.overAt = m.clock.at(at)
			}
		}
	case v.StartError != "":
		c.engineReport = &v
	case c.live() && c.previous != nil && c.previous.EngineReport == nil:
		previous := *c.previous
		previous.EngineReport = &v
		c.previous = &previous
	default:
		c.engineReport = &v
	}
}

func (c *container) appendEngineReport(at time.Time, v *fact.EngineReport) {
	kept := *v
	kept.ID = ""
	c.append(Entry{Time: at, Kind: EntryEngineReport, EngineReport: &kept})
}

// maxEngineRestarts limits of how many containers it is kept how often their engine has restarted them.
const maxEngineRestarts = 8192

// noteEngineRestarts notes how often an engine has restarted a container by its restart policy. It may report that before anything else
// mentions the container.
func (m *Model) noteEngineRestarts(v *fact.EngineReport) {
	if v.RestartCount != nil && *v.RestartCount >= 0 {
		m.setEngineRestarts(v.ID, new(uint64(*v.RestartCount)))
	}
}

func (m *Model) setEngineRestarts(id string, n *uint64) {
	if m.engineRestarts == nil {
		m.engineRestarts = map[string]*uint64{}
	}
	if _, known := m.engineRestarts[id]; known || len(m.engineRestarts) < maxEngineRestarts {
		m.engineRestarts[id] = n
	}
}
