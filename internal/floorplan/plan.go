package floorplan

import (
	"math"
	"slices"
)

// Rect is a part of the floor, in cells from its left upper corner.
type Rect struct{ X, Y, W, H int }

// Place is a room with its outer walls' place.
type Place struct {
	Room *Room
	Rect
	// Head is the number of rows inside the upper wall above the rooms inside; it is the whole inside of a room without any.
	Head int
	// Depth is the number of rooms around it.
	Depth int
}

// Plan is a floor with rooms on it. Its zero value is an empty one.
type Plan struct {
	// Places holds the rooms that are on it, each before those inside it.
	Places []Place
	// Drawn is the number of workloads on it, LeftOut that of the others.
	Drawn, LeftOut int
	// Page of Pages, from 1, is this one. A single page has as many rooms as fit; more than one have all, except what is in a room
	// that does not fit.
	Page, Pages int
}

const (
	// leastW and leastH are the smallest room's size. Four walls with their names and gaps are below it, two at each side.
	leastW, leastH = 22, 4
	// headRows are the rows of a room above the rooms inside it.
	headRows = 2
	// nameW is the width that a frame needs for each namespace that is shared inside.
	nameW = 4
)

// unit is the size of the smallest room on a plan, with the gap to the next.
type unit struct {
	w, h       int
	gapX, gapY int
	// equal makes all rooms equally wide.
	equal bool
}

// units are the sizes to choose from: the first that has space for all.
var units = []unit{
	{w: 64, h: 16, gapX: 2, gapY: 1},
	{w: 52, h: 12, gapX: 2, gapY: 1},
	{w: 44, h: 10, gapX: 2, gapY: 1},
	{w: 38, h: 8, gapX: 2, gapY: 1},
	{w: 34, h: 8, gapX: 2, gapY: 1},
	{w: 30, h: 7, gapX: 1},
	{w: 28, h: 6, gapX: 1},
	{w: 26, h: 5, gapX: 1},
	{w: leastW, h: leastH + 1, gapX: 1},
	{w: leastW, h: leastH, gapX: 1},
	{w: leastW, h: leastH, gapX: 1, equal: true},
}

// Arrange places the rooms on a floor of w by h cells, as large as they all fit. If they do not fit at any size, it makes pages,
// and returns the one with the chosen room; nil is the first.
func (b Building) Arrange(w, h int, chosen *Room) Plan {
	if len(b.Rooms) == 0 {
		return Plan{Page: 1, Pages: 1}
	}
	if w < leastW || h < leastH {
		return Plan{LeftOut: b.Count, Page: 1, Pages: 1}
	}
	if len(b.Rooms)*leastW*leastH > w*h {
		return b.pages(w, h, chosen)
	}
	var blocks []block
	for _, u := range units {
		var fit bool
		if blocks, fit = u.measureAll(blocks[:0], b.Rooms, w, h); !fit {
			continue
		}
		if f := u.all(blocks, w, h); f != nil {
			return b.plan(f, 1, 1)
		}
	}
	return b.pages(w, h, chosen)
}

// measureAll appends the blocks of rooms. It returns false if they do not fit on a floor in any arrangement.
func (u unit) measureAll(to []block, rooms []*Room, w, h int) ([]block, bool) {
	area := 0
	var stack []block
	for _, r := range rooms {
		b, ok := u.measure(r, w, h, false, &stack)
		if area += b.w * b.h; !ok || b.left > 0 || area > w*h {
			return to, false
		}
		to = append(to, b)
	}
	return to, true
}

// all places all blocks on one floor; it returns nil if they do not fit.
func (u unit) all(blocks []block, w, h int) *floor {
	f := newFloor(w, h, u)
	for _, b := range blocks {
		if !f.add(b) {
			return nil
		}
	}
	return f
}

func (b Building) pages(w, h int, chosen *Room) Plan {
	u := units[len(units)-1]
	floors := []*floor{newFloor(w, h, u)}
	floors[0].bare = true
	at, open := 0, 0 // open is the first floor that may have space
	places := make([]int16, len(b.Rooms))
	var stack []block
	for i, r := range b.Rooms {
		block, ok := u.measure(r, w, h, true, &stack)
		if !ok {
			places[i] = -1
			continue
		}
		on := open
		for !floors[on].add(block) {
			if on == open && block.w <= u.w && block.h <= u.h {
				open++ // there is no space for anything
			}
			if on++; on == len(floors) {
				floors = append(floors, newFloor(w, h, u))
				floors[on].bare = true
			}
		}
		places[i] = int16(on)
		if chosen != nil && contains(r, chosen) {
			at = on
		}
	}
	// A block's place depends on those before it on the same floor alone.
	shown := newFloor(w, h, u)
	on := 0
	for _, place := range places {
		if int(place) == at {
			on++
		}
	}
	shown.spots = make([]spot, 0, on)
	for i, r := range b.Rooms {
		if int(places[i]) == at {
			block, _ := u.measure(r, w, h, false, &stack)
			shown.add(block)
		}
	}
	return b.plan(shown, at+1, len(floors))
}

func contains(r, other *Room) bool {
	if r == other {
		return true
	}
	for _, in := range r.Inside() {
		if contains(in, other) {
			return true
		}
	}
	return false
}

func (b Building) plan(f *floor, page, pages int) Plan {
	p := Plan{Page: page, Pages: pages, Places: make([]Place, 0, count(f.spots))}
	p.add(f.spots, 0, 0, 0)
	for i := range p.Places {
		if !p.Places[i].Room.Frame() {
			p.Drawn++
		}
	}
	p.LeftOut = b.Count - p.Drawn
	return p
}

// count returns how many rooms there are at spots and inside of these.
func count(spots []spot) int {
	n := len(spots)
	for i := range spots {
		n += count(spots[i].inside)
	}
	return n
}

func (p *Plan) add(spots []spot, x, y, depth int) {
	for _, s := range spots {
		at := Rect{x + s.x, y + s.y, s.w, s.h}
		p.Places = append(p.Places, Place{Room: s.room, Rect: at, Head: s.head, Depth: depth})
		p.add(s.inside, at.X+1, at.Y+1+s.head, depth+1)
	}
}

// Beside returns the nearest wanted workload's room below another or above it; nil is none.
func (p *Plan) Beside(r *Room, below bool) *Room {
	at := slices.IndexFunc(p.Places, func(o Place) bool { return o.Room == r })
	if at < 0 {
		return nil
	}
	from := p.Places[at].Rect
	var found *Room
	best := math.MaxInt
	for i := range p.Places {
		to := p.Places[i]
		away := to.Y - from.Y
		if !below {
			away = -away
		}
		if away <= 0 || !to.Room.Matches() || to.X >= from.X+from.W || from.X >= to.X+to.W {
			continue
		}
		aside := to.X - from.X
		if d := away*(p.width()+1) + max(aside, -aside); d < best {
			found, best = to.Room, d
		}
	}
	return found
}

func (p *Plan) width() int {
	w := 0
	for i := range p.Places {
		w = max(w, p.Places[i].X+p.Places[i].W)
	}
	return w
}
