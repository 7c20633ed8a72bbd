package story

import (
	"encoding"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
)

// Weight is the role of a piece of a text. A view decides how it looks.
type Weight uint8

// The weights.
const (
	Plain  Weight = iota
	Strong        // what a sentence turns on
	Name          // a container
	Number        // an identifier that one may want to copy
	Alert         // what is not as it should be
	// These two are in brief wordings alone, which no JSON has.
	Fatal   // an OOM kill
	Unknown // what is not known
)

var (
	_ encoding.TextMarshaler   = Weight(0)
	_ encoding.TextUnmarshaler = (*Weight)(nil)
)

// weightNames are the weights in JSON.
var weightNames = []string{Plain: "plain", Strong: "strong", Name: "name", Number: "number", Alert: "alert", Fatal: "fatal", Unknown: "unknown"}

// MarshalText writes the weight's name. It never fails.
func (w Weight) MarshalText() ([]byte, error) {
	if int(w) >= len(weightNames) {
		w = Plain
	}
	return []byte(weightNames[w]), nil
}

// UnmarshalText reads a weight's name; one of a later version is Plain. It never fails.
func (w *Weight) UnmarshalText(name []byte) error {
	*w = Weight(max(slices.Index(weightNames, string(name)), 0))
	return nil
}

// Piece is a part of a text that has one weight. Its JSON form is described in docs/EVENTS.md.
type Piece struct {
	// Text is the piece itself. A time is in UTC and says so.
	Text   string `json:"text"`
	Weight Weight `json:"weight,omitempty"`
	// At and Layout (of time.Time.Format) are set for a time, which a view writes in its own zone.
	At     time.Time `json:"time,omitzero"`
	Layout string    `json:"layout,omitempty"`
}

// In returns the piece with its time in a zone.
func (p Piece) In(zone *time.Location) string {
	if p.At.IsZero() || p.Layout == "" {
		return p.Text
	}
	return p.At.In(zone).Format(p.Layout)
}

// Text is one or more sentences.
type Text []Piece

// String returns the text without its weights, for JSON. Its times are in UTC and say so.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.Text)
	}
	return b.String()
}

// For returns the text with its times in a zone. It escapes foreign text and cuts long names.
func (t Text) For(zone *time.Location) string {
	var b strings.Builder
	for _, p := range t {
		s := p.In(zone)
		if p.Weight == Name {
			s = foreign.Name(s)
		}
		b.WriteString(s)
	}
	return foreign.Prose(b.String())
}

func text(weight Weight, s string) Text { return Text{}.add(weight, s) }

func (t Text) add(weight Weight, s string) Text {
	if s == "" {
		return t
	}
	return append(t, Piece{Text: s, Weight: weight})
}

// at appends a time.
func (t Text) at(when time.Time, layout string) Text {
	if when.IsZero() {
		return t.add(Plain, "an unknown time")
	}
	when = when.UTC()
	return append(t, Piece{Text: when.Format(layout) + " UTC", At: when, Layout: layout})
}

// addFacts appends a list of facts in brackets.
func (t Text) addFacts(facts []Text) Text {
	for i, fact := range facts {
		before := ", "
		if i == 0 {
			before = " ("
		}
		t = t.add(Plain, before).join(fact)
	}
	if len(facts) > 0 {
		t = t.add(Plain, ")")
	}
	return t
}

func (t Text) join(others ...Text) Text {
	for _, o := range others {
		t = append(t, o...)
	}
	return t
}

// sentence appends a sentence, after a blank unless it is the first.
func (t Text) sentence(s Text) Text {
	if len(s) == 0 {
		return t
	}
	if len(t) > 0 {
		t = t.add(Plain, " ")
	}
	return t.join(s)
}
