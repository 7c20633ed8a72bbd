package container

import (
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// The bounds of a tracker.
const (
	// maxRemoved is how many removed cgroups are remembered, for events that come after the removal.
	maxRemoved = 4096
	// maxCgroups is how many cgroups are kept. Those beyond that are looked up each time.
	maxCgroups = 65536
	// maxUnresolved is how many ids are kept of which nothing could be found.
	maxUnresolved = 4096
)

// Cgroup is a cgroup of the tracked hierarchy, by the kernel's id and path.
type Cgroup struct {
	ID   uint64
	Path string
}

// Resolver looks up a cgroup that no event and no reading of the host has reported. It returns the cgroup after the containers' own
// cgroups above it, or nothing if the cgroup is gone or cannot be looked up.
type Resolver func(id uint64) []Cgroup

// Discovery is a cgroup whose creation or removal no event has reported, or one that was found to be a container's own.
type Discovery struct {
	Cgroup

	Container *Ref // nil is none
	Removed   bool // another cgroup has its path
	// Confirmed is set if the cgroup was known, and is a container's own as it has turned out.
	Confirmed bool
}

// cgroup is one cgroup of the tracked hierarchy.
type cgroup struct {
	id   uint64
	path string
	ref  *Ref
	// possible is the container that it may belong to, if something other than its path must show that; nil is none.
	possible *Ref
	// root is the container's own cgroup, which this one is or is below; nil outside containers.
	root *cgroup
	// created is when the cgroup was made, madeNamespaces when the runtime made the container's
	// namespaces in it; zero where that was not seen.
	created, madeNamespaces instant
	// maker is the runtime whose process made the cgroup; "" is none, or unknown.
	maker      string
	removed    bool
	generation uint64 // in which it was placed

	// What follows is set in the root alone.

	// init is the PID of the container's init while its own program runs.
	init int32
	// hadInit is whether there ever was an init.
	hadInit bool
	// found is whether reading the host reported the init and no event has.
	found bool
	// ran is whether the init's program ran before execs were hooked, so that no exec is its start.
	ran bool
	// seen is when the init's program was seen to run by reading the host; zero is unknown.
	seen instant
	// namespaces are those of an init that was found by reading the host.
	namespaces event.NamespaceIDs
	// started is when the init was made, where it was found, or when its program started; zero is unknown.
	started instant
	// ended is the PID of the init whose end an event has reported, until another one starts, and endedNS when that was,
	// since boot; 0 is none.
	ended   int32
	endedNS uint64
	// holds are the namespaces of which it is the holder.
	holds []uint64
	// joined are the namespaces that were joined from inside it while it starts.
	joined map[event.NamespaceType]joining
}

// Place records a cgroup that exists; parents come before children. It returns the container that
// the cgroup belongs to, nil for none.
func (t *Tracker) Place(id uint64, path string) *Ref { return t.place(id, path).ref }

func (t *Tracker) place(id uint64, path string) *cgroup {
	if c, ok := t.cgroups[id]; ok && c.path == path && !c.removed {
		return c
	}
	t.makeRoom()
	c := &cgroup{id: id, path: path, generation: t.generation}
	if before := t.roots[path]; before != nil { // two cannot have a path at the same time
		t.discovered = append(t.discovered, Discovery{Cgroup: Cgroup{before.id, path}, Container: before.ref, Removed: true})
		t.expire(before)
	}
	list := t.parser.matches(path)
	c.possible = possible(list)
	if ref := t.refAmong(path, list); ref != nil {
		t.assign(c, ref)
	}
	if same := t.cgroups[id]; same != nil {
		t.release(same)
	}
	t.cgroups[id], t.paths[path] = c, c
	delete(t.unresolved, id)
	return c
}

// release makes room for another cgroup at a cgroup's path, and for another container with the id of its own.
func (t *Tracker) release(c *cgroup) {
	if t.paths[c.path] == c {
		delete(t.paths, c.path)
	}
	if t.roots[c.path] == c {
		delete(t.roots, c.path)
	}
	if c.ref != nil && t.ids[c.ref.ID] == c {
		delete(t.ids, c.ref.ID)
	}
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
	t.release(t.cgroups[worst])
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
		if len(t.unresolved) >= maxUnresolved {
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
	t.discovered = append(t.discovered, Discovery{Cgroup: Cgroup{id, path}, Container: ref})
	return ref
}

// Discovered returns what was discovered since the last call, those above first.
func (t *Tracker) Discovered() []Discovery {
	list := t.discovered
	t.discovered = nil
	return list
}

// BeginComparison begins a comparison of the known cgroups with those of the host: cgroups that are placed from now on may be younger
// than the reading.
func (t *Tracker) BeginComparison() { t.generation++ }

// Compare compares the known cgroups with all cgroups of the host, as they were read since the latest BeginComparison. Every event up to
// the end of that reading must have been attributed. unknown are those of the host that are not known, in their order; only containers'
// own where there is no room for more. gone are those that were known before BeginComparison and are not among the host's, those below first. A
// cgroup whose path another one has is in neither: the other one shows that it was removed.
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
			return !ok || ref.Root != c.Path
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
			t.expire(c)
			continue
		}
		gone = append(gone, Cgroup{id, c.path})
	}
	slices.SortFunc(gone, func(a, b Cgroup) int { return strings.Compare(b.Path, a.Path) })
	return unknown, gone
}

// pathOf returns the path of a cgroup that an event names only by its id; "" is unknown.
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

// Removed reports whether a cgroup's removal was reported not long ago.
func (t *Tracker) Removed(id uint64) bool {
	c, ok := t.cgroups[id]
	return ok && c.removed
}

// NeverRan reports whether a cgroup is a container's own, and no program of the container was seen in it since it was made.
func (t *Tracker) NeverRan(id uint64) bool {
	c := t.cgroups[id]
	return c != nil && c.root == c && !c.hadInit && !c.created.isZero()
}

// IsOf reports whether a container's cgroup is, or was, in the slice of a user, or whether it has none and is the user's.
func (t *Tracker) IsOf(id string, uid uint32) bool {
	if c := t.cgroupless[cgrouplessID{id, uid}]; c != nil && c.ref.ID == id {
		return true
	}
	its := func(c *cgroup) bool {
		return c.ref != nil && c.ref.ID == id && (inSliceOf(c.path, uid) || c.ref.User != 0 && c.ref.User == uid)
	}
	for _, root := range t.roots {
		if its(root) {
			return true
		}
	}
	return slices.ContainsFunc(t.removed, its)
}

// expire takes a removed cgroup out of use. It is remembered for events that are late.
func (t *Tracker) expire(c *cgroup) {
	if c.removed {
		return
	}
	c.removed = true
	t.release(c)
	t.letGo(c)
	t.removed = append(t.removed, c)
	if len(t.removed) > maxRemoved {
		t.forgetOldest()
	}
}

// forgetOldest forgets the cgroup that was removed first.
func (t *Tracker) forgetOldest() {
	oldest := t.removed[0]
	if t.cgroups[oldest.id] == oldest {
		delete(t.cgroups, oldest.id)
	}
	t.removed[0] = nil
	t.removed = t.removed[1:]
}
