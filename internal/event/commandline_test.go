package event

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCommandLine(t *testing.T) {
	for _, test := range []struct {
		name, arguments string
		cut             bool
		want            string
	}{
		{"arguments", "python3\x00/app/worker.py\x00--queue\x00mail\x00", false, "python3 /app/worker.py --queue mail"},
		{"an empty argument", "sh\x00-c\x00\x00x\x00", false, "sh -c  x"},
		{"a title and what is left of the room for it", "nginx: worker process\x00\x00\x00\x00", false, "nginx: worker process"},
		{"nothing", "", false, ""},
		{"only zero bytes", "\x00\x00", false, ""},
		{"control characters", "a\nb\x1b[2J\x00\t\x7f", false, `a\nb\x1b[2J \t\x7f`},
		{"a backslash", `C:\n`, false, `C:\\n`},
		{"no UTF-8", "\xff\xc3x", false, `\xff\xc3x`},
		{"other scripts", "データ\x00ä", false, "データ ä"},
		{"the direction of writing, and no room", "a\u202eb\u200bc", false, `a\u202eb\u200bc`},
		{"U+FFFD itself", "\ufffd", false, "\ufffd"},
		{"cut within a character", "ab\xe3\x83", true, "ab"},
		{"cut behind one", "ab\u30c7", true, "ab\u30c7"},
		{"not cut, and its end is no UTF-8", "ab\xe3\x83", false, `ab\xe3\x83`},
		{"cut, and its end is no UTF-8", "ab\xff", true, `ab\xff`},
	} {
		if got := CommandLine([]byte(test.arguments), test.cut); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Whatever is in a process's memory, the formatted command line is harmless, and not much longer.
func FuzzCommandLine(f *testing.F) {
	f.Add([]byte("sh\x00-c\x00x\x00"), false)
	f.Add([]byte("\xe3\x83\x87\xff\u202e\\"), true)
	f.Fuzz(func(t *testing.T, arguments []byte, cut bool) {
		got := CommandLine(arguments, cut)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) }) {
			t.Errorf("%q", got)
		}
		if len(got) > 4*len(arguments) {
			t.Errorf("%d bytes of %d", len(got), len(arguments))
		}
	})
}
