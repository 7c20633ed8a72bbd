package container

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// What is isolated without a cgroup of its own is recognised by its namespaces: a PID or a user namespace other than the host's is a
// sandbox's, or a container's if a container runtime made it. A mount namespace is not enough, since a chroot, `ip netns exec` and others
// make one in passing. Only a unit of systemd may have just that.
//
// Three things show such namespaces: reading the host ([Tracker.FoundIsolated]), the exec of a process in namespaces that are not its
// parent's, and an OOM kill.

// Isolated is something that was recognised by its namespaces.
type Isolated struct {
	Container  event.Container
	Namespaces event.NamespaceIDs
	// CgroupPath is the cgroup that was made for it, as systemd makes one for a service; "" is none.
	CgroupPath string
	// FromBeginning is set if nsviz has seen the creation of its namespaces.
	FromBeginning bool
	// MayBeUsers is set if a user's engine may have it as a container.
	MayBeUsers bool
	// First is its first process; nil is unknown.
	First *FirstProcess
}

// FirstProcess is the first process in namespaces of which one at least is not the host's, as reading the host found it.
type FirstProcess struct {
	PID        int32
	Comm       string
	Started    time.Time // zero is unknown
	Namespaces event.NamespaceIDs
	// Above is the parent of its PID namespace or, if that is the host's, of its user namespace; 0 is none or unknown.
	Above uint64
	// Cgroup is the path of its cgroup in the tracked hierarchy; "" is unknown.
	Cgroup string
	// Owner is the host's id of the user who made the outermost user namespace that it is in or, in the host's, of its own user; nil is
	// unknown.
	Owner *uint32
	// Parent is its parent process, if that is not in the same namespaces; else zero. ParentUID is the host's id of the parent's real user;
	// nil is unknown.
	Parent    ProcessName
	ParentUID *uint32
	// Program is the topmost one of its ancestors that run the same program as it does, as with a browser; zero is none.
	Program ProcessName
}

// ProcessName is a process by its PID and by what it calls itself.
type ProcessName struct {
	PID  int32
	Comm string
}

// String returns the name of what the process has made; "" is unknown.
func (p ProcessName) String() string {
	if p.Comm == "" {
		return ""
	}
	return fmt.Sprintf("%s-%d", p.Comm, p.PID)
}

// isSystemd reports whether it is the manager of the host's services or of a user's, or about to become a service of it: systemd calls a
// process "(name)" until that runs its program.
func (p ProcessName) isSystemd() bool {
	return p.Comm == "systemd" || p.Comm == "systemd-executo" || strings.HasPrefix(p.Comm, "(")
}

// sandboxes are what was recognised by its namespaces and has not ended.
type sandboxes struct {
	byNamespace shared[uint64]
	services    shared[string] // by the path of the unit's cgroup
	found       []Isolated     // since Isolated was called
	ended       []string       // the ids of those that have ended since Ended was called
	generation  uint64         // grows by one with each BeginSurvey
	given       map[string]int // how often each id of a namespace was given to one
	forgotten   int            // the highest count that was dropped from given
}

// maxGiven bounds given.
const maxGiven = 4 * maxShared

// newID returns an id for what has a namespace, by the id of that. The kernel gives its number out again after its end, but no id is given
// twice.
func (s *sandboxes) newID(namespace string) string {
	if len(s.given) >= maxGiven {
		s.forgetGiven()
	}
	if s.given == nil {
		s.given = map[string]int{}
	}
	n, known := s.given[namespace]
	if !known {
		n = s.forgotten
	}
	n++
	s.given[namespace] = n
	if n > 1 {
		return fmt.Sprintf("%s@%d", namespace, n)
	}
	return namespace
}

// forgetGiven drops the ids of what has ended.
func (s *sandboxes) forgetGiven() {
	live := make(map[string]bool, len(s.byNamespace.all))
	for _, c := range s.byNamespace.all {
		namespace, _, _ := strings.Cut(c.container.ID, "@")
		live[namespace] = true
	}
	maps.DeleteFunc(s.given, func(namespace string, n int) bool {
		if !live[namespace] {
			s.forgotten = max(s.forgotten, n)
		}
		return !live[namespace]
	})
}

