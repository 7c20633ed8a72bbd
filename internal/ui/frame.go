package ui

import (
	"strings"
	"unicode/utf8"

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

	cells []cell
	// symbols are the other texts of cells than single bytes.
	symbols *symbols
	// spots say what a click leads to, for each row.
	spots []spots
}

// cell is a Cell in a sixth of its bytes, since a frame has ten thousand: the number of its symbol, and below that its style. The symbol
// is 0 for an empty text, below utf8.RuneSelf a byte, else an index of symbols.list, plus that.
type cell uint32

const styleBits = 8

func newCell(symbol uint32, style Style) cell { return cell(symbol<<styleBits | uint32(style)) }

func (c cell) symbol() uint32 { return uint32(c >> styleBits) }
func (c cell) style() Style   { return Style(c) }

// symbols numbers the texts of cells.
type symbols struct {
	list  []string
	known map[string]uint32
	// latest is the one that was asked for last: a line has the same again and again.
	latest       string
	latestNumber uint32
	// line is memory for the line of a row.
	line line
}

// number returns the number of a text.
func (s *symbols) number(text string) uint32 {
	switch {
	case text == "":
		return 0
	case len(text) == 1 && text[0] < utf8.RuneSelf:
		return uint32(text[0])
	case text == s.latest:
		return s.latestNumber
	}
	n, found := s.known[text]
	if !found {
		n = utf8.RuneSelf + uint32(len(s.list))
		s.list = append(s.list, text)
		s.known[text] = n
	}
	s.latest, s.latestNumber = text, n
	return n
}

// singleBytes has the bytes below utf8.RuneSelf, each at its own place.
var singleBytes = func() string {
	var all [utf8.RuneSelf]byte
	for i := range all {
		all[i] = byte(i)
	}
	return string(all[:])
}()

// text returns the text with a number.
func (s *symbols) text(n uint32) string {
	switch {
	case n == 0:
		return ""
	case n < utf8.RuneSelf:
		return singleBytes[n : n+1]
	}
	return s.list[n-utf8.RuneSelf]
}

func newFrame(w, h int) Frame {
	f := Frame{Width: max(w, 0), Height: max(h, 0)}
	f.cells = make([]cell, f.Width*f.Height)
	f.spots = make([]spots, f.Height)
	f.symbols = &symbols{known: map[string]uint32{}, line: withRoom(f.Width / 2)}
	for i := range f.cells {
		f.cells[i] = newCell(' ', Plain)
	}
	return f
}

// At returns the cell in column x of row y; both count from 0 and must be inside the frame.
func (f Frame) At(x, y int) Cell {
	c := f.cells[y*f.Width+x]
	return Cell{f.symbols.text(c.symbol()), c.style()}
}

// sameAt reports whether another frame of the same size has the same cell in a place.
func (f Frame) sameAt(other Frame, x, y int) bool {
	i := y*f.Width + x
	c, o := f.cells[i], other.cells[i]
	if c.symbol() < utf8.RuneSelf || o.symbol() < utf8.RuneSelf {
		return c == o
	}
	return c.style() == o.style() && f.symbols.text(c.symbol()) == other.symbols.text(o.symbol())
}

// set writes a line into row y; it is cut at the frame's edge, and a short line is padded with blanks in the
// style of its end.
func (f Frame) set(y int, r row) {
	if y < 0 || y >= f.Height {
		return
	}
	f.spots[y] = spots{r.key, r.zones}
	cells := f.cells[y*f.Width : (y+1)*f.Width]
	flag := Plain
	if r.selected {
		flag = Selected
	}
	words := r.line
	if r.words != nil {
		words = r.words(f.symbols.line[:0])
		f.symbols.line = words
	}
	short, _ := words.cutWidth(f.Width)
	x := 0
	for _, sp := range short {
		style := sp.style | flag
		ascii := 0 // most text is
		for ; ascii < len(sp.text) && sp.text[ascii] < utf8.RuneSelf; ascii++ {
			cells[x+ascii] = newCell(uint32(sp.text[ascii]), style)
		}
		if ascii == len(sp.text) {
			x += ascii
			continue
		}
		for cluster, w := range foreign.Clusters(sp.text) {
			cells[x] = newCell(f.symbols.number(cluster), style)
			for i := 1; i < w; i++ {
				cells[x+i] = newCell(0, style)
			}
			x += w
		}
	}
	for end := newCell(' ', short.padding()|flag); x < f.Width; x++ {
		cells[x] = end
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
