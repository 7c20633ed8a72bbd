package ui

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// eventsView lists the latest events.
type eventsView struct{ listView }

func (eventsView) title() string     { return "Events" }
func (eventsView) newestFirst() bool { return true }
func (eventsView) filtered() rowKind { return eventKindRows }

func (eventsView) help() (name string, words []explained) {
	return "events", []explained{
		{"nsviz itself", "To read what a page shows, nsviz enters a container's namespaces for a moment. These joins are left out, unless a search " +
			"or a filter (self=true) asks for them; nsviz events has all of them."},
	}
}

func (eventsView) keys(s *model.Snapshot, st State) []string {
	return eventList(st.filteredEvents(s), s).keys()
}

// page returns nil: an event opens the page of its subject.
func (eventsView) page(*model.Snapshot, State, int) []line { return nil }

// target returns the kill of an event, or its container.
func (eventsView) target(s *model.Snapshot, key string) (tab Tab, row string) {
	e := find(s.Events, func(e *event.Event) bool { return eventKey(e) == key })
	if e == nil {
		return Events, ""
	}
	if e.Type == event.OOMKill {
		if k := find(s.Kills, func(k *model.Kill) bool { return eventKey(&k.Event) == key }); k != nil {
			return Kills, killKey(k)
		}
	}
	about := e.Subject()
	if about == nil {
		return Events, ""
	}
	for _, c := range listedContainers(s, "", false) {
		if c.ID == about.ID {
			return Containers, containerKey(c)
		}
	}
	return Events, ""
}

func (eventsView) subject(s *model.Snapshot, _ State, key string) subject {
	return eventSubject(s, key)
}

func (v eventsView) smallRows(sc screen, h int) []row { return withoutHead(v.rows(sc, h+1), h) }

// rows draws the stream in full height.
func (eventsView) rows(sc screen, h int) []row {
	list := sc.state.filteredEvents(sc.s)
	if len(list) == 0 {
		if out := sc.filteredOut(); out != nil {
			return plainRows(out)
		}
		return []row{{}, {line: indent(sc.noEvents())}}
	}
	// A row is asked for its cells one after the other.
	latest, at := eventRow{}, -1
	return sc.table(eventColumns(sc, func(i int) *eventRow {
		if i != at {
			latest, at = list[i].row(sc.s), i
		}
		return &latest
	}), eventList(list, sc.s), h, ", newest first")
}

func eventList(list []eventGroup, s *model.Snapshot) rowList {
	return listBy(list, func(g eventGroup) string { return eventKey(&s.Events[g.from]) })
}

// eventColumns returns the columns of the stream.
func eventColumns(sc screen, at func(i int) *eventRow) []column {
	name := min(max(sc.w/8, 8), 20)
	needle := sc.state.Search
	return []column{
		{title: "TIME", width: 12, gap: 2, cell: func(i int) line { return text(Dim, milliIn(at(i).first.Time, sc.s.Time)) }},
		{title: "WHAT", width: 9, gap: 1, cell: func(i int) line { return text(at(i).style, at(i).kind) }},
		{title: "CONTAINER", width: name, gap: 1, cell: func(i int) line { return subjectLine(at(i).first, name).mark(needle) }},
		{title: "WHO AND HOW", cell: func(i int) line { return at(i).text.mark(needle) }},
	}
}

func (sc screen) noEvents() line {
	if sc.state.Search != "" {
		return text(Dim, " No event matches “"+sc.state.Search+"”.")
	}
	return text(Dim, " Nothing has happened yet. Starts, exits and OOM kills will show up here.")
}
