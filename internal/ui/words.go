package ui

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// EventText words one event for people, as the event stream does, on one line: its time in the local
// zone, what it is, the container's label, and what happened. Foreign text is escaped.
func EventText(e event.Event) string {
	r := wordEvents([]event.Event{e}, &isolation.Snapshot{})
	label := e.Subject().Label()
	if label == "" {
		label = "-"
	}
	return e.Time.In(time.Local).Format("15:04:05.000") + "  " + pad(r.kind, 10) + "  " + pad(clean(label), 20) + "  " + r.text.String()
}

func pad(s string, w int) string { return s + blanks(w-textWidth(s)) }

// Clean makes a string safe to print: what could move a cursor, reorder text or is not UTF-8 comes
// out escaped.
func Clean(s string) string { return clean(s) }

// Wrap breaks a text into lines of at most w columns.
func Wrap(s string, w int) []string {
	var lines []string
	for _, l := range text(Plain, s).wrap(w) {
		var b strings.Builder
		for _, span := range l {
			b.WriteString(span.text)
		}
		lines = append(lines, b.String())
	}
	return lines
}
