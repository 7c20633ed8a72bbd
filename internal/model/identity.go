package model

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func (c *container) label() string {
	switch {
	case c.name == "":
		return event.ShortID(c.id)
	case c.qualified:
		return c.name + " (" + event.ShortID(c.id) + ")"
	}
	return c.name
}

// getOrCreate returns the container of an identity and updates its name, image, runtime, kind, group and labels.
func (m *Model) getOrCreate(identity *event.Container) *container {
	c := m.containers[identity.ID]
	if c == nil {
		if c = m.unstarted[identity.ID]; c == nil {
			c = m.newContainer(identity.ID)
		}
		delete(m.unstarted, identity.ID)
		m.containers[identity.ID] = c
		name := c.name
		c.state, c.name, c.qualified, c.engineReport, c.killsKnown, c.knownSince = Starting, "", false, nil, false, m.now
		m.relabel(c, func() {})
		m.addLive(c)
		m.identify(c, &event.Container{Name: name}) // its label must be unique from now on
		m.noteArrival(c)
	}
	m.identify(c, identity)
	return c
}

func (m *Model) identify(c *container, identity *event.Container) {
	if c.name != "" && identity.Name != "" && identity.Name != c.name {
		if !c.unnamed {
			m.recordRename(c, identity.Name)
			m.leaveCounts(c)
		}
		c.unnamed = false
	}
	switch {
	case identity.Name == "" || identity.Name == c.name:
	case m.containers[c.id] != c: // it has not started, and so needs no unique label
		c.name, c.qualified = identity.Name, false
	default:
		m.relabel(c, func() {
			c.name, c.qualified = identity.Name, false
			c.qualified = c.live() && m.holder(c) != nil
		})
	}
	if identity.Image != "" {
		c.image = identity.Image
	}
	if identity.Runtime != "" {
		c.runtime = identity.Runtime
	}
	if identity.Kind != "" {
		c.kind = identity.Kind
	}
	if identity.Parent != nil {
		c.parent = identity.Parent.ID
	}
	if identity.Group != nil && !identity.Group.Equal(c.group) {
		c.group = identity.Group
	}
	if identity.Labels != nil {
		c.labels = identity.Labels
	}
}

// maxFormerNames is how many former names of a container are kept, the latest ones.
const maxFormerNames = 8

// recordRename adds a new name to the history of a container, and the present one to its former names.
func (m *Model) recordRename(c *container, to string) {
	c.append(Entry{Time: m.now, Kind: EntryRenamed, Renamed: &Rename{From: c.name, To: to}})
	// Snapshots share the list.
	former := slices.DeleteFunc(slices.Clone(c.formerNames), func(f fact.FormerName) bool { return f.Name == to || f.Name == c.name })
	former = append(former, fact.FormerName{Name: c.name, Until: m.now})
	c.formerNames = former[max(len(former)-maxFormerNames, 0):]
}

func (m *Model) applyIdentity(identity event.Container) {
	if c := m.find(identity.ID); c != nil {
		m.identify(c, &identity)
	}
}
