package ui

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// EventText returns one line for people about an event, as in the event stream: its time in a zone, its kind, the container's
// label, and what happened. Foreign text is escaped, and cut if it is too long for a line.
func EventText(e event.Event, zone *time.Location) string {
	r := wordEvents([]event.Event{e}, &model.Snapshot{})
	label := e.Subject().Label()
	switch {
	case subjectUnknown(&e):
		label = "?"
	case label == "":
		label = "-" // the host's own
	}
	return story.ClockMillis(e.Time, zone) + "  " + pad(r.kind, 10) + "  " + pad(foreign.Name(label), 20) + "  " + foreign.Prose(r.text.String())
}

func pad(s string, w int) string { return s + blanks(w-foreign.Width(s)) }

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
