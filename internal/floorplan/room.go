package floorplan

import (
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

// Shared returns the types of the closed walls: of a frame, the namespaces that are shared inside.
func (r *Room) Shared() []event.NamespaceType {
	var types []event.NamespaceType
	for t, wall := range r.Walls {
		if wall == Closed {
			types = append(types, event.NamespaceType(t))
		}
	}
	return types
}

func (r *Room) sharedCount() int {
	n := 0
	for _, wall := range r.Walls {
		if wall == Closed {
			n++
		}
	}
	return n
}
