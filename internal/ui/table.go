package ui

import "fmt"

// marker is the width of the cursor's column.
const marker = 2

// column is a column of a list.
type column struct {
	title string
	// width is that of the text in columns of the screen. In the last column 0 means the remainder of the line.
	width int
	right bool // the text stands at the right
	gap   int  // blanks after it
	cell  func(i int) line
}

// put appends a cell to a line.
func (c column) put(l, cell line) line {
	switch {
	case c.width == 0:
		return l.join(cell)
	case c.right:
		l = l.joinRight(cell, c.width)
	default:
		l = l.joinFit(cell, c.width)
	}
	return l.space(c.gap)
}

// titleLine returns the row of titles above a list.
func titleLine(columns []column) line {
	l := line{}.space(marker)
	for _, c := range columns {
		l = c.put(l, text(Title, c.title))
	}
	return l
}

// rowLine returns row i of a list, to the right of the cursor's column.
func rowLine(columns []column, i int) line {
	l := withRoom(4 * len(columns))
	for _, c := range columns {
		l = c.put(l, c.cell(i))
	}
	return l
}

// table draws the titles and as many of the rows with these keys as fit into h rows, including the one under the
// cursor. If not all fit, the last row says which ones these are, and in what order.
func (sc screen) table(columns []column, keys []string, h int, order string) []row {
	return sc.tableOf(columns, keys, h, order, func(i int) line { return rowLine(columns, i) })
}

// tableOf draws a table of which some rows are no cells below the titles; draw draws row i.
func (sc screen) tableOf(columns []column, keys []string, h int, order string, draw func(i int) line) []row {
	rows, from, to := sc.list(keys, h-1, func(i int, selected bool) line { return cursorMark(selected).join(draw(i)) })
	rows = append([]row{{line: titleLine(columns)}}, rows...)
	if to-from < len(keys) && h > 3 {
		rows = append(rows, row{line: moreNote(from, to, len(keys)).add(Dim, order)})
	}
	return rows
}

// list draws as many of the rows with these keys as fit into n, including the one under the cursor. If not
// all fit, it leaves the last row to a note.
func (sc screen) list(keys []string, n int, draw func(i int, selected bool) line) (rows []row, from, to int) {
	if len(keys) > n && n > 2 {
		n--
	}
	at := sc.state.cursor(keys)
	from, to = window(len(keys), at, n)
	for i := from; i < to; i++ {
		rows = append(rows, row{line: draw(i, i == at), selected: i == at, key: keys[i]})
	}
	return rows, from, to
}

func moreNote(from, to, n int) line {
	return text(Dim, fmt.Sprintf("  %d to %d of %d", from+1, to, n))
}

// cursorMark returns the first columns of a row in a list.
func cursorMark(selected bool) line {
	if selected {
		return text(Strong, "▸ ")
	}
	return line{}.space(marker)
}
