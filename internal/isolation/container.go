package isolation

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// container is the model's view of one container.
type container struct {
	id                   string
	name, image, runtime string
	// qualified is set where another live container had the same name when this one got it. It stays:
	// a label that is in use does not change.
	qualified bool
	// never is what is known of it beside what follows, as long as it has not started; ordinal tells the order of those.
	never   NeverStarted
	ordinal uint64

	state    ContainerState
	initPID  int32
	initComm string
	cgroup   string

	created, started, exited time.Time
	found                    time.Time // when reading the host found it; zero where an event told of it
	startDuration            *time.Duration
	phases                   []event.Phase // of the start, replaced, never changed: snapshots share them
	engineStarted            time.Time     // of the latest start that the engine told of
	exit                     *event.Exit
	verdict                  *Verdict
	latestKill               *Kill // replaced, never changed: snapshots share it
	previous                 *End  // the same

	namespaces event.NamespaceIDs
	reading    Reading
	history    history
	chronicle  chronicle // over all of its runs
	limits     limits
	within     []uint64 // the namespaces of Model.within that have it
	oomKills   uint64   // as shown: since its latest start
	// countedUntil is when the kernel's own count was taken over; kills up to then are in it.
	countedUntil time.Time
	// counted are the kernel's own counts of kills of the two latest readings, the older one first.
	counted    [2]*uint64
	unobserved uint64 // of oomKills, those that no event told of
	// groupDecisions is how many decisions of memory.oom.group the oomKills came by, lastGroup the latest one.
	groupDecisions, lastGroup uint64

	// For the counters, over all of its starts.
	kills map[event.Scope]uint64
	exits map[event.Cause]uint64
	// unobservedEver is for the counter what unobserved is for the screen.
	unobservedEver uint64
}

func newContainer(id string) *container {
	return &container{id: id, state: Starting, kills: map[event.Scope]uint64{}, exits: map[event.Cause]uint64{}}
}

func (c *container) live() bool { return c.state == Starting || c.state == Running }

func (c *container) label() string {
	switch {
	case c.name == "":
		return event.ShortID(c.id)
	case c.qualified:
		return c.name + " (" + event.ShortID(c.id) + ")"
	}
	return c.name
}

// add takes over the counts of a container that gives up the same label.
func (c *container) add(gone *container) {
	for scope, n := range gone.kills {
		c.kills[scope] += n
	}
	for cause, n := range gone.exits {
		c.exits[cause] += n
	}
	c.unobservedEver += gone.unobservedEver
}

// know returns the container, made if it is new, with what is said of it.
func (m *Model) know(said *event.Container) *container {
	c := m.containers[said.ID]
	if c == nil {
		if c = m.unstarted[said.ID]; c == nil {
			c = newContainer(said.ID)
		}
		delete(m.unstarted, said.ID)
		m.containers[said.ID] = c
		c.state = Starting
		name := c.name
		c.name, c.verdict = "", nil
		m.identify(c, &event.Container{Name: name}) // now its label matters
	}
	m.identify(c, said)
	return c
}

func (m *Model) identify(c *container, said *event.Container) {
	if said.Name != "" && said.Name != c.name {
		c.name, c.qualified = said.Name, false
		c.qualified = c.live() && m.holder(c) != nil
	}
	if said.Image != "" {
		c.image = said.Image
	}
	if said.Runtime != "" {
		c.runtime = said.Runtime
	}
}

// holder is the other live container that has the label of c, nil where there is none: two engines may
// each have a container of one name.
func (m *Model) holder(c *container) *container {
	label := c.label()
	for _, other := range m.containers {
		if other != c && other.live() && other.label() == label {
			return other
		}
	}
	return nil
}

func (m *Model) applyIdentity(said event.Container) {
	if c := m.find(said.ID); c != nil {
		m.identify(c, &said)
	}
}

