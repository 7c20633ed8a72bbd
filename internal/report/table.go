package report

import (
	"io"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
)

// table is a text in columns, as wide as they need, which can be made narrower column by column. Its cells are clean.
type table struct {
	columns []column
	gap     int // between two columns
}

type column struct {
	title string
	cells []string
}

// wideGap is the gap of a table that need not be narrow.
const wideGap = 2

// tabbed returns a table of lines that have tabs between their cells. The titles say how many columns there are: what is beyond
// them belongs to the last one.
func tabbed(titles string, lines []string) table {
	t := table{gap: wideGap}
	for _, title := range strings.Split(titles, "\t") {
		t.columns = append(t.columns, column{title, make([]string, len(lines))})
	}
	for row, line := range lines {
		for i, cell := range strings.SplitN(line, "\t", len(t.columns)) {
			t.columns[i].cells[row] = cell
		}
	}
	return t
}

// width returns how many columns of a terminal the longest line takes.
func (t *table) width() int {
	total := 0
	for i := range t.columns {
		total += t.columns[i].width()
	}
	return total + t.gap*max(len(t.columns)-1, 0)
}

func (c *column) width() int {
	widest := foreign.Width(c.title)
	for _, cell := range c.cells {
		widest = max(widest, foreign.Width(cell))
	}
	return widest
}

// leaveOut removes the columns of some titles.
func (t *table) leaveOut(titles ...string) {
	t.columns = slices.DeleteFunc(t.columns, func(c column) bool { return slices.Contains(titles, c.title) })
}

// cut shortens the cells of a column to at most w columns; the middle of longer ones is left out.
func (t *table) cut(title string, w int) {
	for i := range t.columns {
		if t.columns[i].title != title {
			continue
		}
		for row, cell := range t.columns[i].cells {
			t.columns[i].cells[row] = foreign.CutMiddle(cell, w)
		}
	}
}

// write writes the titles and a line for each row. If width is not 0, no line is longer.
func (t *table) write(out io.Writer, width int) error {
	var b strings.Builder
	widths := make([]int, len(t.columns))
	for i := range t.columns {
		widths[i] = t.columns[i].width()
	}
	line := func(cell func(c *column) string) {
		var l strings.Builder
		for i := range t.columns {
			text := cell(&t.columns[i])
			l.WriteString(text)
			if i < len(t.columns)-1 {
				l.WriteString(strings.Repeat(" ", widths[i]-foreign.Width(text)+t.gap))
			}
		}
		if width > 0 {
			b.WriteString(foreign.Cut(l.String(), width) + "\n")
		} else {
			b.WriteString(l.String() + "\n")
		}
	}
	line(func(c *column) string { return c.title })
	for row := range t.columns[0].cells {
		line(func(c *column) string { return c.cells[row] })
	}
	_, err := io.WriteString(out, b.String())
	return err
}
