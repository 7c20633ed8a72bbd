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
	inLive               bool // it is in Model.live
	// qualified is set where another live container had the same name when this one got it. It stays:
	// a label that is in use does not change.
	qualified bool
	// never is what is known of it beside what follows, as long as it has not started; ordinal tells the order of those.
	neverStarted fact.NeverStarted
	ordinal      uint64
	overAt       instant // when its start failed or its engine removed it; never is that neither is known

	state    ContainerState
	initPID  int32
	initComm string
	cgroup   string

	created, started, exited time.Time
	found                    time.Time // when reading the host found it; zero where an event told of it
	createdAt, startedAt     instant
	exitedAt, foundAt        instant
	startDuration            *time.Duration
	phases                   []event.Phase // of the start, replaced, never changed: snapshots share them
	engineStarted            time.Time     // of the latest start that the engine told of
	exit                     *event.Exit
	startKilled              bool // something was OOM-killed while it started
	neverRan                 bool // and so its own program never ran
	verdict                  *fact.EngineReport
	latestKill               *Kill // replaced, never changed: snapshots share it
	previous                 *End  // the same

	namespaces event.NamespaceIDs
	// madeFor are the containers that its namespaces were made for, by what reading the host found; nil is unknown.
	madeFor map[event.NamespaceType]event.Container
	// lodges is whether it is in a namespace that was made for another container.
	lodges    bool
	reading   fact.Reading
	history   history
	chronicle chronicle // over all of its runs
	limits    limits
	within    []residence // where it is in Model.within
	oomKills  uint64      // as shown: since its latest start
	// killsKnown is set where oomKills lacks none: its beginning was seen, or the kernel's count was there to take
	// over. Else there were at least so many.
	killsKnown bool
	// countedUntil is when the kernel's own count was taken over; kills up to then are in it.
	countedUntil instant
	knownSince   time.Time // when a fact mentioned it first
	// counted are the kernel's own counts of kills of the two latest readings, the older one first.
	counted     [2]*uint64
	unobserved  uint64  // of oomKills, those that no event told of
	countable   bool    // the kernel's own count could be read
	refused     *uint64 // processes and threads that its limit refused it, since its latest start; nil is unknown
	refusedRead uint64  // the latest reading of that
	// shownKills and shownUnobserved are the latest that snapshots have: replaced, never changed.
	shownKills, shownUnobserved *uint64
	// unheld, stuck: replaced, never changed, since snapshots share them. stuckKnown is whether the latest reading said
	// either, stuckTold whether the history has it.
	unheld                *fact.Unheld
	stuck                 *fact.Stuck
	stuckKnown, stuckTold bool
	// groupDecisions is how many decisions of memory.oom.group the oomKills came by, lastGroup the latest one.
	groupDecisions, lastGroup uint64

	// For the counters, over all of its starts.
	kills map[event.Scope]uint64
	exits map[event.Cause]uint64
	// unobservedEver is for the counter what unobserved is for the screen.
	unobservedEver uint64
	// refusedEver is for the counter what was added to refused while nsviz watched.
	refusedEver uint64
}

func (m *Model) newContainer(id string) *container {
	return &container{
		id: id, state: Starting, chronicle: chronicle{clock: &m.clock}, countedUntil: never, overAt: never, knownSince: m.now,
		kills: map[event.Scope]uint64{}, exits: map[event.Cause]uint64{},
	}
}

func (c *container) live() bool { return c.state == Starting || c.state == Running }

// add takes over the counts of a container that gives up the same label.
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
}

