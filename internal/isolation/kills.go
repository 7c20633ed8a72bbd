package isolation

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
)

func (m *Model) applyKill(e event.Event) {
	kill := Kill{Event: e}
	victim := e.OOM.Victim
	if victim.Container == nil {
		m.counters.hostKills[e.OOM.Scope]++
		kill.Ordinal = sum(m.counters.hostKills)
		m.kills = appendBounded(m.kills, kill, m.limits.Kills)
		return
	}
	_, known := m.containers[victim.Container.ID]
	c := m.know(victim.Container)
	if !known {
		m.end(c, e.Time, nil) // nothing has told that it lives
	}
	c.kills[e.OOM.Scope]++
	if e.Time.After(c.countedUntil) {
		c.oomKills++
		if e.OOM.Group && e.OOM.Decision != c.lastGroup {
			c.groupDecisions++
			c.lastGroup = e.OOM.Decision
		}
	}
	if victim.Starting && victim.Container.Inner == nil && c.state == Starting {
		c.startKilled = true
	}
	c.history.kill(e.Time)
	c.tell(Moment{Time: e.Time, Kind: momentKilled, OOM: e.OOM})
	if e.OOM.UsageBytes != nil && c.cgroup != "" && e.OOM.Cgroup == c.cgroup {
		c.history.usage(e.Time, *e.OOM.UsageBytes)
		if c.reading.UsageBytes == nil { // killed before its memory was read for the first time
			c.reading.UsageBytes, c.reading.LimitBytes = e.OOM.UsageBytes, e.OOM.LimitBytes
		}
	}
	if c.killsKnown {
		kill.Ordinal = c.oomKills
	}
	kill.InitPID, kill.InitComm = c.initPID, c.initComm
	switch {
	case victim.Container.Inner != nil:
		// Whether the container inside survives is not followed.
	case victim.Init || c.initPID != 0 && victim.PID == c.initPID:
		kill.Survived = new(false)
		m.endGroup(&kill)
	case c.initPID != 0:
		kill.Survived = new(!m.groupEnded(&kill))
	}
	if k := c.latestKill; k == nil || !endedBy(k) {
		c.latestKill = &kill
	}
	m.kills = appendBounded(m.kills, kill, m.limits.Kills)
}

// endedBy reports whether the victim of a kill was its container's PID 1.
func endedBy(k *Kill) bool {
	victim := k.Event.OOM.Victim
	return k.Survived != nil && !*k.Survived && (victim.Init || victim.PID == k.InitPID)
}

// endGroup notes, now that PID 1 is a victim, that the container does not survive the earlier kills of
// the same decision either: with memory.oom.group all of it is killed, process by process.
func (m *Model) endGroup(kill *Kill) {
	shared := true // with snapshots
	for i := range m.kills {
		if !sameDecision(&m.kills[i], kill) {
			continue
		}
		if shared {
			m.kills, shared = slices.Clone(m.kills), false
		}
		m.kills[i].Survived = new(false)
	}
}

// groupEnded reports whether an earlier victim of the same decision was PID 1.
func (m *Model) groupEnded(kill *Kill) bool {
	for i := len(m.kills) - 1; i >= 0; i-- {
		if k := &m.kills[i]; k.Survived != nil && !*k.Survived && sameDecision(k, kill) {
			return true
		}
	}
	return false
}

// sameDecision reports whether two kills are of one decision and in one container.
func sameDecision(a, b *Kill) bool {
	x, y := a.Event.OOM, b.Event.OOM
	return x.Decision != 0 && x.Decision == y.Decision && x.Victim.Container != nil &&
		x.Victim.Container.ID == y.Victim.Container.ID && x.Victim.Container.Inner == nil
}

func sum(counts map[event.Scope]uint64) uint64 {
	var n uint64
	for _, k := range counts {
		n += k
	}
	return n
}