// end notes that one of them has ended, or is not kept any more; nil is none.
func (s *sandboxes) end(c *isolated) {
	if c != nil {
		s.ended = append(s.ended, c.container.ID)
	}
}

// isolated is one of them.
type isolated struct {
	container  *event.Container
	source     source
	namespaces event.NamespaceIDs
	first      int32  // the PID of its first process; 0 is unknown
	generation uint64 // in which it was recognised
	mayBeUsers bool   // as Isolated has it
	// others are the first processes in other namespaces of a service, as its control processes have them, by PID.
	others map[int32]*FirstProcess
}

// maxOthers is how many of these are kept of a service.
const maxOthers = 64

// suspect is a process of which the namespaces may show what it is in.
type suspect struct {
	namespaces event.NamespaceIDs
	cgroup     string
	uid        *uint32       // the host's id of its user; nil is unknown
	parent     ProcessName   // zero is unknown
	parentUID  *uint32       // nil is unknown
	first      *FirstProcess // it; nil if it need not be the first one
}

// SetHost says which namespaces are the host's own. Without that nothing is recognised by its namespaces.
func (t *Tracker) SetHost(ids event.NamespaceIDs) { t.host = ids }

// own reports whether a namespace is not the host's. It is false if one of both is unknown.
func (t *Tracker) own(ids event.NamespaceIDs, typ event.NamespaceType) bool {
	return ids[typ] != 0 && t.host[typ] != 0 && ids[typ] != t.host[typ]
}

// isolated returns what a process of no container is in, by its namespaces and the path of its cgroup; nil is nothing.
func (t *Tracker) isolated(p suspect) *event.Container {
	if c := t.cgrouplessIn(p.namespaces); c != nil {
		return t.Describe(c.ref)
	}
	unit, name := serviceOf(p.cgroup)
	for _, typ := range []event.NamespaceType{event.PID, event.User} {
		id := p.namespaces[typ]
		if !t.own(p.namespaces, typ) {
			continue
		}
		if root := t.holders[id]; root != nil {
			// It has joined the container's namespaces and stayed where it was, or it is the engine's: what an engine of a user without
			// rights does is in the user namespace of all of its containers.
			if root.path != "" || typ == event.User && slices.ContainsFunc(root.holds, func(held uint64) bool { return held != id }) {
				return nil
			}
			return t.Describe(root.ref)
		}
		maker, uid := p.parent, p.parentUID
		if maker.PID == 1 && !maker.isSystemd() { // which has adopted it
			maker = ProcessName{}
		}
		if made := t.creations.byID[id]; made != nil {
			maker, uid = ProcessName{made.pid, made.comm}, made.uid
		}
		// Somebody in the unit made it, or systemd did for the unit. Who did need not be known again.
		if unit != "" && t.sandboxes.byNamespace.all[id] == nil && (maker == ProcessName{} || maker.Comm == name[:min(len(name), 15)] || maker.isSystemd()) {
			return t.service(unit, name, p)
		}
		return t.sandbox(typ, maker, uid, p)
	}
	if unit == "" || p.first != nil && !p.parent.isSystemd() {
		return nil
	}
	for _, typ := range []event.NamespaceType{event.Mnt, event.Net, event.IPC, event.UTS} {
		if t.own(p.namespaces, typ) {
			return t.service(unit, name, p)
		}
	}
	return nil
}

// serviceOf returns the path of the cgroup of the innermost service of systemd in a path, and the unit's name; "" is none. A user's manager
// is none: it holds sessions.
func serviceOf(path string) (unit, name string) {
	for end := len(path); end > 0; {
		begin := strings.LastIndexByte(path[:end], '/')
		if name := path[begin+1 : end]; strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "user@") {
			return path[:end], name
		}
		end = begin
	}
	return "", ""
}

