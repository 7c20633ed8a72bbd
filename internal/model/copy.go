package model

import (
	"maps"
	"slices"
	"unsafe"
)

// Copy returns a model in the same state. Facts that are applied to one do not change the other. What is never changed, as events and
// the entries of histories, both share. Copying a copy that nothing was applied to only reads it, so several goroutines may do it.
func (m *Model) Copy() *Model {
	if !m.killsShared { // of a copy it is set
		m.killsShared = true
	}
	to := new(Model)
	*to = *m
	c := &copier{
		to: to, containers: make(map[*container]*container, len(m.containers)), rosters: make(map[*roster]*roster, len(m.within)),
		namespaces: make(map[*namespace]*namespace, len(m.namespaces)), cgroups: make(map[*cgroup]*cgroup, len(m.cgroups)),
	}
	to.engines = slices.Clone(m.engines)
	to.containers = mapped(m.containers, c.container)
	to.unstarted = mapped(m.unstarted, c.container)
	to.live, to.ended, to.madeOrder = each(m.live, c.container), each(m.ended, c.container), each(m.madeOrder, c.container)
	to.labels = mapped(m.labels, func(l *labelled) *labelled {
		return &labelled{live: each(l.live, c.container), ended: each(l.ended, c.container)}
	})
	to.within = mapped(m.within, c.roster)
	to.namespaces = mapped(m.namespaces, c.namespace)
	to.sorted.sorted, to.sorted.added = each(m.sorted.sorted, c.namespace), each(m.sorted.added, c.namespace)
	to.cgroups = mapped(m.cgroups, c.cgroup)
	to.removedAtPath = mapped(m.removedAtPath, func(list []*cgroup) []*cgroup { return each(list, c.cgroup) })
	for i := range m.removed {
		to.freed[i], to.removed[i] = each(m.freed[i], c.namespace), each(m.removed[i], c.cgroup)
	}
	to.sharing, to.listed = sharing{rosters: to.within, round: 1}, nil // the next snapshot makes them again
	to.waiting.facts = mapped(m.waiting.facts, slices.Clone)
	to.waiting.order, to.waiting.arrived = slices.Clone(m.waiting.order), slices.Clone(m.waiting.arrived)
	to.events, to.kills = slices.Clip(m.events), slices.Clip(m.kills)
	to.decisions = mapped(m.decisions, func(d *decision) *decision {
		return &decision{kills: slices.Clip(d.kills), ending: d.ending}
	})
	to.counters = m.counters.copy()
	to.engineRestarts = maps.Clone(m.engineRestarts)
	return to
}

// copier copies what several parts of a model point to, once each.
type copier struct {
	to         *Model
	containers map[*container]*container
	rosters    map[*roster]*roster
	namespaces map[*namespace]*namespace
	cgroups    map[*cgroup]*cgroup
}

func (k *copier) container(c *container) *container {
	return once(k.containers, c, func(to *container) {
		to.room.points = slices.Clone(c.room.points)
		to.history.past = slices.Clip(c.history.past)
		to.timeline = c.timeline.copy(&k.to.clock)
		to.tally = copyTally(&c.tally)
		to.former = slices.Clip(c.former)
		to.entrants = slices.Clone(c.entrants)
		to.within = slices.Clone(c.within)
		for i := range to.within {
			to.within[i].roster = k.roster(to.within[i].roster)
		}
	})
}

func (k *copier) roster(r *roster) *roster {
	return once(k.rosters, r, func(to *roster) {
		to.space, to.round = 0, 0 // of no round of the sharing of the copy
		to.list = slices.Clone(r.list)
		for i := range to.list {
			to.list[i].container = k.container(to.list[i].container)
		}
	})
}

func (k *copier) namespace(n *namespace) *namespace {
	return once(k.namespaces, n, func(to *namespace) {
		to.roster = k.roster(n.roster)
		to.timeline = n.timeline.copy(&k.to.clock)
	})
}

func (k *copier) cgroup(g *cgroup) *cgroup {
	return once(k.cgroups, g, func(to *cgroup) { to.timeline = g.timeline.copy(&k.to.clock) })
}

// copy returns a timeline that shares the entries until one of both changes them.
func (l *timeline) copy(clock *clock) timeline {
	if !l.shared {
		l.shared = true
	}
	to := *l
	to.clock = clock
	to.entries, to.spans = slices.Clip(l.entries), slices.Clone(l.spans)
	if l.joins != nil {
		joins := *l.joins
		joins.namespaces = slices.Clip(joins.namespaces)
		if joins.before != nil {
			joins.before = new(*joins.before)
		}
		to.joins = &joins
	}
	return to
}

func (c *counters) copy() counters {
	to := *c
	to.events, to.lost, to.savings = maps.Clone(c.events), maps.Clone(c.lost), maps.Clone(c.savings)
	to.namespacesCreated, to.namespacesJoined = maps.Clone(c.namespacesCreated), maps.Clone(c.namespacesJoined)
	to.hostKills, to.unknownKills = maps.Clone(c.hostKills), maps.Clone(c.unknownKills)
	to.foldedTally = copyTally(&c.foldedTally)
	to.starts = c.starts.copy()
	return to
}

// once returns the copy of a value; nil is the copy of nil. It makes the copy when it is asked for the first time: fill replaces what
// must not be shared. Values may refer to each other in a circle.
func once[T any](made map[*T]*T, from *T, fill func(to *T)) *T {
	if from == nil {
		return nil
	}
	to, ok := made[from]
	if !ok {
		to = new(*from)
		made[from] = to
		fill(to)
	}
	return to
}

// mapped returns a map with the copies of the values of another; nil of nil.
func mapped[K comparable, V any](from map[K]V, copyOf func(V) V) map[K]V {
	if from == nil {
		return nil
	}
	to := make(map[K]V, len(from))
	for key, value := range from {
		to[key] = copyOf(value)
	}
	return to
}

// each returns a list with the copies of the elements of another; nil of nil.
func each[V any](from []V, copyOf func(V) V) []V {
	to := slices.Clone(from)
	for i := range to {
		to[i] = copyOf(to[i])
	}
	return to
}

// CopySize returns roughly how many bytes of memory a copy of the model takes beside what it shares.
func (m *Model) CopySize() int {
	const (
		base      = 32 << 10
		perMap    = 64 // the entry of a map, and what small allocations lose
		perRoster = 200
	)
	timelines := 0
	count := func(l *timeline) {
		timelines += len(l.spans)*int(unsafe.Sizeof(span{})) + len(l.entries)*int(unsafe.Sizeof(Entry{}))/2
	}
	for _, c := range m.containers {
		count(&c.timeline)
	}
	for _, g := range m.cgroups {
		count(&g.timeline)
	}
	for _, n := range m.namespaces {
		count(&n.timeline)
	}
	freed, removed := len(m.freed[0])+len(m.freed[1]), len(m.removed[0])+len(m.removed[1])
	return base + timelines + len(m.within)*perRoster +
		(len(m.containers)+len(m.unstarted))*(int(unsafe.Sizeof(container{}))+4*perMap) +
		(len(m.namespaces)+freed)*(int(unsafe.Sizeof(namespace{}))+2*perMap) +
		(len(m.cgroups)+removed)*(int(unsafe.Sizeof(cgroup{}))+2*perMap)
}
