package model

import (
	"cmp"
	"iter"
	"slices"
)

// roster holds the live containers in a namespace, in the order in which they entered it.
type roster struct {
	list []entry // by place; those that have left have no container
	left int     // how many of them

	// space is an index of sharing.spaces, valid in a round of that.
	space int32
	round uint64
}

type entry struct {
	place     uint64
	container *container
}

// residence is a container's place on the roster of a namespace.
type residence struct {
	namespace, place uint64
	roster           *roster
}

// all iterates over the containers, the first one first.
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

// enterNamespace adds a container to the roster of a namespace.
func (m *Model) enterNamespace(c *container, id uint64) {
	r := m.within[id]
	if r == nil {
		r = &roster{}
		m.within[id] = r
		if n := m.namespaces[id]; n != nil {
			n.roster = r
		}
	}
	m.entered++
	r.list = append(r.list, entry{m.entered, c})
	c.within = append(c.within, residence{id, m.entered, r})
}

// leaveNamespace removes a container from a roster.
func (m *Model) leaveNamespace(at residence) {
	r := at.roster
	i, ok := slices.BinarySearchFunc(r.list, at.place, func(e entry, place uint64) int { return cmp.Compare(e.place, place) })
	if !ok {
		return
	}
	r.list[i].container = nil
	if r.left++; r.left == len(r.list) {
		delete(m.within, at.namespace)
	} else if r.left > len(r.list)/2 {
		r.list = slices.DeleteFunc(r.list, func(e entry) bool { return e.container == nil })
		r.left = 0
	}
}

// rosterOf returns the roster of a namespace where a container is on it, else nil.
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
