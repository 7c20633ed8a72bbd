package floorplan

import (
	"cmp"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

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
