package container

import "github.com/nsviz/nsviz/internal/event"

// Any user may make namespaces without end. So what is recognised by its namespaces is bounded in number, and where the bound is reached the
// user who has the most of it makes way for others.

const (
	// maxShared is how many sandboxes are kept, and how many services.
	maxShared = 4096
	// maxLeftOut is how many of each are counted that are not.
	maxLeftOut = 4 * maxShared
)

// source is who makes namespaces: the host's id of a user.
type source int64

const unknownSource source = -1

// maxNested is how deep the kernel nests user namespaces.
const maxNested = 33

// sourceOf returns who made what a process is in. Everybody in a user namespace counts as the user who made the outermost one, since that
// user has many ids to choose from in it. namespace is that by which it is recognised; 0 is none.
func (t *Tracker) sourceOf(p suspect, namespace uint64) source {
	if p.first != nil && p.first.Owner != nil {
		return source(*p.first.Owner)
	}
	uid := p.uid
	if made := t.creations.byID[namespace]; made != nil {
		uid = made.uid
	}
	id := p.namespaces[event.User]
	for range maxNested {
		made := t.creations.byID[id]
		if made == nil {
			break
		}
		uid, id = made.uid, made.parent
	}
	if uid == nil {
		return unknownSource
	}
	return source(*uid)
}

// shared holds what was recognised, by its namespace or its cgroup. Its zero value is empty.
type shared[K comparable] struct {
	all map[K]*isolated
	of  map[source]int // how many each source has
	// leftOut are the namespaces of what is not kept.
	leftOut map[K]event.NamespaceIDs
}

// add adds something. If the bound is reached, one of the source that has the most makes way and is returned. It returns false if the newcomer
// is of that source itself and was found by reading the host; what an event is about is always added.
func (s *shared[K]) add(key K, c *isolated, p suspect) (dropped *isolated, ok bool) {
	if s.all == nil {
		s.all, s.of, s.leftOut = map[K]*isolated{}, map[source]int{}, map[K]event.NamespaceIDs{}
	}
	if len(s.all) >= maxShared {
		most := c.source
		for by, n := range s.of {
			if n > max(s.of[most], s.of[c.source]+1) { // else the two would make way for each other in turn
				most = by
			}
		}
		if most == c.source && p.first != nil {
			s.leave(key, p.namespaces)
			return nil, false
		}
		dropped = s.drop(most)
	}
	s.all[key] = c
	s.of[c.source]++
	delete(s.leftOut, key)
	return dropped, true
}

// drop removes one of a source, or one of another if it has none, and returns it.
func (s *shared[K]) drop(by source) *isolated {
	for key, c := range s.all {
		if c.source == by || s.of[by] == 0 {
			s.remove(key)
			s.leave(key, c.namespaces)
			return c
		}
	}
	return nil
}

func (s *shared[K]) remove(key K) {
	by := s.all[key].source
	delete(s.all, key)
	if s.of[by]--; s.of[by] == 0 {
		delete(s.of, by)
	}
}

func (s *shared[K]) leave(key K, ids event.NamespaceIDs) {
	if len(s.leftOut) < maxLeftOut {
		s.leftOut[key] = ids
	}
}

// LeftOut returns how many live sandboxes and services are not kept because there are too many, as far as they are counted.
func (t *Tracker) LeftOut() int {
	return len(t.sandboxes.byNamespace.leftOut) + len(t.sandboxes.services.leftOut)
}