// revive begins a container's life anew: it was started again, where it is live after an end that
// nobody told of.
func (m *Model) revive(c *container) {
	if i := slices.Index(m.ended, c); i >= 0 {
		m.ended = slices.Delete(m.ended, i, i+1)
		if other := m.holder(c); other != nil {
			// While it was away another one has taken its label, and keeps it with what was counted.
			other.add(c)
			clear(c.kills)
			clear(c.exits)
			c.unobservedEver = 0
			c.qualified = true
		}
	}
	if !c.live() {
		c.previous = new(c.end())
	}
	m.leave(c)
	c.limits = limits{}
	c.state = Starting
	c.initPID, c.initComm = 0, ""
	c.created, c.started, c.exited, c.found = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	c.startDuration, c.exit, c.verdict, c.latestKill = nil, nil, nil, nil
	c.phases = nil
	c.namespaces = event.NamespaceIDs{}
	c.reading = Reading{}
	c.history = history{}
	c.oomKills, c.countedUntil = 0, time.Time{}
	c.counted, c.unobserved = [2]*uint64{}, 0
	c.groupDecisions, c.lastGroup = 0, 0
}

func (m *Model) applyCgroupCreated(e event.Event) {
	said := e.Cgroup.Container
	if said == nil || said.Inner != nil {
		return
	}
	c := m.know(said)
	switch path := e.Cgroup.Path; {
	case c.cgroup == "" && c.live():
	case strings.HasPrefix(path, c.cgroup+"/") && c.cgroup != "":
		return // one further down
	case c.live() && path != c.cgroup:
		return
	case c.live() && e.Time.Before(c.found):
		// Reading the host was faster than the ring.
		if c.created.IsZero() {
			c.created = e.Time
			c.tell(made(&e))
		}
		return
	default:
		m.revive(c)
	}
	c.cgroup = e.Cgroup.Path
	c.created = e.Time
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
		if c.state == Starting && len(c.exits) == 0 && len(c.kills) == 0 {
			m.neverRan(c, &e)
			return
		}
		m.end(c, e.Time, nil)
	}
	c.tell(Moment{Time: e.Time, Kind: momentCgroupGone, By: actor(&e), Cgroup: e.Cgroup.Path})
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
	c.started = e.Time
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
	m.enter(c, c.namespaces)
	m.tellEntry(c, Moment{Time: e.Time, Kind: momentStarted, Init: initOf(e.PID, e.Comm), Start: e.Start})
}

func (m *Model) applyExited(e event.Event) {
	if e.Container == nil || e.Container.Inner != nil {
		return
	}
	c := m.know(e.Container)
	switch {
	case c.live() && e.PID != c.initPID && e.Time.Before(c.begin()):
		// It has been started again since.
	case c.live():
		m.end(c, e.Time, e.Exit)
	case c.exit == nil:
		// That it was gone showed before its end was read from the ring.
		c.exit, c.exited = e.Exit, e.Time
		c.chronicle.tellExit(ended(e.Time, e.Exit), containerExtent)
	default:
		return
	}
	if e.Exit != nil {
		c.exits[e.Exit.Cause]++
	}
}

func (m *Model) end(c *container, at time.Time, exit *event.Exit) {
	c.state = Exited
	c.exited = at
	c.exit = exit
	c.reading.Processes = nil
	m.ended = append(m.ended, c)
	m.tellEnd(c, ended(at, exit))
	m.leave(c)
	c.chronicle.rest()
}

func ended(at time.Time, exit *event.Exit) Moment {
	if exit == nil {
		return Moment{Time: at, Kind: MomentGone}
	}
	return Moment{Time: at, Kind: momentExited, Exit: exit}
}

// end is how the container has ended.
func (c *container) end() End {
	return End{
		Time: c.exited, InitPID: c.initPID, InitComm: c.initComm, Exit: c.exit, Verdict: c.verdict,
		OOMKills: c.oomKills, LatestKill: c.latestKill,
	}
}

