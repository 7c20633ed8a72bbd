package floorplan

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Wall is what separates a room from what is around it, for one type of namespace.
type Wall uint8

// The walls.
const (
	// Open leads into the room around, in the end to the host: both are in the same namespace.
	Open Wall = iota
	// Closed is a namespace that only this room and the rooms inside it are in.
	Closed
	// Elsewhere leads to another place than the room around: to the host, or to a room that is neither around nor inside.
	Elsewhere
	// Abandoned is a namespace that its maker has left.
	Abandoned
	// Unknown means that the namespace could not be read.
	Unknown
)

// Room is a workload, or a frame around rooms that share namespaces.
type Room struct {
	// Container and VM are its workload. Both are nil for a frame.
	Container *model.Container
	VM        *model.VM
	// Walls has a wall for each type of namespace. Those of a virtual machine and of an ended container mean nothing.
	Walls  [event.NamespaceTypeCount]Wall
	nested *nested
}

// nested has what few rooms have: there may be thousands of others.
type nested struct {
	inside []*Room
	// inPod is set inside the frame of its pod, hidden for a sandbox that gets no room of its own, and unmatched where the selection does not
	// keep the room: it is there because of one inside.
	inPod, hidden, unmatched bool
	// pod is that of a frame, around the workload that a room is inside.
	pod    *event.Group
	around *Room
	// Before any frames are put inside, members are the workloads directly inside, and hides the sandboxes whose place the room takes.
	members []*Room
	hides   []*model.Container
}

// Inside returns the rooms inside, in the order of their creation.
func (r *Room) Inside() []*Room {
	if r.nested == nil {
		return nil
	}
	return r.nested.inside
}

// InPod reports whether a room is inside the frame of its pod.
func (r *Room) InPod() bool { return r.nested != nil && r.nested.inPod }

// Matches reports whether a room is a workload's and the selection keeps it. One that does not match is there because of one inside.
func (r *Room) Matches() bool { return !r.Frame() && (r.nested == nil || !r.nested.unmatched) }

func (r *Room) isHidden() bool { return r.nested != nil && r.nested.hidden }

func (r *Room) setInside(rooms []*Room) {
	if len(rooms) > 0 || r.nested != nil {
		r.nests().inside = rooms
	}
}

// Pod returns the pod whose members a frame is around; nil is none.
func (r *Room) Pod() *event.Group {
	if r.nested == nil {
		return nil
	}
	return r.nested.pod
}

// around returns the workload that a room is inside; nil is none.
func (r *Room) around() *Room {
	if r.nested == nil {
		return nil
	}
	return r.nested.around
}

func (r *Room) members() []*Room {
	if r.nested == nil {
		return nil
	}
	return r.nested.members
}

func (r *Room) nests() *nested {
	if r.nested == nil {
		r.nested = &nested{}
	}
	return r.nested
}

// created returns when the workload was created; zero is unknown.
func (r *Room) created() time.Time {
	switch {
	case r.VM != nil:
		return r.VM.Started
	case r.Container.Created.IsZero():
		return r.Container.Started
	}
	return r.Container.Created
}

// Frame reports whether the room is a frame rather than a workload.
func (r *Room) Frame() bool { return r.Container == nil && r.VM == nil }

// Solid reports whether any wall of the room is closed.
func (r *Room) Solid() bool { return slices.Contains(r.Walls[:], Closed) }

// Building holds the rooms of a host.
type Building struct {
	// Rooms are those that are in no other, in the order of their creation.
	Rooms []*Room
	// Count is the number of workloads that have a room. Hidden is the number of sandboxes of pods that have none.
	Count, Hidden int
}

// All returns the workloads' rooms, each before those inside it.
func (b Building) All() []*Room { return appendWorkloads(make([]*Room, 0, b.Count), b.Rooms) }

func appendWorkloads(to, rooms []*Room) []*Room {
	for _, r := range rooms {
		if !r.Frame() {
			to = append(to, r)
		}
		to = appendWorkloads(to, r.Inside())
	}
	return to
}

// Selection says which workloads get a room.
type Selection struct {
	// Sandboxes gives a room to the sandbox of a pod, too, if the pod has other members. A sandbox with OOM kills, or with a workload inside, always has one.
	Sandboxes bool
	// Keep reports whether a workload is wanted; one that is not has a room only around those that are. nil keeps all.
	Keep func(*Room) bool
}

