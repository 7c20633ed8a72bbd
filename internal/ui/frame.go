package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
)

// Cell is one place on the screen.
type Cell struct {
	// Text is one grapheme cluster; it is empty in the right half of a wide one.
	Text  string
	Style Style
}

// Frame is the contents of the screen: a grid of cells, plain values, no terminal.
type Frame struct {
	Width, Height int

	cells []Cell
	// spots say what a click leads to, for each row.
	spots []spots
}

func newFrame(w, h int) Frame {
	f := Frame{Width: max(w, 0), Height: max(h, 0)}
	f.cells = make([]Cell, f.Width*f.Height)
	f.spots = make([]spots, f.Height)
	for i := range f.cells {
		f.cells[i].Text = " "
	}
	return f
}

// At returns the cell in column x of row y; both count from 0 and must be inside the frame.
func (f Frame) At(x, y int) Cell { return f.cells[y*f.Width+x] }

// set writes a line into row y; it is cut at the frame's edge, and a short line is padded with blanks in the
// style of its end.
func (f Frame) set(y int, r row) {
	if y < 0 || y >= f.Height {
		return
	}
	f.spots[y] = spots{r.key, r.zones}
	cells := f.cells[y*f.Width : (y+1)*f.Width]
	x := 0
	for _, sp := range r.line.fit(f.Width) {
		style := sp.style
		if r.selected {
			style |= Selected
		}
		for cluster, w := range foreign.Clusters(sp.text) {
			cells[x] = Cell{cluster, style}
			for i := 1; i < w; i++ {
				cells[x+i] = Cell{"", style}
			}
			x += w
		}
	}
}

// Text returns the frame's text plane: its rows, without the blanks at their ends.
func (f Frame) Text() string {
	var b strings.Builder
	for y := range f.Height {
		var r strings.Builder
		for x := range f.Width {
			r.WriteString(f.At(x, y).Text)
		}
		b.WriteString(strings.TrimRight(r.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// Styles returns the frame's style plane, one letter per cell, followed by a legend of the letters used.
func (f Frame) Styles() string {
	var b strings.Builder
	var used [styleCount]bool
	for y := range f.Height {
		for x := range f.Width {
			style := f.At(x, y).Style
			used[style.base()] = true
			b.WriteByte(style.Letter())
		}
		b.WriteByte('\n')
	}
	b.WriteString("\nupper case, ':' and '!' are selected, '/' is a match\n")
	for style := range styleCount {
		if used[style] {
			b.WriteString(string(style.Letter()) + "  " + style.String() + "\n")
		}
	}
	return b.String()
}
