package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// KillAnswer is what `nsviz why kill:ID -o json` prints, described in docs/EVENTS.md.
type KillAnswer struct {
	// Kill is the event as it was reported.
	Kill event.Event `json:"kill"`
	// Ordinal is the number of the kill in its container, from 1; 0 is unknown. Survived is whether the container lived on; nil is
	// unknown, or the victim was in none.
	Ordinal  uint64 `json:"ordinal,omitempty"`
	Survived *bool  `json:"survived,omitempty"`
	Sentence string `json:"sentence"`
	// Text is the sentence in pieces.
	Text story.Text `json:"text,omitempty"`
}

// NoKillError reports that no OOM kill with an id is known.
type NoKillError struct{ ID string }

func (e *NoKillError) Error() string {
	return "nothing is known of an OOM kill " + e.ID + "; the latest ones are kept"
}

// WhyKill describes the OOM kill with an id. It fails with NoKillError.
func WhyKill(s *model.Snapshot, id string) (KillAnswer, error) {
	for i := range s.Kills {
		k := &s.Kills[i]
		if k.Event.OOM == nil || k.Event.OOM.ID != id {
			continue
		}
		words := story.Kill(k, s)
		return KillAnswer{Kill: k.Event, Ordinal: k.Ordinal, Survived: k.Survived, Sentence: words.String(), Text: words}, nil
	}
	return KillAnswer{}, &NoKillError{id}
}

// WriteText writes the answer for people on the first line, and below it when that was, the id and what else to ask, with times in a zone.
func (a *KillAnswer) WriteText(out io.Writer, zone *time.Location) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", sentenceOr(a.Text, a.Sentence).For(zone))
	k := &model.Kill{Event: a.Kill}
	if a.Kill.OOM != nil {
		fmt.Fprintf(&b, "  %s  %s\n", a.Kill.Time.In(zone).Format("2006-01-02 15:04:05.000"), foreign.Prose(a.Kill.OOM.ID))
	}
	if c := story.VictimContainer(k); c != nil {
		fmt.Fprintf(&b, "  nsviz why %s tells what became of %s\n", foreign.Prose(event.ShortID(c.ID)), foreign.Prose(c.Label()))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
