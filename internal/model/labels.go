package model

import "slices"

// labelled holds the containers that have one label, in the order in which they got it or ended.
type labelled struct{ live, ended []*container }

func (l *labelled) of(c *container) *[]*container {
	if c.live() {
		return &l.live
	}
	return &l.ended
}

// relabel applies a change to a container's label or to whether it lives.
func (m *Model) relabel(c *container, change func()) {
	m.recount()
	m.unlabel(c)
	change()
	label := c.label()
	l := m.labels[label]
	if l == nil {
		l = &labelled{}
		m.labels[label] = l
	}
	list := l.of(c)
	*list = append(*list, c)
}

// unlabel removes a container from those of its label. It does nothing if it is not among them.
func (m *Model) unlabel(c *container) {
	m.recount()
	label := c.label()
	l := m.labels[label]
	if l == nil {
		return
	}
	list := l.of(c)
	*list = without(*list, c)
	if len(l.live)+len(l.ended) == 0 {
		delete(m.labels, label)
	}
}

// without removes a container from a list. It is quick for the oldest and the newest ones, at both ends.
func without(list []*container, c *container) []*container {
	if len(list) > 0 && list[0] == c {
		list[0] = nil // for the collector; append moves the rest in time
		return list[1:]
	}
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == c {
			return slices.Delete(list, i, i+1)
		}
	}
	return list
}

// holder returns the other live container that has the label of c; nil is none. Two engines may each have a container of
// one name. What is quiet holds its label only against others that are: anybody may give a sandbox the name of a container.
func (m *Model) holder(c *container) *container {
	if l := m.labels[c.label()]; l != nil {
		for _, other := range l.live {
			if other != c && (c.quiet() || !other.quiet()) {
				return other
			}
		}
	}
	return nil
}

// successor returns the container, other than c, that takes over what was counted under a label; nil is none.
func (m *Model) successor(label string, c *container) *container {
	l := m.labels[label]
	if l == nil {
		return nil
	}
	var best *container
	for _, list := range [][]*container{l.live, l.ended} {
		for _, other := range list {
			if other != c && !other.quiet() && (best == nil || other.id < best.id) {
				best = other
			}
		}
	}
	return best
}
