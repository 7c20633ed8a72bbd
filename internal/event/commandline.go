package event

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxCommandLine is how many bytes of a command line are kept, before it is escaped.
const MaxCommandLine = 256

// CommandLine formats a command line as it is in a process's memory. Arguments with a zero byte behind each become arguments
// with spaces between them. Runes that are not printable, bytes that are not UTF-8 and backslashes are escaped as in Go. If cut is set,
// the end is missing, and an incomplete rune there is left out. CommandLine returns "" if there is nothing to show.
func CommandLine(arguments []byte, cut bool) string {
	arguments = bytes.TrimRight(arguments, "\x00")
	if cut {
		arguments = completeRunes(arguments)
	}
	var b strings.Builder
	for len(arguments) > 0 {
		r, size := utf8.DecodeRune(arguments)
		switch {
		case r == 0:
			b.WriteByte(' ')
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(arguments[0]), 16)) // 0x80 and above
		case r == '\\':
			b.WriteString(`\\`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default: // control characters, and those that change the direction of writing or have no width
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		arguments = arguments[size:]
	}
	return b.String()
}

// completeRunes returns b without an incomplete rune at its end.
func completeRunes(b []byte) []byte {
	for i := len(b) - 1; i >= 0 && i > len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}
