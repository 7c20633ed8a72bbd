package model

import (
	"math"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Limits bound what the model keeps.
type Limits struct {
	// Events and Kills are the lengths of the logs.
	Events, Kills int
	// Retention is how long a container is kept after its end, Ended how many ended ones at most.
	Retention time.Duration
	Ended     int
	// Listed is how many of the ended ones a snapshot lists.
	Listed int
	// Freed is how many freed namespaces are kept at most, for Retention. It bounds those that containers were in
	// and all others separately.
	Freed int
	// Cgroups is how many existing cgroups are kept at most, Removed how many removed ones, for Retention. Removed
	// bounds those with kills and all others separately.
	Cgroups, Removed int
	// Unstarted is how many never-started containers are kept at most.
	Unstarted int
	// Fixed keeps the limits the same at every step of saving memory. The steps in a recording are about the memory of
	// the nsviz that recorded it, not of the one that reads it.
	Fixed bool
}

// DefaultLimits returns the limits for a live host.
func DefaultLimits() Limits {
	return Limits{Events: 1000, Kills: 500, Retention: 15 * time.Minute, Ended: 4096, Listed: 64, Freed: 2048, Cgroups: 16384, Removed: 1024, Unstarted: 1024}
}

// RecordingLimits returns the limits for a complete recording, which is asked about any time in it. Nothing expires.
// Only days of a busy host reach the bounds; Snapshot.LeftOut counts what exceeds them.
func RecordingLimits() Limits {
	return Limits{
		Events: 1000, Kills: 1 << 16, Retention: math.MaxInt64, Ended: 1 << 17, Listed: 64, Freed: 1 << 18,
		Cgroups: 1 << 17, Removed: 1 << 17, Unstarted: 1 << 17, Fixed: true,
	}
}

// Model holds the state of a host. It is for one goroutine.
type Model struct {
	applied uint64    // how many facts
	limits  Limits    // as of now
	usual   Limits    // while nsviz need not save memory
	began   time.Time // of the first fact that has a time
	now     time.Time // the wall clock's, for display
	nowAt   instant   // the same, for ages
	clock   clock

	host    fact.Host
	probes  []fact.Probe
	engines []fact.Engine

	containers map[string]*container
	live       []*container // in the order of the latest snapshot; includes some that have ended since
	ended      []*container // in the order of their end
	// unstarted holds the containers that their engine has created and whose own program has never run.
	unstarted     map[string]*container
	madeOrder     []*container // the unstarted ones, oldest first; includes some that have started since
	lastUnstarted uint64
	unstartedSeen instant // when unstarted was last searched for expired ones
	labels        map[string]*labelled
	namespaces    map[uint64]*namespace
	sorted        ordered[*namespace] // the values of namespaces, by type and number
	// within holds the live containers in each namespace, by its number, oldest member first. It lacks the host's namespaces.
	within map[uint64]*roster
	added  uint64 // how many entries were ever made in these
	// freed holds recently freed namespaces in the order of their end: [0] those that containers were in, [1] the others,
	// which may be many.
	freed   [2][]*namespace
	cgroups map[string]*cgroup // the existing ones, by path
	// removed holds recently removed cgroups in the order of their end: [0] those with kills, [1] the others.
	removed       [2][]*cgroup
	removedAtPath map[string][]*cgroup // the same, by path, latest last
	cgroupsFound  bool                 // the initial list of cgroups was applied
	writesWatched bool                 // the kernel reports writes to their limits
	startsWatched bool                 // the kernel reports starts of containers
	swapLimited   bool                 // this host can limit swap
	sharing       sharing              // as of the latest snapshot
	listed        []Namespace          // the namespaces of the latest snapshot; nil if they have changed since
	vms           []fact.VM            // as of the latest survey; replaced, never changed
	surveyed      time.Time            // when that was applied; zero is never
	unseen        *fact.Unseen         // as of the latest survey; replaced, never changed
	unlisted      int                  // likewise: how many sandboxes and services are not listed
	own           *fact.OwnMemory      // replaced, never changed
	waiting       waiting
	events        []event.Event
	kills         []Kill
	logged        uint64 // how many kills were ever added to kills
	killsShared   bool   // a snapshot has kills
	decisions     map[decisionKey]*decision

	leftOut  LeftOut // all but Kills
	counters counters
	byLabel  *labelTotals // nil if they have changed since the latest snapshot

	// engineRestarts holds how often engines have restarted their containers, by id. The values are replaced, never changed.
	engineRestarts map[string]*uint64
}

// New returns an empty model.
func New(limits Limits) *Model {
	m := &Model{
		limits:        limits,
		usual:         limits,
		unstarted:     map[string]*container{},
		unstartedSeen: never,
		nowAt:         never,
		containers:    map[string]*container{},
		labels:        map[string]*labelled{},
		decisions:     map[decisionKey]*decision{},
		removedAtPath: map[string][]*cgroup{},
		namespaces:    map[uint64]*namespace{},
		within:        map[uint64]*roster{},
		cgroups:       map[string]*cgroup{},
		counters:      newCounters(),
		sorted:        ordered[*namespace]{compare: compareNamespaces, gone: func(n *namespace) bool { return n.replaced }},
	}
	m.sharing = sharing{rosters: m.within, round: 1} // that of no roster yet
	return m
}

// Apply updates the model with one fact. Facts come roughly in the order of their time; a late fact does not turn the
// model's time back.
func (m *Model) Apply(f fact.Fact) {
	m.applied++
	m.advance(&f)
	if m.began.IsZero() {
		m.began = m.now
	}
	switch {
	case f.Host != nil:
		m.host = *f.Host
		m.listed = nil
	case f.Probes != nil:
		m.probes = slices.Clone(f.Probes)
		m.watchWrites(slices.ContainsFunc(m.probes, func(p fact.Probe) bool { return p.Name == fact.ProbeCgroupWrites && p.Works() }))
		m.startsWatched = slices.ContainsFunc(m.probes, func(p fact.Probe) bool { return p.Name == fact.ProbeContainerStarts && p.Works() })
	case f.Engine != nil:
		m.applyEngine(*f.Engine)
	case f.Event != nil:
		m.applyEvent(*f.Event)
	case f.Found != nil:
		m.applyFound(f.Time, *f.Found)
	case f.Gone != nil:
		if c := m.containers[f.Gone.ID]; c != nil && c.live() {
			m.end(c, f.Time, nil)
		}
	case f.Identity != nil:
		m.applyIdentity(*f.Identity)
	case f.EngineReport != nil:
		m.applyEngineReport(f)
	case f.EngineEvent != nil:
		m.applyEngineEvent(f)
	case f.Cgroups != nil:
		m.applyCgroupsFound(f.Time, f.Cgroups)
	case f.CgroupWrite != nil:
		m.applyWrite(f)
	case f.Freeze != nil:
		m.applyFreeze(f.Time, f.Freeze)
	case f.Memory != nil:
		m.applyMemory(f.Time, f.Memory)
	case f.Namespaces != nil:
		m.applySurvey(f.Time, *f.Namespaces)
	case f.Present != nil:
		m.applyPresent(f.Time, f.Present)
	case f.OwnMemory != nil:
		m.applyOwn(*f.OwnMemory)
	case f.BPFErrors != nil:
		m.counters.bpfErrors = f.BPFErrors
	}
	m.applyWaiting()
	m.forget()
}

// applyEngineEvent applies an action of an engine on a container.
func (m *Model) applyEngineEvent(f fact.Fact) {
	at, engineEvent := f.Time, f.EngineEvent
	if engineEvent.Action == fact.ActionCreate {
		m.applyEngineCreate(engineEvent)
		return
	}
	c := m.find(engineEvent.ID)
	if c == nil {
		m.await(engineEvent.ID, f)
		return
	}
	if !c.isEntered(engineEvent.Action, m.clock.at(at)) {
		c.append(Entry{Time: at, Kind: EntryEngineEvent, Action: engineEvent.Action})
	}
	switch engineEvent.Action {
	case fact.ActionStart:
		c.engineStarted = engineEvent.At
		c.endPhases()
	case fact.ActionRemove:
		c.neverStarted.Removed, c.overAt = at, m.clock.at(at)
	}
}

func (m *Model) applyEngine(e fact.Engine) {
	i := slices.IndexFunc(m.engines, e.Is)
	switch {
	case e.State == fact.EngineForgotten:
		m.engines = slices.DeleteFunc(m.engines, e.Is)
	case i >= 0:
		m.engines[i] = e
	default:
		m.engines = append(m.engines, e)
	}
}

func (m *Model) applyEvent(e event.Event) {
	if !complete(e) {
		return
	}
	m.counters.events[e.Type]++
	switch e.Type {
	case event.NamespaceCreated, event.NamespaceJoined, event.NamespaceFreed:
		m.applyNamespace(e)
	case event.CgroupCreated:
		m.recordCgroupCreated(&e)
		m.applyCgroupCreated(e)
	case event.CgroupRemoved:
		m.recordCgroupRemoved(&e)
		m.applyCgroupRemoved(e)
	case event.ContainerStarted:
		m.applyStarted(e)
	case event.ContainerEntered:
		m.applyEntered(e)
	case event.InitMoved:
		m.applyMoved(e)
	case event.ContainerExited:
		m.applyExited(e)
	case event.OOMKill:
		m.recordCgroupKill(&e)
		m.applyKill(e)
	case event.EventsLost:
		m.counters.lost[e.Lost.Reason] += e.Lost.Count
	}
	m.events = appendBounded(m.events, e, m.limits.Events)
}

// complete reports whether an event has the fields of its type. One from a recording may lack them.
func complete(e event.Event) bool {
	switch e.Type {
	case event.NamespaceCreated, event.NamespaceJoined, event.NamespaceFreed:
		return e.Namespace != nil
	case event.CgroupCreated, event.CgroupRemoved:
		return e.Cgroup != nil
	case event.ContainerEntered:
		return e.Entered != nil
	case event.InitMoved:
		return e.Moved != nil
	case event.OOMKill:
		return e.OOM != nil
	case event.EventsLost:
		return e.Lost != nil
	}
	return true
}

// appendBounded appends to a log and drops the oldest entries in blocks. It copies to new memory then, so that it never
// writes to what a snapshot shares by latest.
func appendBounded[T any](log []T, entry T, limit int) []T {
	if len(log) >= 2*limit {
		log = slices.Clone(latest(log, max(limit-1, 0)))
	}
	return append(log, entry)
}

func latest[T any](log []T, limit int) []T {
	return slices.Clip(log[max(len(log)-limit, 0):])
}

// forget drops what has expired, and the oldest entries of what exceeds its limit. Containers with OOM kills go last.
func (m *Model) forget() {
	for len(m.ended) > 0 && m.nowAt.sub(m.ended[0].exitedAt) > m.limits.Retention {
		m.drop(0)
	}
	for len(m.ended) > m.limits.Ended {
		i := slices.IndexFunc(m.ended, func(c *container) bool { return c.oomKills == 0 })
		m.drop(max(i, 0))
		m.leftOut.Containers++
	}
	m.forgetUnstarted()
	for i := range m.freed {
		forgetOldest(&m.freed[i], m.limits.Freed, &m.leftOut.Namespaces,
			func(n *namespace) bool { return m.nowAt.sub(n.freedAt) > m.limits.Retention }, func(*namespace) {})
	}
	for i := range m.removed {
		forgetOldest(&m.removed[i], m.limits.Removed, &m.leftOut.Cgroups,
			func(g *cgroup) bool { return m.nowAt.sub(g.removedAt) > m.limits.Retention }, m.forgetRemoved)
	}
}

// forgetOldest drops the entries that are too old, and the oldest ones of a list that exceeds limit. It counts the latter.
func forgetOldest[T any](list *[]*T, limit int, leftOut *uint64, tooOld func(*T) bool, forget func(*T)) {
	for l := *list; len(l) > 0; l = *list {
		switch {
		case tooOld(l[0]):
		case len(l) > limit:
			*leftOut++
		default:
			return
		}
		forget(l[0])
		l[0] = nil // for the collector; append moves the rest in time
		*list = l[1:]
	}
}

func (m *Model) drop(i int) {
	m.recount()
	gone := m.ended[i]
	if i == 0 {
		m.ended[0] = nil // for the collector; append moves the rest in time
		m.ended = m.ended[1:]
	} else {
		m.ended = slices.Delete(m.ended, i, i+1)
	}
	delete(m.containers, gone.id)
	delete(m.engineRestarts, gone.id)
	if gone.quiet() {
		m.unlabel(gone)
		return
	}
	successor := m.successor(gone.label(), gone)
	m.unlabel(gone)
	for i := range gone.former {
		m.settle(&gone.former[i])
	}
	if successor != nil {
		// Another container keeps the label, and so takes over the counts.
		successor.add(gone)
		return
	}
	m.counters.fold(gone)
}

// Snapshot returns the state of the model.
func (m *Model) Snapshot() *Snapshot { return m.snapshot(m.limits.Listed) }

// Full returns a full snapshot: with every ended container and freed namespace that the model keeps, the containers that
// have never started, and the cgroups. It costs too much for each frame of a screen.
func (m *Model) Full() *Snapshot {
	s := m.snapshot(len(m.ended))
	s.Containers = append(s.Containers, m.listUnstarted()...)
	s.Freed = m.listFreed()
	s.Cgroups = m.listCgroups()
	return s
}

func (m *Model) snapshot(listed int) *Snapshot {
	s := &Snapshot{
		Time: m.now, At: m.nowAt.shown(), Facts: m.applied,
		Host: m.host, Probes: m.probes, Engines: slices.Clone(m.engines), Unseen: m.unseen, Unlisted: m.unlisted, OwnMemory: m.own,
		Events:    latest(m.events, m.limits.Events),
		Kills:     latest(m.kills, m.limits.Kills),
		Totals:    m.totals(),
		LeftOut:   m.leftOut,
		Retention: m.limits.Retention,
	}
	s.Containers, s.Quiet = m.list(listed)
	m.killsShared = true
	s.LeftOut.Kills = m.logged - uint64(len(s.Kills))
	s.FailedStarts = m.listFailedStarts()
	s.Namespaces = m.listNamespaces()
	s.VMs = m.listVMs()
	return s
}
