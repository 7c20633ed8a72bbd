package container

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// What is isolated without a cgroup of its own is recognised by its namespaces: a PID or a user namespace other than the host's is a
// sandbox's, or a container's if a container runtime made it. A mount namespace is not enough, since a chroot, `ip netns exec` and others
// make one in passing. Only a unit of systemd may have just that.

// maxSandboxes is how many of them are remembered.
const maxSandboxes = 4096

// Isolated is something that was recognised by its namespaces.
type Isolated struct {
	Container  event.Container
	Namespaces event.NamespaceIDs
	// FromBeginning is set if nsviz has seen the creation of its namespaces.
	FromBeginning bool
}

// sandboxes are what was recognised by its namespaces and has not ended.
type sandboxes struct {
	byNamespace map[uint64]*event.Container
	services    map[string]*event.Container // by the path of the unit's cgroup
	found       []Isolated                  // since Isolated was called
	ended       []string                    // the ids of those whose namespace was freed or whose cgroup was removed, since Ended was called
}

// SetHost says which namespaces are the host's own. Without that nothing is recognised by its namespaces.
func (t *Tracker) SetHost(ids event.NamespaceIDs) { t.host = ids }

// own reports whether a namespace is not the host's. It is false if one of both is unknown.
func (t *Tracker) own(ids event.NamespaceIDs, typ event.NamespaceType) bool {
	return ids[typ] != 0 && t.host[typ] != 0 && ids[typ] != t.host[typ]
}

// isolated returns what a process of no container is in, by its namespaces and the path of its cgroup; nil is nothing.
func (t *Tracker) isolated(ids event.NamespaceIDs, path string) *event.Container {
	unit, name := serviceOf(path)
	for _, typ := range []event.NamespaceType{event.PID, event.User} {
		if id := ids[typ]; t.own(ids, typ) {
			// Somebody in the unit made it, or systemd did for the unit.
			if made := t.creations.byID[id]; unit != "" && (made == nil || made.comm == name[:min(len(name), 15)] || made.comm == "systemd") {
				return t.service(unit, name, ids)
			}
			return t.sandbox(typ, ids)
		}
	}
	for _, typ := range []event.NamespaceType{event.Mnt, event.Net, event.IPC, event.UTS} {
		if unit != "" && t.own(ids, typ) {
			return t.service(unit, name, ids)
		}
	}
	return nil
}

// serviceOf returns the path of the cgroup of the innermost service of systemd in a path, and the unit's name; "" is none. A user's manager
// is none: it holds sessions.
func serviceOf(path string) (unit, name string) {
	for end := len(path); end > 0; {
		begin := strings.LastIndexByte(path[:end], '/')
		if name := path[begin+1 : end]; strings.HasSuffix(name, ".service") && !strings.HasPrefix(name, "user@") {
			return path[:end], name
		}
		end = begin
	}
	return "", ""
}

func (t *Tracker) service(unit, name string, ids event.NamespaceIDs) *event.Container {
	s := &t.sandboxes
	if c := s.services[unit]; c != nil {
		return c
	}
	c := &event.Container{ID: unit, Name: name, Kind: event.KindService, Runtime: runtime.Systemd}
	if s.services == nil || len(s.services) >= maxSandboxes {
		s.services = map[string]*event.Container{}
	}
	s.services[unit] = c
	s.found = append(s.found, Isolated{Container: *c, Namespaces: ids})
	return c
}

func (t *Tracker) sandbox(typ event.NamespaceType, ids event.NamespaceIDs) *event.Container {
	s := &t.sandboxes
	id := ids[typ]
	if c := s.byNamespace[id]; c != nil {
		return c
	}
	c := &event.Container{ID: fmt.Sprintf("%s-%d", typ, id), Kind: event.KindSandbox}
	made := t.creations.byID[id]
	if made != nil && made.comm != "" {
		c.Name = fmt.Sprintf("%s-%d", made.comm, made.pid)
		if r, containers, ok := runtime.Isolates(made.comm); ok {
			c.Runtime = r.Name
			if containers {
				c.Kind = event.KindContainer
			}
		}
	}
	if s.byNamespace == nil || len(s.byNamespace) >= maxSandboxes {
		s.byNamespace = map[uint64]*event.Container{}
	}
	s.byNamespace[id] = c
	s.found = append(s.found, Isolated{*c, ids, made != nil})
	return c
}

// freed notes the end of a namespace.
func (s *sandboxes) freed(id uint64) {
	if c := s.byNamespace[id]; c != nil {
		delete(s.byNamespace, id)
		s.ended = append(s.ended, c.ID)
	}
}

// removed notes the removal of a cgroup.
func (s *sandboxes) removed(path string) {
	if c := s.services[path]; c != nil {
		delete(s.services, path)
		s.ended = append(s.ended, c.ID)
	}
}

// Isolated returns what was recognised by its namespaces since the last call.
func (t *Tracker) Isolated() []Isolated {
	list := t.sandboxes.found
	t.sandboxes.found = nil
	return list
}

// Ended returns the ids of what was recognised by its namespaces and has ended since the last call.
func (t *Tracker) Ended() []string {
	list := t.sandboxes.ended
	t.sandboxes.ended = nil
	return list
}
