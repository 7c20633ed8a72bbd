package container

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// The bounds of a tracker.
const (
	// tombstones is how many removed cgroups are remembered, for events that come after the removal.
	tombstones = 4096
	// mostCgroups is how many cgroups are kept. Those beyond that are looked up each time.
	mostCgroups = 65536
	// mostUnresolved is how many ids are kept of which nothing could be found.
	mostUnresolved = 4096
)

// Cgroup is a cgroup of the tracked hierarchy, by the kernel's id and path.
type Cgroup struct {
	ID   uint64
	Path string
}

// Resolver looks up a cgroup that no event and no reading of the host has reported. It returns the cgroup and, before
// it, those above it that are of the same container; nothing where the cgroup is gone or cannot be looked up.
type Resolver func(id uint64) []Cgroup

// Tracker knows which cgroup belongs to which container and says so on every event. It is for one
// goroutine.
type Tracker struct {
	parser    *Parser
	directory *Directory
	resolve   Resolver // may be nil
	cgroups   map[uint64]*cgroup
	// roots are the containers' own cgroups that exist, by path. A path is the kernel's word; the id
	// in it need not be: whoever is root in a container may make a cgroup below with any name.
	roots map[string]*cgroup
	// removed are the cgroups that are gone and still remembered, oldest first.
	removed []grave
	births  births
	// outside are the containers' own cgroups by the PID of those inits that are in none of their container's.
	outside map[int32]*cgroup
	// unresolved are the ids that the resolver found nothing for. The kernel gives no id out again.
	unresolved map[uint64]struct{}
	// discovered are the cgroups that were found, or found to be removed, since Discovered was called.
	discovered []Discovery
	// unclaimed are the latest ends of processes that were no known init in a container's cgroup, by PID: reading the host
	// may be about to report one.
	unclaimed map[int32]unclaimed
	// generation grows by one with each Mark.
	generation uint64
	limit      int // of cgroups
}

// Discovery is a cgroup that was not reported and that something else spoke of, or one that was removed without a report.
type Discovery struct {
	Cgroup

	Container *Ref // nil is none
	Removed   bool // another cgroup has its path
}

// cgroup is one cgroup of the tracked hierarchy.
type cgroup struct {
	id   uint64
	path string
	ref  *Ref
	// root is the container's own cgroup, which this one is or is below; nil outside containers.
	root *cgroup
	// created is when the cgroup was made, madeNamespaces when the runtime made the container's
	// namespaces in it; zero where that was not seen.
	created, madeNamespaces moment
	removed                 bool
	generation              uint64 // in which it was placed

	// Of the root alone: init is the PID of the container's init while its own program runs, known whether
	// there ever was one, found whether reading the host reported it and no event has. ran is whether its program
	// ran before execs were hooked, so that no exec is its start.
	init              int32
	known, found, ran bool
	// started is when the init was made, where it was found, or when its program started; zero is unknown.
	started moment
	// ended is the PID of the init whose end an event has reported, until another one starts, and endedNS when that was,
	// since boot; 0 is none.
	ended   int32
	endedNS uint64
	// joined, of the root alone, are the namespaces that were joined from inside it while it starts.
	joined map[event.NamespaceType]joining
}

// startingFor is how long a runtime's init may exist before it makes way for the container's program.
const startingFor = 10 * time.Second

type grave struct {
	id     uint64
	cgroup *cgroup
}

// NewTracker makes a tracker that takes names from directory and has unknown cgroups looked up by resolve, which may
// be nil.
func NewTracker(directory *Directory, resolve Resolver) *Tracker {
	return &Tracker{
		parser: NewParser(), directory: directory, resolve: resolve, limit: mostCgroups,
		cgroups: map[uint64]*cgroup{}, roots: map[string]*cgroup{}, births: births{byID: map[uint64]*birth{}},
		unresolved: map[uint64]struct{}{},
		outside:    map[int32]*cgroup{},
		unclaimed:  map[int32]unclaimed{},
	}
}

// Place tells of a cgroup that exists; parents come before children. It returns the container that
// the cgroup belongs to, nil for none.
func (t *Tracker) Place(id uint64, path string) *Ref { return t.place(id, path).ref }

func (t *Tracker) place(id uint64, path string) *cgroup {
	if c, ok := t.cgroups[id]; ok && c.path == path && !c.removed {
		return c
	}
	t.makeRoom()
	c := &cgroup{id: id, path: path, generation: t.generation}
	if ref, ok := t.parser.Parse(path); ok {
		c.ref = &ref
		if root := ref.innermost().Root; root == path {
			if before := t.roots[path]; before != nil { // two cannot have a path at the same time
				t.discovered = append(t.discovered, Discovery{Cgroup{before.id, path}, before.ref, true})
				t.bury(before.id, before)
			}
			c.root = c
			t.roots[path] = c
		} else if c.root = t.roots[root]; c.root == nil {
			c.root = c // the container's own cgroup was not told of
		}
	}
	t.cgroups[id] = c
	delete(t.unresolved, id)
	return c
}

