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

// maxCreations is how many namespaces are remembered for the starts of the containers that they are for.
const maxCreations = 4096

// instant is when an event happened: by the wall clock, which somebody may set, and by the kernel's clock,
// where that is known.
type instant struct {
	wall   time.Time
	bootNS uint64
}

func instantOf(e *event.Event) instant { return instant{e.Time, e.BootNS} }

func (i instant) isZero() bool { return i.wall.IsZero() }

// since is the time from earlier to i.
func (i instant) since(earlier instant) time.Duration {
	if i.bootNS != 0 && earlier.bootNS != 0 {
		return time.Duration(i.bootNS - earlier.bootNS)
	}
	return i.wall.Sub(earlier.wall)
}

// creation is the creation of a namespace.
type creation struct {
	id     uint64
	at     instant
	tookMS *float64
	parent uint64 // as in event.Namespace
	// comm and pid are those of the process that made it.
	comm string
	pid  int32
	uid  *uint32
	// joined are the first and the last time that a process of no starting container joined the namespace.
	joined [2]instant
	// claimed is whether a container that is in it has started: those that start later have joined it.
	claimed bool
}

// creations holds the latest creations of namespaces, by number.
type creations struct {
	byID map[uint64]*creation
	// order is oldest first.
	order []*creation
}

func (c *creations) add(e *event.Event) {
	n := e.Namespace
	if n.Via == event.ViaReconcile { // only found, nobody knows how old it is
		return
	}
	latest := &creation{id: n.ID, at: instantOf(e), tookMS: n.TookMS, parent: n.Parent, comm: e.Comm, pid: e.PID, uid: e.UID}
	c.byID[n.ID] = latest
	c.order = append(c.order, latest)
	if len(c.order) > maxCreations {
		oldest := c.order[0]
		if c.byID[oldest.id] == oldest { // the number may have been given to another one
			delete(c.byID, oldest.id)
		}
		c.order[0] = nil
		c.order = c.order[1:]
	}
}

// joining is the joining of a namespace.
type joining struct {
	id     uint64
	at     instant
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
		c.root.joined[n.Type] = joining{n.ID, instantOf(e), n.TookMS}
		return
	}
	if c := t.creations.byID[n.ID]; c != nil && !c.claimed && n.Type == event.Net {
		if c.joined[0].isZero() {
			c.joined[0] = instantOf(e)
		}
		c.joined[1] = instantOf(e)
	}
}

// phases returns the steps of the start that e reports, in order: what the probes have reported about the cgroup c, the
// namespaces of the program, and the time of the engine's create.
func (t *Tracker) phases(c *cgroup, e *event.Event) []event.Phase {
	start := instantOf(e)
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
	add := func(name string, at instant, tookMS *float64) {
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
		made := t.creations.byID[id]
		isOwn := made != nil && !made.claimed && made.at.since(c.created) > -beforeCgroup &&
			(!joined || made.at.since(c.created) >= 0)
		switch {
		case isOwn:
			made.claimed = true
			add(event.PhaseNamespace+typ.String(), made.at, made.tookMS)
			if !made.joined[0].isZero() {
				add(event.PhaseNetwork, made.joined[0], nil)
			}
			if made.joined[1] != made.joined[0] {
				add(event.PhaseNetworkLast, made.joined[1], nil)
			}
		case joined:
			add(event.PhaseJoined+typ.String(), join.at, join.tookMS)
		}
	}
	c.root.joined = nil
	// The engine's clock is the wall clock.
	if created := t.directory.takeCreated(c.ref.ID); !created.IsZero() {
		add(event.PhaseCreate, instant{wall: created}, nil)
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

// rank orders phases of the same time.
func rank(name string) int {
	switch name {
	case event.PhaseCgroup:
		return -1
	case event.PhaseExec:
		return 1
	}
	return 0
}
