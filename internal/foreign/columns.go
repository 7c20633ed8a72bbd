package foreign

import (
	"iter"

	"github.com/rivo/uniseg"
)

// Ellipsis replaces what was cut.
const Ellipsis = "…"

// plainRune returns the length in bytes of the rune at the start of s if it is printable ASCII or one of the lines, blocks and circles
// that nsviz draws with (U+2500 to U+259F, ○ and ●), else 0. These take one column each and never join each other, so that most of a
// screen needs no Unicode tables.
func plainRune(s string) int {
	switch {
	case s[0] >= ' ' && s[0] <= '~':
		return 1
	case len(s) > 2 && s[0] == 0xe2 && (s[1] == 0x94 || s[1] == 0x95 || s[1] == 0x96 && s[2] <= 0x9f ||
		s[1] == 0x97 && (s[2] == 0x8b || s[2] == 0x8f)) &&
		uniseg.EastAsianAmbiguousWidth == 1:
		return 3
	}
	return 0
}

// plainWidth returns the width of a string of plain runes, and false if there are others.
func plainWidth(s string) (w int, plain bool) {
	for len(s) > 0 {
		n := plainRune(s)
		if n == 0 {
			return 0, false
		}
		s = s[n:]
		w++
	}
	return w, true
}

// Clusters yields the grapheme clusters of a clean string with the number of columns of each.
func Clusters(s string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		state := -1
		for len(s) > 0 {
			if n := plainRune(s); n > 0 && (len(s) == n || plainRune(s[n:]) > 0) {
				if !yield(s[:n], 1) {
					return
				}
				s, state = s[n:], -1
				continue
			}
			var cluster string
			var w int
			cluster, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
			if !yield(cluster, w) {
				return
			}
		}
	}
}

// Width returns the number of columns of a clean string.
func Width(s string) int {
	if n, plain := plainWidth(s); plain {
		return n
	}
	n := 0
	for _, w := range Clusters(s) {
		n += w
	}
	return n
}

// Cut shortens a clean string to at most w columns; an ellipsis replaces the missing part.
func Cut(s string, w int) string {
	if Width(s) <= w {
		return s
	}
	if w <= 0 {
		return ""
	}
	used, end := 0, 0
	for cluster, cw := range Clusters(s) {
		if used+cw > w-1 {
			break
		}
		used += cw
		end += len(cluster)
	}
	return s[:end] + Ellipsis
}

// CutMiddle is Cut for names: those that begin alike differ in how they end.
func CutMiddle(s string, w int) string {
	whole := Width(s)
	if whole <= w || w < 5 {
		return Cut(s, w)
	}
	head := Cut(s, w/2+1) // including the ellipsis
	room := w - Width(head)
	at, left := 0, whole
	for cluster, cw := range Clusters(s) {
		if left <= room {
			break
		}
		at += len(cluster)
		left -= cw
	}
	return head + s[at:]
}
