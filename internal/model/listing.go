package model

import (
	"cmp"
	"slices"
	"strings"
	"time"
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

// list builds the containers of a snapshot, with at most listed of those that have ended.
func (m *Model) list(listed int) []Container {
	m.pruneLive()
	live := m.live
	// Few change their place from one snapshot to the next, which makes sorting quick.
	slices.SortFunc(live, inOrder)
	m.share(live)
	inside := m.countInside(live)

	ended := m.ended[max(len(m.ended)-listed, 0):]
	list := make([]Container, len(live)+len(ended))
	names := successors{m: m}
	for i, c := range live {
		m.present(c, &list[i])
		list[i].Inside = inside[c.id]
		list[i].Namespaces = m.sharing.memberships[i]
		if !c.inForeign {
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
		Restarts: m.restarts(c),
		Memory: Memory{
			UsageBytes: c.reading.UsageBytes, LimitBytes: c.reading.LimitBytes, Unlimited: c.reading.Unlimited,
			History: c.history.series(m.nowAt),
		},
		Processes: c.reading.Processes,
		OOMKills:  c.allKills(), OOMKillsAtLeast: c.oomKills, OOMKillsUnobserved: c.unobservedKills(), LatestKill: c.latestKill,
		PIDsRefused: c.refused, Unheld: c.unheld, SharedCgroup: c.sharedCgroup, Stuck: c.stuck, StuckKnown: c.stuckKnown,
		Paused: c.paused, PausedKnown: c.pausedKnown,
		Limits: c.limits.known, History: c.timeline.share(),
	}
	if c.paused != nil {
		to.State = Paused
	}
}
