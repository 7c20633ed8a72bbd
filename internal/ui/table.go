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
		return l.joinRight(cell, c.width).extend(c.gap)
	}
	return l.joinFit(cell, c.width, c.gap)
}

// titleLine returns the row of titles above a list.
func titleLine(columns []column) line {
	l := line{}.space(marker)
	for _, c := range columns {
		l = c.put(l, text(Title, c.title))
	}
	return l
}

// rowLine appends row i of a list, to the right of the cursor's column.
func rowLine(l line, columns []column, i int) line {
	for _, c := range columns {
		l = c.put(l, c.cell(i))
	}
	return l
}

// table draws the titles and as many of the rows of a list as fit into h rows, including the one under the
// cursor. If not all fit, the last row says which ones these are, and in what order.
func (sc screen) table(columns []column, list rowList, h int, order string) []row {
	return sc.tableOf(columns, list, h, order, func(l line, i int) line { return rowLine(l, columns, i) })
}

// tableOf draws a table of which some rows are no cells below the titles; draw appends row i.
func (sc screen) tableOf(columns []column, list rowList, h int, order string, draw func(l line, i int) line) []row {
	rows := append(make([]row, 0, max(h, 1)), row{line: titleLine(columns)})
	rows, from, to := sc.list(rows, list, h-1, func(l line, i int, selected bool) line { return draw(l.join(cursorMark(selected)), i) })
	if to-from < list.n && h > 3 {
		rows = append(rows, row{line: moreNote(from, to, list.n).add(Dim, order)})
	}
	return rows
}

// list appends as many rows of a list as fit into n, including the one under the cursor. If not all fit, it leaves the last row to a
// note.
func (sc screen) list(rows []row, list rowList, n int, draw func(l line, i int, selected bool) line) (more []row, from, to int) {
	if list.n > n && n > 2 {
		n--
	}
	at := sc.state.cursorIn(list)
	from, to = window(list.n, at, n)
	for i := from; i < to; i++ {
		rows = append(rows, row{words: func(l line) line { return draw(l, i, i == at) }, selected: i == at, key: list.key(i)})
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
