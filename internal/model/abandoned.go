package model

import (
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Abandoned reports that a namespace which a container is in was made for another container, and that the other one is
// not in it any more. What its engine has set up there, such as the way out of a net namespace, has gone with that one.
type Abandoned struct {
	// By is the label of the container that it was made for, or of the one that was made in its place under its name.
	By string `json:"by"`
	// Since is when that one started in another namespace or, where Ended is set, when it ended; zero is unknown.
	Since time.Time `json:"since,omitzero"`
	Ended bool      `json:"ended,omitempty"`
}

// inherited are the types of namespaces that outlive the container that they were made for, and are worth less without
// it. A pid namespace does not outlive it; in the others an engine sets nothing up.
var inherited = [...]event.NamespaceType{event.Net, event.IPC}

// claim records for whom the namespaces of a container were made that has just started: for itself, where they are new
// and no other container is in them or was.
func (m *Model) claim(c *container) {
	for _, t := range inherited {
		n := m.namespaces[c.namespaces[t]]
		if n == nil || n.typ != t || n.contained || n.madeFor != nil || n.created.IsZero() || m.host.Namespaces[t] == n.id ||
			m.within[n.id].hasOther(c) {
			continue
		}
		n.madeFor = c.who()
		n.madeInside = n.creator != nil && containerID(n.creator.Container) == c.id
	}
}

// successors finds the containers that have taken the place of others, by name. It is for one snapshot or event.
type successors struct {
	m      *Model
	byName map[string]*container // of the live containers; nil until it is needed
}

// ownerOf returns for whom a namespace of a container was made; without an ID it is unknown. alone is whether it was made for that
// one alone.
func (m *Model) ownerOf(c *container, t event.NamespaceType) (owner event.Container, alone bool) {
	if owner := c.madeFor[t]; owner.ID != "" {
		return owner, true
	}
	if n := m.namespaces[c.namespaces[t]]; n != nil && n.typ == t && n.madeFor != nil {
		return *n.madeFor, n.madeInside
	}
	return event.Container{}, false
}

// lodge notes whether a container is in a namespace that was made for another one.
func (m *Model) lodge(c *container) {
	c.lodges = false
	for _, t := range inherited {
		owner, _ := m.ownerOf(c, t)
		c.lodges = c.lodges || owner.ID != "" && owner.ID != c.id
	}
}

// abandoned returns nil where a namespace of a live container is not abandoned, or where that is unknown.
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
	// It was made outside of any container, perhaps to outlive them: then it is mounted somewhere, which a survey shows.
	n := m.namespaces[id]
	if !m.surveyed.After(a.Since) || slices.ContainsFunc(n.pinnedBy, func(by string) bool { return strings.HasPrefix(by, "/") }) {
		return nil
	}
	return a
}

// departed returns where the owner of a namespace has gone, the container that it was made for; nil where the owner is in
// it, or where that is unknown.
func (s *successors) departed(owner event.Container, t event.NamespaceType, id uint64) *Abandoned {
	var ended *Abandoned
	o := s.m.containers[owner.ID]
	if o == nil || !o.live() {
		switch {
		case o != nil:
			ended = &Abandoned{By: o.label(), Since: o.exited.UTC(), Ended: true}
			owner = *o.who()
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

// inPlaceOf returns the live container that has the name of one that has ended, nil where there is none: to change a
// container engines make another one.
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

// tellAbandoned appends to the histories of the containers that one which has just started has left behind in another
// namespace.
func (m *Model) tellAbandoned(c *container, at time.Time) {
	names := successors{m: m}
	for _, other := range m.live {
		if other == c || !other.lodges || !other.live() {
			continue
		}
		for _, t := range inherited {
			if a := names.abandoned(other, t); a != nil && !a.Ended && a.By == c.label() && a.Since.Equal(c.started) {
				other.tell(Moment{Time: at, Kind: MomentAbandoned, Container: c.who(), Namespaces: []Touched{{Type: t, ID: other.namespaces[t], Own: true}}})
			}
		}
	}
}
