package ui

import (
	"slices"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Level is a list, or a page, from which another page was opened.
type Level struct {
	Tab Tab
	// Open is the key of the page; "" is the list.
	Open   string
	Scroll int
}

// link is where a page leads.
type link struct {
	tab Tab
	// key is that of the page; "" is nowhere.
	key string
	// what is what the page is about.
	what string
}

// enter opens a page one level below the present one. A page that is above already is returned to.
func (st State) enter(tab Tab, key string) State {
	at := slices.IndexFunc(st.Below, func(l Level) bool { return l.Tab == tab && l.Open == key })
	if at >= 0 {
		l := st.Below[at]
		st.Below, st.Tab, st.Open, st.Scroll = st.Below[:at], l.Tab, l.Open, l.Scroll
		return st
	}
	st.Below = append(slices.Clip(st.Below), Level{st.Tab, st.Open, st.Scroll})
	st.Tab, st.Open, st.Scroll = tab, key, 0
	st.Cursor[tab] = key
	return st
}

// leave closes the page that is open, and returns to what it was opened from.
func (st State) leave() State {
	last := len(st.Below) - 1
	if last < 0 {
		st.Open, st.Scroll = "", 0
		return st
	}
	l := st.Below[last]
	st.Below, st.Tab, st.Open, st.Scroll = st.Below[:last], l.Tab, l.Open, l.Scroll
	if last == 0 {
		st.Below = nil
	}
	return st
}

// closed returns to the list of the present view.
func (st State) closed() State {
	st.Help, st.Open, st.Scroll, st.Below = false, "", 0, nil
	return st
}

// link returns where the page that is open leads.
func (at place) link() link {
	if at.Open == "" {
		return link{}
	}
	return views[at.Tab].link(at.shown(at.live), at.Open)
}

// followed opens the page that the open one leads to.
func (at place) followed() State { return at.enter(at.link().tab, at.link().key) }

// trail names the levels down to the page that is open, the list first.
func (st State) trail(s *model.Snapshot) line {
	name := func(l Level) string {
		if l.Open == "" {
			return views[l.Tab].title()
		}
		return views[l.Tab].name(s, l.Open)
	}
	levels := append(slices.Clip(st.Below), Level{Tab: st.Tab, Open: st.Open})
	if levels[0].Open != "" { // the state began with a page
		levels = slices.Insert(levels, 0, Level{Tab: levels[0].Tab})
	}
	var l line
	for i, at := range levels {
		style := Dim
		if i > 0 {
			l = l.add(Dim, " › ")
		}
		if i == len(levels)-1 {
			style = Strong
		}
		l = l.join(text(style, name(at)).cutMiddle(40))
	}
	return l
}

// containerLink returns where the page of a container leads: to its latest OOM kill, else to the virtual machine in it.
func containerLink(c *model.Container, s *model.Snapshot) link {
	for i := len(s.Kills) - 1; i >= 0; i-- {
		if in := story.VictimContainer(&s.Kills[i]); in != nil && in.ID == c.ID {
			return link{Kills, killKey(&s.Kills[i]), "latest OOM kill"}
		}
	}
	if machines := s.InContainer(c); len(machines) > 0 {
		return link{Containers, vmKey(machines[0]), "its VM"}
	}
	return link{}
}

// killName names a kill by its number in its container, if that is known.
func killName(k *model.Kill) string {
	if k.Ordinal > 0 {
		return story.Ordinal(k.Ordinal) + " OOM kill"
	}
	return "OOM kill of " + story.VictimComm(k)
}

// machineLink returns the container that a virtual machine runs in.
func machineLink(v *model.VM, s *model.Snapshot) link {
	for c := range s.All() {
		if slices.ContainsFunc(s.InContainer(c), func(in *model.VM) bool { return vmKey(in) == vmKey(v) }) {
			return link{Containers, containerKey(c), "its container"}
		}
	}
	return link{}
}
