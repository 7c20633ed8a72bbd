package picture

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// arms are the four lines that meet in the middle of a cell with a line: none, thin, thick or double.
type arms struct {
	left, right, up, down arm
	dashed                bool
}

type arm int

const (
	noArm arm = iota
	thin
	thick
	double
)

// lineArms are the line characters (Unicode, Box Drawing) that nsviz draws with.
var lineArms = map[rune]arms{
	'─': {left: thin, right: thin}, '│': {up: thin, down: thin},
	'━': {left: thick, right: thick}, '┃': {up: thick, down: thick},
	'═': {left: double, right: double}, '║': {up: double, down: double},
	'╌': {left: thin, right: thin, dashed: true}, '╎': {up: thin, down: thin, dashed: true},
	'╍': {left: thick, right: thick, dashed: true}, '╏': {up: thick, down: thick, dashed: true},
	'┄': {left: thin, right: thin, dashed: true}, '┆': {up: thin, down: thin, dashed: true},
	'┈': {left: thin, right: thin, dashed: true}, '┊': {up: thin, down: thin, dashed: true},

	'┌': {right: thin, down: thin}, '┐': {left: thin, down: thin}, '└': {right: thin, up: thin}, '┘': {left: thin, up: thin},
	'╭': {right: thin, down: thin}, '╮': {left: thin, down: thin}, '╰': {right: thin, up: thin}, '╯': {left: thin, up: thin},
	'┏': {right: thick, down: thick}, '┓': {left: thick, down: thick}, '┗': {right: thick, up: thick}, '┛': {left: thick, up: thick},
	'╔': {right: double, down: double}, '╗': {left: double, down: double},
	'╚': {right: double, up: double}, '╝': {left: double, up: double},

	'├': {right: thin, up: thin, down: thin}, '┤': {left: thin, up: thin, down: thin},
	'┬': {left: thin, right: thin, down: thin}, '┴': {left: thin, right: thin, up: thin},
	'┼': {left: thin, right: thin, up: thin, down: thin},
	'┣': {right: thick, up: thick, down: thick}, '┫': {left: thick, up: thick, down: thick},
	'┳': {left: thick, right: thick, down: thick}, '┻': {left: thick, right: thick, up: thick},
	'╋': {left: thick, right: thick, up: thick, down: thick},
}

// runeOf returns the only rune of a cell; 0 if it has none or several.
func runeOf(cell string) rune {
	r, size := utf8.DecodeRuneInString(cell)
	if size == 0 || size != len(cell) {
		return 0
	}
	return r
}

// shapeOf returns the path of n cells beside each other with the same block or line character, from a place on, in pixels; "" if they have no
// such character.
func shapeOf(cell string, x, y float64, n int) string {
	r := runeOf(cell)
	cellWidth := cellWidth
	a, isLine := lineArms[r]
	switch {
	case r == 0 || n == 0:
		return ""
	case r >= '▁' && r <= '█' || r == '▀' || isLine && a.level(): // one shape for all
		cellWidth *= float64(n)
	case n > 1:
		return shapeOf(cell, x, y, 1) + shapeOf(cell, x+cellWidth, y, n-1)
	}
	switch {
	case r >= '▁' && r <= '█': // eighths from below
		h := float64(r-'▁'+1) / 8 * cellHeight
		return box(x, y+cellHeight-h, cellWidth, h)
	case r >= '▉' && r <= '▏': // eighths from the left
		return box(x, y, float64('▏'-r+1)/8*cellWidth, cellHeight)
	case r == '▀':
		return box(x, y, cellWidth, cellHeight/2)
	case r == '▐':
		return box(x+cellWidth/2, y, cellWidth/2, cellHeight)
	case isLine:
		return a.path(x, y, cellWidth)
	}
	return ""
}

// level reports whether the lines run through the cell from left to right, without an end in it.
func (a arms) level() bool {
	return a.left == a.right && a.left != noArm && a.up == noArm && a.down == noArm && !a.dashed
}

// box returns the path of a filled rectangle.
func box(x, y, w, h float64) string {
	return fmt.Sprintf("M%s %sh%sv%sh%sz ", number(x), number(y), number(w), number(h), number(-w))
}

// The dots of a shade in a cell.
const (
	shadeColumns = 3
	shadeRows    = 6
)

