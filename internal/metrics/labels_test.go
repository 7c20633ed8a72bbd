package metrics

import (
	"maps"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"":                        "",
		"web-1":                   "web-1",
		"déjà 日本 👩‍🚀":             "déjà 日本 👩‍🚀",
		`quote " and \ backslash`: `quote " and \ backslash`,
		"\ufffd":                  "\ufffd", // the replacement character itself is valid
		"a\xff":                   `a\xff`,
		"half \xe2\x82":           `half \xe2\x82`,
		"line\nbreak":             `line\x0abreak`,
		"\x1b[2J\x00\x7f":         `\x1b[2J\x00\x7f`,
		"\u0085":                  `\xc2\x85`,
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		once := clean(s)
		if !utf8.ValidString(once) {
			t.Errorf("clean(%q) = %q is no UTF-8", s, once)
		}
		if twice := clean(once); twice != once {
			t.Errorf("cleaning %q again gave %q", once, twice)
		}
	})
}

func TestMerge(t *testing.T) {
	got := merge(map[string]uint64{"a\xff": 2, `a\xff`: 3, "b": 1}, clean)
	if want := map[string]uint64{`a\xff`: 5, "b": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
