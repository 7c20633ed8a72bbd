package query

import "strings"

// Field is one field of the rows of a kind.
type Field[R any] struct {
	// Name is unique among the fields of the kind.
	Name string
	// Text returns what a row has in the field; "" is nothing, or unknown.
	Text func(row R) string
}

// Fields are those of a kind of row.
type Fields[R any] []Field[R]

// Match reports whether a field of a row contains a text, whatever the case. Every row contains "".
func (f Fields[R]) Match(row R, text string) bool {
	if text == "" {
		return true
	}
	text = strings.ToLower(text)
	for i := range f {
		if strings.Contains(strings.ToLower(f[i].Text(row)), text) {
			return true
		}
	}
	return false
}