// isShade reports whether a cell is shaded by dots.
func isShade(cell string) bool { r := runeOf(cell); return r >= '░' && r <= '▓' }

// shade returns dots that cover a quarter, a half or most of n cells beside each other: dashed lines whose dashes are the dots, since a shape
// for each dot takes twenty times as much. size is that of a dot, and gap is between the dots of a line.
func shade(cell string, x, y float64, n int) (path string, size, gap float64) {
	const every = cellWidth / shadeColumns
	size = []float64{1.2, 1.9, 2.6}[runeOf(cell)-'░']
	gap = every - size
	var b strings.Builder
	for row := range shadeRows {
		fmt.Fprintf(&b, "M%s %sh%s", number(x+gap/2), number(y+(float64(row)+0.5)*cellHeight/shadeRows), number(float64(n)*cellWidth-gap))
	}
	return b.String(), size, gap
}

// path returns the lines of a cell that is so wide.
func (a arms) path(x, y, cellWidth float64) string {
	const midY = cellHeight / 2.0
	midX := cellWidth / 2
	var b strings.Builder
	horizontal := func(kind arm, from, to float64) {
		for _, offset := range kind.offsets() {
			half := kind.width() / 2
			for _, part := range a.parts(from, to) {
				b.WriteString(box(x+part[0], y+midY+offset-half, part[1]-part[0], 2*half))
			}
		}
	}
	vertical := func(kind arm, from, to float64) {
		for _, offset := range kind.offsets() {
			half := kind.width() / 2
			for _, part := range a.parts(from, to) {
				b.WriteString(box(x+midX+offset-half, y+part[0], 2*half, part[1]-part[0]))
			}
		}
	}
	if a.level() {
		horizontal(a.left, 0, cellWidth)
		return b.String()
	}
	if corner, ok := a.doubleCorner(x, y); ok {
		return corner
	}
	// Each arm reaches over the middle by what the arm across it is wide, so that corners are filled.
	overX, overY := max(a.up, a.down).reach(), max(a.left, a.right).reach()
	horizontal(a.left, 0, midX+overX)
	horizontal(a.right, midX-overX, cellWidth)
	vertical(a.up, 0, midY+overY)
	vertical(a.down, midY-overY, cellHeight)
	return b.String()
}

// doubleCorner returns the lines of a corner of two double arms: the outer line around the inner one.
func (a arms) doubleCorner(x, y float64) (path string, ok bool) {
	if max(a.left, a.right) != double || max(a.up, a.down) != double || min(a.left, a.right) != noArm || min(a.up, a.down) != noArm {
		return "", false
	}
	const midX, midY = cellWidth / 2, cellHeight / 2.0
	right, down := 1.0, 1.0 // where the arms lead
	if a.left == double {
		right = -1
	}
	if a.up == double {
		down = -1
	}
	half := double.width() / 2
	var b strings.Builder
	for _, side := range double.offsets() { // below 0 is the outer line
		fromX, atY := midX+right*side, midY+down*side
		toX, toY := midX+right*midX, midY+down*midY
		b.WriteString(box(x+min(fromX-right*half, toX), y+atY-half, math.Abs(toX-fromX+right*half), 2*half))
		b.WriteString(box(x+fromX-half, y+min(atY-down*half, toY), 2*half, math.Abs(toY-atY+down*half)))
	}
	return b.String(), true
}

// parts returns what is drawn of a line from one place to another.
func (a arms) parts(from, to float64) [][2]float64 {
	if !a.dashed {
		return [][2]float64{{from, to}}
	}
	return [][2]float64{{from + (to-from)*0.2, from + (to-from)*0.8}}
}

// width returns the thickness of one line, in pixels.
func (k arm) width() float64 {
	if k == thick {
		return 2.4
	}
	return 1.2
}

// offsets returns where the lines of an arm are, beside the middle.
func (k arm) offsets() []float64 {
	switch k {
	case noArm:
		return nil
	case double:
		return []float64{-1.6, 1.6}
	}
	return []float64{0}
}

// reach returns how far an arm reaches beside the middle.
func (k arm) reach() float64 {
	switch k {
	case noArm:
		return 0
	case double:
		return 1.6 + k.width()/2
	}
	return k.width() / 2
}
