package metrics

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes any string a label value. A container's name and image come from outside: bytes that
// are no UTF-8 would fail the whole scrape, and control characters would act on the terminal of
// whoever reads /metrics with curl. Both are written as \xNN, byte by byte. Cleaning twice changes
// nothing more.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if isPrintable(r, size) {
			b.WriteString(s[:size])
		} else {
			for i := range size {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
		}
		s = s[size:]
	}
	return b.String()
}

func isClean(s string) bool {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if !isPrintable(r, size) {
			return false
		}
		s = s[size:]
	}
	return true
}

func isPrintable(r rune, size int) bool {
	invalid := r == utf8.RuneError && size == 1
	return !invalid && !unicode.IsControl(r)
}

// merge adds up the counts whose labels are the same once they are clean: two samples with equal
// labels would fail the whole scrape.
func merge[K, L comparable](counts map[K]uint64, labels func(K) L) map[L]uint64 {
	merged := make(map[L]uint64, len(counts))
	for k, n := range counts {
		merged[labels(k)] += n
	}
	return merged
}