// applyVerdict takes in what the engine says of an end. It may say so when the container has been
// started again, or, if seldom, before the end was read from the ring.
func (m *Model) applyVerdict(at time.Time, v Verdict) {
	c := m.find(v.ID)
	if c == nil || v.StartError != "" && c.state == Running { // that is about a start before this one
		return
	}
	said := v
	said.ID = ""
	c.tell(Moment{Time: at, Kind: MomentVerdict, Verdict: &said})
	switch {
	case c.state == Created:
		c.failedToStart(&v)
		if c.never.Failed.IsZero() && v.StartError != "" {
			c.never.Failed = at
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

func (m *Model) applyFound(at time.Time, f Found) {
	c := m.containers[f.Container.ID]
	if c != nil && c.state == Running {
		m.identify(c, &f.Container)
		return // the events have told more
	}
	c = m.know(&f.Container)
	if !c.live() {
		m.revive(c)
	}
	c.cgroup, c.found = f.CgroupPath, at
	if f.OOMKills != nil {
		c.oomKills, c.countedUntil = *f.OOMKills, at
	}
	found := Moment{Time: at, Kind: MomentFound, Cgroup: f.CgroupPath}
	if f.Starting {
		c.tell(found)
		return
	}
	c.state = Running
	c.initPID, c.initComm = f.InitPID, f.InitComm
	c.started = f.Started
	c.namespaces = f.Namespaces
	m.enter(c, c.namespaces)
	found.Init = initOf(f.InitPID, f.InitComm)
	m.tellEntry(c, found)
}

// clockSetBack is how far a reading, which is never late, must lie behind the other facts to mean that
// somebody has set the clock.
const clockSetBack = time.Minute

func (m *Model) applyMemory(at time.Time, readings []Reading) {
	if m.now.Sub(at) > clockSetBack {
		m.now = at
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
		c.reconcileKills(at, r.OOMKills)
		c.tellLimits(at, r.Limits)
		if r.UsageBytes != nil {
			c.history.usage(at, *r.UsageBytes)
		}
	}
}

// reconcileKills takes in the kernel's own count of kills. What it had counted two readings ago, a second
// or so, and what no event has told since was lost on the way to nsviz. Of a decision about a group the kernel
// may have counted one more than there were: after the process that it chose it kills all that are in the
// group, and counts that one again if it is not gone yet (oom_kill_process in mm/oom_kill.c).
func (c *container) reconcileKills(at time.Time, counted *uint64) {
	if before := c.counted[0]; before != nil && *before > c.oomKills+c.groupDecisions {
		missed := *before - c.oomKills - c.groupDecisions
		c.oomKills += missed
		c.unobserved += missed
		c.unobservedEver += missed
		c.tell(Moment{Time: at, Kind: MomentUnobserved, Count: missed})
	}
	c.counted[0], c.counted[1] = c.counted[1], counted
}

// list builds the containers of a snapshot, with at most listed of those that have ended.
func (m *Model) list(listed int) []Container {
	live := make([]*container, 0, len(m.containers)-len(m.ended))
	for _, c := range m.containers {
		if c.live() {
			live = append(live, c)
		}
	}
	slices.SortFunc(live, func(a, b *container) int {
		if n := a.begin().Compare(b.begin()); n != 0 {
			return n
		}
		return strings.Compare(a.id, b.id)
	})
	m.share(live)

	list := make([]Container, 0, len(live)+min(len(m.ended), listed))
	for i, c := range live {
		list = append(list, m.present(c))
		list[i].Namespaces = m.sharing.memberships[i]
	}
	for i := len(m.ended) - 1; i >= 0 && len(list) < len(live)+listed; i-- {
		c := m.ended[i]
		list = append(list, m.present(c))
		list[len(list)-1].Namespaces = m.sharing.past(c)
	}
	return list
}

// begin is the earliest moment known of a container.
func (c *container) begin() time.Time {
	if !c.created.IsZero() {
		return c.created
	}
	return c.started
}

// present shows a container, all but its namespaces.
func (m *Model) present(c *container) Container {
	return Container{
		ID: c.id, Label: c.label(), Named: c.name != "", Image: c.image, Runtime: c.runtime, State: c.state,
		InitPID: c.initPID, InitComm: c.initComm, CgroupPath: c.cgroup,
		Created: c.created, Started: c.started, Exited: c.exited,
		StartDuration: c.startDuration, Phases: c.phases, Exit: c.exit, Verdict: c.verdict, Previous: c.previous,
		Memory: Memory{
			UsageBytes: c.reading.UsageBytes, LimitBytes: c.reading.LimitBytes, Unlimited: c.reading.Unlimited,
			History: c.history.points(m.now),
		},
		Processes: c.reading.Processes,
		OOMKills:  c.oomKills, OOMKillsUnobserved: c.unobserved, LatestKill: c.latestKill,
		Limits: c.limits.known, History: c.chronicle.share(),
	}
}
