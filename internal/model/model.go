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
	// Freed is how many freed namespaces are kept at most, those that containers were in and others apart;
	// they are kept for Retention, too.
	Freed int
	// Cgroups is how many cgroups are kept at most that are there, Removed how many that are not any more, those
	// with kills and others apart; these are kept for Retention, too.
	Cgroups, Removed int
	// Unstarted is how many containers are kept at most that have never started.
	Unstarted int
	// Fixed keeps them the same at every step of saving memory. The steps in a recording are those of the nsviz that
	// recorded it, and say nothing of the memory of the one that reads it.
	Fixed bool
}

// DefaultLimits are those of the program.
func DefaultLimits() Limits {
	return Limits{Events: 1000, Kills: 500, Retention: 15 * time.Minute, Ended: 4096, Listed: 64, Freed: 2048, Cgroups: 16384, Removed: 1024, Unstarted: 1024}
}

// RecordingLimits are for a model of a complete recording, which is asked about any time in it. Nothing is forgotten for
// its age, and the bounds are such that only days of a busy host reach them. Snapshot.LeftOut counts what exceeds them.
func RecordingLimits() Limits {
	return Limits{
		Events: 1000, Kills: 1 << 16, Retention: math.MaxInt64, Ended: 1 << 17, Listed: 64, Freed: 1 << 18,
		Cgroups: 1 << 17, Removed: 1 << 17, Unstarted: 1 << 17, Fixed: true,
	}
}

// Model holds what is known. It is for one goroutine.
type Model struct {
	limits Limits    // as of now
	usual  Limits    // where nsviz has not to save memory
	began  time.Time // of the first fact that has a time
	now    time.Time // the wall clock's, for display
	nowAt  instant   // the same, for ages
	clock  clock

	host    fact.Host
	probes  []fact.Probe
	engines []fact.Engine

	containers map[string]*container
	live       []*container // and some that have ended since the latest snapshot, in the order of that
	ended      []*container // in the order of their end
	// unstarted are those that their engine has made and whose own program has never run.
	unstarted     map[string]*container
	madeOrder     []*container // these, the first one first, and some that have started since
	lastUnstarted uint64
	unstartedSeen instant // when those to be forgotten were looked for
	labels        map[string]*labelled
	namespaces    map[uint64]*namespace
	sorted        ordered[*namespace] // those of namespaces, by type and number
	// within are the live containers that are in a namespace and not in the host's, the first one first.
	within  map[uint64]*roster
	entered uint64 // how many entries were ever made in these
	// freed are the namespaces that were freed not long ago, in the order of that: those that containers
	// were in, and the others, of which there may be a crowd.
	freed   [2][]*namespace
	cgroups map[string]*cgroup // those that are there, by path
	// removed are the cgroups that were removed not long ago, in the order of that: those with kills, and others.
	removed       [2][]*cgroup
	removedAtPath map[string][]*cgroup // these, by path, the latest one last
	cgroupsFound  bool                 // those that were there when nsviz looked are known
	writesWatched bool                 // what is written to their limits is told
	swapLimited   bool                 // this host can limit swap
	sharing       sharing              // as of the latest snapshot
	listed        []Namespace          // the namespaces of the latest snapshot; nil where they have changed since
	vms           []fact.VM            // as of the latest survey; replaced, never changed
	surveyed      time.Time            // when that was taken in; zero is never
	unseen        *fact.Unseen         // as of the latest survey; replaced, never changed
	own           *fact.OwnMemory      // replaced, never changed
	waiting       waiting
	events        []event.Event
	kills         []Kill
	logged        uint64 // how many kills were ever added to kills
	killsShared   bool   // a snapshot has kills
	decisions     map[decisionKey]*decision

	leftOut  LeftOut // but for kills
	counters counters
	byLabel  *labelTotals // nil where they have changed since the latest snapshot
}

// New makes an empty model.
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

// Apply tells the model one fact. Facts come in the order of their time, more or less; a fact that
// is a little late does not turn the time back.
func (m *Model) Apply(f fact.Fact) {
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
		m.applyVerdict(f)
	case f.EngineEvent != nil:
		m.applySaid(f)
	case f.Cgroups != nil:
		m.applyCgroupsFound(f.Time, f.Cgroups)
	case f.CgroupWrite != nil:
		m.applyWrite(f)
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
	m.takeWaiting()
	m.forget()
}

