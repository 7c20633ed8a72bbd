package ui

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	// maxForeign is how many bytes of one string are looked at; no screen shows more of it.
	maxForeign = 4096
	// maxCluster is how many runes one cell may hold: a letter and its accents, not a tower of them.
	maxCluster = 8

	ellipsis = "…"
)

// clean makes a string safe and honest to show. Everything that could move the cursor, change the
// terminal, reorder or hide text is shown in escaped form, as Go and C would write it; so is a rune
// whose width terminals do not agree on. Wide runes and accents stay.
func clean(s string) string {
	if _, plain := plainWidth(s); plain && len(s) <= maxForeign {
		return s
	}
	if len(s) > maxForeign {
		s = s[:maxForeign]
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !unicode.IsPrint(r):
			writeEscaped(&b, r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	s = b.String()
	b.Reset()
	for len(s) > 0 {
		cluster, rest, w, _ := uniseg.FirstGraphemeClusterInString(s, -1)
		first, _ := utf8.DecodeRuneInString(cluster)
		// A mark that leads a cluster would join whatever is to its left; on a blank it would do so
		// once the text is wrapped there.
		stray := unicode.Is(unicode.M, first) || (first == ' ' && len(cluster) > 1)
		if w < 1 || w > 2 || stray || utf8.RuneCountInString(cluster) > maxCluster {
			for _, r := range cluster {
				writeEscaped(&b, r)
			}
		} else {
			b.WriteString(cluster)
		}
		s = rest
	}
	return b.String()
}

// plainRune is how many bytes the rune at the start of s has if it is printable ASCII or one of the
// lines and blocks that nsviz draws with (U+2500 to U+259F); else 0. Those are one column each and
// never join each other, so that most of a screen needs no Unicode tables.
func plainRune(s string) int {
	switch {
	case s[0] >= ' ' && s[0] <= '~':
		return 1
	case len(s) > 2 && s[0] == 0xe2 && (s[1] == 0x94 || s[1] == 0x95 || s[1] == 0x96 && s[2] <= 0x9f) &&
		uniseg.EastAsianAmbiguousWidth == 1:
		return 3
	}
	return 0
}

// plainWidth is the width of a string of plain runes; false where there are others.
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

func writeEscaped(b *strings.Builder, r rune) {
	switch {
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// clusters yields the grapheme clusters of a clean string with the columns that each takes.
func clusters(s string) iter.Seq2[string, int] {
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

// textWidth is how many columns a clean string takes.
func textWidth(s string) int {
	if n, plain := plainWidth(s); plain {
		return n
	}
	n := 0
	for _, w := range clusters(s) {
		n += w
	}
	return n
}

// cut shortens a clean string to at most w columns; what is missing shows as an ellipsis.
func cut(s string, w int) string {
	if textWidth(s) <= w {
		return s
	}
	if w <= 0 {
		return ""
	}
	used, end := 0, 0
	for cluster, cw := range clusters(s) {
		if used+cw > w-1 {
			break
		}
		used += cw
		end += len(cluster)
	}
	return s[:end] + ellipsis
}

// cutMiddle is cut for a name: names that begin alike are told apart by how they end.
func cutMiddle(s string, w int) string {
	whole := textWidth(s)
	if whole <= w || w < 5 {
		return cut(s, w)
	}
	head := cut(s, w/2+1) // with the ellipsis
	room := w - textWidth(head)
	at, left := 0, whole
	for cluster, cw := range clusters(s) {
		if left <= room {
			break
		}
		at += len(cluster)
		left -= cw
	}
	return head + s[at:]
}
