package model

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func (m *Model) applyCgroupCreated(e event.Event) {
	owner := e.Cgroup.Container
	if owner == nil || e.Cgroup.Via == event.ViaReconcile {
		return
	}
	c := m.getOrCreate(owner)
	switch path := e.Cgroup.Path; {
	case c.cgroup == "" && c.live():
	case strings.HasPrefix(path, c.cgroup+"/") && c.cgroup != "":
		return // a child cgroup
	case c.live() && path != c.cgroup:
		return
	case c.live() && !c.found.IsZero() && m.clock.at(e.Time) < c.foundAt:
		// Reading the host found it before the event arrived.
		if c.created.IsZero() {
			c.created, c.createdAt = e.Time, m.clock.at(e.Time)
			c.append(made(&e))
		}
		return
	default:
		m.restart(c)
	}
	c.cgroup = e.Cgroup.Path
	c.created, c.createdAt = e.Time, m.clock.at(e.Time)
	c.killsKnown = true
	c.append(made(&e))
}

func made(e *event.Event) Entry {
	return Entry{Time: e.Time, Kind: entryCgroupCreated, By: actor(e), Cgroup: e.Cgroup.Path}
}

func (m *Model) applyCgroupRemoved(e event.Event) {
	owner := e.Cgroup.Container
	if owner == nil {
		return
	}
	c := m.containers[owner.ID]
	if c == nil || c.cgroup != e.Cgroup.Path {
		return
	}
	if c.live() {
		if c.state == Starting && !c.everRan() {
			m.neverRan(c, &e)
			return
		}
		// systemd removes a unit's cgroup that has become empty.
		if c.unheld == nil {
			m.end(c, e.Time, nil)
		}
	}
	c.append(Entry{Time: e.Time, Kind: entryCgroupRemoved, By: actor(&e), Cgroup: e.Cgroup.Path})
}

// everRan reports whether a run before the present one is known, by its end or by its counts.
func (c *container) everRan() bool {
	return c.previous != nil || len(c.former) > 0 || len(c.exits) > 0 || len(c.kills) > 0 || c.unobservedEver > 0 || c.refusedEver > 0
}

func (m *Model) applyStarted(e event.Event) {
	if e.Container == nil {
		return
	}
	c := m.getOrCreate(e.Container)
	if !c.live() {
		m.restart(c)
	}
	if c.state != Running || c.initPID != 0 && c.initPID != e.PID { // else reading the host found it before the event arrived
		c.starts++
	}
	c.state = Running
	c.startKilled = false // it started in spite of that
	c.started, c.startedAt = e.Time, m.clock.at(e.Time)
	c.killsKnown = true
	c.initPID, c.initComm = e.PID, e.Comm
	if e.Start != nil {
		c.phases = e.Start.Phases
		c.endPhases()
		c.namespaces = e.Start.Namespaces
		if ms := e.Start.DurationMS; ms != nil {
			c.startDuration = new(time.Duration(*ms * float64(time.Millisecond)))
			m.counters.starts.observe(c.startDuration.Seconds())
		}
	}
	m.noteArrival(c)
	m.setOwners(c)
	m.setMemberships(c, c.namespaces)
	m.recordStart(c, Entry{Time: e.Time, Kind: entryStarted, Init: initOf(e.PID, e.Comm), Start: e.Start})
	m.recordAbandoned(c, e.Time)
}

func (m *Model) applyExited(e event.Event) {
	if e.Container == nil {
		return
	}
	c := m.getOrCreate(e.Container)
	switch {
	case c.live() && e.PID != c.initPID && m.clock.at(e.Time) < c.begin():
		// It has been started again since.
	case c.live():
		if e.Exit != nil {
			m.countRefusals(c, e.Time, e.Exit.PIDsRefused)
		}
		m.end(c, e.Time, e.Exit)
	case c.exit == nil:
		// It was found to be gone before the event of its end arrived.
		if e.Exit != nil {
			m.countRefusals(c, e.Time, e.Exit.PIDsRefused)
		}
		c.exit, c.exited, c.exitedAt = e.Exit, e.Time, m.clock.at(e.Time)
		c.timeline.appendExit(c.endEntry(e.Time, e.Exit), containerExtent)
	default:
		return
	}
	if e.Exit != nil {
		m.recount()
		c.exits[e.Exit.Cause]++
	}
}

// sigKill is the signal by which the OOM killer kills.
const sigKill = 9

// endEntry returns the entry for its end.
func (c *container) endEntry(at time.Time, exit *event.Exit) Entry {
	switch {
	case exit == nil:
		return Entry{Time: at, Kind: EntryGone}
	case c.neverRan:
		return Entry{Time: at, Kind: EntryNeverRan, Exit: exit, OOM: c.latestKill.Event.OOM}
	}
	return Entry{Time: at, Kind: entryExited, Exit: exit}
}

// endPhases adds the engine's start event to the phases of a start once both are known. The engine may report it before
// the event of the start itself arrives, or after the container has ended.
func (c *container) endPhases() {
	n := len(c.phases)
	// The engine's event of an earlier start is older than the program of this one.
	if n == 0 || c.phases[n-1].Name == event.PhaseEngineStart || c.created.IsZero() || c.engineStarted.Before(c.started) {
		return
	}
	at := float64(c.engineStarted.Sub(c.created).Nanoseconds()) / 1e6
	c.phases = append(slices.Clip(c.phases), event.Phase{Name: event.PhaseEngineStart, AtMS: at})
}

