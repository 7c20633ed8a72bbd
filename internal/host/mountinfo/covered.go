package mountinfo

import "path"

// place is where a mount is in the tree of mounts.
type place struct{ id, parent string }

// spot is a path in a mount.
type spot struct{ mount, path string }

// cover finds the mounts that others hide.
type cover struct {
	mounts []Mount
	places []place
	byID   map[string]int
	on     map[spot]int // which mount is on a spot
	known  map[int]bool // whether the way to a mount point is blocked
}

// markCovered sets Covered in mounts, whose places in the tree are places. The order of mountinfo does not tell which mount is
// above which: a recursive bind mount copies mounts that came after the one that hides them.
func markCovered(mounts []Mount, places []place) {
	c := cover{mounts, places, make(map[string]int, len(mounts)), make(map[spot]int, len(mounts)), make(map[int]bool, len(mounts))}
	for i := range mounts {
		c.byID[places[i].id] = i
		c.on[spot{places[i].parent, mounts[i].Point}] = i
	}
	for i := range mounts {
		mounts[i].Covered = c.covered(i)
	}
}

// covered reports whether a mount is hidden. A mount on "/" hides nothing from a process whose root is below it already.
func (c *cover) covered(i int) bool {
	if c.blocked(i) {
		return true
	}
	m := &c.mounts[i]
	above, ok := c.on[spot{c.places[i].id, m.Point}]
	return ok && above != i && m.Point != "/"
}

// blocked reports whether no path leads to the mount point of a mount.
func (c *cover) blocked(i int) bool {
	if blocked, ok := c.known[i]; ok {
		return blocked
	}
	c.known[i] = false // ends the walk if a parent is its own
	parent, ok := c.byID[c.places[i].parent]
	if !ok || parent == i {
		return false
	}
	point, root := c.mounts[i].Point, c.mounts[parent].Point
	var blocked bool
	if point == root {
		blocked = c.blocked(parent)
	} else {
		blocked = c.covered(parent)
		for at := path.Dir(point); !blocked && len(at) > len(root) && at != "/"; at = path.Dir(at) {
			_, blocked = c.on[spot{c.places[parent].id, at}]
		}
	}
	c.known[i] = blocked
	return blocked
}
