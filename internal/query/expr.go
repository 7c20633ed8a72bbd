package query

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Expr is an expression: it accepts some of the rows of a kind.
type Expr[R any] struct {
	fields Fields[R]
	root   node
	now    func() time.Time
}

// Parse reads an expression. A time that is relative to now is so whenever a row is looked at; now's zone is that of times without
// one. The error is an *Error.
func (f Fields[R]) Parse(expr string, now func() time.Time) (*Expr[R], error) {
	p := &parser{s: expr, specs: f.specs(), now: now}
	root := p.expression()
	if p.err != nil {
		return nil, p.err
	}
	return &Expr[R]{f, root, now}, nil
}

// Accepts reports whether the expression is true of a row.
func (e *Expr[R]) Accepts(row R) bool {
	return e.root.accepts(&subject{
		get:  func(field int) Value { return e.fields[field].Get(row) },
		says: func(text string) bool { return e.fields.Match(row, text) },
		now:  e.now,
	})
}

// String returns the expression as it is written in full. It parses to the same expression.
func (e *Expr[R]) String() string { return e.root.String() }

// Wants reports whether the expression asks for rows with a value in a field: by =, and not below a !.
func (e *Expr[R]) Wants(field, value string) bool {
	return wants(e.root, func(c *comparison) bool {
		return c.spec.Name == field && c.op == opEqual && strings.EqualFold(c.want.text, value)
	})
}

// Portable reports whether the expression means the same wherever it is applied: it compares no times, which may lack a zone, and looks for
// no text in what a row looks like.
func (e *Expr[R]) Portable() bool { return portable(e.root) }

func portable(n node) bool {
	switch n := n.(type) {
	case *comparison:
		return n.spec.Type != Time && n.spec.Name != "line"
	case *group:
		return !slices.ContainsFunc(n.members, func(member node) bool { return !portable(member) })
	case *negation:
		return portable(n.of)
	}
	return false // a word, which may be in any line
}

func wants(n node, is func(*comparison) bool) bool {
	switch n := n.(type) {
	case *comparison:
		return is(n)
	case *group:
		return slices.ContainsFunc(n.members, func(member node) bool { return wants(member, is) })
	}
	return false
}

// subject is a row, whatever its kind.
type subject struct {
	get  func(field int) Value
	says func(text string) bool
	now  func() time.Time
}

// node is an expression, or a part of one.
type node interface {
	accepts(row *subject) bool
	String() string
}

// group is several expressions with && or || between them.
type group struct {
	any     bool // ||
	members []node
}

func (g *group) accepts(row *subject) bool {
	for _, member := range g.members {
		if member.accepts(row) == g.any {
			return g.any
		}
	}
	return !g.any
}

func (g *group) String() string {
	parts := make([]string, len(g.members))
	for i, member := range g.members {
		parts[i] = member.String()
		if _, nested := member.(*group); nested && !g.any { // of ||; && binds more strongly by itself
			parts[i] = "(" + parts[i] + ")"
		}
	}
	if g.any {
		return strings.Join(parts, " || ")
	}
	return strings.Join(parts, " && ")
}

// join returns expressions with && or || between them. It has no group of the same kind in it.
func join(either bool, members []node) node {
	if len(members) == 1 {
		return members[0]
	}
	g := &group{any: either}
	for _, member := range members {
		if inner, ok := member.(*group); ok && inner.any == either {
			g.members = append(g.members, inner.members...)
		} else {
			g.members = append(g.members, member)
		}
	}
	return g
}

// negation is an expression after !.
type negation struct{ of node }

func (n *negation) accepts(row *subject) bool { return !n.of.accepts(row) }

func (n *negation) String() string {
	if _, several := n.of.(*group); several {
		return "!(" + n.of.String() + ")"
	}
	return "!" + n.of.String()
}

// word is a text that a searched field contains.
type word struct{ text string }

func (w *word) accepts(row *subject) bool { return row.says(w.text) }
func (w *word) String() string            { return quote(w.text) }

// operator compares a field with something.
type operator int

const (
	opEqual operator = iota
	opDiffers
	opMatches
	opMatchesNot
	opAbove
	opAtLeast
	opBelow
	opAtMost
)

// operators are written so. One that begins as another one stands before that.
var operators = []struct {
	text string
	op   operator
}{{"!=", opDiffers}, {"!~", opMatchesNot}, {">=", opAtLeast}, {"<=", opAtMost}, {"=", opEqual}, {"~", opMatches}, {">", opAbove}, {"<", opBelow}}

func (op operator) String() string {
	for _, o := range operators {
		if o.op == op {
			return o.text
		}
	}
	return ""
}

// operators returns those that apply to a field.
func (s *Spec) operators() []operator {
	switch s.Type {
	case Text, Set:
		return []operator{opEqual, opDiffers, opMatches, opMatchesNot}
	case Bool:
		return []operator{opEqual, opDiffers}
	}
	return []operator{opEqual, opDiffers, opAbove, opAtLeast, opBelow, opAtMost}
}

// literal is what a field is compared with.
type literal struct {
	// text is as it was written, without quotes.
	text string
	// unknown is set for ?.
	unknown bool
	lower   string         // of a Text or a Set
	pattern *regexp.Regexp // likewise, for ~ and !~
	number  int64          // of the other types
	ago     bool           // number is a duration before now
	truth   bool           // of a Number: it is to be above 0 (number 1), or 0
}

// comparison is one of a field.
type comparison struct {
	field int
	spec  *Spec
	op    operator
	want  literal
}

func (c *comparison) String() string {
	if c.want.unknown {
		return c.spec.Name + c.op.String() + "?"
	}
	return c.spec.Name + c.op.String() + quote(c.want.text)
}

func (c *comparison) accepts(row *subject) bool {
	v := row.get(c.field)
	switch {
	case c.want.unknown:
		return (!v.known || v.atLeast) == (c.op == opEqual)
	case !v.known:
		return false
	case c.spec.Type == Text || c.spec.Type == Set:
		return slices.ContainsFunc(v.texts, c.matches) == (c.op == opEqual || c.op == opMatches)
	}
	want, op := c.want.number, c.op
	if c.want.ago {
		want = row.now().UnixNano() - want
	}
	if c.want.truth {
		want = 0
		if (op == opEqual) == (c.want.number == 1) {
			op = opAbove
		} else {
			op = opEqual
		}
	}
	is := cmp.Compare(v.number, want)
	switch op {
	case opEqual:
		return is == 0 && !v.atLeast
	case opDiffers:
		return is > 0 || is < 0 && !v.atLeast
	case opAbove:
		return is > 0
	case opAtLeast:
		return is >= 0
	case opBelow:
		return is < 0 && !v.atLeast
	}
	return is <= 0 && !v.atLeast
}

// matches reports whether one text is as wanted.
func (c *comparison) matches(text string) bool {
	if c.want.pattern != nil {
		return c.want.pattern.MatchString(text)
	}
	text = strings.ToLower(text)
	switch {
	case c.want.lower == "": // in every text there is nothing
		return text == ""
	case c.spec.Compare == Begins:
		return strings.HasPrefix(text, c.want.lower)
	case c.spec.Compare == Contains:
		return strings.Contains(text, c.want.lower)
	}
	return text == c.want.lower
}

// quote returns a text as a word or a value that stands for it.
func quote(s string) string {
	if plain(s) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// plain reports whether a text needs no quotes.
func plain(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-./:@%+,", r)
	}) < 0
}
