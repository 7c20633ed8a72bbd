package story

import "strings"

// Weight says what a piece of a text is; a view decides how that looks.
type Weight uint8

// The weights.
const (
	Plain  Weight = iota
	Strong        // what a sentence turns on
	Name          // a container
	Number        // an identifier that one may want to copy
	Alert         // what is not as it should be
)

// Piece is a part of a text that has one weight.
type Piece struct {
	Text   string
	Weight Weight
}

// Text is one or more sentences.
type Text []Piece

// String is the text without its weights.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t {
		b.WriteString(p.Text)
	}
	return b.String()
}

func text(weight Weight, s string) Text { return Text{}.add(weight, s) }

func (t Text) add(weight Weight, s string) Text {
	if s == "" {
		return t
	}
	return append(t, Piece{s, weight})
}

func (t Text) join(others ...Text) Text {
	for _, o := range others {
		t = append(t, o...)
	}
	return t
}

// sentence appends a sentence, with a blank before it where it is not the first.
func (t Text) sentence(s Text) Text {
	if len(s) == 0 {
		return t
	}
	if len(t) > 0 {
		t = t.add(Plain, " ")
	}
	return t.join(s)
}