// revive begins a container's life anew: it was started again, where it is live after an end that
// nobody told of.
func (m *Model) revive(c *container) {
	if !c.live() {
		m.ended = without(m.ended, c)
		c.previous = new(c.end())
		m.relabel(c, func() {
			if other := m.holder(c); other != nil {
				// While it was away another one has taken its label, and keeps it with what was counted.
				other.add(c)
				clear(c.kills)
				clear(c.exits)
				c.unobservedEver, c.refusedEver = 0, 0
				c.qualified = true
			}
			c.state = Starting
		})
		m.addLive(c)
	}
	m.leave(c)
	c.limits = limits{}
	c.state = Starting
	c.initPID, c.initComm = 0, ""
	c.created, c.started, c.exited, c.found = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	c.startDuration, c.exit, c.verdict, c.latestKill = nil, nil, nil, nil
	c.startKilled, c.neverRan = false, false
	c.phases = nil
	c.namespaces = event.NamespaceIDs{}
	c.madeFor = nil
	c.reading = fact.Reading{}
	c.history = history{}
	c.oomKills, c.killsKnown, c.countedUntil = 0, false, never
	c.counted, c.unobserved, c.countable = [2]*uint64{}, 0, false
	c.refused, c.refusedRead = nil, 0
	m.recount()
	c.groupDecisions, c.lastGroup = 0, 0
	c.unheld, c.stuck, c.stuckKnown, c.stuckTold = nil, nil, false, false
}

func (m *Model) applyCgroupCreated(e event.Event) {
	said := e.Cgroup.Container
	if said == nil || said.Inner != nil || e.Cgroup.Via == event.ViaReconcile {
		return
	}
	c := m.know(said)
	switch path := e.Cgroup.Path; {
	case c.cgroup == "" && c.live():
	case strings.HasPrefix(path, c.cgroup+"/") && c.cgroup != "":
		return // one further down
	case c.live() && path != c.cgroup:
		return
	case c.live() && !c.found.IsZero() && m.clock.at(e.Time) < c.foundAt:
		// Reading the host was faster than the ring.
		if c.created.IsZero() {
			c.created, c.createdAt = e.Time, m.clock.at(e.Time)
			c.tell(made(&e))
		}
		return
	default:
		m.revive(c)
	}
	c.cgroup = e.Cgroup.Path
	c.created, c.createdAt = e.Time, m.clock.at(e.Time)
	c.killsKnown = true
	c.tell(made(&e))
}

func made(e *event.Event) Moment {
	return Moment{Time: e.Time, Kind: momentCgroup, By: actor(e), Cgroup: e.Cgroup.Path}
}

func (m *Model) applyCgroupRemoved(e event.Event) {
	said := e.Cgroup.Container
	if said == nil {
		return
	}
	c := m.containers[said.ID]
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
	c.tell(Moment{Time: e.Time, Kind: momentCgroupGone, By: actor(&e), Cgroup: e.Cgroup.Path})
}

// everRan reports whether a run before the present one is known, by its end or by what was counted.
func (c *container) everRan() bool {
	return c.previous != nil || len(c.exits) > 0 || len(c.kills) > 0 || c.unobservedEver > 0 || c.refusedEver > 0
}

func (m *Model) applyStarted(e event.Event) {
	if e.Container == nil || e.Container.Inner != nil {
		return
	}
	c := m.know(e.Container)
	if !c.live() {
		m.revive(c)
	}
	c.state = Running
	c.startKilled = false // it goes on without what was killed
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
	m.arrives(c)
	m.claim(c)
	m.enter(c, c.namespaces)
	m.tellEntry(c, Moment{Time: e.Time, Kind: momentStarted, Init: initOf(e.PID, e.Comm), Start: e.Start})
	m.tellAbandoned(c, e.Time)
}

