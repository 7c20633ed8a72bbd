package floorplan

import (
	"cmp"
	"math"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// unknownID stands for a namespace that could not be read: no room inside is known to be in the same one.
const unknownID = math.MaxUint64

// surroundings are the namespaces of what is around a room; 0 is the host's. pod is that of the frame around it.
type surroundings struct {
	ids event.NamespaceIDs
	pod podKey
}

// bond is what some rooms have in common: a namespace, or else their pod.
type bond struct {
	typ event.NamespaceType
	id  uint64
	pod podKey
}

// bonds appends what a room may have in common with others beside it.
func bonds(out []bond, r *Room, around surroundings) []bond {
	if key, ok := podOf(r); ok && key != around.pod {
		out = append(out, bond{pod: key})
	}
	if r.Container == nil || !r.Container.Live() {
		return out
	}
	for i, m := range r.Container.Namespaces {
		if m.Relation == model.RelationShared && m.ID != around.ids[i] {
			out = append(out, bond{typ: event.NamespaceType(i), id: m.ID})
		}
	}
	return out
}

// enclose puts frames around those of some rooms that share namespaces, the largest sets first, and builds all of them. It appends them to
// out, which may have the memory of rooms: no more rooms come out than have been taken.
func enclose(out, rooms []*Room, around surroundings) []*Room {
	if len(rooms) == 0 {
		return nil
	}
	sets := map[bond][]int32{} // indices of rooms
	var its []bond
	for i, r := range rooms {
		its = bonds(its[:0], r, around)
		for _, bond := range its {
			sets[bond] = append(sets[bond], int32(i))
		}
	}
	var order []bond
	for bond, set := range sets {
		if len(set) > 1 {
			order = append(order, bond)
		}
	}
	slices.SortFunc(order, func(x, y bond) int {
		return cmp.Or(len(sets[y])-len(sets[x]), cmp.Compare(x.id, y.id), cmp.Compare(x.typ, y.typ),
			cmp.Compare(x.pod.namespace, y.pod.namespace), cmp.Compare(x.pod.name, y.pod.name))
	})
	var groups [][]*Room
	var of []int32 // for each room the number of its group, from 1; 0 is none
	if len(order) > 0 {
		of = make([]int32, len(rooms))
	}
	for _, bond := range order {
		members := make([]*Room, 0, len(sets[bond]))
		for _, i := range sets[bond] {
			if of[i] == 0 {
				members = append(members, rooms[i])
			}
		}
		if len(members) < 2 || bond.id != 0 && !complete(members, bond.typ, bond.id) {
			continue
		}
		groups = append(groups, members)
		for _, i := range sets[bond] {
			if of[i] == 0 {
				of[i] = int32(len(groups))
			}
		}
	}
	for i, r := range rooms {
		n := int32(0)
		if of != nil {
			n = of[i]
		}
		switch {
		case n == 0:
			out = single(out, r, around)
		case groups[n-1] != nil:
			out = frame(out, groups[n-1], around)
			groups[n-1] = nil // it is where its first member is
		}
	}
	return out
}

// hide makes a room take the place of sandboxes.
func (r *Room) hide(list []*model.Container) {
	if len(list) > 0 {
		r.nests().hides = list
	}
}

// frame appends a frame around rooms that share something or, if only one of them is not hidden, that room.
func frame(out, members []*Room, around surroundings) []*Room {
	var hidden []*model.Container
	var shown *Room // the last that is
	for _, r := range members {
		if r.isHidden() {
			hidden = append(hidden, r.Container)
		} else {
			shown = r
		}
	}
	switch len(members) - len(hidden) {
	case 0:
		return out
	case 1:
		shown.hide(hidden)
		return single(out, shown, around)
	}
	f := &Room{nested: &nested{}}
	inner := around
	for i := range f.Walls {
		if id := sharedByAll(members, i); id != 0 && id != around.ids[i] && complete(members, event.NamespaceType(i), id) {
			f.Walls[i], inner.ids[i] = Closed, id
		}
	}
	if key, ok := podOf(members[0]); ok && !slices.ContainsFunc(members, func(r *Room) bool { other, _ := podOf(r); return other != key }) {
		f.nested.pod, inner.pod = &event.Group{Kind: event.GroupPod, Namespace: key.namespace, Name: key.name}, key
	}
	if f.Pod() != nil {
		for _, r := range members {
			r.nests().inPod = true
		}
	}
	inside := enclose(members[:0], members, inner)
	if len(inside) == 1 && inside[0].Frame() && f.Pod() == nil && !f.Solid() {
		return append(out, inside[0])
	}
	f.setInside(inside)
	return append(out, f)
}

// complete reports whether all live containers in a namespace are among some rooms or inside them.
func complete(rooms []*Room, t event.NamespaceType, id uint64) bool {
	n, all := 0, 0
	for _, r := range rooms {
		n += holders(r, t, id)
		if c := r.Container; c != nil && c.Live() && c.Namespaces[t].ID == id {
			all = c.Namespaces[t].SharedWith.Count() + 1
		}
	}
	return n >= all
}

// sharedByAll returns the namespace that all live ones among rooms share; 0 is none.
func sharedByAll(rooms []*Room, t int) (id uint64) {
	for _, r := range rooms {
		if r.Container == nil || !r.Container.Live() {
			continue
		}
		m := r.Container.Namespaces[t]
		if m.Relation != model.RelationShared || id != 0 && m.ID != id {
			return 0
		}
		id = m.ID
	}
	return id
}

// single appends a workload's room with its walls and what is inside.
func single(out []*Room, r *Room, around surroundings) []*Room {
	if r.isHidden() {
		return out
	}
	inner := surroundings{ids: around.ids}
	if c := r.Container; c != nil && c.Live() {
		for i, m := range c.Namespaces {
			r.Walls[i] = wall(r, event.NamespaceType(i), around)
			switch m.Relation {
			case model.RelationHost:
				inner.ids[i] = 0
			case model.RelationOwn, model.RelationShared:
				inner.ids[i] = m.ID
			default:
				inner.ids[i] = unknownID
			}
		}
	}
	r.setInside(enclose(nil, r.members(), inner))
	return append(out, r)
}

func wall(r *Room, t event.NamespaceType, around surroundings) Wall {
	m := r.Container.Namespaces[t]
	switch {
	case m.Abandoned != nil:
		return Abandoned
	case m.Relation == model.RelationOwn:
		return Closed
	case m.Relation == model.RelationHost && around.ids[t] == 0, m.Relation == model.RelationShared && m.ID == around.ids[t]:
		return Open
	case m.Relation == model.RelationShared && complete([]*Room{r}, t, m.ID):
		return Closed
	case m.Relation == model.RelationUnknown:
		return Unknown
	}
	return Elsewhere
}

// holders counts the live containers in a namespace among a room's own, those inside it and the hidden ones.
func holders(r *Room, t event.NamespaceType, id uint64) int {
	n := 0
	count := func(c *model.Container) {
		if c != nil && c.Live() && c.Namespaces[t].ID == id {
			n++
		}
	}
	count(r.Container)
	if r.nested == nil {
		return n
	}
	for _, c := range r.nested.hides {
		count(c)
	}
	for _, in := range r.nested.members {
		n += holders(in, t, id)
	}
	return n
}
