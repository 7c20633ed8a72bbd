package floorplan

import (
	"iter"

	"github.com/nsviz/nsviz/internal/event"
)

// Side is a side of a room. Its upper side has its name.
type Side uint8

// The sides that have walls for namespaces.
const (
	Left Side = iota
	Right
	Bottom
)

// Segment is the part of a side that stands for a namespace.
type Segment struct {
	Type event.NamespaceType
	Wall Wall
	Side Side
	// From and To are the first cell of it and the one after the last, along the side from its corner at 0.
	From, To int
}

// Segments returns the walls of a place: each type at the same place of every workload's room, so that rooms can be compared. A
// frame has only what is shared inside.
func (p *Place) Segments() iter.Seq[Segment] {
	return func(yield func(Segment) bool) {
		if p.Room.Frame() {
			p.side(yield, Bottom, 1, p.W-1, p.Room.Shared()...)
			return
		}
		// The first row is that of the first type, and the second that of the second: their names have no room beside rooms inside.
		half := 1 + p.Head/2
		_ = p.side(yield, Left, 1, half, event.Mnt) &&
			p.side(yield, Left, half, p.H-1, event.PID) &&
			p.side(yield, Right, 1, half, event.User) &&
			p.side(yield, Right, half, p.H-1, event.CgroupNS) &&
			p.side(yield, Bottom, 1, p.W-1, event.Net, event.IPC, event.UTS, event.Time)
	}
}

// side yields the walls of a part of a side. It returns false if no more are wanted.
func (p *Place) side(yield func(Segment) bool, side Side, from, to int, types ...event.NamespaceType) bool {
	for i, t := range types {
		n := len(types)
		if !yield(Segment{t, p.Room.Walls[t], side, from + i*(to-from)/n, from + (i+1)*(to-from)/n}) {
			return false
		}
	}
	return true
}
