package model

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// allKills returns how many OOM kills there were in it since it started; nil is unknown.
func (c *container) allKills() *uint64 {
	if !c.killsKnown {
		return nil
	}
	return shown(&c.shownKills, c.oomKills)
}

// unobservedKills returns how many of them only the kernel counted; nil if its count could not be read.
func (c *container) unobservedKills() *uint64 {
	if !c.countable {
		return nil
	}
	return shown(&c.shownUnobserved, c.unobserved)
}

// restarts returns how often it was started again; nil if starts are not reported.
func (m *Model) restarts(c *container) *uint64 {
	if !m.startsWatched {
		return nil
	}
	return shown(&c.shownRestarts, max(c.starts, 1)-1)
}

// shown returns a pointer to n for snapshots: last if it has that value, else a new one.
func shown(last **uint64, n uint64) *uint64 {
	if *last == nil || **last != n {
		*last = new(n)
	}
	return *last
}

// list builds the containers of a snapshot, with at most listed of those that have ended, and the quiet ones apart.
func (m *Model) list(listed int) (shown, quiet []Container) {
	m.pruneLive()
	live := m.live
	// Few change their place from one snapshot to the next, which makes sorting quick.
	slices.SortFunc(live, quietLast)
	loud := len(live)
	if first := slices.IndexFunc(live, (*container).quiet); first >= 0 {
		loud = first
	}
	m.share(live)
	inside := m.countInside(live)

	ended := m.ended[max(len(m.ended)-listed, 0):]
	shown = make([]Container, loud+len(ended))
	quiet = make([]Container, len(live)-loud)
	names := successors{m: m}
	for i, c := range live {
		var out *Container
		if i < loud {
			out = &shown[i]
		} else {
			out = &quiet[i-loud]
		}
		m.present(c, out)
		out.Inside = inside[c.id]
		out.Namespaces = m.sharing.memberships[i]
		if !c.inForeign {
			continue
		}
		for _, t := range inherited {
			out.Namespaces[t].Abandoned = names.abandoned(c, t)
		}
	}
	for i, c := range slices.Backward(ended) {
		to := &shown[len(shown)-1-i]
		m.present(c, to)
		to.Namespaces = m.sharing.past(c)
	}
	return shown, quiet
}

// quietLast is inOrder with the quiet ones after all others.
func quietLast(a, b *container) int {
	aQuiet, bQuiet := a.quiet(), b.quiet()
	switch {
	case aQuiet == bQuiet:
		return inOrder(a, b)
	case aQuiet:
		return 1
	}
	return -1
}

// countInside counts the live containers that run in each one, by its id.
func (m *Model) countInside(live []*container) map[string]int {
	var inside map[string]int
	for _, c := range live {
		if c.parent == "" {
			continue
		}
		if inside == nil {
			inside = map[string]int{}
		}
		inside[c.parent]++
	}
	return inside
}

// inOrder compares live containers by their beginnings.
func inOrder(a, b *container) int {
	return cmp.Or(cmp.Compare(a.begin(), b.begin()), strings.Compare(a.id, b.id))
}

// instantOf returns the instant of a time for a snapshot; 0 if the time is unknown.
func instantOf(t time.Time, at instant) Instant {
	if t.IsZero() {
		return 0
	}
	return at.shown()
}

// present fills in a container of a snapshot except for its namespaces.
func (m *Model) present(c *container, to *Container) {
	*to = Container{
		ID: c.id, Label: c.label(), Named: c.name != "", FormerNames: c.formerNames, Image: c.image, Runtime: c.runtime, Kind: c.kind,
		Group: c.group, Labels: c.labels, Parent: c.parent, State: c.state,
		InitPID: c.initPID, InitComm: c.initComm, CgroupPath: c.cgroup,
		Created: c.created, Started: c.started, Exited: c.exited,
		CreatedAt: instantOf(c.created, c.createdAt), StartedAt: instantOf(c.started, c.startedAt), ExitedAt: instantOf(c.exited, c.exitedAt),
		StartDuration: c.startDuration, Phases: c.phases, Exit: c.exit, NeverRan: c.neverRan, EngineReport: c.engineReport, Previous: c.previous,
		Restarts: m.restarts(c), EngineRestarts: m.engineRestarts[c.id],
		Memory: Memory{
			UsageBytes: c.reading.UsageBytes, LimitBytes: c.reading.LimitBytes, Unlimited: c.reading.Unlimited,
			WorkingSetBytes: c.workingSetBytes(m.nowAt), History: c.history.series(m.nowAt),
		},
		Use: c.used.presented(m.nowAt), Spent: c.spent.presented(),
		Forecast: c.room.forecast(m.nowAt), NextVictim: c.reading.NextVictim,
		Processes: m.processes(c),
		OOMKills:  c.allKills(), OOMKillsAtLeast: c.oomKills, OOMKillsUnobserved: c.unobservedKills(), LatestKill: c.latestKill,
		PIDsRefused: c.refused, Unheld: c.unheld, SharedCgroup: c.sharedCgroup, Stuck: c.stuck, StuckKnown: c.stuckKnown,
		Paused: c.paused, PausedKnown: c.pausedKnown,
		Limits: c.limits.known, History: c.timeline.share(),
	}
	if c.paused != nil {
		to.State = Paused
	}
}

// processes returns how many processes are in a container's cgroup or, if it has none of its own, in its PID or user namespace; nil is
// unknown.
func (m *Model) processes(c *container) *int {
	if c.cgroup != "" || !c.live() {
		return c.reading.Processes
	}
	for _, t := range []event.NamespaceType{event.PID, event.User} {
		if id := c.namespaces[t]; id != 0 && id != m.host.Namespaces[t] {
			if n := m.namespaces[id]; n != nil && n.typ == t && len(n.processes) > 0 {
				return new(len(n.processes))
			}
			return nil
		}
	}
	return nil
}