// applySaid takes in what an engine did with a container.
func (m *Model) applySaid(f fact.Fact) {
	at, said := f.Time, f.EngineEvent
	if said.Action == fact.ActionCreate {
		m.applyMade(said)
		return
	}
	c := m.find(said.ID)
	if c == nil {
		m.await(said.ID, f)
		return
	}
	c.tell(Moment{Time: at, Kind: MomentSaid, Said: said.Action})
	switch said.Action {
	case fact.ActionStart:
		c.engineStarted = said.At
		c.endPhases()
	case fact.ActionRemove:
		c.neverStarted.Removed, c.overAt = at, m.clock.at(at)
	}
}

func (m *Model) applyEngine(e fact.Engine) {
	for i := range m.engines {
		if m.engines[i].Name == e.Name {
			m.engines[i] = e
			return
		}
	}
	m.engines = append(m.engines, e)
}

func (m *Model) applyEvent(e event.Event) {
	if !whole(e) {
		return
	}
	m.counters.events[e.Type]++
	switch e.Type {
	case event.NamespaceCreated, event.NamespaceJoined, event.NamespaceFreed:
		m.applyNamespace(e)
	case event.CgroupCreated:
		m.tellCgroupCreated(&e)
		m.applyCgroupCreated(e)
	case event.CgroupRemoved:
		m.tellCgroupRemoved(&e)
		m.applyCgroupRemoved(e)
	case event.ContainerStarted:
		m.applyStarted(e)
	case event.InitMoved:
		m.applyMoved(e)
	case event.ContainerExited:
		m.applyExited(e)
	case event.OOMKill:
		m.tellCgroupKill(&e)
		m.applyKill(e)
	case event.EventsLost:
		m.counters.lost[e.Lost.Reason] += e.Lost.Count
	}
	m.events = appendBounded(m.events, e, m.limits.Events)
}

// whole reports whether an event says what its type promises. One from a recording might not.
func whole(e event.Event) bool {
	switch e.Type {
	case event.NamespaceCreated, event.NamespaceJoined, event.NamespaceFreed:
		return e.Namespace != nil
	case event.CgroupCreated, event.CgroupRemoved:
		return e.Cgroup != nil
	case event.InitMoved:
		return e.Moved != nil
	case event.OOMKill:
		return e.OOM != nil
	case event.EventsLost:
		return e.Lost != nil
	}
	return true
}

// appendBounded appends to a log and drops the oldest entries in blocks, into new memory: nothing that
// a snapshot has taken by latest is ever written to.
func appendBounded[T any](log []T, entry T, limit int) []T {
	if len(log) >= 2*limit {
		log = slices.Clone(latest(log, max(limit-1, 0)))
	}
	return append(log, entry)
}

func latest[T any](log []T, limit int) []T {
	return slices.Clip(log[max(len(log)-limit, 0):])
}

// forget drops the containers that ended long ago, and the oldest ones where there are too many;
// those in which something was killed go last.
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

// forgetOldest drops what is too old and, where it is too much, the oldest, which it counts.
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
	successor := m.successor(gone)
	m.unlabel(gone)
	if successor != nil {
		// The label lives on with another container: so does its count.
		successor.add(gone)
		return
	}
	m.counters.fold(gone)
}

// Snapshot is the model as it stands.
func (m *Model) Snapshot() *Snapshot { return m.snapshot(m.limits.Listed) }

// Whole is a snapshot that lists every ended container and freed namespace that the model has kept, the containers that have
// never started, and the cgroups: for a question about one of them, not for each frame of a screen.
func (m *Model) Whole() *Snapshot {
	s := m.snapshot(len(m.ended))
	s.Containers = append(s.Containers, m.listUnstarted()...)
	s.Freed = m.listFreed()
	s.Cgroups = m.listCgroups()
	return s
}

func (m *Model) snapshot(listed int) *Snapshot {
	s := &Snapshot{
		Time: m.now, At: m.nowAt.shown(),
		Host: m.host, Probes: m.probes, Engines: slices.Clone(m.engines), Unseen: m.unseen, OwnMemory: m.own,
		Containers: m.list(listed),
		Events:     latest(m.events, m.limits.Events),
		Kills:      latest(m.kills, m.limits.Kills),
		Totals:     m.totals(),
		LeftOut:    m.leftOut,
		Retention:  m.limits.Retention,
	}
	m.killsShared = true
	s.LeftOut.Kills = m.logged - uint64(len(s.Kills))
	s.Namespaces = m.listNamespaces()
	s.VMs = m.listVMs()
	return s
}
