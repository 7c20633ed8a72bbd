package container

import (
	"cmp"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// beforeCgroup is how long before the making of its cgroup something may have happened to be a part of a
// start. What is older was prepared for it, or has nothing to do with it.
const beforeCgroup = 10 * time.Second

// rememberedBirths is how many namespaces are remembered for the starts of the containers that they are for.
const rememberedBirths = 4096

// moment is when an event happened: by the wall clock, which somebody may set, and by the kernel's clock,
// where that is known.
type moment struct {
	wall   time.Time
	bootNS uint64
}

func momentOf(e *event.Event) moment { return moment{e.Time, e.BootNS} }

func (m moment) isZero() bool { return m.wall.IsZero() }

// since is the time from earlier to m.
func (m moment) since(earlier moment) time.Duration {
	if m.bootNS != 0 && earlier.bootNS != 0 {
		return time.Duration(m.bootNS - earlier.bootNS)
	}
	return m.wall.Sub(earlier.wall)
}

// birth is the making of a namespace.
type birth struct {
	id     uint64
	at     moment
	tookMS *float64
	// visited are the first and the last time that a process of no starting container came in.
	visited [2]moment
	// claimed is whether a container that is in it has started: those that start later have joined it.
	claimed bool
}

// births remembers the latest births of namespaces, by number.
type births struct {
	byID map[uint64]*birth
	// order is oldest first.
	order []*birth
}

func (b *births) add(e *event.Event) {
	n := e.Namespace
	if n.Via == event.ViaReconcile { // only found, nobody knows how old it is
		return
	}
	born := &birth{id: n.ID, at: momentOf(e), tookMS: n.TookMS}
	b.byID[n.ID] = born
	b.order = append(b.order, born)
	if len(b.order) > rememberedBirths {
		oldest := b.order[0]
		if b.byID[oldest.id] == oldest { // the number may have been given to another one
			delete(b.byID, oldest.id)
		}
		b.order[0] = nil
		b.order = b.order[1:]
	}
}

// joining is the joining of a namespace.
type joining struct {
	id     uint64
	at     moment
	tookMS *float64
}

// joined takes note of who joined a namespace: a container's runtime for the container that starts, or, as an
// engine does to set up a network, somebody of the host.
func (t *Tracker) joined(e *event.Event) {
	n := e.Namespace
	if c := t.cgroups[e.CgroupID]; c != nil && c.root != nil && c.root.init == 0 {
		if c.root.joined == nil {
			c.root.joined = map[event.NamespaceType]joining{}
		}
		c.root.joined[n.Type] = joining{n.ID, momentOf(e), n.TookMS}
		return
	}
	if b := t.births.byID[n.ID]; b != nil && !b.claimed && n.Type == event.Net {
		if b.visited[0].isZero() {
			b.visited[0] = momentOf(e)
		}
		b.visited[1] = momentOf(e)
	}
}

// phases are the steps of the start that e tells of, in order: what the probes have told of the cgroup c, the
// namespaces that the program is in, and when the engine was told to make the container.
func (t *Tracker) phases(c *cgroup, e *event.Event) []event.Phase {
	start := momentOf(e)
	if c.created.isZero() || start.since(c.created) < 0 {
		return nil
	}
	exec := ms(start.since(c.created))
	if e.Start.DurationMS != nil {
		exec = *e.Start.DurationMS // the kernel's own word: nobody has set that clock
	}
	phases := slices.Clone(e.Start.Phases)
	if len(phases) == 0 {
		phases = []event.Phase{{Name: event.PhaseCgroup}, {Name: event.PhaseExec, AtMS: exec}}
	}
	add := func(name string, at moment, tookMS *float64) {
		phases = append(phases, event.Phase{Name: name, AtMS: ms(at.since(c.created)), TookMS: tookMS})
	}
	if !c.madeNamespaces.isZero() && c.madeNamespaces.since(c.created) >= 0 {
		add(event.PhaseNamespaces, c.madeNamespaces, nil)
	}
	for typ, id := range e.Start.Namespaces {
		if id == 0 {
			continue
		}
		typ := event.NamespaceType(typ)
		join, joined := c.root.joined[typ]
		joined = joined && join.id == id
		b := t.births.byID[id]
		isOwn := b != nil && !b.claimed && b.at.since(c.created) > -beforeCgroup &&
			(!joined || b.at.since(c.created) >= 0)
		switch {
		case isOwn:
			b.claimed = true
			add(event.PhaseNamespace+typ.String(), b.at, b.tookMS)
			if !b.visited[0].isZero() {
				add(event.PhaseNetwork, b.visited[0], nil)
			}
			if b.visited[1] != b.visited[0] {
				add(event.PhaseNetworkLast, b.visited[1], nil)
			}
		case joined:
			add(event.PhaseJoined+typ.String(), join.at, join.tookMS)
		}
	}
	c.root.joined = nil
	// The engine's clock is the wall clock.
	if created := t.directory.takeCreated(c.ref.innermost().ID); !created.IsZero() {
		add(event.PhaseCreate, moment{wall: created}, nil)
	}
	phases = slices.DeleteFunc(phases, func(p event.Phase) bool {
		return p.AtMS < -ms(beforeCgroup) || p.AtMS > exec
	})
	slices.SortStableFunc(phases, func(a, b event.Phase) int {
		return cmp.Or(cmp.Compare(a.AtMS, b.AtMS), cmp.Compare(rank(a.Name), rank(b.Name)))
	})
	return phases
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// rank orders phases of the same moment.
func rank(name string) int {
	switch name {
	case event.PhaseCgroup:
		return -1
	case event.PhaseExec:
		return 1
	}
	return 0
}
