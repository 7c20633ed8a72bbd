package floorplan

import (
	"iter"
	"math"
	"slices"

	"github.com/nsviz/nsviz/internal/event"
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

// quarters returns the width of a workload's room in quarters of a unit. It follows the memory limit or, where there is none, the
// memory in use, in steps so wide that a room seldom changes its size.
func quarters(r *Room) int {
	var bytes uint64
	switch {
	case r.VM != nil && r.VM.MemoryBytes != nil:
		bytes = *r.VM.MemoryBytes
	case r.VM != nil && r.VM.ResidentBytes != nil:
		bytes = *r.VM.ResidentBytes
	case r.VM != nil || !r.Container.Live():
	case r.Container.Memory.LimitBytes != nil:
		bytes = *r.Container.Memory.LimitBytes
	case r.Container.Memory.UsageBytes != nil:
		bytes = *r.Container.Memory.UsageBytes
	}
	const mib = 1 << 20
	switch {
	case bytes <= 32*mib:
		return 4
	case bytes <= 256*mib:
		return 5
	case bytes <= 2048*mib:
		return 6
	}
	return 8
}

// block is a room with its size and the places of the rooms inside, before it has a place of its own.
type block struct {
	room   *Room
	inside []spot
	w, h   int
	head   int
	left   int // workloads inside that have no place
}

// spot is a block at a place inside of the walls around it.
type spot struct {
	block
	x, y int
}

// measure returns the block of a room in at most maxW by maxH cells; false if the room itself has no place there. If bare is set, it leaves
// out the places of the rooms inside. The stack is memory for the blocks of these.
func (u unit) measure(r *Room, maxW, maxH int, bare bool, stack *[]block) (block, bool) {
	inside := r.Inside()
	if len(inside) == 0 && !r.Frame() {
		return u.plain(r, maxW, maxH)
	}
	b := block{room: r, w: u.w, h: 2 + headRows, head: headRows}
	if r.Frame() {
		b.w, b.h, b.head = max(leastW, 3+nameW*r.sharedCount()), 2, 0
	}
	if b.w > maxW || b.h > maxH {
		return b, false
	}
	below := len(*stack)
	defer func() { *stack = (*stack)[:below] }()
	widest, sum, n := 0, 0, 0
	for _, in := range inside {
		inner, ok := u.measure(in, maxW-2, maxH-b.h, bare, stack)
		if !ok {
			b.left += workloads([]*Room{in})
			continue
		}
		b.left += inner.left
		widest, sum, n = max(widest, inner.w), sum+inner.w+u.gapX, n+1
		if !in.isPlain() { // a plain one is measured again sooner than it is kept
			*stack = append(*stack, inner)
		}
	}
	f := newFloor(min(max(sideBySide(n)*sum/max(n, 1)-u.gapX, widest), maxW-2), maxH-b.h, u)
	if f.bare = bare; !bare {
		f.spots = make([]spot, 0, min(n, (f.w/u.w+1)*(f.h/u.h+1))) // about as many as fit
	}
	blocks := (*stack)[below:]
	for _, in := range inside {
		var inner block
		switch ok := false; {
		case in.isPlain():
			if inner, ok = u.plain(in, maxW-2, maxH-b.h); !ok {
				continue
			}
		case len(blocks) == 0 || blocks[0].room != in:
			continue // it has no place
		default:
			inner, blocks = blocks[0], blocks[1:]
		}
		if !f.add(inner) {
			b.left += inner.drawn()
		}
	}
	b.inside = f.spots
	b.w, b.h = max(b.w, f.usedW+2), b.h+f.usedH
	return b, f.usedH > 0 || !r.Frame()
}

// isPlain reports whether a room is a workload's with nothing inside.
func (r *Room) isPlain() bool { return len(r.Inside()) == 0 && !r.Frame() }

// plain is measure for a plain room.
func (u unit) plain(r *Room, maxW, maxH int) (block, bool) {
	b := block{room: r, w: u.w, h: u.h, head: u.h - 2}
	if !u.equal {
		b.w = max(min(u.w*quarters(r)/4, maxW), u.w)
	}
	return b, b.w <= maxW && b.h <= maxH
}

// sideBySide returns how many of n rooms stand beside each other inside another room.
func sideBySide(n int) int {
	if n <= 3 {
		return n
	}
	return int(math.Ceil(math.Sqrt(float64(n))))
}

// drawn counts the workloads of a block that have a place.
func (b *block) drawn() int { return workloads([]*Room{b.room}) - b.left }

// floor is a space that blocks are put on, each where it comes to stand highest, and there at the left. So a block's place depends
// on those before it alone.
type floor struct {
	unit
	w, h         int
	edge         []step // what is free below it, from left to right
	holes        []Rect // what is free above it
	spots        []spot
	bare         bool // the spots are not kept
	usedW, usedH int
}

// step is a part of an edge: from column x on, the rows from y on are free.
type step struct{ x, y int }

// newFloor returns an empty floor. The gap to the right of a block may be outside of it.
func newFloor(w, h int, u unit) *floor {
	return &floor{unit: u, w: w, h: h, edge: []step{{0, 0}}}
}

// end returns where a step of the edge ends.
func (f *floor) end(i int) int {
	if i+1 < len(f.edge) {
		return f.edge[i+1].x
	}
	return f.w + f.gapX
}

// add puts a block on the floor. It returns false if there is no place left.
func (f *floor) add(b block) bool {
	if f.addToHole(b) {
		return true
	}
	w := b.w + f.gapX
	first, last, y := f.highest(w)
	if first < 0 || y+b.h > f.h {
		return false
	}
	x := f.edge[first].x
	f.put(b, x, y)
	for i := first; i <= last; i++ {
		from := f.edge[i]
		f.leave(Rect{from.x, from.y, min(f.end(i), x+w) - from.x, y - f.gapY - from.y})
	}
	var space [2]step
	under := append(space[:0], step{x, y + b.h + f.gapY})
	if end := f.end(last); end > x+w {
		under = append(under, step{x + w, f.edge[last].y})
	}
	if first > 0 && f.edge[first-1].y == under[0].y {
		under[0].x = f.edge[first-1].x
		first--
	}
	f.edge = slices.Replace(f.edge, first, last+1, under...)
	return true
}

// highest returns the steps below which w columns are free from the highest row on, and that row. first is -1 if w is too wide.
func (f *floor) highest(w int) (first, last, y int) {
	first = -1
	for i, from := range f.edge {
		if from.x+w > f.w+f.gapX {
			break
		}
		top, j := from.y, i
		for ; f.end(j) < from.x+w; j++ {
			top = max(top, f.edge[j+1].y)
		}
		if first < 0 || top < y {
			first, last, y = i, j, top
		}
	}
	return first, last, y
}

func (f *floor) put(b block, x, y int) {
	if !f.bare {
		f.spots = append(f.spots, spot{b, x, y})
	}
	f.usedW, f.usedH = max(f.usedW, x+b.w), max(f.usedH, y+b.h)
}

// leave keeps a hole if a room may have space there.
func (f *floor) leave(hole Rect) {
	if hole.W >= leastW+f.gapX && hole.H >= leastH {
		f.holes = append(f.holes, hole)
	}
}

func (f *floor) addToHole(b block) bool {
	for i, hole := range f.holes {
		if b.w+f.gapX > hole.W || b.h > hole.H {
			continue
		}
		f.put(b, hole.X, hole.Y)
		f.holes = slices.Delete(f.holes, i, i+1)
		w, h := b.w+f.gapX, b.h+f.gapY
		f.leave(Rect{hole.X + w, hole.Y, hole.W - w, hole.H})
		f.leave(Rect{hole.X, hole.Y + h, w, hole.H - h})
		return true
	}
	return false
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
