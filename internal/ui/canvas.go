package ui

import "github.com/nsviz/nsviz/internal/foreign"

// canvas is a part of a frame for views that draw in two dimensions: h of its rows. What is outside of it is cut off. Text reaches it
// in lines only.
type canvas struct {
	w, h    int
	cells   []cell
	symbols *symbols
	spots   []spots // for each row
}

// canvas returns h rows of the frame, from row y on.
func (f Frame) canvas(y, h int) canvas {
	return canvas{f.Width, h, f.cells[y*f.Width : (y+h)*f.Width], f.symbols, f.spots[y : y+h]}
}

// put writes a line from column x of row y on. A wide rune that does not fit is left out.
func (c canvas) put(x, y int, l line) {
	for _, sp := range l {
		for cluster, w := range foreign.Clusters(sp.text) {
			if y >= 0 && y < c.h && x >= 0 && x+w <= c.w {
				c.cells[y*c.w+x] = newCell(c.symbols.number(cluster), sp.style)
				for i := 1; i < w; i++ {
					c.cells[y*c.w+x+i] = newCell(0, sp.style)
				}
			}
			x += w
		}
	}
}

// lines writes lines below each other, from row y on.
func (c canvas) lines(y int, lines []line) {
	for i, l := range lines {
		c.put(0, y+i, l)
	}
}

// fill writes a sign of one column into n cells from column x of row y on.
func (c canvas) fill(x, y, n int, style Style, sign string) {
	if y < 0 || y >= c.h {
		return
	}
	symbol := c.symbols.number(sign)
	for i := max(x, 0); i < min(x+n, c.w); i++ {
		c.cells[y*c.w+i] = newCell(symbol, style)
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
		c.cells[y*c.w+i] |= cell(flag)
	}
}
