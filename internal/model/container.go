package model

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// container is the model's view of one container.
type container struct {
	id                   string
	name, image, runtime string
	kind                 event.Kind        // "" is a container
	group                *event.Group      // replaced, never changed: snapshots share it
	labels               map[string]string // the same
	parent               string            // the id of the container that it runs in; "" is none
	formerNames          []fact.FormerName // oldest first; replaced, never changed: snapshots share it
	inLive               bool              // it is in Model.live
	// qualified is set if another live container had the same name when this one got it. It stays set, since a label in
	// use does not change.
	qualified bool
	// unnamed is set if its name is one that nsviz has made up.
	unnamed bool
	// neverStarted describes a container that has not started; ordinal is its place in the order of those.
	neverStarted fact.NeverStarted
	ordinal      uint64
	overAt       instant // when its start failed or its engine removed it; else never

	state    ContainerState
	initPID  int32
	initComm string
	cgroup   string

	created, started, exited time.Time
	found                    time.Time // when reading the host found it; zero if an event reported it
	createdAt, startedAt     instant
	exitedAt, foundAt        instant
	startDuration            *time.Duration
	phases                   []event.Phase // of the start, replaced, never changed: snapshots share them
	engineStarted            time.Time     // of the latest start that the engine reported
	exit                     *event.Exit
	startKilled              bool // a process of its was OOM-killed while it started
	neverRan                 bool // its own program never ran because of that
	engineReport             *fact.EngineReport
	latestKill               *Kill  // replaced, never changed: snapshots share it
	previous                 *End   // the same
	starts                   uint64 // how often its own program was started or found running

	namespaces event.NamespaceIDs
	// madeFor holds the containers that its namespaces were made for, as reading the host found; nil is unknown.
	madeFor map[event.NamespaceType]event.Container
	// inForeign reports whether it is in a namespace that was made for another container.
	inForeign bool
	reading   fact.Reading
	readAt    instant // of reading
	// cached is the part of the usage that the latest reading left out of the working set, cachedAt when that was; nil is none. room is the limit that is nearest to being reached.
	cached   *uint64
	cachedAt instant
	room     room
	used     used
	history  lastMinute
	timeline timeline // over all of its runs
	limits   limits
	within   []rosterPlace // where it is in Model.within
	oomKills uint64        // as shown: since its latest start
	// killsKnown is set if oomKills is complete, since nsviz saw the container's beginning or took over the kernel's count.
	// Otherwise oomKills is a lower bound.
	killsKnown bool
	// countedUntil is when the kernel's own count was taken over; it includes the kills up to then.
	countedUntil instant
	knownSince   time.Time // when a fact first mentioned it
	// counted holds the kernel's own counts of kills at the two latest readings, the older one first.
	counted     [2]*uint64
	inside      uint64  // kills in containers inside it since then, which that count includes
	unobserved  uint64  // those of oomKills that no event reported
	countable   bool    // the kernel's own count could be read
	refused     *uint64 // processes and threads that its limit refused since its latest start; nil is unknown
	refusedRead uint64  // the latest reading of that
	// shownKills, shownUnobserved and shownRestarts are what the latest snapshots point to: replaced, never changed.
	shownKills, shownUnobserved, shownRestarts *uint64
	// unheld and stuck are replaced, never changed, since snapshots share them. stuckKnown reports whether the latest
	// reading determined stuck, stuckRecorded whether the history has it.
	unheld                    *fact.Unheld
	sharedCgroup              string
	stuck                     *fact.Stuck
	stuckKnown, stuckRecorded bool
	// paused is replaced, never changed. pausedKnown reports whether it is known, froze is when a write to its freezer was last
	// reported; 0 is never.
	paused      *fact.Paused
	pausedKnown bool
	froze       instant
	// groupDecisions is how many decisions with memory.oom.group caused oomKills, lastGroup the latest one.
	groupDecisions, lastGroup uint64

	// For the counters, over all of its starts.
	kills          map[event.Scope]uint64
	exits          map[event.Cause]uint64
	unobservedEver uint64   // the sum of unobserved
	killedBefore   bool     // the OOM killer has taken something from it in facts that are missing
	refusedEver    uint64   // what was added to refused while nsviz watched
	entries        uint64   // how often somebody ran a program in it from outside
	former         []former // what was counted under labels that it had before, the oldest first
	spent          spending

	// execsAwaited is how many of these its engine has not reported yet, execsAwaitedAt when the latest was.
	execsAwaited   int
	execsAwaitedAt instant
	entrants       []entrant // the latest, oldest first
}

func (m *Model) newContainer(id string) *container {
	return &container{
		id: id, state: Starting, timeline: timeline{clock: &m.clock}, countedUntil: never, overAt: never, knownSince: m.now,
		kills: map[event.Scope]uint64{}, exits: map[event.Cause]uint64{},
	}
}

// quiet reports whether it is a sandbox or a service that nothing has happened to. A host has many, which are shown when asked for.
func (c *container) quiet() bool {
	return c.isIsolated() && !c.killedBefore && len(c.kills) == 0 && c.unobservedEver == 0 && len(c.former) == 0
}

// isIsolated reports whether it is a sandbox or a service.
func (c *container) isIsolated() bool {
	return c.kind == event.KindSandbox || c.kind == event.KindService
}

func (c *container) live() bool { return c.state == Starting || c.state == Running }

// add adds the counts of a container that gives up the same label.
func (c *container) add(gone *container) {
	for scope, n := range gone.kills {
		c.kills[scope] += n
	}
	for cause, n := range gone.exits {
		c.exits[cause] += n
	}
	c.unobservedEver += gone.unobservedEver
	if gone.knownSince.Before(c.knownSince) {
		c.knownSince = gone.knownSince
	}
	c.refusedEver += gone.refusedEver
	c.entries += gone.entries
	c.former = append(c.former[:len(c.former):len(c.former)], gone.former...)
	c.spent.add(&gone.spent)
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
				c.forgetCounts()
				c.former = nil
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

// end returns how the container ended.
func (c *container) end() End {
	return End{
		Time: c.exited, InitPID: c.initPID, InitComm: c.initComm, Exit: c.exit, NeverRan: c.neverRan, EngineReport: c.engineReport,
		OOMKills: c.allKills(), OOMKillsAtLeast: c.oomKills, LatestKill: c.latestKill, PIDsRefused: c.refused,
		PIDsLimit: c.limits.known.PIDs,
	}
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

// addLive adds a container to Model.live.
func (m *Model) addLive(c *container) {
	if c.inLive {
		return
	}
	// Snapshots remove ended ones; without snapshots they must not pile up.
	if room := cap(m.live); room > 0 && len(m.live) == room {
		if m.pruneLive(); len(m.live) > room/2 {
			m.live = slices.Grow(m.live, room)
		}
	}
	m.live = append(m.live, c)
	c.inLive = true
}

// pruneLive removes the ended ones from Model.live.
func (m *Model) pruneLive() {
	m.live = slices.DeleteFunc(m.live, func(c *container) bool {
		c.inLive = c.live()
		return !c.inLive
	})
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
