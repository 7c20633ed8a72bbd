package model

import "github.com/nsviz/nsviz/internal/event"

func (c *container) label() string {
	switch {
	case c.name == "":
		return event.ShortID(c.id)
	case c.qualified:
		return c.name + " (" + event.ShortID(c.id) + ")"
	}
	return c.name
}

// know returns the container, made if it is new, with what is said of it.
func (m *Model) know(said *event.Container) *container {
	c := m.containers[said.ID]
	if c == nil {
		if c = m.unstarted[said.ID]; c == nil {
			c = m.newContainer(said.ID)
		}
		delete(m.unstarted, said.ID)
		m.containers[said.ID] = c
		name := c.name
		c.state, c.name, c.qualified, c.verdict, c.killsKnown, c.knownSince = Starting, "", false, nil, false, m.now
		m.relabel(c, func() {})
		m.addLive(c)
		m.identify(c, &event.Container{Name: name}) // now its label matters
		m.arrives(c)
	}
	m.identify(c, said)
	return c
}

func (m *Model) identify(c *container, said *event.Container) {
	switch {
	case said.Name == "" || said.Name == c.name:
	case m.containers[c.id] != c: // it has not started, and so has no label that others could have
		c.name, c.qualified = said.Name, false
	default:
		m.relabel(c, func() {
			c.name, c.qualified = said.Name, false
			c.qualified = c.live() && m.holder(c) != nil
		})
	}
	if said.Image != "" {
		c.image = said.Image
	}
	if said.Runtime != "" {
		c.runtime = said.Runtime
	}
}

func (m *Model) applyIdentity(said event.Container) {
	if c := m.find(said.ID); c != nil {
		m.identify(c, &said)
	}
}
