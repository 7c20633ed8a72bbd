package container

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// A container need not have a cgroup of its own: a rootless engine may make none on cgroup v1, nor without systemd. It is known by its engine
// or by its files, with its PID 1. What happens in it is the container's by its namespaces.

// cgrouplessID identifies a container without a cgroup: each user's engine may give it any id.
type cgrouplessID struct {
	id   string
	user uint32
}

// rootOf returns the container's own cgroup, or what stands for that of one without; nil is none that is known.
func (t *Tracker) rootOf(ref *Ref) *cgroup {
	if ref.Root == "" {
		return t.cgroupless[cgrouplessID{ref.ID, ref.User}]
	}
	return t.roots[ref.Root]
}

// addCgroupless adds a container without a cgroup that runs.
func (t *Tracker) addCgroupless(ref *Ref, init int32) *cgroup {
	c := &cgroup{ref: ref, init: init}
	c.root = c
	t.cgroupless[cgrouplessID{ref.ID, ref.User}] = c
	t.giveID(c)
	return c
}

// left notes that a process is no init outside of its container's cgroup any more.
func (t *Tracker) left(pid int32) {
	root := t.outside[pid]
	if root == nil {
		return
	}
	delete(t.outside, pid)
	t.dropCgroupless(root)
}

// dropCgroupless forgets a container without a cgroup, but for what its engine has to say of its end.
func (t *Tracker) dropCgroupless(root *cgroup) {
	for key, c := range t.cgroupless {
		if c == root {
			delete(t.cgroupless, key)
			t.expire(c)
		}
	}
}

// Cgroupless is a container without a cgroup that runs.
type Cgroupless struct {
	Ref   *Ref // with the id that its engine has given it
	State State
}

// OfUsers returns the containers without a cgroup that users' own engines and files have shown. ids are those of the containers that
// have a cgroup in a user's slice.
func (t *Tracker) OfUsers() (list []Cgroupless, ids map[string]bool) {
	for key, c := range t.cgroupless {
		if key.user != 0 {
			ref := *c.ref
			ref.ID = key.id
			list = append(list, Cgroupless{&ref, t.StateOf(&ref)})
		}
	}
	ids = map[string]bool{}
	for path, root := range t.roots {
		if strings.Contains(path, "/user-") {
			ids[root.ref.ID] = true
		}
	}
	return list, ids
}

// foundWithin is how long after its creation a container without a cgroup may be found by its engine's files.
const foundWithin = 10 * time.Second

// MayBeUsers reports whether an OOM kill, which is yet to be attributed, may be in a user's container without a cgroup that has not been found
// yet: in a young PID namespace of which the maker calls itself as a container runtime does.
func (t *Tracker) MayBeUsers(kill *event.Event) bool {
	ids := kill.OOM.Victim.Namespaces
	made := t.creations.byID[ids[event.PID]]
	if !t.own(ids, event.PID) || made == nil || made.uid == nil || *made.uid == 0 || instantOf(kill).since(made.at) > foundWithin {
		return false
	}
	_, containers, _ := runtime.Isolates(made.comm)
	if !containers || t.cgrouplessIn(ids) != nil || t.outside[kill.OOM.Victim.PID] != nil {
		return false
	}
	c, _ := t.container(kill.CgroupID)
	return c == nil
}

// cgrouplessIn returns the container without a cgroup that a process is in, by its namespaces; nil is none. Several may share a PID
// namespace.
func (t *Tracker) cgrouplessIn(ids event.NamespaceIDs) *cgroup {
	for _, typ := range []event.NamespaceType{event.Mnt, event.PID} {
		var in []*cgroup
		for _, c := range t.cgroupless {
			if t.own(ids, typ) && ids[typ] == c.namespaces[typ] {
				in = append(in, c)
			}
		}
		if len(in) == 1 {
			return in[0]
		}
	}
	return nil
}
