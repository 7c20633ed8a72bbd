package container

import (
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

// initMoved recognises that the PID 1 of a container has left the container's cgroup, or is back in it. It reports false
// for a move between cgroups of the container itself, as a systemd in it makes, for what is no container, and where it is
// not known where the init was moved to.
func (t *Tracker) initMoved(e *event.Event) bool {
	m := e.Moved
	home := t.lookup(m.HomeID)
	if home == nil || home.root == nil || t.path(m.ToID) == "" {
		return false
	}
	root := home.root
	m.Home, m.To = root.path, t.path(m.ToID)
	m.Container = t.Describe(root.ref)
	m.Held = m.To == root.path || strings.HasPrefix(m.To, root.path+"/")
	wasOutside := t.outside[m.PID] == root
	switch {
	case !m.Held:
		t.outside[m.PID] = root
	case wasOutside:
		delete(t.outside, m.PID)
	default:
		return false
	}
	return true
}

// FoundOutside is FoundRunning for a container whose init was found in none of the container's cgroups. The container's own
// cgroup may be gone.
func (t *Tracker) FoundOutside(ref *Ref, init Init) *event.Event {
	root := t.rootOf(ref)
	switch {
	case root != nil:
	case ref.Root == "":
		root = t.addCgroupless(ref, init.PID)
	default:
		root = &cgroup{path: ref.Root, ref: ref}
		root.root = root
	}
	end := t.foundRunning(root, init)
	if end == nil {
		t.outside[init.PID] = root
	}
	return end
}

// homeOf is the container's own cgroup of an init, by the cgroup that an event names or, of one that is outside of the
// container's cgroups, by its PID; nil is none.
func (t *Tracker) homeOf(cgroupID uint64, pid int32) *cgroup {
	if c := t.cgroups[cgroupID]; c != nil && c.root != nil {
		return c.root
	}
	return t.outside[pid]
}
