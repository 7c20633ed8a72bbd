package ui

// events draws the stream in full height.
func (sc screen) events(h int) []row {
	list := eventRows(sc.s, sc.v.Search, len(sc.s.Events), false)
	if len(list) == 0 {
		return []row{{}, {line: indent(sc.noEvents())}}
	}
	name := sc.streamName()
	head := line{}.space(marker).join(text(Title, "TIME").fit(12)).space(2).join(text(Title, "WHAT").fit(streamKind)).space(1).
		join(text(Title, "CONTAINER").fit(name)).space(1).add(Title, "WHO AND HOW")
	rows := []row{{line: head}}
	drawn, from, to := sc.list(len(list), h-1, func(i int) string { return list[i].key },
		func(i int, selected bool) line {
			return cursorMark(selected).join(list[i].line(sc.s, name, sc.v.Search))
		})
	rows = append(rows, drawn...)
	if to-from < len(list) && h > 3 {
		rows = append(rows, row{line: moreNote(from, to, len(list)).add(Dim, ", newest first")})
	}
	return rows
}
