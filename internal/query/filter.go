package query

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/spelling"
)

// Key is a field of the rows of a kind by which they are filtered.
type Key[R any] struct {
	// Name is unique among the keys of the kind.
	Name string
	// Text returns what a row has in the field; "" is nothing, or unknown.
	Text func(row R) string
	// Compare says how that is compared with what is wanted, whatever the case.
	Compare Comparison
	// Values are all that the field can have; nil is any.
	Values []string
}

// Comparison is a way to compare the text of a field with what is wanted.
type Comparison int

// The comparisons.
const (
	Equals Comparison = iota
	Begins
	Contains
)

// Keys are those of a kind of row.
type Keys[R any] []Key[R]

// Filter accepts some rows.
type Filter[R any] struct {
	key  Key[R]
	want string
}

// Parse reads KEY=VALUE.
func (k Keys[R]) Parse(s string) (Filter[R], error) {
	name, want, found := strings.Cut(s, "=")
	at := slices.IndexFunc(k, func(key Key[R]) bool { return key.Name == name })
	switch {
	case !found:
		return Filter[R]{}, fmt.Errorf("%q: want KEY=VALUE; the keys are %s", s, strings.Join(k.Names(), ", "))
	case at < 0:
		meant := ""
		if near := spelling.Nearest(name, k.Names()); near != "" {
			meant = "; did you mean " + near + "?"
		}
		return Filter[R]{}, fmt.Errorf("no key %q%s (keys: %s)", name, meant, strings.Join(k.Names(), ", "))
	case want == "":
		return Filter[R]{}, fmt.Errorf("%q: want a value, as in %s=VALUE", s, name)
	}
	f := Filter[R]{k[at], strings.ToLower(want)}
	if f.key.Values != nil && !slices.Contains(f.key.Values, f.want) {
		return Filter[R]{}, fmt.Errorf("no %s %q; there are %s", name, want, strings.Join(f.key.Values, ", "))
	}
	return f, nil
}

// Names lists the names of the keys.
func (k Keys[R]) Names() []string {
	names := make([]string, len(k))
	for i := range k {
		names[i] = k[i].Name
	}
	return names
}

// Wants reports whether the filter asks for a value of a key.
func (f Filter[R]) Wants(key, value string) bool { return f.key.Name == key && f.want == value }

// Accepts reports whether a row has what is wanted.
func (f Filter[R]) Accepts(row R) bool {
	text := strings.ToLower(f.key.Text(row))
	switch f.key.Compare {
	case Begins:
		return strings.HasPrefix(text, f.want)
	case Contains:
		return strings.Contains(text, f.want)
	}
	return text == f.want
}