func (t *Tracker) service(unit, name string, p suspect) *event.Container {
	s := &t.sandboxes
	c := s.services.all[unit]
	if c == nil {
		c = &isolated{
			container: &event.Container{ID: unit, Name: name, Kind: event.KindService, Runtime: runtime.Systemd}, source: t.sourceOf(p, 0),
		}
		dropped, ok := s.services.add(unit, c, p)
		if s.end(dropped); !ok {
			return nil
		}
	}
	if p.first != nil && c.first != 0 && c.first != p.first.PID && c.namespaces != p.namespaces {
		if c.others == nil {
			c.others = map[int32]*FirstProcess{}
		}
		if len(c.others) < maxOthers {
			c.others[p.first.PID] = p.first
		}
		return c.container
	}
	t.recogniseService(c, p)
	return c.container
}

func (t *Tracker) recogniseService(c *isolated, p suspect) {
	if s := &t.sandboxes; c.recognise(s, p) {
		s.found = append(s.found, Isolated{Container: *c.container, Namespaces: p.namespaces, CgroupPath: c.container.ID, First: p.first})
	}
}

// succeeded reports whether another first process of a service takes the place of the one that is gone.
func (t *Tracker) succeeded(c *isolated) bool {
	if len(c.others) == 0 {
		return false
	}
	other := c.others[slices.Min(slices.Collect(maps.Keys(c.others)))]
	delete(c.others, other.PID)
	t.recogniseService(c, suspect{namespaces: other.Namespaces, first: other})
	return true
}

// sandbox returns the sandbox, or the container without a cgroup, that has a namespace.
// uid is the user of its maker; nil is unknown.
func (t *Tracker) sandbox(typ event.NamespaceType, maker ProcessName, uid *uint32, p suspect) *event.Container {
	s := &t.sandboxes
	id := p.namespaces[typ]
	made := t.creations.byID[id]
	c := s.byNamespace.all[id]
	if c == nil {
		r, containers, isRuntime := runtime.Isolates(maker.Comm)
		if typ == event.User && (containers || runtime.IsOwn(maker.Comm)) {
			return nil // what an engine of a user without rights lives in itself
		}
		c = &isolated{container: &event.Container{Kind: event.KindSandbox}, source: t.sourceOf(p, id)}
		dropped, ok := s.byNamespace.add(id, c, p)
		if s.end(dropped); !ok {
			return nil
		}
		c.container.ID = s.newID(IsolatedID(typ, id))
		name := maker
		// A parent may have adopted it, a browser makes many, and a user namespace is often made by the process that is in it.
		if first := p.first; first != nil && (maker.Comm == "" || maker.isSystemd() || first.Program.PID != 0 || made == nil && typ == event.User) {
			name = ProcessName{first.PID, first.Comm}
		}
		c.container.Name = name.String()
		switch byRoot := uid != nil && *uid == 0; {
		case isRuntime && !containers:
			c.container.Runtime = r.Name
		case isRuntime && byRoot: // any other process may call itself so
			c.container.Runtime, c.container.Kind = r.Name, event.KindContainer
		case isRuntime:
			c.mayBeUsers = true
		case p.first != nil && p.first.Program.PID != 0:
			c.container.Group = &event.Group{Kind: event.GroupProgram, Name: p.first.Program.String()}
		}
		above := uint64(0)
		if made != nil {
			above = made.parent
		} else if p.first != nil {
			above = p.first.Above
		}
		if outer := s.byNamespace.all[above]; outer != nil {
			c.container.Parent = outer.container
		} else if root := t.holders[above]; root != nil && root.path == "" { // else its cgroup shows where it is
			c.container.Parent = t.Describe(root.ref)
		}
	}
	if c.recognise(s, p) {
		s.found = append(s.found, Isolated{Container: *c.container, Namespaces: p.namespaces, FromBeginning: made != nil, MayBeUsers: c.mayBeUsers, First: p.first})
	}
	return c.container
}

// recognise notes what a process shows of it. It returns false if that was known.
func (c *isolated) recognise(s *sandboxes, p suspect) bool {
	switch {
	case c.namespaces.IsZero():
	case p.first == nil, c.first == p.first.PID && c.namespaces == p.namespaces:
		return false
	}
	if p.first != nil {
		c.first = p.first.PID
	}
	c.namespaces, c.generation = p.namespaces, s.generation
	return true
}

