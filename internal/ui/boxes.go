package ui

import "strings"

const (
	// From these widths on a page has two and three columns of boxes.
	twoColumns   = 100
	threeColumns = 165
	// boxFrame is the width of a box's frame and the blanks beside it.
	boxFrame = 4
	// heightStep is the step in which heights are compared: a line more or less moves no box to another column.
	heightStep = 4
)

// pageBox is a titled part of a page. body draws it in w columns.
type pageBox struct {
	title string
	body  func(w int) []line
}

// columnCount returns how many columns of boxes a page of w columns has.
func columnCount(w int) int {
	switch {
	case w >= threeColumns:
		return 3
	case w >= twoColumns:
		return 2
	}
	return 1
}

// flowBoxes draws boxes in one, two or three columns, by the width. Each box goes below the column that is the shortest so far, and the
// lowest one of a column ends where the longest column does. Boxes without text are left out.
func flowBoxes(boxes []pageBox, w int) []line {
	type drawn struct {
		title string
		body  []line
	}
	n := columnCount(w)
	columns := make([][]drawn, n)
	heights, compared := make([]int, n), make([]int, n)
	for _, b := range boxes {
		body := b.body(max(columnWidth(w, n, 0)-boxFrame, 0)) // the last column may be wider, and then has blanks
		if len(body) == 0 {
			continue
		}
		at := 0
		for i := range columns {
			if compared[i] < compared[at] {
				at = i
			}
		}
		columns[at] = append(columns[at], drawn{b.title, body})
		height := len(body) + 2
		heights[at] += height
		compared[at] += (height + heightStep - 1) / heightStep * heightStep
	}
	tallest := 0
	for _, h := range heights {
		tallest = max(tallest, h)
	}
	lines := make([]line, tallest)
	for i, column := range columns {
		width := columnWidth(w, n, i)
		var part []line
		for j, b := range column {
			if j == len(column)-1 {
				for range tallest - heights[i] {
					b.body = append(b.body, nil)
				}
			}
			part = append(part, box(b.title, b.body, width)...)
		}
		for y := range lines {
			if y < len(part) {
				lines[y] = lines[y].join(part[y])
			} else {
				lines[y] = lines[y].space(width)
			}
		}
	}
	return lines
}

// columnWidth returns the width of column i of n; the last has what is left.
func columnWidth(w, n, i int) int {
	if i == n-1 {
		return w - w/n*(n-1)
	}
	return w / n
}

// box draws a frame of w columns with a title around lines.
func box(title string, lines []line, w int) []line {
	top := text(Dim, "┌ ").add(Title, title).add(Dim, " ").cut(max(w-1, 0))
	top = top.add(Dim, strings.Repeat("─", max(w-1-top.width(), 0))+"┐")
	out := []line{top}
	for _, l := range lines {
		out = append(out, text(Dim, "│ ").join(l.fit(max(w-boxFrame, 0))).add(Dim, " │"))
	}
	return append(out, text(Dim, "└"+strings.Repeat("─", max(w-2, 0))+"┘"))
}

// page returns the lines of a page: those above, over its full width, then the boxes.
func page(above []line, boxes []pageBox, w int) []line {
	for _, l := range flowBoxes(boxes, w-2) {
		above = append(above, indent(l))
	}
	return above
}