// makeRoom forgets a cgroup where there are as many as may be kept: a removed one, else one of no container, else
// any but a container's own. A cgroup that is forgotten is looked up when something speaks of it.
func (t *Tracker) makeRoom() {
	if len(t.cgroups) < t.limit {
		return
	}
	if len(t.removed) > 0 {
		t.forgetOldest()
		if len(t.cgroups) < t.limit {
			return
		}
	}
	const tries = 64 // a map is walked from a random place on
	var worst uint64
	rank, tried := 0, 0
	for id, c := range t.cgroups {
		r := 1
		switch {
		case c.ref == nil:
			r = 3
		case c.root != c:
			r = 2
		}
		if r > rank {
			worst, rank = id, r
		}
		if tried++; tried == tries || rank == 3 {
			break
		}
	}
	if c := t.cgroups[worst]; t.roots[c.path] == c {
		delete(t.roots, c.path)
	}
	delete(t.cgroups, worst)
}

// lookup returns a cgroup by its id, also one that was not reported; nil is unknown.
func (t *Tracker) lookup(id uint64) *cgroup {
	if c, ok := t.cgroups[id]; ok {
		return c
	}
	if id == 0 || t.resolve == nil {
		return nil
	}
	if _, known := t.unresolved[id]; known {
		return nil
	}
	for _, c := range t.resolve(id) {
		t.Discover(c.ID, c.Path)
	}
	c := t.cgroups[id]
	if c == nil {
		if len(t.unresolved) >= mostUnresolved {
			clear(t.unresolved)
		}
		t.unresolved[id] = struct{}{}
	}
	return c
}

// Discover places a cgroup that something other than its creation spoke of. It returns the container that the cgroup
// belongs to, nil for none.
func (t *Tracker) Discover(id uint64, path string) *Ref {
	if c, ok := t.cgroups[id]; ok {
		return c.ref
	}
	ref := t.place(id, path).ref
	t.discovered = append(t.discovered, Discovery{Cgroup{id, path}, ref, false})
	return ref
}

// Discovered returns what was discovered since the last call, those above first.
func (t *Tracker) Discovered() []Discovery {
	list := t.discovered
	t.discovered = nil
	return list
}

// Mark begins a comparison of what is known with what the host has: cgroups that are placed from now on are younger
// than what is read.
func (t *Tracker) Mark() { t.generation++ }

// Compare compares what is known with all cgroups of the host, as they were read since the latest Mark; every event up to
// the end of that reading has been attributed. It returns those of them that are not known, in their order (only containers'
// own where there is no room for more), and those
// that were known before the Mark and are not among them, those below first. A cgroup whose path another one has is
// neither: that it was removed shows by the other.
func (t *Tracker) Compare(host []Cgroup) (unknown, gone []Cgroup) {
	there := make(map[uint64]struct{}, len(host))
	for _, c := range host {
		there[c.ID] = struct{}{}
		if known := t.cgroups[c.ID]; known == nil {
			unknown = append(unknown, c)
		}
	}
	if len(t.cgroups)+len(unknown) > t.limit { // the others are looked up when something speaks of them
		unknown = slices.DeleteFunc(unknown, func(c Cgroup) bool {
			ref, ok := t.parser.Parse(c.Path)
			return !ok || ref.innermost().Root != c.Path
		})
	}
	younger := map[string]struct{}{} // by path
	for id, c := range t.cgroups {
		if _, ok := there[id]; (ok || c.generation == t.generation) && !c.removed {
			younger[c.path] = struct{}{}
		}
	}
	for id, c := range t.cgroups {
		if _, ok := there[id]; ok || c.removed || c.generation == t.generation {
			continue
		}
		if _, replaced := younger[c.path]; replaced {
			t.bury(id, c)
			continue
		}
		gone = append(gone, Cgroup{id, c.path})
	}
	slices.SortFunc(gone, func(a, b Cgroup) int { return strings.Compare(b.Path, a.Path) })
	return unknown, gone
}

// State is what is known of a container's first process.
type State struct {
	Init int32 // its PID; 0 where its program does not run, as far as is known
	// StartedNS is a time since boot, in nanoseconds: as the process was made or later, but not later than its program
	// began; 0 is unknown.
	StartedNS uint64
	// Ended is the PID of the one whose end an event has reported, where there was none since, and EndedNS when that was,
	// as StartedNS; 0 is none.
	Ended   int32
	EndedNS uint64
}

// StateOf returns what is known of the container that ref names.
func (t *Tracker) StateOf(ref *Ref) State {
	if root := t.roots[ref.innermost().Root]; root != nil {
		return State{root.init, root.started.bootNS, root.ended, root.endedNS}
	}
	return State{}
}

// Ended reports that a container's first process is gone and no event has said so.
func (t *Tracker) Ended(ref *Ref) {
	if root := t.roots[ref.innermost().Root]; root != nil {
		delete(t.outside, root.init)
		root.init, root.known, root.found = 0, true, false
	}
}

// Gone reports that a container is gone, by its id, and no event has said so.
func (t *Tracker) Gone(id string) {
	maps.DeleteFunc(t.outside, func(_ int32, root *cgroup) bool { return root.ref.ID == id })
}

