package ui

import (
	"fmt"

	"github.com/nsviz/nsviz/internal/isolation"
)

// containers draws the first view: the table, the latest kill in words, the stream.
func (sc screen) containers(h int) []row {
	c := columnsFor(sc.w)
	list := listedContainers(sc.s, sc.v.Search)
	table := max(len(list), min(h/4, 6)) // a few rows in reserve: a container more moves nothing
	var empty []line
	if len(list) == 0 {
		empty = sc.noContainers()
		table = len(empty)
	}
	var head []line
	if groups := c.groups(); len(groups) > 0 && h >= 20 {
		head = append(head, groups)
	}
	head = append(head, c.head())
	marks := legend(c, sc.w)
	if len(list) == 0 {
		marks = nil
	}
	banner := sc.banner(max(h/3, 3))
	room := h - len(head) - len(banner)

	// What gives way where the screen is low: first the stream, then the legend.
	stream := 0
	for _, want := range []int{max(h/4, 5), 4, 3} {
		if room-len(marks)-want >= min(table, 4) {
			stream = want
			break
		}
	}
	if room-len(marks)-stream < min(table, 3) {
		marks = nil
	}
	table = min(table, max(room-len(marks)-stream, 1))

	rows := plainRows(head)
	if len(list) == 0 {
		rows = append(rows, plainRows(empty[:min(len(empty), table)])...)
	} else {
		rows = append(rows, sc.containerRows(c, list, table)...)
	}
	rows = append(rows, plainRows(marks)...)
	rows = append(rows, plainRows(banner)...)
	if stream > 0 {
		rows = append(rows, sc.stream(h-len(rows))...)
	}
	return rows
}

// containerRows are exactly n rows, the selected container among them.
func (sc screen) containerRows(c columns, list []*isolation.Container, n int) []row {
	rows, from, to := sc.list(len(list), n, func(i int) string { return containerKey(list[i]) },
		func(i int, selected bool) line { return c.row(list[i], sc.s, selected, sc.v.Search) })
	if to-from < len(list) && n > 2 {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	for len(rows) < n {
		rows = append(rows, row{})
	}
	return rows
}

// list draws as many of count rows as n leaves room for, the one under the cursor among them. Where
// not all fit, it leaves the last row to a note.
func (sc screen) list(count, n int, key func(int) string, draw func(i int, selected bool) line) (rows []row, from, to int) {
	if count > n && n > 2 {
		n--
	}
	keys := make([]string, count)
	for i := range keys {
		keys[i] = key(i)
	}
	at := sc.v.cursor(keys)
	from, to = window(count, at, n)
	for i := from; i < to; i++ {
		rows = append(rows, row{draw(i, i == at), i == at})
	}
	return rows, from, to
}

func moreNote(from, to, n int) line {
	return text(Dim, fmt.Sprintf("  %d to %d of %d", from+1, to, n))
}

// cursorMark is the first columns of a row in a list.
func cursorMark(selected bool) line {
	if selected {
		return text(Strong, "▸ ")
	}
	return line{}.space(marker)
}

// noContainers is what the table says while it is empty, and what to do about it.
func (sc screen) noContainers() []line {
	switch {
	case sc.v.Search != "":
		return []line{nil, text(Plain, "  No container matches “"+sc.v.Search+"”."), nil}
	case sc.s.Probes == nil && !sc.v.Replay:
		return []line{
			nil, text(Strong, "  nsviz is attaching its probes to the kernel…"),
			text(Dim, "  This takes a second or two; containers that already run show up right after."), nil,
		}
	case sc.v.Replay:
		return []line{nil, text(Plain, "  At this point of the recording no container is running."), nil}
	}
	return []line{
		nil,
		text(Strong, "  No container is running."),
		text(Dim, "  Start one in another terminal and watch it being made:"),
		nil,
		text(Dim, "    ").add(KeyCap, "sudo nsviz demo").add(Dim, "               the tour: isolation, start, OOM kills"),
		text(Dim, "    ").add(KeyCap, "docker run --rm -it alpine").add(Dim, "    a shell in a container of your own"),
		nil,
	}
}

// stream draws the latest events in h rows, a rule among them.
func (sc screen) stream(h int) []row {
	if h < 2 {
		return nil
	}
	rows := []row{{line: rule(text(Title, "events").add(Dim, ", newest first"), sc.w)}}
	events := eventRows(sc.s, sc.v.Search, h-1, true)
	if len(events) == 0 {
		return append(rows, row{line: sc.noEvents()})
	}
	for _, e := range events {
		rows = append(rows, row{line: indent(e.line(sc.s, sc.streamName(), sc.v.Search))})
	}
	return rows
}

// streamName is the width of the container column in the stream.
func (sc screen) streamName() int { return min(max(sc.w/8, 8), 20) }

func (sc screen) noEvents() line {
	if sc.v.Search != "" {
		return text(Dim, " No event matches “"+sc.v.Search+"”.")
	}
	return text(Dim, " Nothing has happened yet. Starts, exits and OOM kills will show up here.")
}
