package container

import (
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// Tracker holds which cgroup belongs to which container and puts that into every event. It is for one goroutine.
//
// A cgroup and its container become known by one path, whichever runtime made them. An event reports the cgroup's creation, or reading
// the host does ([Tracker.Place]). If neither has when something refers to its id, lookup asks the Resolver and places what that finds,
// the containers' own cgroups above it included. That is a Discovery. Whoever uses the tracker takes it by [Tracker.Discovered] and has the
// host read again: then [Tracker.Compare] returns what nothing referred to, and [Tracker.FoundRunning] or [Tracker.FoundOutside] records the
// init of a container that was discovered. An id for which nothing is found is unknown, which is not the host.
type Tracker struct {
	parser    *Parser
	directory *Directory
	resolve   Resolver // may be nil
	cgroups   map[uint64]*cgroup
	// paths are the cgroups that exist, by path.
	paths map[string]*cgroup
	// roots are the containers' own cgroups that exist, by path. A path is the kernel's word; the id
	// in it need not be: whoever is root in a container may make a cgroup below with any name.
	roots map[string]*cgroup
	// ids has the root that an id was given to first.
	ids map[string]*cgroup
	// named has the runtime whose container had an id of the user's choice first.
	named map[string]string
	// removed are the cgroups that are gone and still remembered, oldest first.
	removed []*cgroup
	// creations are those of namespaces.
	creations creations
	// outside are the containers' own cgroups by the PID of those inits that are in none of their container's.
	outside map[int32]*cgroup
	// cgroupless are the containers that run without a cgroup of their own.
	cgroupless map[cgrouplessID]*cgroup
	// joiners are the latest processes that joined namespaces.
	joiners joiners
	// unresolved are the ids that the resolver found nothing for. The kernel gives no id out again.
	unresolved map[uint64]struct{}
	// discovered are the cgroups that were found, or found to be removed, since Discovered was called.
	discovered []Discovery
	// unmatchedExits are the latest ends of processes in containers' cgroups that were no known init, by PID: reading the host
	// may be about to report one.
	unmatchedExits map[int32]unmatchedExit
	// host are the host's own namespaces; zero is unknown.
	host event.NamespaceIDs
	// holders are the containers' own cgroups by the PID and user namespaces that their programs run in.
	holders map[uint64]*cgroup
	// sandboxes are what has no cgroup of its own and was recognised by its namespaces.
	sandboxes sandboxes
	// generation grows by one with each BeginComparison.
	generation uint64
	limit      int // of cgroups
}

// NewTracker makes a tracker that takes names from directory and has unknown cgroups looked up by resolve, which may
// be nil.
func NewTracker(directory *Directory, resolve Resolver) *Tracker {
	return &Tracker{
		parser: NewParser(), directory: directory, resolve: resolve, limit: maxCgroups,
		cgroups: map[uint64]*cgroup{}, paths: map[string]*cgroup{}, roots: map[string]*cgroup{}, ids: map[string]*cgroup{}, named: map[string]string{}, creations: creations{byID: map[uint64]*creation{}},
		unresolved:     map[uint64]struct{}{},
		outside:        map[int32]*cgroup{},
		holders:        map[uint64]*cgroup{},
		cgroupless:     map[cgrouplessID]*cgroup{},
		joiners:        joiners{byPID: map[int32]joiner{}},
		unmatchedExits: map[int32]unmatchedExit{},
	}
}

// Describe gives a container as events name it, with what is known of it by now.
func (t *Tracker) Describe(ref *Ref) *event.Container {
	if ref == nil {
		return nil
	}
	if root := t.rootOf(ref); root != nil {
		ref = root.ref // which has the id that it was given
	}
	c := &event.Container{ID: ref.ID, Name: ref.Name, Runtime: ref.Runtime, Parent: t.Describe(ref.Parent)}
	if ref.Pod != "" {
		c.Group = &event.Group{Kind: event.GroupPod, Name: event.ShortID(ref.Pod)}
	}
	identity, ok := t.directory.Get(ref.ID)
	if !ok || !identity.mayName(ref) || ref.Name != "" && !identity.isOf(ref) {
		return c
	}
	c.Name, c.Image, c.Runtime, c.Labels = identity.Name, identity.Image, identity.Runtime, identity.Labels
	if identity.Kind != "" {
		c.Kind = identity.Kind
	}
	if identity.Group != nil {
		c.Group = identity.Group
	}
	return c
}

// DescribePath gives the container that a cgroup belongs to, by the cgroup's path; nil is none.
func (t *Tracker) DescribePath(path string) *event.Container { return t.Describe(t.refOf(path)) }

// container returns the container that a cgroup belongs to, nil for none; unknown is set where nothing is known of
// the cgroup.
func (t *Tracker) container(cgroupID uint64) (c *event.Container, unknown bool) {
	if c := t.lookup(cgroupID); c != nil {
		return t.Describe(c.ref), false
	}
	return nil, true
}

// locate fills in where a process is.
func (t *Tracker) locate(p *event.Process) {
	if p != nil {
		p.Container, p.ContainerUnknown = t.container(p.CgroupID)
		if root := t.outside[p.PID]; root != nil && p.Container == nil {
			p.Container, p.ContainerUnknown = t.Describe(root.ref), false
		}
	}
}

// Attribute fills in every container that an event speaks of. It returns false for the
// exec or the exit of something that has a cgroup and a mount namespace of its own and is no container, such as a system service.
func (t *Tracker) Attribute(e *event.Event) bool {
	if e.Type == event.ContainerStarted || e.Type == event.OOMKill && e.OOM.Victim.Starting {
		t.confirmByStart(e.CgroupID)
	}
	if e.Cgroup != nil && e.Cgroup.Path == "" { // longer than an event can be
		e.Cgroup.Path = t.pathOf(e.Cgroup.ID)
	}
	switch e.Type {
	case event.CgroupCreated:
		c := t.place(e.Cgroup.ID, e.Cgroup.Path)
		if e.Cgroup.Via != event.ViaReconcile {
			c.created = instantOf(e)
			if e.UID != nil && *e.UID == 0 { // any other process may call itself so, where it may make cgroups
				c.maker = runtime.Makes(e.Comm)
			}
		}
		e.Cgroup.Container = t.Describe(c.ref)
	case event.CgroupRemoved:
		c := t.cgroups[e.Cgroup.ID]
		if now := t.roots[e.Cgroup.Path]; now != nil && now != c {
			return false // it was found to be removed when that took its path
		}
		if c == nil || c.path != e.Cgroup.Path {
			c = t.place(e.Cgroup.ID, e.Cgroup.Path)
		}
		e.Cgroup.Container = t.Describe(c.ref)
		t.expire(c)
		t.sandboxes.removed(e.Cgroup.Path)
	}
	if e.PID != 0 || e.CgroupID != 0 {
		e.Container, e.ContainerUnknown = t.container(e.CgroupID)
	}
	if e.Lost != nil {
		e.Lost.Cgroup = t.path(e.CgroupID)
	}
	switch {
	case e.Namespace == nil:
	case e.Type == event.NamespaceCreated:
		if e.Namespace.Via != event.ViaReconcile { // then the number may have been another one's before
			t.directory.Forget(IsolatedID(e.Namespace.Type, e.Namespace.ID))
		}
		if c := t.cgroups[e.CgroupID]; c != nil && c.madeNamespaces.isZero() {
			c.madeNamespaces = instantOf(e)
		}
		t.creations.add(e)
	case e.Type == event.NamespaceJoined:
		t.joined(e)
		t.joiners.add(e)
	}
	switch e.Type {
	case event.ContainerStarted:
		return t.started(e)
	case event.ContainerEntered:
		t.entered(e)
	case event.InitMoved:
		return t.initMoved(e)
	case event.ContainerExited:
		return t.exited(e)
	case event.OOMKill:
		t.killed(e)
	case event.NamespaceFreed:
		delete(t.creations.byID, e.Namespace.ID) // the creation of the next one with this number may not be reported
		delete(t.holders, e.Namespace.ID)        // nor may the end of the container that was in it
		t.sandboxes.freed(e.Namespace.ID)
	}
	return true
}

// killed completes an OOM kill. The probes call the first program of a service an init, too, inside
// a container and outside; whose init it is shows here. So it does whether it is the container that is starting, or
// only a cgroup inside that is new.
func (t *Tracker) killed(e *event.Event) {
	oom := e.OOM
	outside := t.outside[oom.Victim.PID]
	if outside != nil {
		e.Container, e.ContainerUnknown = t.Describe(outside.ref), false
	}
	if e.Container == nil {
		if c := t.isolated(suspect{namespaces: oom.Victim.Namespaces, cgroup: t.path(e.CgroupID), uid: oom.Victim.UID}); c != nil {
			e.Container = new(t.Named(*c))
		}
		e.ContainerUnknown = e.ContainerUnknown && e.Container == nil
	}
	oom.Victim.Container, oom.Victim.ContainerUnknown, oom.Victim.Cgroup = e.Container, e.ContainerUnknown, t.path(e.CgroupID)
	oom.Cgroup = t.path(oom.CgroupID)
	t.locate(oom.Trigger)
	if oom.Trigger != nil && oom.Trigger.PID == oom.Victim.PID {
		oom.Trigger.Container, oom.Trigger.ContainerUnknown = e.Container, e.ContainerUnknown
	}
	c := t.cgroups[e.CgroupID]
	if c == nil || c.root == nil {
		oom.Victim.Init, oom.Victim.Starting = outside != nil, false
		return
	}
	switch {
	case outside != nil:
		oom.Victim.Init = true
	case c.root.init != 0:
		oom.Victim.Init = c.root.init == oom.Victim.PID
	}
	oom.Victim.Starting = oom.Victim.Starting && !c.root.hadInit
}
