package model

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// applyPresent ends what does not exist any more, since its end is among the missing facts, and sets the limits of the
// existing cgroups.
func (m *Model) applyPresent(at time.Time, p *fact.Present) {
	m.listed = nil
	live := map[string]fact.PresentContainer{}
	for _, c := range p.Containers {
		live[c.ID] = c
	}
	m.presentUnstarted(at, p.Unstarted)
	if p.Engines != nil {
		m.engines = slices.DeleteFunc(m.engines, func(e fact.Engine) bool { return !slices.Contains(p.Engines, e.Address) })
	}
	// The order must not depend on maps.
	for _, id := range slices.Sorted(maps.Keys(m.containers)) {
		c := m.containers[id]
		now, isThere := live[id]
		isAgain := c.initPID != 0 && !c.isIsolated() && (now.InitPID != c.initPID || !now.Started.Equal(c.started))
		if c.live() && (!isThere || isAgain) {
			m.end(c, at, nil)
		}
	}
	namespaces := map[uint64]bool{}
	for _, id := range p.Namespaces {
		namespaces[id] = true
	}
	for _, id := range slices.Sorted(maps.Keys(m.namespaces)) {
		if !namespaces[id] {
			m.expireNamespace(m.namespaces[id], at, event.ViaReconcile)
			m.removeNamespace(id)
		}
	}
	cgroups := map[string]bool{}
	for i := range p.Cgroups {
		cgroups[p.Cgroups[i].Path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(m.cgroups)) {
		if !cgroups[path] {
			m.expireCgroup(m.cgroups[path], at, nil)
		}
	}
	for i := range p.Cgroups {
		f := &p.Cgroups[i]
		g, isNew := m.cgroups[f.Path], false
		if g == nil {
			g, isNew = m.cgroupAt(f.Path), true
		}
		if g == nil {
			continue
		}
		if isNew {
			g.container, g.limits = f.Container, limits{}
			g.append(Entry{Time: at, Kind: EntryFound})
		}
		first, changed := g.limits.update(at, f.Limits)
		if first != nil {
			g.append(Entry{Time: at, Kind: EntryLimits, Limits: first})
		}
		g.timeline.appendLimitChange(Entry{Time: at, Kind: EntryLimitsChanged, Limits: changed}, cgroupExtent)
		if f.Limits != nil {
			g.limits.known = *f.Limits // what is unknown of it, too
		}
	}
}

// presentUnstarted sets which containers have never started. One that is not listed has started meanwhile or, if it is
// old enough, was forgotten.
func (m *Model) presentUnstarted(at time.Time, list []fact.PresentUnstarted) {
	if list == nil {
		return
	}
	listed := map[string]bool{}
	for i := range list {
		listed[list[i].Container.ID] = true
	}
	for id, c := range m.unstarted {
		if !listed[id] && (c.overAt == never || m.clock.at(at).sub(c.overAt) <= DefaultLimits().Retention) {
			delete(m.unstarted, id)
		}
	}
	for i := range list {
		identity := &list[i].Container
		c := m.unstarted[identity.ID]
		switch known := m.containers[identity.ID]; {
		case c != nil:
		case known == nil:
			c = m.newContainer(identity.ID)
			m.keepUnstarted(c)
		case known.state == Starting && !known.everRan():
			c = m.unstart(known)
			m.keepUnstarted(c)
		default:
			continue // it has run, which the other model has forgotten
		}
		m.identify(c, identity)
		c.neverStarted = list[i].Is
		if over := c.neverStarted.Over(); !over.IsZero() {
			c.overAt = m.clock.at(over)
		}
	}
}

// foundAgain updates a running container after facts were lost.
func (m *Model) foundAgain(c *container, at time.Time, f *fact.Found) {
	c.cgroup = f.CgroupPath
	if f.OOMKills != nil {
		switch kills := *f.OOMKills; {
		case !c.killsKnown:
			c.oomKills, c.countedUntil = max(c.oomKills, kills), m.clock.at(at)
		case kills > c.oomKills:
			c.missedKills(at, kills-c.oomKills)
			c.countedUntil = m.clock.at(at)
			m.recount()
		}
		c.killsKnown = true
	}
	m.takeResync(c, at, f)
	m.listed = nil
}

// takeResync takes over what does not depend on whether the container was known.
func (m *Model) takeResync(c *container, at time.Time, f *fact.Found) {
	r := f.Resync
	if r == nil {
		return
	}
	c.unheld, c.sharedCgroup, c.madeFor = f.Unheld, f.SharedCgroup, f.MadeFor
	m.noteForeign(c)
	c.starts = max(c.starts, r.Starts)
	c.killedBefore = c.killedBefore || r.Killed
	if r.EngineRestarts != nil {
		m.setEngineRestarts(c.id, r.EngineRestarts)
	}
	c.formerNames = r.FormerNames
	c.countable, c.groupDecisions, c.engineReport, c.inside = r.Countable, r.GroupDecisions, r.EngineReport, r.KillsInside
	if c.stuckRecorded && r.Stuck == nil {
		c.readStuck(at, new(""))
	}
	c.stuck = r.Stuck
	if r.PausedKnown {
		by := fact.Paused{Since: at}
		if r.Paused != nil {
			by = *r.Paused
		}
		c.setFrozen(at, r.Paused != nil, by)
	}
	c.paused, c.pausedKnown = r.Paused, r.PausedKnown
}

// Resync returns facts that bring a model that missed some to the state of this one: what exists, in which state, and what
// does not exist any more. They do not say what happened meanwhile. The caller sets their time to the present.
func (m *Model) Resync() []fact.Fact {
	present := &fact.Present{Containers: []fact.PresentContainer{}, Namespaces: []uint64{}, Cgroups: []fact.FoundCgroup{}, Unstarted: []fact.PresentUnstarted{}, Engines: []string{}}
	list := []fact.Fact{{Host: new(m.host)}, {Probes: m.probes}}
	for _, e := range m.engines {
		list = append(list, fact.Fact{Engine: &e})
		present.Engines = append(present.Engines, e.Address)
	}
	if m.own != nil {
		list = append(list, fact.Fact{OwnMemory: m.own})
	}
	if m.counters.bpfErrors != nil {
		list = append(list, fact.Fact{BPFErrors: m.counters.bpfErrors})
	}
	list = append(list, fact.Fact{Present: present})
	for _, path := range slices.Sorted(maps.Keys(m.cgroups)) {
		g := m.cgroups[path]
		present.Cgroups = append(present.Cgroups, fact.FoundCgroup{Path: path, Container: g.container, Limits: new(g.limits.current())})
	}
	for _, c := range slices.SortedFunc(maps.Values(m.unstarted), func(a, b *container) int { return cmp.Compare(a.ordinal, b.ordinal) }) {
		present.Unstarted = append(present.Unstarted, fact.PresentUnstarted{Container: c.described(), Is: c.neverStarted})
	}
	m.pruneLive()
	for _, c := range slices.SortedFunc(slices.Values(m.live), inOrder) {
		present.Containers = append(present.Containers, fact.PresentContainer{ID: c.id, InitPID: c.initPID, Started: c.started})
		list = append(list, fact.Fact{Found: &fact.Found{
			Container: c.described(), CgroupPath: c.cgroup, InitPID: c.initPID, InitComm: c.initComm, Started: c.started,
			Namespaces: c.namespaces, MadeFor: c.madeFor, OOMKills: c.allKills(), Unheld: c.unheld, SharedCgroup: c.sharedCgroup,
			Starting: c.state == Starting, Unnamed: c.unnamed,
			Resync: &fact.FoundAgain{
				Stuck: c.stuck, Paused: c.paused, PausedKnown: c.pausedKnown, FormerNames: c.formerNames,
				EngineReport: c.engineReport, Countable: c.countable, GroupDecisions: c.groupDecisions, Starts: c.starts,
				KillsInside: c.inside, EngineRestarts: m.engineRestarts[c.id],
				Killed: c.isIsolated() && !c.quiet(),
			},
		}})
	}
	survey := &fact.Survey{Namespaces: []fact.Namespace{}, VMs: m.vms, Unseen: m.unseen, LeftOut: m.unlisted, Resync: true, Of: m.surveyed}
	for _, n := range m.sorted.list() {
		present.Namespaces = append(present.Namespaces, n.id)
		survey.Namespaces = append(survey.Namespaces, fact.Namespace{
			Type: n.typ, ID: n.id, Owner: n.owner, Parent: n.parent, Processes: n.processes, PinnedBy: n.pinnedBy,
			MadeFor: n.madeFor, MadeInside: n.madeInside, Contained: n.contained,
		})
	}
	list = append(list, fact.Fact{Namespaces: survey})
	for i := range list {
		list[i].Time = m.now
	}
	return list
}
