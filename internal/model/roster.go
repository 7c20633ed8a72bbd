package model

import (
	"cmp"
	"iter"
	"slices"
)

// roster holds the live containers in a namespace, in the order in which they were added.
type roster struct {
	list []member // by place; a removed member has no container
	left int      // how many were removed

	// space is an index of sharing.spaces, valid in a round of that.
	space int32
	round uint64
}

type member struct {
	place     uint64
	container *container
}

// rosterPlace is a container's place on the roster of a namespace.
type rosterPlace struct {
	namespace, place uint64
	roster           *roster
}

// all iterates over the containers, oldest member first.
func (r *roster) all() iter.Seq[*container] {
	return func(yield func(*container) bool) {
		if r == nil {
			return
		}
		for _, e := range r.list {
			if e.container != nil && !yield(e.container) {
				return
			}
		}
	}
}

// hasOther reports whether another container than c is on it.
func (r *roster) hasOther(c *container) bool {
	for other := range r.all() {
		if other != c {
			return true
		}
	}
	return false
}

// addMember adds a container to the roster of a namespace.
func (m *Model) addMember(c *container, id uint64) {
	r := m.within[id]
	if r == nil {
		r = &roster{}
		m.within[id] = r
		if n := m.namespaces[id]; n != nil {
			n.roster = r
		}
	}
	m.added++
	r.list = append(r.list, member{m.added, c})
	c.within = append(c.within, rosterPlace{id, m.added, r})
}

// removeMember removes a container from a roster.
func (m *Model) removeMember(at rosterPlace) {
	r := at.roster
	i, ok := slices.BinarySearchFunc(r.list, at.place, func(e member, place uint64) int { return cmp.Compare(e.place, place) })
	if !ok {
		return
	}
	r.list[i].container = nil
	if r.left++; r.left == len(r.list) {
		delete(m.within, at.namespace)
	} else if r.left > len(r.list)/2 {
		r.list = slices.DeleteFunc(r.list, func(e member) bool { return e.container == nil })
		r.left = 0
	}
}

// rosterOf returns the roster of a namespace if the container is on it, else nil.
func (c *container) rosterOf(id uint64) *roster {
	for i := range c.within {
		if c.within[i].namespace == id {
			return c.within[i].roster
		}
	}
	return nil
}

// isWithin reports whether a container is on the roster of a namespace.
func (c *container) isWithin(id uint64) bool { return c.rosterOf(id) != nil }