// Init is a container's first process, as reading the host found it.
type Init struct {
	PID int32 // 0 is unknown
	// Made is when the process was made, MadeNS the same since boot in nanoseconds; zero is unknown.
	Made   time.Time
	MadeNS uint64
	// Ran is whether its program ran before execs were hooked, so that no exec is its start.
	Ran bool
}

// unclaimed is the end of a process in a container's cgroup.
type unclaimed struct {
	event.Event

	root *cgroup
}

// mostUnclaimed is how many of these are kept.
const mostUnclaimed = 256

// Started reports a container that was found running. Where the process has ended since it was found, it returns the event of
// that, which is yet to be attributed, else nil.
func (t *Tracker) Started(ref *Ref, init Init) *event.Event {
	if root := t.roots[ref.innermost().Root]; root != nil {
		return t.start(root, init)
	}
	return nil
}

func (t *Tracker) start(root *cgroup, init Init) *event.Event {
	if root.init != init.PID {
		delete(t.outside, root.init)
	}
	root.init, root.known, root.found, root.ran, root.ended = init.PID, true, true, init.Ran, 0
	root.started = moment{init.Made, init.MadeNS}
	end, ok := t.unclaimed[init.PID]
	if !ok || end.root != root || end.BootNS < init.MadeNS {
		return nil
	}
	delete(t.unclaimed, init.PID)
	return &end.Event
}

// pathOf returns the path of a cgroup of which an event tells by its id alone; "" is unknown.
func (t *Tracker) pathOf(id uint64) string {
	if c, ok := t.cgroups[id]; ok {
		return c.path
	}
	if t.resolve == nil {
		return ""
	}
	if chain := t.resolve(id); len(chain) > 0 {
		return chain[len(chain)-1].Path
	}
	return ""
}

// path returns the path of a cgroup; "" is unknown.
func (t *Tracker) path(id uint64) string {
	if c := t.lookup(id); c != nil {
		return c.path
	}
	return ""
}

// Knows reports whether a cgroup is known without a lookup.
func (t *Tracker) Knows(id uint64) bool {
	_, ok := t.cgroups[id]
	return ok
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
	if ref.Runtime == runtime.Demo {
		c.Name = ref.ID
	}
	if identity, ok := t.directory.Get(ref.ID); ok {
		c.Name, c.Image, c.Runtime = identity.Name, identity.Image, identity.Runtime
	}
	return c
}

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
	}
}

// Attribute fills in every container that an event speaks of. It reports false for an event that
// is none: the exec or the exit of something that has a cgroup and a mount namespace of its own and
// is no container, such as a system service.
func (t *Tracker) Attribute(e *event.Event) bool {
	if e.Cgroup != nil && e.Cgroup.Path == "" { // longer than an event can be
		e.Cgroup.Path = t.pathOf(e.Cgroup.ID)
	}
	switch e.Type {
	case event.CgroupCreated:
		c := t.place(e.Cgroup.ID, e.Cgroup.Path)
		if e.Cgroup.Via != event.ViaReconcile {
			c.created = momentOf(e)
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
		t.bury(e.Cgroup.ID, c)
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
	case event.InitMoved:
		return t.initMoved(e)
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
		isNew := !root.ran && (!root.created.isZero() || momentOf(e).since(root.started) < startingFor)
		if !isIt || !isNew {
			return false
		}
	} else if root.init != 0 {
		return false
	}
	root.init, root.known, root.found, root.started, root.ended = e.PID, true, false, momentOf(e), 0
	e.Start.Phases = t.phases(c, e)
	return true
}

func (t *Tracker) exited(e *event.Event) bool {
	root := t.homeOf(e.CgroupID, e.PID)
	if root == nil {
		return false
	}
	delete(t.outside, e.PID)
	// It may have been older than the probes and gone before the host was read.
	neverFound := !root.known && root.created.isZero()
	if root.init != e.PID && !neverFound {
		if len(t.unclaimed) >= mostUnclaimed {
			clear(t.unclaimed)
		}
		t.unclaimed[e.PID] = unclaimed{*e, root}
		return false
	}
	delete(t.unclaimed, e.PID)
	if e.Container == nil {
		e.Container = t.Describe(root.ref)
	}
	root.init, root.known, root.found, root.ended, root.endedNS = 0, true, false, e.PID, e.BootNS
	for _, sender := range e.Exit.Senders() {
		t.locate(sender)
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
	oom.Victim.Container, oom.Victim.ContainerUnknown, oom.Victim.Cgroup = e.Container, e.ContainerUnknown, t.path(e.CgroupID)
	oom.Cgroup = t.path(oom.CgroupID)
	t.locate(oom.Trigger)
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
	oom.Victim.Starting = oom.Victim.Starting && !c.root.known
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
		t.forgetOldest()
	}
}

// forgetOldest forgets the cgroup that was removed first.
func (t *Tracker) forgetOldest() {
	oldest := t.removed[0]
	if t.cgroups[oldest.id] == oldest.cgroup {
		delete(t.cgroups, oldest.id)
	}
	t.removed[0] = grave{}
	t.removed = t.removed[1:]
}