// Of builds the rooms of workloads.
func Of(containers []*model.Container, vms []*model.VM, sel Selection) Building {
	all := make([]Room, len(containers)+len(vms))
	rooms := make([]*Room, len(all))
	nested := false
	for i := range all {
		r := &all[i]
		rooms[i] = r
		if i >= len(containers) {
			r.VM = vms[i-len(containers)]
			nested = nested || r.VM.Container != ""
			continue
		}
		r.Container = containers[i]
		nested = nested || r.Container.Parent != ""
	}
	// A room keeps its place while later ones come and go, since its own place depends on the earlier ones alone.
	slices.SortStableFunc(rooms, func(a, b *Room) int { return cmp.Or(a.created().Compare(b.created()), cmp.Compare(a.id(), b.id())) })
	if nested {
		nest(rooms)
	}
	top := rooms
	if nested {
		top = nil
		for _, r := range rooms {
			if outer := r.around(); outer == nil {
				top = append(top, r)
			} else {
				in := outer.nests()
				in.members = append(in.members, r)
			}
		}
	}
	hidden := 0
	if !sel.Sandboxes {
		hidden = hide(rooms)
	}
	built := Building{Rooms: kept(enclose(top[:0], top, surroundings{}), sel.Keep), Hidden: hidden}
	built.Count = workloads(built.Rooms)
	return built
}

// nest finds out which workloads are inside others.
func nest(rooms []*Room) {
	live, labels := map[string]*Room{}, map[string]*Room{}
	for _, r := range rooms {
		if c := r.Container; c != nil && c.Live() {
			live[c.ID], labels[c.Label] = r, r
		}
	}
	for _, r := range rooms {
		var outer *Room
		switch {
		case r.VM != nil && r.VM.Container != "":
			outer = labels[r.VM.Container]
		case r.Container != nil && r.Container.Parent != "":
			outer = live[r.Container.Parent]
		}
		if outer == nil {
			continue
		}
		r.nests().around = outer
		if within(r, len(rooms)) {
			r.nested.around = nil
		}
	}
}

// id distinguishes rooms that were created at the same time.
func (r *Room) id() string {
	if r.Container != nil {
		return r.Container.ID
	}
	return r.VM.Name
}

// within reports whether a room would be inside itself, or among those that are. most is the number of all rooms.
func within(r *Room, most int) bool {
	outer := r.around()
	for ; outer != nil && outer != r && most > 0; most-- {
		outer = outer.around()
	}
	return outer != nil
}

// kept drops the rooms that are not wanted and have no wanted one inside.
func kept(rooms []*Room, keep func(*Room) bool) []*Room {
	out := rooms[:0]
	for _, r := range rooms {
		if !r.Frame() && keep != nil && !keep(r) {
			r.nests().unmatched = true
		}
		r.setInside(kept(r.Inside(), keep))
		if r.Matches() || len(r.Inside()) > 0 {
			out = append(out, r)
		}
	}
	return out
}

// workloads counts the workloads among rooms and inside them.
func workloads(rooms []*Room) int {
	n := 0
	for _, r := range rooms {
		if !r.Frame() {
			n++
		}
		n += workloads(r.Inside())
	}
	return n
}

// hide chooses the sandboxes that get no room, and returns how many: the frame of their pod is what they are for. Those with something inside
// have a room.
func hide(rooms []*Room) (n int) {
	members := map[podKey]bool{}
	for _, r := range rooms {
		if key, ok := podOf(r); ok && r.Container.Live() && !r.Container.IsSandbox() {
			members[key] = true
		}
	}
	for _, r := range rooms {
		if key, ok := podOf(r); ok && r.Container.IsSandbox() && members[key] && len(r.members()) == 0 && r.Container.OOMKillsAtLeast == 0 {
			r.nests().hidden = true
			n++
		}
	}
	return n
}

type podKey struct{ namespace, name string }

func podOf(r *Room) (key podKey, ok bool) {
	if r.Container == nil || r.Container.Group == nil || r.Container.Group.Kind != event.GroupPod {
		return podKey{}, false
	}
	return podKey{r.Container.Group.Namespace, r.Container.Group.Name}, true
}

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
