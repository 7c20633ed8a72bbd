package query

import "strings"

// Type is the type of a field. It says which operators apply, and how what a field is compared with is read.
type Type int

// The types of fields.
const (
	Text Type = iota
	Set       // any number of texts
	Number
	Percentage // a number that may have a fraction
	Size       // in bytes
	Duration
	Time
	Bool
)

var typeNames = [...]string{"text", "set", "number", "percentage", "size", "duration", "time", "bool"}

// String returns the name of the type, as the documentation has it.
func (t Type) String() string { return typeNames[t] }

// Comparison is the way in which = compares the text of a field with what is wanted, whatever the case.
type Comparison int

// The comparisons.
const (
	Equals Comparison = iota
	Begins
	Contains
)

// Spec describes a field.
type Spec struct {
	// Name is unique among the fields of the kind, and lower-case.
	Name string
	// About says in a few words what the field is.
	About string
	Type  Type
	// Compare is what = does, for a Text or a Set.
	Compare Comparison
	// Values are all that a Text can be; nil is any.
	Values []string
	// Searched is set if a word is looked for in the field.
	Searched bool
	// Truth is set if a Number may be compared with true (above 0) and false (0), too.
	Truth bool
}

// Takes says in words what the field is compared with by =.
func (s *Spec) Takes() string {
	one := ""
	if s.Type == Set {
		one = " of one of them"
	}
	switch {
	case s.Values != nil:
		return strings.Join(s.Values, ", ")
	case s.Truth:
		return "a number, true (above 0) or false"
	case s.Type == Bool:
		return "true or false"
	case s.Type != Text && s.Type != Set:
		return "a " + s.Type.String()
	case s.Compare == Begins:
		return "the beginning" + one
	case s.Compare == Contains:
		return "a part" + one
	}
	return "the whole" + one
}

// Field is one field of the rows of a kind.
type Field[R any] struct {
	Spec
	// Get returns what a row has in the field.
	Get func(row R) Value
}

// Fields are those of a kind of row.
type Fields[R any] []Field[R]

// Match reports whether a searched field of a row contains a text, whatever the case. Every row contains "".
func (f Fields[R]) Match(row R, text string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	for i := range f {
		if f[i].Searched && strings.Contains(strings.ToLower(f[i].Get(row).String()), text) {
			return true
		}
	}
	return false
}

// specs returns the descriptions of the fields.
func (f Fields[R]) specs() []*Spec {
	specs := make([]*Spec, len(f))
	for i := range f {
		specs[i] = &f[i].Spec
	}
	return specs
}

// text returns a field whose text is unknown where it is "".
func text[R any](name, about string, get func(R) string) Field[R] {
	return Field[R]{Spec{Name: name, About: about, Type: Text}, func(row R) Value {
		if s := get(row); s != "" {
			return textValue(s)
		}
		return Value{}
	}}
}

// known returns a field whose text is nothing where it is "", which is known.
func known[R any](name, about string, get func(R) string) Field[R] {
	return Field[R]{Spec{Name: name, About: about, Type: Text}, func(row R) Value { return textValue(get(row)) }}
}

// set returns a field with any number of texts.
func set[R any](name, about string, get func(R) []string) Field[R] {
	return Field[R]{Spec{Name: name, About: about, Type: Set}, func(row R) Value { return setValue(get(row)) }}
}

// of returns a field of a type.
func of[R any](t Type, name, about string, get func(R) Value) Field[R] {
	return Field[R]{Spec{Name: name, About: about, Type: t}, get}
}

func (f Field[R]) begins() Field[R]   { f.Compare = Begins; return f }
func (f Field[R]) contains() Field[R] { f.Compare = Contains; return f }
func (f Field[R]) searched() Field[R] { f.Searched = true; return f }
func (f Field[R]) truth() Field[R]    { f.Truth = true; return f }

func (f Field[R]) among(values ...string) Field[R] { f.Values = values; return f }