// BeginSurvey begins a reading of all processes: what is recognised from now on may be younger.
func (t *Tracker) BeginSurvey() { t.sandboxes.generation++ }

// FoundIsolated recognises what the kernel isolates, by its first process, as it was at a time. Those above come before those below.
func (t *Tracker) FoundIsolated(first *FirstProcess, at time.Time) {
	switch {
	case first.Cgroup == "", t.DescribePath(first.Cgroup) != nil, t.outside[first.PID] != nil:
		return
	// A process may call itself as it likes: what stays in a PID namespace of its own is isolated, whatever its name.
	case runtime.SetsUp(first.Comm), runtime.IsOwn(first.Comm): // a container is about to start there, or it is an engine's own
		if !t.own(first.Namespaces, event.PID) || first.Started.IsZero() || at.Sub(first.Started) < startingFor {
			return
		}
	}
	t.isolated(suspect{first.Namespaces, first.Cgroup, first.Owner, first.Parent, first.ParentUID, first})
}

// EndUninhabited ends what was known before the latest BeginSurvey and has no namespace of its own that processes are in.
func (t *Tracker) EndUninhabited(inhabited func(id uint64) bool) {
	s := &t.sandboxes
	for id, c := range s.byNamespace.all {
		if c.generation < s.generation && !inhabited(id) {
			s.byNamespace.remove(id)
			s.end(c)
		}
	}
	maps.DeleteFunc(s.byNamespace.leftOut, func(id uint64, _ event.NamespaceIDs) bool { return !inhabited(id) })
	maps.DeleteFunc(s.services.leftOut, func(_ string, ids event.NamespaceIDs) bool { return !t.anyOwn(ids, inhabited) })
	for unit, c := range s.services.all {
		maps.DeleteFunc(c.others, func(_ int32, other *FirstProcess) bool { return !t.anyOwn(other.Namespaces, inhabited) })
		if c.generation < s.generation && !t.anyOwn(c.namespaces, inhabited) && !t.succeeded(c) {
			s.services.remove(unit)
			s.end(c)
		}
	}
}

// anyOwn reports whether one of the namespaces is not the host's and is so.
func (t *Tracker) anyOwn(ids event.NamespaceIDs, is func(id uint64) bool) bool {
	for _, typ := range event.NamespaceTypes() {
		if t.own(ids, typ) && is(ids[typ]) {
			return true
		}
	}
	return false
}

// hold notes in which namespaces a container runs. What was recognised by one of these was that container.
func (t *Tracker) hold(root *cgroup, ids event.NamespaceIDs) {
	t.letGo(root)
	for _, typ := range []event.NamespaceType{event.PID, event.User} {
		if id := ids[typ]; t.own(ids, typ) && t.holders[id] == nil {
			t.holders[id] = root
			root.holds = append(root.holds, id)
			t.sandboxes.freed(id)
		}
	}
}

// letGo ends what hold began.
func (t *Tracker) letGo(root *cgroup) {
	for _, id := range root.holds {
		if t.holders[id] == root {
			delete(t.holders, id)
		}
	}
	root.holds = nil
}

// freed notes the end of a namespace.
func (s *sandboxes) freed(id uint64) {
	delete(s.byNamespace.leftOut, id)
	if c := s.byNamespace.all[id]; c != nil {
		s.byNamespace.remove(id)
		s.end(c)
	}
}

// removed notes the removal of a cgroup.
func (s *sandboxes) removed(path string) {
	delete(s.services.leftOut, path)
	if c := s.services.all[path]; c != nil {
		s.services.remove(path)
		s.end(c)
	}
}

// Isolated returns what was recognised by its namespaces since the last call.
func (t *Tracker) Isolated() []Isolated {
	list := t.sandboxes.found
	t.sandboxes.found = nil
	return list
}

// Ended returns the ids of what was recognised by its namespaces and has ended since the last call.
func (t *Tracker) Ended() []string {
	list := t.sandboxes.ended
	t.sandboxes.ended = nil
	return list
}
