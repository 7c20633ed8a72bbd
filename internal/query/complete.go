package query

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxCandidates limits the values that are offered.
const maxCandidates = 100

// Candidate is what could stand at a cursor.
type Candidate struct {
	// Text replaces what is between Completion.From and the cursor.
	Text string
	// About says in a few words what it is; "" is that it is clear.
	About string
	// More is set if something has to follow, without a blank: after a field its operator, after an operator its value.
	More bool
}

// Completion is what could stand at a cursor.
type Completion struct {
	// From is the byte at which what the cursor is in begins.
	From int
	// List has fields, operators, values that there are or that occur in the rows, or connectors. It is sorted as the fields are, and
	// values that occur by their text.
	List []Candidate
}

// Complete returns what could stand at a cursor, which is a byte of the expression or its end. It looks at nothing behind the cursor. If
// what is before the cursor cannot be read, there is nothing. Rows are asked for only if their values are wanted.
func (f Fields[R]) Complete(expr string, cursor int, rows func() []R) Completion {
	p := &parser{s: expr[:cursor], specs: f.specs(), now: time.Now}
	p.expression()
	half := p.ended && p.at == cursor-1 && p.s[p.at] == '!' // of != or !~
	if p.ended && p.at < cursor && !half {
		return Completion{From: cursor}
	}
	c := Completion{From: p.hole.start}
	typed := p.s[p.hole.start:]
	switch {
	case p.hole.kind == holeConnector, typed != "" && blank(typed[len(typed)-1]):
		c.From = cursor
		c.List = []Candidate{{Text: "&&", About: "and", More: true}, {Text: "||", About: "or", More: true}}
	case p.hole.kind == holeOperand:
		c.fields(p.specs, typed)
	case p.hole.field.field >= 0:
		at := p.hole.field.field
		c.values(&f[at].Spec, p.hole.field.op, typed, func(add func(Value)) {
			for _, row := range rows() {
				add(f[at].Get(row))
			}
		})
	}
	return c
}

// fields adds the fields that begin as typed, and of the field that is typed already its operators.
func (c *Completion) fields(specs []*Spec, typed string) {
	for _, spec := range specs {
		if begins(spec.Name+spec.operators()[0].String(), typed) {
			c.List = append(c.List, Candidate{spec.Name + spec.operators()[0].String(), spec.About, true})
		}
	}
	for _, spec := range specs {
		if !begins(typed, spec.Name) {
			continue
		}
		for _, op := range spec.operators()[1:] {
			if begins(spec.Name+op.String(), typed) {
				c.List = append(c.List, Candidate{spec.Name + op.String(), "", true})
			}
		}
	}
}

// begins reports whether a text begins with another one, whatever the case.
func begins(text, with string) bool {
	return len(text) >= len(with) && strings.EqualFold(text[:len(with)], with)
}

// values adds the values of a field that begin as typed: those that there are or, of a text, a set and a number, those that occur.
func (c *Completion) values(spec *Spec, op operator, typed string, occurring func(add func(Value))) {
	quotes := strings.HasPrefix(typed, `"`)
	add := func(text string) {
		word := quote(text)
		if quotes && !strings.HasPrefix(word, `"`) {
			word = `"` + word + `"`
		}
		if begins(word, typed) || begins(text, typed) {
			c.List = append(c.List, Candidate{Text: word})
		}
	}
	switch {
	case spec.Type == Bool:
		add("true")
		add("false")
		return
	case spec.Values != nil:
		for _, value := range spec.Values {
			add(value)
		}
		return
	case op == opMatches || op == opMatchesNot: // a text that occurs need not be a regular expression for itself
		return
	case spec.Truth && (op == opEqual || op == opDiffers):
		add("true")
		add("false")
	case spec.Type == Size:
		add("unlimited")
		return
	case spec.Type != Text && spec.Type != Set && spec.Type != Number:
		return
	}
	seen := map[string]bool{}
	occurring(func(v Value) {
		texts := v.texts
		if v.known && v.typ == Number && !v.atLeast {
			texts = []string{strconv.FormatInt(v.number, 10)}
		}
		for _, text := range texts {
			if text != "" {
				seen[text] = true
			}
		}
	})
	for _, text := range slices.Sorted(maps.Keys(seen)) {
		if add(text); len(c.List) >= maxCandidates {
			return
		}
	}
}
