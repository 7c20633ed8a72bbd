package foreign

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

const (
	// maxText limits how many bytes of one string are shown; no screen has room for more.
	maxText = 4096
	// maxCluster limits how many runes one cell may hold: a letter and its accents, not a tower of them.
	maxCluster = 8

	// nameWidth limits the columns of a name in a table or a sentence. Names of Kubernetes' containers are almost as long.
	nameWidth = 80
	// WordWidth limits the columns of any word: more than the paths that one may want to copy.
	WordWidth = 256
	// maxProse limits how many bytes of several sentences are shown.
	maxProse = 64 << 10
)

// Clean makes a string safe and honest to show. Cleaning the result again does not change it, as long as it is not too long;
// beyond 4,096 bytes the middle is left out.
func Clean(s string) string {
	return show(bounded(s, maxText))
}

// bounded returns at most n bytes of s: its beginning and its end, without parts of characters.
func bounded(s string, n int) string {
	if len(s) <= n {
		return s
	}
	half := (n - len(Ellipsis)) / 2
	end, start := half, len(s)-half
	for end > half-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	for start < len(s)-half+utf8.UTFMax && !utf8.RuneStart(s[start]) {
		start++
	}
	return s[:end] + Ellipsis + s[start:]
}

// show escapes what cannot be shown as it is. Most text has nothing of that kind.
func show(s string) string {
	if _, plain := plainWidth(s); plain {
		return s
	}
	return escape(s)
}

// Name makes a name safe to show, and cuts out its middle if it is longer than any table should be wide.
func Name(s string) string { return CutMiddle(Clean(s), nameWidth) }

// Prose makes sentences with names and paths in them safe to show, and cuts out the middle of every word that is too long.
func Prose(s string) string {
	words := strings.Split(bounded(s, maxProse), " ")
	for i, w := range words {
		words[i] = CutMiddle(Clean(w), WordWidth)
	}
	// In the joined text a mark could follow a blank and join it.
	return show(strings.Join(words, " "))
}

// Lines makes a text of any length safe to show, and keeps its tabs and its ends of lines.
func Lines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		cells := strings.Split(line, "\t")
		for j, cell := range cells {
			cells[j] = show(cell)
		}
		lines[i] = strings.Join(cells, "\t")
	}
	return strings.Join(lines, "\n")
}

// Label makes a string the value of a metric's label. Different strings become different labels: a backslash is escaped if what
// begins with it reads as an escape.
func Label(s string) string {
	for _, kind := range []string{"x", "u", "U"} {
		s = strings.ReplaceAll(s, `\`+kind, `\x5c`+kind)
	}
	return show(s)
}

// escape replaces all that cannot be shown as it is.
func escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := 0
		for n < len(s) {
			r, size := utf8.DecodeRuneInString(s[n:])
			if hidden(r) || r == utf8.RuneError && size == 1 {
				break
			}
			n += size
		}
		escapeClusters(&b, s[:n])
		s = s[n:]
		if len(s) == 0 {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[0])
		} else {
			writeEscaped(&b, r)
		}
		s = s[size:]
	}
	return b.String()
}

// escapeClusters writes text whose characters can all be shown, and prevents their effects on each other.
func escapeClusters(b *strings.Builder, s string) {
	for len(s) > 0 {
		cluster, rest, w, _ := uniseg.FirstGraphemeClusterInString(s, -1)
		first, _ := utf8.DecodeRuneInString(cluster)
		// A mark at the start of a cluster would join whatever is to its left. On a blank it would do so once the text is wrapped
		// there.
		stray := unicode.Is(unicode.M, first) || (first == ' ' && len(cluster) > 1)
		if w < 1 || w > 2 || stray || utf8.RuneCountInString(cluster) > maxCluster {
			for _, r := range cluster {
				writeEscaped(b, r)
			}
		} else {
			b.WriteString(cluster)
		}
		s = rest
	}
}

// hidden reports whether a rune does not simply show itself: a control character, a format character such as a direction mark, a
// blank that is no space, a character that is drawn as nothing, or an unassigned one.
func hidden(r rune) bool {
	return !unicode.IsPrint(r) ||
		// Fillers of Hangul, the grapheme joiner and others that are letters or marks, but are not drawn.
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r) ||
		r == '\u2800' || r == '\U0001d159' // Braille without a dot, a note without a head
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

// escapedJSON escapes in a JSON text what a terminal would not show as it is. The values do not change.
func escapedJSON(text []byte) []byte {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if jsonHides(r) {
			return escapeRest(append([]byte{}, text[:i]...), text[i:])
		}
		i += size
	}
	return text
}

// jsonHides reports whether a rune is escaped in JSON. The separators of values are ASCII.
func jsonHides(r rune) bool { return r >= 0x7f && hidden(r) }

func escapeRest(done, text []byte) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case !jsonHides(r):
			done = append(done, text[:size]...)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			done = fmt.Appendf(done, `\u%04x\u%04x`, high, low)
		default:
			done = fmt.Appendf(done, `\u%04x`, r)
		}
		text = text[size:]
	}
	return done
}

// JSONWriter returns a writer that escapes each JSON text that it gets as JSON does.
func JSONWriter(out io.Writer) io.Writer { return jsonWriter{out} }

type jsonWriter struct{ out io.Writer }

func (w jsonWriter) Write(text []byte) (int, error) {
	if _, err := w.out.Write(escapedJSON(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