func (m *Model) applyExited(e event.Event) {
	if e.Container == nil || e.Container.Inner != nil {
		return
	}
	c := m.know(e.Container)
	switch {
	case c.live() && e.PID != c.initPID && m.clock.at(e.Time) < c.begin():
		// It has been started again since.
	case c.live():
		if e.Exit != nil {
			m.countRefusals(c, e.Time, e.Exit.PIDsRefused)
		}
		m.end(c, e.Time, e.Exit)
	case c.exit == nil:
		// That it was gone showed before its end was read from the ring.
		if e.Exit != nil {
			m.countRefusals(c, e.Time, e.Exit.PIDsRefused)
		}
		c.exit, c.exited, c.exitedAt = e.Exit, e.Time, m.clock.at(e.Time)
		c.chronicle.tellExit(c.ended(e.Time, e.Exit), containerExtent)
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
	c.stuck, c.stuckKnown, c.stuckTold = nil, false, false
	m.ended = append(m.ended, c)
	m.tellEnd(c, c.ended(at, exit))
	m.leave(c)
	c.chronicle.rest()
}

// sigKill is the signal by which the OOM killer kills.
const sigKill = 9

// ended is the moment of its end.
func (c *container) ended(at time.Time, exit *event.Exit) Moment {
	switch {
	case exit == nil:
		return Moment{Time: at, Kind: MomentGone}
	case c.neverRan:
		return Moment{Time: at, Kind: MomentNeverRan, Exit: exit, OOM: c.latestKill.Event.OOM}
	}
	return Moment{Time: at, Kind: momentExited, Exit: exit}
}

// end is how the container has ended.
func (c *container) end() End {
	return End{
		Time: c.exited, InitPID: c.initPID, InitComm: c.initComm, Exit: c.exit, NeverRan: c.neverRan, Verdict: c.verdict,
		OOMKills: c.allKills(), OOMKillsAtLeast: c.oomKills, LatestKill: c.latestKill, PIDsRefused: c.refused,
		PIDsLimit: c.limits.known.PIDs,
	}
}

// applyVerdict takes in what the engine says of an end. It may say so when the container has been
// started again, or, if seldom, before the end was read from the ring.
func (m *Model) applyVerdict(f fact.Fact) {
	at, v := f.Time, *f.EngineReport
	c := m.find(v.ID)
	switch {
	case c == nil, c.state == Created && c.neverStarted.Tried.IsZero() && v.StartError == "" && !v.Removed: // it did start
		m.await(v.ID, f)
		return
	case v.StartError != "" && c.state == Running: // that is about a start before this one
		return
	}
	c.tellVerdict(at, &v)
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
		c.verdict = &v
	case c.live() && c.previous != nil && c.previous.Verdict == nil:
		previous := *c.previous
		previous.Verdict = &v
		c.previous = &previous
	default:
		c.verdict = &v
	}
}

func (c *container) tellVerdict(at time.Time, v *fact.EngineReport) {
	said := *v
	said.ID = ""
	c.tell(Moment{Time: at, Kind: MomentVerdict, Verdict: &said})
}

// endPhases adds the engine's word to the phases of a start, once both are known: it may come before the start
// itself was read from the ring, or when the container has ended.
func (c *container) endPhases() {
	n := len(c.phases)
	// What the engine said of an earlier start is older than the program of this one.
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
		return // the events have told more
	}
	c = m.know(&f.Container)
	if !c.live() {
		m.revive(c)
	}
	c.cgroup, c.found, c.foundAt = f.CgroupPath, at, m.clock.at(at)
	if f.OOMKills != nil {
		c.oomKills, c.countedUntil = *f.OOMKills, m.clock.at(at)
		c.killsKnown, c.countable = true, true
	}
	m.takeResync(c, at, &f)
	found := Moment{Time: at, Kind: MomentFound, Cgroup: f.CgroupPath}
	if f.Starting {
		c.tell(found)
		return
	}
	c.state = Running
	c.initPID, c.initComm = f.InitPID, f.InitComm
	c.started, c.startedAt = f.Started, m.clock.at(f.Started)
	c.namespaces = f.Namespaces
	c.unheld, c.madeFor = f.Unheld, f.MadeFor
	m.arrives(c)
	m.enter(c, c.namespaces)
	found.Init = initOf(f.InitPID, f.InitComm)
	m.tellEntry(c, found)
}

// clockSetBack is how far a reading, which is never late, must lie behind the other facts to mean that
// somebody has set the clock, in a recording that does not have the kernel's.
const clockSetBack = time.Minute

func (m *Model) applyMemory(at time.Time, readings []fact.Reading) {
	if m.nowAt.sub(m.clock.at(at)) > clockSetBack {
		m.nowAt, m.now = m.clock.at(at), at
		for _, c := range m.containers {
			c.history = history{}
		}
	}
	for _, r := range readings {
		c := m.containers[r.ID]
		if c == nil || !c.live() {
			continue
		}
		c.reading = r
		if c.reconcileKills(at, m.clock.at(at), r.OOMKills) {
			m.recount()
		}
		c.tellLimits(at, r.Limits)
		m.countRefusals(c, at, r.PIDsRefused)
		c.readStuck(at, r.StuckAt)
		if r.UsageBytes != nil {
			c.history.usage(m.clock.at(at), *r.UsageBytes)
		}
	}
}