func (m *Model) applyFound(at time.Time, f fact.Found) {
	c := m.containers[f.Container.ID]
	if c != nil && c.state == Running {
		m.identify(c, &f.Container)
		switch {
		case f.Resync != nil:
			m.foundAgain(c, at, &f)
		case c.cgroup == "":
			c.cgroup = f.CgroupPath
		}
		if c.isIsolated() && f.InitPID != 0 { // another one is its first process by now
			c.initPID, c.initComm = f.InitPID, f.InitComm
			if c.namespaces != f.Namespaces {
				m.removeMemberships(c)
				c.namespaces = f.Namespaces
				m.setMemberships(c, c.namespaces)
			}
			if c.started.IsZero() {
				c.started, c.startedAt = f.Started, m.clock.at(f.Started)
			}
		}
		return // the events have reported more
	}
	c = m.getOrCreate(&f.Container)
	if !c.live() {
		m.restart(c)
	}
	c.unnamed = f.Unnamed
	c.cgroup, c.found, c.foundAt = f.CgroupPath, at, m.clock.at(at)
	if f.OOMKills != nil {
		c.oomKills, c.countedUntil = *f.OOMKills, m.clock.at(at)
		c.killsKnown, c.countable = true, true
	}
	m.takeResync(c, at, &f)
	found := Entry{Time: at, Kind: EntryFound, Cgroup: f.CgroupPath}
	if f.Starting {
		c.append(found)
		return
	}
	if f.Resync == nil || c.starts == 0 {
		c.starts++
	}
	c.state = Running
	c.initPID, c.initComm = f.InitPID, f.InitComm
	c.started, c.startedAt = f.Started, m.clock.at(f.Started)
	c.namespaces = f.Namespaces
	c.unheld, c.sharedCgroup, c.madeFor = f.Unheld, f.SharedCgroup, f.MadeFor
	m.noteArrival(c)
	m.setMemberships(c, c.namespaces)
	found.Init = initOf(f.InitPID, f.InitComm)
	m.recordStart(c, found)
}

// begin returns the earliest known instant of a container's run.
func (c *container) begin() instant {
	switch {
	case !c.created.IsZero():
		return c.createdAt
	case !c.started.IsZero():
		return c.startedAt
	}
	return never
}

// restart resets a container that was started again. A live one must have ended unseen.
func (m *Model) restart(c *container) {
	if !c.live() {
		m.ended = without(m.ended, c)
		c.previous = new(c.end())
		m.relabel(c, func() {
			if other := m.holder(c); other != nil {
				// Another one has taken its label meanwhile, and keeps it with the counts.
				other.add(c)
				c.tally = newTally()
				c.spent.forget()
				c.qualified = true
			}
			c.state = Starting
		})
		m.addLive(c)
	}
	m.removeMemberships(c)
	c.limits = limits{}
	c.state = Starting
	c.initPID, c.initComm = 0, ""
	c.created, c.started, c.exited, c.found = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	c.startDuration, c.exit, c.engineReport, c.latestKill = nil, nil, nil, nil
	c.startKilled, c.neverRan = false, false
	c.phases = nil
	c.namespaces = event.NamespaceIDs{}
	c.madeFor = nil
	c.reading = fact.Reading{}
	c.cached, c.room, c.used = nil, room{}, used{}
	c.history = lastMinute{}
	c.oomKills, c.killsKnown, c.countedUntil = 0, false, never
	c.counted, c.inside, c.unobserved, c.countable = [2]*uint64{}, 0, 0, false
	c.refused, c.refusedRead = nil, 0
	c.spent.restart()
	m.recount()
	c.groupDecisions, c.lastGroup = 0, 0
	c.unheld, c.stuck, c.stuckKnown, c.stuckRecorded = nil, nil, false, false
	c.paused, c.pausedKnown, c.froze = nil, false, 0
}

func (m *Model) end(c *container, at time.Time, exit *event.Exit) {
	if exit == nil && c.state == Starting && c.startKilled {
		c.neverRan = true
		exit = &event.Exit{Signal: sigKill, Cause: event.CauseOOMKill}
	}
	m.relabel(c, func() { c.state = Exited })
	c.exited, c.exitedAt = at, m.clock.at(at)
	c.exit = exit
	c.reading.Processes = nil
	if !c.started.IsZero() && c.readAt < c.startedAt { // it is of the runtime, which was still setting limits
		c.reading.UsageBytes, c.reading.LimitBytes, c.reading.Unlimited = nil, nil, false
	}
	c.stuck, c.stuckKnown, c.stuckRecorded = nil, false, false
	c.room, c.used, c.reading.NextVictim = room{}, used{}, nil
	c.paused, c.pausedKnown = nil, false
	m.ended = append(m.ended, c)
	m.recordEnd(c, c.endEntry(at, exit))
	m.removeMemberships(c)
	c.timeline.shrink()
	if c.quiet() {
		m.drop(len(m.ended) - 1)
	}
}

// end returns how the container ended.
func (c *container) end() End {
	return End{
		Time: c.exited, InitPID: c.initPID, InitComm: c.initComm, Exit: c.exit, NeverRan: c.neverRan, EngineReport: c.engineReport,
		OOMKills: c.allKills(), OOMKillsAtLeast: c.oomKills, LatestKill: c.latestKill, PIDsRefused: c.refused,
		PIDsLimit: c.limits.known.PIDs,
	}
}
