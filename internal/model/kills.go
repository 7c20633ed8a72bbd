package model

import (
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

func (m *Model) applyKill(e event.Event) {
	m.recount()
	kill := Kill{Event: e, At: m.clock.at(e.Time).shown()}
	victim := e.OOM.Victim
	if victim.Container == nil {
		counts := m.counters.hostKills
		if victim.ContainerUnknown {
			counts = m.counters.unknownKills
		}
		counts[e.OOM.Scope]++
		kill.Ordinal = sum(counts)
		m.logKill(kill, nil)
		return
	}
	_, known := m.containers[victim.Container.ID]
	c := m.getOrCreate(victim.Container)
	if c.quiet() { // and so far its label need not be unique
		m.relabel(c, func() {
			c.kills[e.OOM.Scope]++
			c.qualified = false
			c.qualified = m.holder(c) != nil
		})
	} else {
		c.kills[e.OOM.Scope]++
	}
	if !known {
		m.end(c, e.Time, nil) // no fact has reported it as live
	}
	if m.clock.at(e.Time) > c.countedUntil {
		c.oomKills++
		if e.OOM.Group && e.OOM.Decision != c.lastGroup {
			c.groupDecisions++
			c.lastGroup = e.OOM.Decision
		}
	}
	m.countInAncestors(c, m.clock.at(e.Time), 1)
	if victim.Starting && c.state == Starting {
		c.startKilled = true
	}
	c.history.kill(m.clock.at(e.Time))
	c.append(Entry{Time: e.Time, Kind: entryKilled, OOM: e.OOM})
	if e.OOM.UsageBytes != nil && c.cgroup != "" && e.OOM.Cgroup == c.cgroup {
		c.history.usage(m.clock.at(e.Time), *e.OOM.UsageBytes)
		if c.reading.UsageBytes == nil { // killed before the first reading of its memory
			c.reading.UsageBytes, c.reading.LimitBytes = e.OOM.UsageBytes, e.OOM.LimitBytes
		}
	}
	if c.killsKnown {
		kill.Ordinal = c.oomKills
	}
	kill.InitPID, kill.InitComm = c.initPID, c.initComm
	decision := m.decisionOf(&kill)
	switch {
	case victim.Init || c.initPID != 0 && victim.PID == c.initPID:
		kill.Survived = new(false)
		if decision != nil {
			m.endGroup(decision)
		}
	case c.initPID != 0:
		kill.Survived = new(decision == nil || !decision.ending)
	}
	if k := c.latestKill; k == nil || !endedBy(k) {
		c.latestKill = &kill
	}
	m.logKill(kill, decision)
}

// maxDepth is how deep containers may be inside each other: a bound on chains of parents, which a recording may have closed to a ring.
const maxDepth = 32

// countInAncestors notes kills in a container for those that it is inside of: on cgroup v2 the kernel counts them there, too.
func (m *Model) countInAncestors(c *container, at instant, n uint64) {
	if m.host.CgroupVersion != "v2" {
		return
	}
	for range maxDepth {
		if c = m.containers[c.parent]; c == nil {
			return
		}
		if at > c.countedUntil {
			c.inside += n
		}
	}
}

// depth returns how many containers a container is inside of.
func (m *Model) depth(id string) int {
	for depth := range maxDepth {
		c := m.containers[id]
		if c == nil || c.parent == "" {
			return depth
		}
		id = c.parent
	}
	return maxDepth
}

// endedBy reports whether the victim of a kill was its container's PID 1.
func endedBy(k *Kill) bool {
	victim := k.Event.OOM.Victim
	return k.Survived != nil && !*k.Survived && (victim.Init || victim.PID == k.InitPID)
}

// decision holds one decision of the OOM killer within a container.
type decision struct {
	kills  []uint64 // their numbers among all that were ever logged
	ending bool     // PID 1 was among the victims
}

type decisionKey struct {
	number    uint64
	container string
}

// decisionOf gets or creates the decision of a kill in a container. It returns nil if the kernel gave it no number.
func (m *Model) decisionOf(kill *Kill) *decision {
	oom := kill.Event.OOM
	if oom.Decision == 0 {
		return nil
	}
	key := decisionKey{oom.Decision, oom.Victim.Container.ID}
	d := m.decisions[key]
	if d == nil {
		d = &decision{}
		m.decisions[key] = d
	}
	return d
}

// endGroup records, once PID 1 is a victim, that the container does not survive the earlier kills of the same decision
// either: with memory.oom.group the kernel kills all of its processes, one by one.
func (m *Model) endGroup(d *decision) {
	d.ending = true
	first := m.logged - uint64(len(m.kills)) // the number of m.kills[0]
	for _, place := range d.kills {
		if place < first {
			continue // not in the log any more
		}
		if m.killsShared {
			m.kills, m.killsShared = slices.Clone(m.kills), false
		}
		m.kills[place-first].Survived = new(false)
	}
}

// logKill adds a kill to the log.
func (m *Model) logKill(kill Kill, d *decision) {
	if d != nil {
		d.kills = append(d.kills, m.logged)
	}
	if before := len(m.kills); before >= 2*m.limits.Kills {
		m.killsShared = false // they are copied
	}
	m.kills = appendBounded(m.kills, kill, m.limits.Kills)
	m.logged++
	if len(m.decisions) > 2*m.limits.Kills+1 {
		first := m.logged - uint64(len(m.kills))
		maps.DeleteFunc(m.decisions, func(_ decisionKey, d *decision) bool { return d.kills[len(d.kills)-1] < first })
	}
}

// reconcileKills applies the kernel's own count of kills. Kills that it had counted two readings ago, about a second, and
// that no event has reported since were lost on the way to nsviz; it returns true if there are any. The kernel may count
// one kill too many per decision about a group: it kills the process that it chose and then all in the group, and
// counts the first one again if that has not gone yet (oom_kill_process in mm/oom_kill.c).
func (m *Model) reconcileKills(c *container, at time.Time, counted *uint64) (found bool) {
	instant := m.clock.at(at)
	if counted != nil && !c.countable {
		c.countable = true
		if !c.killsKnown {
			// The count could not be read when it was found, so these are no kills that nsviz has missed.
			if *counted >= c.oomKills+c.inside { // else the count is older than the latest event
				c.oomKills, c.countedUntil = *counted-c.inside, instant
			}
			c.killsKnown = true
		}
	}
	if before := c.counted[0]; before != nil && *before > c.oomKills+c.inside+c.groupDecisions {
		missed := *before - c.oomKills - c.inside - c.groupDecisions
		c.missedKills(at, missed)
		m.countInAncestors(c, instant, missed)
		found = true
	}
	c.counted[0], c.counted[1] = c.counted[1], counted
	return found
}

// missedKills counts kills that no event reported.
func (c *container) missedKills(at time.Time, n uint64) {
	c.oomKills += n
	c.unobserved += n
	c.unobservedEver += n
	c.append(Entry{Time: at, Kind: EntryUnobservedKills, Count: n})
}

func sum(counts map[event.Scope]uint64) uint64 {
	var n uint64
	for _, k := range counts {
		n += k
	}
	return n
}
