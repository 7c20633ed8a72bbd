package ui

import "github.com/nsviz/nsviz/internal/foreign"

// canvas is a grid of cells for views that draw in two dimensions. What is outside of it is cut off.
type canvas struct {
	w, h  int
	cells []Cell
}

func newCanvas(w, h int) canvas {
	f := newFrame(w, h)
	return canvas{f.Width, f.Height, f.cells}
}

// put writes a line from column x of row y on. A wide rune that does not fit is left out.
func (c canvas) put(x, y int, l line) {
	for _, sp := range l {
		for cluster, w := range foreign.Clusters(sp.text) {
			if y >= 0 && y < c.h && x >= 0 && x+w <= c.w {
				c.cells[y*c.w+x] = Cell{cluster, sp.style}
				for i := 1; i < w; i++ {
					c.cells[y*c.w+x+i] = Cell{"", sp.style}
				}
			}
			x += w
		}
	}
}

// fill writes a sign of one column into n cells from column x of row y on.
func (c canvas) fill(x, y, n int, style Style, sign string) {
	if y < 0 || y >= c.h {
		return
	}
	for i := max(x, 0); i < min(x+n, c.w); i++ {
		c.cells[y*c.w+i] = Cell{sign, style}
	}
}

// fillDown writes a sign of one column into n cells from row y of column x on.
func (c canvas) fillDown(x, y, n int, style Style, sign string) {
	for i := range n {
		c.fill(x, y+i, 1, style, sign)
	}
}

// flag adds a flag to the styles of n cells from column x of row y on.
func (c canvas) flag(x, y, n int, flag Style) {
	if y < 0 || y >= c.h {
		return
	}
	for i := max(x, 0); i < min(x+n, c.w); i++ {
		c.cells[y*c.w+i].Style |= flag
	}
}

// rows returns the canvas as rows of a frame. Its cells hold clean text only, since put takes lines.
func (c canvas) rows() []row {
	rows := make([]row, c.h)
	for y := range rows {
		cells := c.cells[y*c.w : (y+1)*c.w]
		var l line
		for from := 0; from < len(cells); {
			to, size := from, 0
			for ; to < len(cells) && cells[to].Style == cells[from].Style; to++ {
				size += len(cells[to].Text)
			}
			text := make([]byte, 0, size)
			for _, cell := range cells[from:to] {
				text = append(text, cell.Text...)
			}
			l = append(l, span{string(text), cells[from].Style})
			from = to
		}
		rows[y].line = l
	}
	return rows
}
