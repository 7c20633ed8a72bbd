package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// boxOf returns a box with n lines of its name.
func boxOf(name string, n int) pageBox {
	return pageBox{name, func(w int) []line {
		lines := make([]line, n)
		for i := range lines {
			lines[i] = text(Plain, name+fmt.Sprint(i)).cut(w)
		}
		return lines
	}}
}

// titlesIn returns the titles of the boxes by the column that they begin at, from left to right and from top to bottom.
func titlesIn(lines []line) string {
	columns := map[int][]string{}
	var starts []int
	for _, l := range lines {
		runes := []rune(l.String())
		for x, r := range runes {
			if r != '┌' {
				continue
			}
			if columns[x] == nil {
				starts = append(starts, x)
			}
			columns[x] = append(columns[x], string(runes[x+2])) // a title is a letter
		}
	}
	slices.Sort(starts)
	var words []string
	for _, x := range starts {
		words = append(words, strings.Join(columns[x], " "))
	}
	return strings.Join(words, " | ")
}

func TestFlowOfBoxes(t *testing.T) {
	boxes := func(heights ...int) (list []pageBox) {
		for i, h := range heights {
			list = append(list, boxOf(string(rune('a'+i)), h))
		}
		return list
	}
	for _, tt := range []struct {
		name  string
		boxes []pageBox
		w     int
		want  string
	}{
		{"one column", boxes(2, 2, 2), twoColumns - 1, "a b c"},
		{"two columns", boxes(10, 2, 2, 2), twoColumns, "a | b c d"},
		{"three columns", boxes(10, 10, 2, 7, 30), threeColumns, "a e | b | c d"},
		{"an empty box has no place", boxes(2, 0, 2), threeColumns, "a | c"},
		{"a line more moves nothing", boxes(9, 10, 2, 8, 30), threeColumns, "a e | b | c d"},
		{"none", nil, 120, ""},
	} {
		lines := flowBoxes(tt.boxes, tt.w)
		if got := titlesIn(lines); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		for y, l := range lines {
			if l.width() != tt.w {
				t.Errorf("%s: line %d has %d columns", tt.name, y, l.width())
			}
		}
		// Columns end together.
		if n := len(lines); n > 0 && strings.Count(lines[n-1].String(), "└") != len(strings.Split(tt.want, " | ")) {
			t.Errorf("%s: the last line is %q", tt.name, lines[n-1])
		}
	}
}

// What fits into no width is cut, and nothing panics.
func TestPagesOfAnyWidth(t *testing.T) {
	s, killed, machines := scene(), sceneKilled(), sceneVMs()
	st := hogPage(s)
	for w := range 320 {
		for _, lines := range [][]line{
			containerPage(&s.Containers[3], s, st, w), containerPage(&killed.Containers[3], killed, hogPage(killed), w),
			vmPage(&machines.VMs[0], machines, w), killPage(&killed.Kills[11], killed, w),
		} {
			if w < smallWidth {
				continue
			}
			for _, l := range lines {
				if got := l.width(); got > w {
					t.Fatalf("%d columns wide, of %d: %q", got, w, l)
				}
			}
		}
	}
}
