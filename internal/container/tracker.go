package container

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// tombstones is how many removed cgroups are remembered, for events that come after the removal.
const tombstones = 4096

// Tracker knows which cgroup belongs to which container and says so on every event. It is for one
// goroutine.
type Tracker struct {
	parser    *Parser
	directory *Directory
	cgroups   map[uint64]*cgroup
	// roots are the containers' own cgroups that exist, by path. A path is the kernel's word; the id
	// in it need not be: whoever is root in a container may make a cgroup below with any name.
	roots map[string]*cgroup
	// removed are the cgroups that are gone and still remembered, oldest first.
	removed []grave
	births  births
}

// cgroup is one cgroup of the tracked hierarchy.
type cgroup struct {
	path string
	ref  *Ref
	// root is the container's own cgroup, which this one is or is below; nil outside containers.
	root *cgroup
	// created is when the cgroup was made, madeNamespaces when the runtime made the container's
	// namespaces in it; zero where that was not seen.
	created, madeNamespaces moment
	removed                 bool

	// Of the root alone: init is the PID of the container's init while its own program runs, known whether
	// there ever was one, found whether reading the host told of it and no event has, and forked when it was
	// made then, if that is known.
	init         int32
	known, found bool
	forked       time.Time
	// joined, of the root alone, are the namespaces that were joined from inside it while it starts.
	joined map[event.NamespaceType]joining
}

// startingFor is how long a runtime's init may exist before it makes way for the container's program.
const startingFor = 10 * time.Second

type grave struct {
	id     uint64
	cgroup *cgroup
}

// NewTracker makes a tracker that takes names from directory.
func NewTracker(directory *Directory) *Tracker {
	return &Tracker{
		parser: NewParser(), directory: directory,
		cgroups: map[uint64]*cgroup{}, roots: map[string]*cgroup{}, births: births{byID: map[uint64]*birth{}},
	}
}

// Place tells of a cgroup that exists; parents come before children. It returns the container that
// the cgroup belongs to, nil for none.
func (t *Tracker) Place(id uint64, path string) *Ref { return t.place(id, path).ref }

func (t *Tracker) place(id uint64, path string) *cgroup {
	if c, ok := t.cgroups[id]; ok && c.path == path && !c.removed {
		return c
	}
	c := &cgroup{path: path}
	if ref, ok := t.parser.Parse(path); ok {
		c.ref = &ref
		if root := ref.innermost().Root; root == path {
			c.root = c
			t.roots[path] = c
		} else if c.root = t.roots[root]; c.root == nil {
			c.root = c // the container's own cgroup was not told of
		}
	}
	t.cgroups[id] = c
	return c
}

// Started tells of a container that was found running, with its init and when that process was made; 0
// and the zero time are unknown.
func (t *Tracker) Started(ref *Ref, init int32, forked time.Time) {
	if root := t.roots[ref.innermost().Root]; root != nil {
		root.init, root.known, root.found, root.forked = init, true, true, forked
	}
}

// Path is the path of a cgroup; "" is unknown.
func (t *Tracker) Path(id uint64) string {
	if c, ok := t.cgroups[id]; ok {
		return c.path
	}
	return ""
}

// Removed reports whether it was told that a cgroup was removed, not long ago.
func (t *Tracker) Removed(id uint64) bool {
	c, ok := t.cgroups[id]
	return ok && c.removed
}

// NeverRan reports whether a cgroup is a container's own, and no program of the container was seen in it since it was made.
func (t *Tracker) NeverRan(id uint64) bool {
	c := t.cgroups[id]
	return c != nil && c.root == c && !c.known && !c.created.isZero()
}

// Describe gives a container as events name it, with what is known of it by now.
func (t *Tracker) Describe(ref *Ref) *event.Container {
	if ref == nil {
		return nil
	}
	c := &event.Container{ID: ref.ID, Runtime: ref.Runtime, Inner: t.Describe(ref.Inner)}
	if ref.Runtime == DemoRuntime {
		c.Name = ref.ID
	}
	if identity, ok := t.directory.Get(ref.ID); ok {
		c.Name, c.Image, c.Runtime = identity.Name, identity.Image, identity.Runtime
	}
	return c
}

func (t *Tracker) container(cgroupID uint64) *event.Container {
	if c, ok := t.cgroups[cgroupID]; ok {
		return t.Describe(c.ref)
	}
	return nil
}

