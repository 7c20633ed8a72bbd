package report

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// EventList is what a running nsviz answers with when it is asked for past events, described in docs/EVENTS.md.
type EventList struct {
	// Since is from when on the events are complete: later than what was asked for if older ones are not kept.
	Since time.Time `json:"since"`
	// AsOf is the time of the latest state that they lead to.
	AsOf time.Time `json:"as_of"`
	// LeftOut counts the older ones beyond a limit that was asked for.
	LeftOut int `json:"left_out,omitempty"`
	// Events are in the order in which nsviz learned of them.
	Events []event.Event `json:"events"`
}
