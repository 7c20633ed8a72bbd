package picture

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
)

// The size of a cell, where letters stand in it, and the margin around the grid, in pixels.
const (
	cellWidth  = 8.4
	cellHeight = 18.0
	baseline   = 13.5
	margin     = 12.0
)

// Cell is one place of a grid.
type Cell struct {
	// Text is one grapheme cluster, clean of control characters; empty in the right half of a wide one.
	Text string
	Look Look
}

// Look is how a cell looks. The colours are 0xRRGGBB.
type Look struct {
	Text, Ground    int32
	Bold, Underline bool
}

// Grid is a picture of Width × Height cells.
type Grid struct {
	Title         string
	Width, Height int
	// At returns the cell in column x of row y; both count from 0.
	At func(x, y int) Cell
	// Ground is the colour around the cells, and of those that have it, too.
	Ground int32
}

// WriteSVG writes a document that needs nothing else: no script, and of the reader's fonts any with fixed width. Lines and blocks are
// drawn as shapes, so that they join whatever the font is.
func (g Grid) WriteSVG(w io.Writer) error {
	var p printer
	width, height := number(float64(g.Width)*cellWidth+2*margin), number(float64(g.Height)*cellHeight+2*margin)
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img">`+"\n", width, height, width, height)
	p.printf("<title>%s</title>\n", escaped(g.Title))
	p.printf(`<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", hex(g.Ground))
	p.printf(`<g transform="translate(%s %s)" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`+"\n",
		number(margin), number(margin))
	for y := range g.Height {
		runs := g.runs(y)
		for i := 0; i < len(runs); {
			ground, from := runs[i].look.Ground, runs[i].x
			to := from
			for ; i < len(runs) && runs[i].look.Ground == ground; i++ { // one shape, so that no seams show
				to = runs[i].x + len(runs[i].cells)
			}
			if ground != g.Ground {
				p.ground(from, to, y, ground)
			}
		}
		for _, r := range runs {
			p.contents(r)
		}
	}
	p.printf("</g>\n</svg>\n")
	_, err := io.WriteString(w, p.out.String())
	return err
}

// run is a part of a row that looks the same.
type run struct {
	x, y  int
	cells []Cell
	look  Look
}

func (g Grid) runs(y int) []run {
	var runs []run
	for x := range g.Width {
		c := g.At(x, y)
		if n := len(runs); n == 0 || runs[n-1].look != c.Look {
			runs = append(runs, run{x: x, y: y, look: c.Look})
		}
		last := &runs[len(runs)-1]
		last.cells = append(last.cells, c)
	}
	return runs
}

type printer struct{ out strings.Builder }

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

// ground fills the cells of row y from one column to before another.
func (p *printer) ground(from, to, y int, color int32) {
	p.printf(`<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", number(float64(from)*cellWidth),
		number(float64(y)*cellHeight), number(float64(to-from)*cellWidth), number(cellHeight), hex(color))
}

// contents draws the words and shapes of a run. Each word has its place and length, so that columns stay straight in any font.
func (p *printer) contents(r run) {
	var shapes, word strings.Builder
	from, width := 0, 0
	flush := func() {
		if word.Len() > 0 {
			p.word(word.String(), from, width, r)
			word.Reset()
		}
	}
	for i := 0; i < len(r.cells); i++ {
		c, x, n := r.cells[i], r.x+i, 1
		for i+n < len(r.cells) && r.cells[i+n].Text == c.Text {
			n++
		}
		left, top := float64(x)*cellWidth, float64(r.y)*cellHeight
		shape := shapeOf(c.Text, left, top, n)
		switch {
		case c.Text == " ":
			flush()
		case isShade(c.Text):
			flush()
			dots, size, gap := shade(c.Text, left, top, n)
			p.printf(`<path d="%s" stroke="%s" stroke-width="%s" stroke-dasharray="%s %s"/>`+"\n", dots, hex(r.look.Text), number(size), number(size), number(gap))
			i += n - 1
		case shape != "":
			flush()
			shapes.WriteString(shape)
			i += n - 1
		default:
			if word.Len() == 0 {
				from, width = x, 0
			}
			word.WriteString(c.Text)
			width += foreign.Width(c.Text)
		}
	}
	flush()
	if shapes.Len() > 0 {
		p.printf(`<path d="%s" fill="%s"/>`+"\n", strings.TrimSpace(shapes.String()), hex(r.look.Text))
	}
}

func (p *printer) word(word string, from, width int, r run) {
	attributes := ""
	if r.look.Bold {
		attributes += ` font-weight="bold"`
	}
	if r.look.Underline {
		attributes += ` text-decoration="underline"`
	}
	p.printf(`<text x="%s" y="%s" textLength="%s" fill="%s"%s>%s</text>`+"\n", number(float64(from)*cellWidth),
		number(float64(r.y)*cellHeight+baseline), number(float64(width)*cellWidth), hex(r.look.Text), attributes, escaped(word))
}

// escaped returns a text for an element of XML; what XML forbids becomes U+FFFD.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}

func hex(rgb int32) string { return fmt.Sprintf("#%06x", rgb) }

// number returns a number of pixels with at most two decimals.
func number(v float64) string {
	s := strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0")
	return strings.TrimSuffix(s, ".")
}