// Attribute fills in every container that an event speaks of. It reports false for an event that
// is none: the exec or the exit of something that has a cgroup and a mount namespace of its own and
// is no container, such as a system service.
func (t *Tracker) Attribute(e *event.Event) bool {
	if e.Cgroup != nil && e.Cgroup.Path == "" { // the kernel could not tell
		e.Cgroup.Path = t.Path(e.Cgroup.ID)
	}
	switch e.Type {
	case event.CgroupCreated:
		c := t.place(e.Cgroup.ID, e.Cgroup.Path)
		c.created = momentOf(e)
		e.Cgroup.Container = t.Describe(c.ref)
	case event.CgroupRemoved:
		c := t.cgroups[e.Cgroup.ID]
		if c == nil || c.path != e.Cgroup.Path {
			c = t.place(e.Cgroup.ID, e.Cgroup.Path)
		}
		e.Cgroup.Container = t.Describe(c.ref)
		t.bury(e.Cgroup.ID, c)
	}
	e.Container = t.container(e.CgroupID)
	switch {
	case e.Namespace == nil:
	case e.Type == event.NamespaceCreated:
		if c := t.cgroups[e.CgroupID]; c != nil && c.madeNamespaces.isZero() {
			c.madeNamespaces = momentOf(e)
		}
		t.births.add(e)
	case e.Type == event.NamespaceJoined:
		t.joined(e)
	}
	switch e.Type {
	case event.ContainerStarted:
		return t.started(e)
	case event.ContainerExited:
		return t.exited(e)
	case event.OOMKill:
		t.killed(e)
	}
	return true
}

// started recognises a container's start. It happens in the container's own cgroup or, where the
// runtime made one below it (crun does), there; what starts while the container runs is a service
// inside.
func (t *Tracker) started(e *event.Event) bool {
	c := t.cgroups[e.CgroupID]
	if c == nil || c.root == nil {
		return false
	}
	root := c.root
	// A container that starts after the probes were attached may be found by reading the host before its
	// events are read. Where its cgroup is older than the probes, they report every exec of that time, so
	// that of a shell whose container has long been running as well, when it makes way for another program.
	if root.found {
		isIt := root.init == e.PID || root.init == 0
		isNew := !root.created.isZero() || e.Time.Sub(root.forked) < startingFor
		if !isIt || !isNew {
			return false
		}
	} else if root.init != 0 {
		return false
	}
	root.init, root.known, root.found = e.PID, true, false
	e.Start.Phases = t.phases(c, e)
	return true
}

func (t *Tracker) exited(e *event.Event) bool {
	c := t.cgroups[e.CgroupID]
	if c == nil || c.root == nil {
		return false
	}
	root := c.root
	// It may have been older than the probes and gone before the host was read.
	neverFound := !root.known && root.created.isZero()
	if root.init != e.PID && !neverFound {
		return false
	}
	root.init, root.known, root.found = 0, true, false
	for _, sender := range e.Exit.Senders() {
		sender.Container = t.container(sender.CgroupID)
	}
	return true
}

// killed completes an OOM kill. The probes call the first program of a service an init, too, inside
// a container and outside; whose init it is shows here.
func (t *Tracker) killed(e *event.Event) {
	oom := e.OOM
	oom.Victim.Container, oom.Victim.Cgroup = e.Container, t.Path(e.CgroupID)
	oom.Cgroup = t.Path(oom.CgroupID)
	if oom.Trigger != nil {
		oom.Trigger.Container = t.container(oom.Trigger.CgroupID)
	}
	c := t.cgroups[e.CgroupID]
	switch {
	case c == nil || c.root == nil:
		oom.Victim.Init = false
	case c.root.init != 0:
		oom.Victim.Init = c.root.init == oom.Victim.PID
	}
}

// bury forgets a removed cgroup, but not at once.
func (t *Tracker) bury(id uint64, c *cgroup) {
	if c.removed {
		return
	}
	c.removed = true
	if t.roots[c.path] == c {
		delete(t.roots, c.path)
	}
	t.removed = append(t.removed, grave{id, c})
	if len(t.removed) > tombstones {
		oldest := t.removed[0]
		if t.cgroups[oldest.id] == oldest.cgroup { // the id may have been given to another one
			delete(t.cgroups, oldest.id)
		}
		t.removed[0] = grave{}
		t.removed = t.removed[1:]
	}
}
