package model

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Abandoned reports that a container is in a namespace that was made for another container, which has left it. What the
// engine set up there for the other one, such as the route out of a net namespace, has gone.
type Abandoned struct {
	// By is the label of the container that it was made for, or of the one that was made in its place under its name.
	By string `json:"by"`
	// Since is when that one started in another namespace or, if Ended is set, when it ended; zero is unknown.
	Since time.Time `json:"since,omitzero"`
	Ended bool      `json:"ended,omitempty"`
}

// inherited lists the types of namespaces that outlive the container that they were made for and lose their setup with it.
// A pid namespace does not outlive it, and engines set nothing up in the other types.
var inherited = [...]event.NamespaceType{event.Net, event.IPC}

// setOwners records that the namespaces of a container that has just started were made for it, if they are new and no
// other container is or was in them.
func (m *Model) setOwners(c *container) {
	for _, t := range inherited {
		n := m.namespaces[c.namespaces[t]]
		if n == nil || n.typ != t || n.contained || n.madeFor != nil || n.created.IsZero() || m.host.Namespaces[t] == n.id ||
			m.within[n.id].hasOther(c) {
			continue
		}
		n.madeFor = c.identity()
		n.madeInside = n.creator != nil && containerID(n.creator.Container) == c.id
	}
}

// successors finds the containers that have taken the place of others, by name. It is for one snapshot or event.
type successors struct {
	m      *Model
	byName map[string]*container // of the live containers; nil until it is needed
}

// ownerOf returns the container that a namespace of c was made for; without an ID it is unknown. alone reports whether it
// was made for that one alone.
func (m *Model) ownerOf(c *container, t event.NamespaceType) (owner event.Container, alone bool) {
	if owner := c.madeFor[t]; owner.ID != "" {
		return owner, true
	}
	if n := m.namespaces[c.namespaces[t]]; n != nil && n.typ == t && n.madeFor != nil {
		return *n.madeFor, n.madeInside
	}
	return event.Container{}, false
}

// noteForeign updates whether a container is in a namespace that was made for another one.
func (m *Model) noteForeign(c *container) {
	c.inForeign = false
	for _, t := range inherited {
		owner, _ := m.ownerOf(c, t)
		c.inForeign = c.inForeign || owner.ID != "" && owner.ID != c.id
	}
}

// abandoned returns nil if a namespace of a live container is not abandoned, or if that is unknown.
func (s *successors) abandoned(c *container, t event.NamespaceType) *Abandoned {
	m, id := s.m, c.namespaces[t]
	if id == 0 || m.host.Namespaces[t] == id {
		return nil
	}
	owner, alone := m.ownerOf(c, t)
	if owner.ID == "" || owner.ID == c.id {
		return nil
	}
	a := s.departed(owner, t, id)
	if a == nil || alone {
		return a
	}
	// One that was created outside of the container may be meant to outlive it. Then it is mounted, as a survey shows.
	n := m.namespaces[id]
	if !m.surveyed.After(a.Since) || slices.ContainsFunc(n.pinnedBy, func(by string) bool { return strings.HasPrefix(by, "/") }) {
		return nil
	}
	return a
}

// departed reports how the owner of a namespace left it; nil if the owner is in it, or if that is unknown.
func (s *successors) departed(owner event.Container, t event.NamespaceType, id uint64) *Abandoned {
	var ended *Abandoned
	o := s.m.containers[owner.ID]
	if o == nil || !o.live() {
		switch {
		case o != nil:
			ended = &Abandoned{By: o.label(), Since: o.exited.UTC(), Ended: true}
			owner = *o.identity()
		case owner.Name == "": // it may never have been a container, but the sandbox of a pod
			return nil
		default:
			ended = &Abandoned{By: owner.Name, Ended: true}
		}
		if o = s.inPlaceOf(&owner); o == nil {
			return ended
		}
	}
	if o.state != Running || o.namespaces[t] == 0 || o.namespaces[t] == id {
		return nil
	}
	return &Abandoned{By: o.label(), Since: o.started.UTC()}
}

// inPlaceOf returns the live container that has the name of an ended one; nil is none. Engines change a container by
// creating another one of its name.
func (s *successors) inPlaceOf(gone *event.Container) *container {
	if gone.Name == "" {
		return nil
	}
	if s.byName == nil {
		s.byName = map[string]*container{}
		for _, c := range s.m.containers {
			if before := s.byName[c.name]; c.live() && (before == nil || c.id < before.id) {
				s.byName[c.name] = c
			}
		}
	}
	if c := s.byName[gone.Name]; c != nil && c.runtime == gone.Runtime {
		return c
	}
	return nil
}

// recordAbandoned adds an entry to the histories of the containers that stay in a namespace which c, just started, has left.
func (m *Model) recordAbandoned(c *container, at time.Time) {
	names := successors{m: m}
	for _, other := range m.live {
		if other == c || !other.inForeign || !other.live() {
			continue
		}
		for _, t := range inherited {
			if a := names.abandoned(other, t); a != nil && !a.Ended && a.By == c.label() && a.Since.Equal(c.started) {
				other.append(Entry{Time: at, Kind: EntryAbandoned, Container: c.identity(), Namespaces: []EntryNamespace{{Type: t, ID: other.namespaces[t], Own: true}}})
			}
		}
	}
}
