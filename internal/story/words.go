package story

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
)

type unit struct {
	size float64
	name string
}

func unitOf(n uint64) unit {
	size := 1.0
	for _, name := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		// What would round up to 1024 of a unit is 1 of the next.
		if float64(n) < size*1023.5 {
			return unit{size, name}
		}
		size *= 1024
	}
	return unit{size, "PiB"}
}

// in writes n in a unit: one decimal under 100, none above.
func (u unit) in(n uint64) string {
	v := float64(n) / u.size
	switch {
	case u.size == 1 || v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case n > 0 && v < 0.05:
		return "<0.1"
	default:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
}

// exact writes n in a unit, without decimals where there are none.
func (u unit) exact(n uint64) string {
	if v := float64(n) / u.size; v == float64(uint64(v)) {
		return strconv.FormatUint(uint64(v), 10)
	}
	return u.in(n)
}

// Bytes returns a size with its unit: 60.1 MiB, 64 MiB, 812 KiB.
func Bytes(n uint64) string {
	u := unitOf(n)
	return u.exact(n) + " " + u.name
}

// BytesOf returns a size beside its limit, in the limit's unit: 60.1/64 MiB, 60.1 of 64 MiB.
func BytesOf(n uint64, sep string, limit uint64) string {
	u := unitOf(limit)
	return u.in(n) + sep + u.exact(limit) + " " + u.name
}

// Ordinal returns a number as an order: 1st, 2nd.
func Ordinal(n uint64) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.FormatUint(n, 10) + suffix
}

var longID = regexp.MustCompile(`[0-9a-f]{64}`)

// ShortPath shortens the container ids in a cgroup path to the twelve characters people know.
func ShortPath(path string) string {
	if len(path) < 64 {
		return path
	}
	return longID.ReplaceAllStringFunc(path, func(id string) string { return event.ShortID(id) + "…" })
}

// Count returns a number of things: 1 process, 2 processes.
func Count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

// Listed joins words as a sentence does: a, b and c.
func Listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// GroupLetter names a set of containers that share a namespace by its number: a to z, A to Z, and + for those beyond; "?" is
// unknown.
func GroupLetter(group int) string {
	switch {
	case group < 1:
		return "?"
	case group <= 26:
		return string(rune('a' + group - 1))
	case group <= 52:
		return string(rune('A' + group - 27))
	}
	return "+"
}
