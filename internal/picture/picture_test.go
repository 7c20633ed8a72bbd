package picture

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// grid returns a picture of one row.
func grid(looks map[int]Look, cells ...string) Grid {
	return Grid{Title: "a <title>", Width: len(cells), Height: 1, Ground: 0x101010, At: func(x, _ int) Cell {
		look, ok := looks[x]
		if !ok {
			look = Look{Text: 0xffffff, Ground: 0x101010}
		}
		return Cell{cells[x], look}
	}}
}

func svg(t *testing.T, g Grid) string {
	t.Helper()
	var b strings.Builder
	if err := g.WriteSVG(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWordsKeepTheirColumns(t *testing.T) {
	got := svg(t, grid(nil, " ", "a", "日", "", " ", "<", "&"))
	for _, want := range []string{
		"<title>a &lt;title&gt;</title>",
		`<text x="8.4" y="13.5" textLength="25.2" fill="#ffffff">a日</text>`,
		`<text x="42" y="13.5" textLength="16.8" fill="#ffffff">&lt;&amp;</text>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") || strings.Count(got, "<rect") != 1 {
		t.Errorf("more than the words:\n%s", got)
	}
}

// Neighbours with one background get one rectangle, whatever their text looks like: two would leave a seam.
func TestOneShapeForOneBackground(t *testing.T) {
	got := svg(t, grid(map[int]Look{
		1: {Text: 1, Ground: 0x224466}, 2: {Text: 2, Ground: 0x224466, Bold: true}, 3: {Text: 3, Ground: 0x224466, Underline: true},
	}, "a", "b", "c", "d", "e"))
	if !strings.Contains(got, `<rect x="8.4" y="0" width="25.2" height="18" fill="#224466"/>`) || strings.Count(got, "<rect") != 2 {
		t.Errorf("the background is\n%s", got)
	}
	for _, want := range []string{`fill="#000002" font-weight="bold">c<`, `fill="#000003" text-decoration="underline">d<`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

var rectangle = regexp.MustCompile(`M(\S+) (\S+)h(\S+)v(\S+)h(\S+)z`)

// TestShapes checks that each shape stays within its cell, and how much of it is covered.
func TestShapes(t *testing.T) {
	covered := func(r rune) float64 {
		total := 0.0
		if isShade(string(r)) {
			path, size, gap := shade(string(r), 0, 0, 1)
			lines := strings.Count(path, "M")
			if gap <= 0 || float64(lines)*3 > cellHeight || size > 3 { // lines do not touch each other
				t.Errorf("%c has %d lines of dots of %.1f", r, lines, size)
			}
			return float64(lines) * 3 * size * size / cellWidth / cellHeight
		}
		for _, m := range rectangle.FindAllStringSubmatch(shapeOf(string(r), 0, 0, 1), -1) {
			var v [4]float64
			for i := range v {
				v[i], _ = strconv.ParseFloat(m[i+1], 64) // the expression matches what number wrote
			}
			const slack = 0.02
			if v[0] < -slack || v[1] < -slack || v[2] <= 0 || v[3] <= 0 || v[0]+v[2] > cellWidth+slack || v[1]+v[3] > cellHeight+slack {
				t.Errorf("%c has a part at %v", r, v)
			}
			total += v[2] * v[3]
		}
		return total / cellWidth / cellHeight
	}
	for _, order := range []string{"▁▂▃▄▅▆▇█", "▏▎▍▌▋▊▉█", "░▒▓█", "─━", "│┃", "╌─", "┌├┼"} {
		last := 0.0
		for _, r := range order {
			c := covered(r)
			if c <= last || c > 1.001 {
				t.Errorf("%c covers %.3f of its cell, the one before it in %s %.3f", r, c, order, last)
			}
			last = c
		}
	}
	for r := range lineArms {
		if covered(r) == 0 {
			t.Errorf("%c is not drawn", r)
		}
	}
	if shapeOf("a", 0, 0, 1) != "" || shapeOf("e\u0301", 0, 0, 1) != "" || shapeOf("", 0, 0, 1) != "" {
		t.Error("a letter is a shape")
	}
}

// The inner line of a double corner does not touch the outer one.
func TestDoubleCornersAreHollow(t *testing.T) {
	for _, r := range "╔╗╚╝" {
		touched := func(x, y float64) bool {
			for _, m := range rectangle.FindAllStringSubmatch(shapeOf(string(r), 0, 0, 1), -1) {
				var v [4]float64
				for i := range v {
					v[i], _ = strconv.ParseFloat(m[i+1], 64) // the expression matches what number wrote
				}
				if x > v[0] && x < v[0]+v[2] && y > v[1] && y < v[1]+v[3] {
					return true
				}
			}
			return false
		}
		if touched(cellWidth/2, cellHeight/2) {
			t.Errorf("the middle of %c is filled", r)
		}
		for _, at := range []float64{-1.6, 1.6} {
			if !touched(cellWidth/2+at, cellHeight/2+at) && !touched(cellWidth/2+at, cellHeight/2-at) {
				t.Errorf("%c has no corner at %g", r, at)
			}
		}
	}
}

// Cells that look the same beside each other are one shape that covers what the shapes of each cell cover.
func TestRunsAreOneShape(t *testing.T) {
	for _, r := range "▁▄█▀─━═" {
		one, five := shapeOf(string(r), 0, 0, 1), shapeOf(string(r), 0, 0, 5)
		if strings.Count(one, "M") != strings.Count(five, "M") {
			t.Errorf("five %c are %s", r, five)
		}
		area := func(path string) (sum float64) {
			for _, m := range rectangle.FindAllStringSubmatch(path, -1) {
				w, _ := strconv.ParseFloat(m[3], 64) // the expression matches what number wrote
				h, _ := strconv.ParseFloat(m[4], 64)
				sum += w * h
			}
			return sum
		}
		if got, want := area(five), 5*area(one); got < want*0.95 || got > want*1.05 {
			t.Errorf("five %c cover %.2f, want %.2f", r, got, want)
		}
	}
	for _, r := range "▌┃╌┏" {
		if got, want := strings.Count(shapeOf(string(r), 0, 0, 5), "M"), 5*strings.Count(shapeOf(string(r), 0, 0, 1), "M"); got != want {
			t.Errorf("five %c are %d shapes, want %d", r, got, want)
		}
	}
	if got := svg(t, grid(nil, "░", "░", "░", "█", "█")); strings.Count(got, "<path") != 2 || !strings.Contains(got, `h23.6M`) ||
		!strings.Contains(got, `stroke-width="1.2" stroke-dasharray="1.2 1.6"`) {
		t.Errorf("the shades are\n%s", got)
	}
}
