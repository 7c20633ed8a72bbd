package floorplan

import "slices"

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
