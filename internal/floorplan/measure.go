package floorplan

import "math"

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
		inner, ok := block{}, false
		if in.isPlain() {
			inner, ok = u.plain(in, maxW-2, maxH-b.h)
		} else if len(blocks) > 0 && blocks[0].room == in {
			inner, ok, blocks = blocks[0], true, blocks[1:]
		}
		if !ok {
			continue // it has no place
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
