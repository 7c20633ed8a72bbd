package ui

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/isolation"
)

// containers draws the first view: the table, the latest kill in words, the stream.
func (sc screen) containers(h int) []row {
	c := columnsFor(sc.w)
	list, vms := listedContainers(sc.s, sc.v.Search), listedVMs(sc.s, sc.v.Search)
	table := max(len(list), min(h/4, 6)) // a few rows in reserve: a container more moves nothing
	if len(vms) > 0 {
		table = max(len(list)+h/28, min(h/8, 3)) // and where there is room, a blank one before the machines
	}
	var empty []line
	if len(list) == 0 {
		empty = sc.noContainers(len(vms) > 0)
		table = len(empty) + min(len(vms), h/28)
	}
	head := c.headLines(h >= 20, c.groups(), c.head())
	marks := legend(c, sc.w, slices.ContainsFunc(list, hasDead))
	if len(list) == 0 {
		marks = nil
	}
	banner := sc.banner(max(h/3, 3))
	room := h - len(head) - len(banner)

	// The virtual machines have their place even where the containers do not all fit.
	var vmHead, vmMarks []line
	machines := 0
	if len(vms) > 0 {
		machines = min(len(vms), max(h/8, 1))
		if h >= 12 {
			vmHead = c.headLines(h >= 28, c.vmGroups(), c.vmHead(""))
		}
		vmMarks = vmLegend(c, sc.w)
		room -= len(vmHead) + machines
	}

	// What gives way where the screen is low: first the machines' legend, then the stream, then the legend.
	least := min(table, 4)
	if len(vms) > 0 {
		least = min(len(list), 6)
	}
	stream := streamRows(h, room-len(marks)-least)
	less := room - len(marks) - len(vmMarks) - least
	if with := streamRows(h, less); (with > 0) == (stream > 0) && less >= with {
		marks, stream = append(marks, vmMarks...), with
	}
	if room-len(marks)-stream < min(table, 3) {
		marks = nil
	}
	table = min(table, max(room-len(marks)-stream, 1))
	machines += max(min(len(vms)-machines, room-len(marks)-stream-table), 0)

	rows := plainRows(head)
	at := sc.v.cursor(sc.v.keys(sc.s))
	if len(list) == 0 {
		rows = append(rows, plainRows(empty[:min(len(empty), table)])...)
	} else {
		rows = append(rows, sc.containerRows(c, list, table, at)...)
	}
	for len(rows) < len(head)+table {
		rows = append(rows, row{})
	}
	from, to := partOf(len(vms), machines, at-len(list))
	if n := len(vmHead); n > 0 && to-from < len(vms) {
		vmHead[n-1] = c.vmHead(fmt.Sprintf("VM %d-%d of %d", from+1, to, len(vms)))
	}
	rows = append(rows, plainRows(vmHead)...)
	for i := from; i < to; i++ {
		selected := i == at-len(list)
		rows = append(rows, row{c.vmRow(vms[i], sc.s, selected, sc.v.Search), selected})
	}
	rows = append(rows, plainRows(marks)...)
	rows = append(rows, plainRows(banner)...)
	if stream > 0 {
		rows = append(rows, sc.stream(h-len(rows))...)
	}
	return rows
}

// streamRows is how many of so many rows the stream takes.
func streamRows(h, room int) int {
	for _, want := range []int{max(h/4, 5), 4, 3} {
		if want <= room {
			return want
		}
	}
	return 0
}

// headLines are the titles and, where there is room for them, the groups above.
func (c columns) headLines(room bool, groups, head line) []line {
	if room && len(groups) > 0 {
		return []line{groups, head}
	}
	return []line{head}
}

// containerRows are at most n rows. The cursor is at row at, which may be below them.
func (sc screen) containerRows(c columns, list []*isolation.Container, n, at int) []row {
	noted := len(list) > n && n > 2
	if noted {
		n--
	}
	from, to := partOf(len(list), n, at)
	rows := make([]row, 0, n+1)
	for i := from; i < to; i++ {
		rows = append(rows, row{c.row(list[i], sc.s, i == at, sc.v.Search), i == at})
	}
	if noted {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	return rows
}

// partOf is the part of a list that n rows show: that with the cursor or, where it is in another part, the top.
func partOf(count, n, at int) (from, to int) {
	if at >= count {
		at = 0
	}
	return window(count, max(at, 0), n)
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

// noContainers is what the table says while it is empty, and what to do about it; beside virtual machines in
// a single line.
func (sc screen) noContainers(machines bool) []line {
	switch {
	case machines && sc.v.Search != "":
		return []line{text(Dim, "  no container matches “"+sc.v.Search+"”")}
	case machines:
		return []line{text(Dim, "  no container is running")}
	case sc.v.Search != "" && len(sc.s.VMs) > 0:
		return []line{nil, text(Plain, "  No container matches “"+sc.v.Search+"”, and no VM."), nil}
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