// addLive adds a container to those that live.
func (m *Model) addLive(c *container) {
	if c.inLive {
		return
	}
	// Without snapshots, those that have ended must not pile up.
	if room := cap(m.live); room > 0 && len(m.live) == room {
		if m.keepLive(); len(m.live) > room/2 {
			m.live = slices.Grow(m.live, room)
		}
	}
	m.live = append(m.live, c)
	c.inLive = true
}

// keepLive leaves in Model.live only those that live.
func (m *Model) keepLive() {
	m.live = slices.DeleteFunc(m.live, func(c *container) bool {
		c.inLive = c.live()
		return !c.inLive
	})
}

// allKills is how many OOM kills there were in it since it started; nil is unknown.
func (c *container) allKills() *uint64 {
	if !c.killsKnown {
		return nil
	}
	return shown(&c.shownKills, c.oomKills)
}

// unobservedKills is how many of them only the kernel has counted; nil where its count could not be read.
func (c *container) unobservedKills() *uint64 {
	if !c.countable {
		return nil
	}
	return shown(&c.shownUnobserved, c.unobserved)
}

// shown is a number as snapshots point to it: another one where it has changed.
func shown(last **uint64, n uint64) *uint64 {
	if *last == nil || **last != n {
		*last = new(n)
	}
	return *last
}

// list builds the containers of a snapshot, with at most listed of those that have ended.
func (m *Model) list(listed int) []Container {
	m.keepLive()
	live := m.live
	// From one snapshot to the next hardly anything changes its place, which makes sorting quick.
	slices.SortFunc(live, inOrder)
	m.share(live)

	ended := m.ended[max(len(m.ended)-listed, 0):]
	list := make([]Container, len(live)+len(ended))
	names := successors{m: m}
	for i, c := range live {
		m.present(c, &list[i])
		list[i].Namespaces = m.sharing.memberships[i]
		if !c.lodges {
			continue
		}
		for _, t := range inherited {
			list[i].Namespaces[t].Abandoned = names.abandoned(c, t)
		}
	}
	for i, c := range slices.Backward(ended) {
		to := &list[len(list)-1-i]
		m.present(c, to)
		to.Namespaces = m.sharing.past(c)
	}
	return list
}

// inOrder compares live containers by when they began.
func inOrder(a, b *container) int {
	return cmp.Or(cmp.Compare(a.begin(), b.begin()), strings.Compare(a.id, b.id))
}

// begin is the earliest instant known of a container.
func (c *container) begin() instant {
	switch {
	case !c.created.IsZero():
		return c.createdAt
	case !c.started.IsZero():
		return c.startedAt
	}
	return never
}

// instantOf is the instant of a time for a snapshot; 0 where the time is unknown.
func instantOf(t time.Time, at instant) Instant {
	if t.IsZero() {
		return 0
	}
	return at.shown()
}

// present fills in a container of a snapshot, all but its namespaces.
func (m *Model) present(c *container, to *Container) {
	*to = Container{
		ID: c.id, Label: c.label(), Named: c.name != "", Image: c.image, Runtime: c.runtime, State: c.state,
		InitPID: c.initPID, InitComm: c.initComm, CgroupPath: c.cgroup,
		Created: c.created, Started: c.started, Exited: c.exited,
		CreatedAt: instantOf(c.created, c.createdAt), StartedAt: instantOf(c.started, c.startedAt), ExitedAt: instantOf(c.exited, c.exitedAt),
		StartDuration: c.startDuration, Phases: c.phases, Exit: c.exit, NeverRan: c.neverRan, Verdict: c.verdict, Previous: c.previous,
		Memory: Memory{
			UsageBytes: c.reading.UsageBytes, LimitBytes: c.reading.LimitBytes, Unlimited: c.reading.Unlimited,
			History: c.history.series(m.nowAt),
		},
		Processes: c.reading.Processes,
		OOMKills:  c.allKills(), OOMKillsAtLeast: c.oomKills, OOMKillsUnobserved: c.unobservedKills(), LatestKill: c.latestKill,
		PIDsRefused: c.refused, Unheld: c.unheld, Stuck: c.stuck, StuckKnown: c.stuckKnown,
		Limits: c.limits.known, History: c.chronicle.share(),
	}
}
