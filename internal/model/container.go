package model

import (
	"slices"
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
	tally
	killedBefore bool     // the OOM killer has taken something from it in facts that are missing
	former       []former // what was counted under labels that it had before, the oldest first
	spent        spending

	// execsAwaited is how many of these its engine has not reported yet, execsAwaitedAt when the latest was.
	execsAwaited   int
	execsAwaitedAt instant
	entrants       []entrant // the latest, oldest first
}

func (m *Model) newContainer(id string) *container {
	return &container{
		id: id, state: Starting, timeline: timeline{clock: &m.clock}, countedUntil: never, overAt: never, knownSince: m.now,
		tally: newTally(),
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
	c.take(&gone.tally, gone.knownSince)
	c.spent.add(&gone.spent)
}

// take adds what was counted under the container's label since a time.
func (c *container) take(t *tally, since time.Time) {
	c.tally.add(t)
	if since.Before(c.knownSince) {
		c.knownSince = since
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
