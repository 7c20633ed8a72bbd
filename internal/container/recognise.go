package container

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
)

// refOf returns the container that a path belongs to; nil is none. What may be a container's own cgroup counts as such if it has been
// confirmed, or if an engine has a container with that id.
func (t *Tracker) refOf(path string) *Ref { return t.refAmong(path, t.parser.matches(path)) }

// refAmong is refOf for a path whose matches are known.
func (t *Tracker) refAmong(path string, list []Ref) *Ref {
	var last *Ref
	for end := 0; end < len(path); {
		if next := strings.IndexByte(path[end+1:], '/'); next >= 0 {
			end += 1 + next
		} else {
			end = len(path)
		}
		matches := len(list) > 0 && list[0].Root == path[:end]
		switch root := t.roots[path[:end]]; {
		case root != nil: // which may have been confirmed in spite of its path
			last = root.ref
		case matches && (!list[0].Unsure || t.isKnownID(list[0].ID)):
			ref := list[0]
			ref.Parent = last
			last = &ref
		}
		if matches {
			list = list[1:]
		}
	}
	return last
}

// possible returns the container that a cgroup may belong to, if something other than its path must show that; nil is none.
func possible(list []Ref) *Ref {
	if n := len(list); n > 0 && list[n-1].Unsure {
		return &list[n-1]
	}
	return nil
}

// PossibleID returns the id of the container whose own cgroup a known cgroup may be, if something other than the path must show that and an
// engine may know the id; else "".
func (t *Tracker) PossibleID(id uint64) string {
	if c := t.cgroups[id]; c != nil && c.possible != nil && c.possible.Root == c.path && isHex64(c.possible.ID) {
		return c.possible.ID
	}
	return ""
}

// isKnownID reports whether an engine has a container with that id. Names are no ids.
func (t *Tracker) isKnownID(id string) bool {
	if !isHex64(id) {
		return false
	}
	_, ok := t.directory.Get(id)
	return ok
}

// assign makes a cgroup one of a container.
func (t *Tracker) assign(c *cgroup, ref *Ref) {
	c.ref = ref
	if ref.Root != c.path {
		if c.root = t.roots[ref.Root]; c.root == nil {
			c.root = c // the container's own cgroup was not reported
		}
		return
	}
	c.root = c
	t.roots[c.path] = c
	t.giveID(c)
}

// maxNamed is how many ids of the user's choice are remembered with their runtime.
const maxNamed = 4096

// giveID changes the id of a container that has the id of another one. An id in a path need not be true: whoever may make cgroups may give
// them any name. Ids of the user's choice are unique only among the containers of one runtime and one user.
func (t *Tracker) giveID(c *cgroup) {
	ref := *c.ref
	c.ref = &ref
	if ref.Name != "" {
		switch by, taken := t.named[ref.ID]; {
		case !taken:
			if len(t.named) >= maxNamed {
				clear(t.named)
			}
			t.named[ref.ID] = ref.Runtime
		case by != ref.Runtime:
			ref.ID = ref.Runtime + "/" + ref.ID
		}
	}
	// An engine of the host has no containers in another container, nor without a cgroup at a user's.
	known, ok := t.directory.Get(ref.ID)
	if other := t.ids[ref.ID]; other != nil && other != c || ref.Parent != nil && t.isKnownID(ref.ID) || ref.User != 0 && ok && known.User == 0 {
		ref.ID = fmt.Sprintf("%s@%d", ref.ID, cmp.Or(c.id, uint64(c.init)))
	}
	t.ids[ref.ID] = c
}

// confirmByStart confirms that a cgroup, or the one that it is directly below, is a container's own: the kernel has reported that a process
// with a mount namespace other than its parent's runs its first program in it. If the id is a name of the user's choice, a runtime must
// have made the cgroup; then it may be anywhere.
func (t *Tracker) confirmByStart(id uint64) {
	c := t.cgroups[id]
	if c == nil || c.removed || c.root != nil && !c.root.hadInit {
		return // unknown, or this is the start of a known container
	}
	// crun makes a cgroup of that name below that of the container.
	byCrun := strings.HasSuffix(c.path, "/container")
	if p := c.possible; p != nil && (p.Root == c.path || byCrun && p.Root == above(c.path)) {
		ref := *p
		if root := t.paths[ref.Root]; root != nil && t.roots[ref.Root] == nil && (ref.Name == "" || root.maker != "") {
			if ref.Runtime == runtime.Runc { // or another one whose cgroups have such names
				ref.Runtime = root.maker
			}
			t.confirm(root, &ref, c)
			return
		}
	}
	if c.maker == "" {
		return
	}
	root := c
	// It may have asked systemd for a scope.
	if parent := t.paths[above(c.path)]; byCrun && parent != nil && c.root == nil && (parent.maker == c.maker || strings.HasSuffix(parent.path, ".scope")) {
		root = parent
	}
	if t.roots[root.path] != nil {
		return
	}
	name := nameOf(root.path, c.maker)
	t.confirm(root, &Ref{Runtime: c.maker, ID: name, Name: name, Root: root.path}, c)
}

// nameOf returns what a container is called of which only the cgroup is known that a runtime made for it: as the cgroup, or as the unit of
// systemd that this is or that nspawn has divided.
func nameOf(path, maker string) string {
	if unit, ok := strings.CutSuffix(path, "/payload"); ok && maker == runtime.Nspawn {
		path = strings.TrimSuffix(unit, ".service")
	}
	return strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".scope")
}

// above returns the path of the cgroup above one; "" is none.
func above(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// Confirm confirms that a path that is Unsure is a container's, as reading the host found.
func (t *Tracker) Confirm(ref *Ref) {
	root := t.paths[ref.Root]
	if !ref.Unsure || root == nil || t.roots[ref.Root] != nil {
		return
	}
	confirmed := *ref
	t.root(root, &confirmed)
	for _, c := range t.cgroups {
		if !c.removed && strings.HasPrefix(c.path, root.path+"/") && c.root != c {
			t.assign(c, t.refOf(c.path))
		}
	}
}

// confirm makes a cgroup a container's own, and one below it the container's, and makes that known.
func (t *Tracker) confirm(root *cgroup, ref *Ref, below *cgroup) {
	t.root(root, ref)
	if below != root {
		t.assign(below, root.ref)
	}
	t.discovered = append(t.discovered, Discovery{Cgroup: Cgroup{root.id, root.path}, Container: root.ref, Confirmed: true})
}

// root makes a cgroup a container's own.
func (t *Tracker) root(c *cgroup, ref *Ref) {
	ref.Parent = t.refOf(above(c.path))
	t.assign(c, ref)
}
