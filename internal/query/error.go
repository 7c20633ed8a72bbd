package query

import (
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
)

// Error is a mistake in an expression.
type Error struct {
	Expr string
	// Offset and Length are the bytes of Expr that are wrong; a Length of 0 is that something is missing there.
	Offset, Length int
	// Message says what is wrong and, where that is likely, what was meant.
	Message string
}

// Error returns the message, on one line.
func (e *Error) Error() string { return e.Message }

// The columns of an expression that Render shows around a mistake.
const (
	columnsBefore = 48
	columnsAfter  = 24
)

// Render returns three lines: the message, the expression, and below that a mark at the mistake. Of a long expression there is
// the part around it.
func (e *Error) Render() string {
	before := foreign.Clean(e.Expr[:e.Offset])
	after := foreign.Clean(e.Expr[e.Offset:])
	wrong := foreign.Width(foreign.Cut(foreign.Clean(e.Expr[e.Offset:e.Offset+e.Length]), columnsAfter))
	before = lastColumns(before, columnsBefore)
	return e.Message + "\n  " + before + foreign.Cut(after, columnsAfter) +
		"\n  " + strings.Repeat(" ", foreign.Width(before)) + strings.Repeat("^", max(wrong, 1))
}

// lastColumns returns the end of a text, with a mark if that is not all.
func lastColumns(s string, columns int) string {
	over := foreign.Width(s) - columns
	if over <= 0 {
		return s
	}
	over++ // for the mark
	at := 0
	for cluster, width := range foreign.Clusters(s) {
		if over <= 0 {
			break
		}
		over -= width
		at += len(cluster)
	}
	return "…" + s[at:]
}
