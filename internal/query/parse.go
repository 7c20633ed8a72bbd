package query

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/spelling"
)

// The bounds of an expression.
const (
	maxLength = 4096 // bytes
	maxDepth  = 64   // parentheses and ! around a comparison
)

// parser reads an expression. A comparison that makes no sense does not end the reading, so that what stands behind it can be
// completed; whatever cannot be read does.
type parser struct {
	s     string
	at    int // what is before it has been read
	depth int
	// patterns is how many steps the regular expressions have up to at.
	patterns int
	specs    []*Spec
	now      func() time.Time
	err      *Error // the first mistake
	ended    bool   // by a mistake, at.
	hole     hole
}

// hole is the latest place where something could stand: what a cursor at the end of the expression is in.
type hole struct {
	kind  holeKind
	start int
	field *comparison // that a value or an operator is for
}

type holeKind int

const (
	holeOperand   holeKind = iota // a field, a word, ! or (
	holeValue                     // what a field is compared with
	holeConnector                 // && or ||
)

// fail notes a mistake at some bytes.
func (p *parser) fail(at, length int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{p.s, at, length, fmt.Sprintf(format, args...)}
	}
}

// end notes a mistake behind which nothing can be read.
func (p *parser) end(at, length int, format string, args ...any) node {
	p.fail(at, length, format, args...)
	p.ended = true
	p.at = at
	return &word{}
}

// expression reads all.
func (p *parser) expression() node {
	if len(p.s) > maxLength {
		return p.end(0, 0, "an expression has at most %d bytes, this one has %d", maxLength, len(p.s))
	}
	n := p.either()
	if !p.ended && p.at < len(p.s) {
		p.unexpected()
	}
	return n
}

// unexpected notes that there is something else where && or || is to be, or the end.
func (p *parser) unexpected() {
	if p.s[p.at] == ')' {
		p.end(p.at, 1, "no ( for this )")
		return
	}
	_, size := utf8.DecodeRuneInString(p.s[p.at:])
	p.end(p.at, size, "want && or || here")
}

// either reads what has || between it.
func (p *parser) either() node { return p.members(true, "||", p.both) }

// both reads what has && between it.
func (p *parser) both() node { return p.members(false, "&&", p.operand) }

func (p *parser) members(either bool, connector string, read func() node) node {
	members := []node{read()}
	for !p.ended {
		p.blanks()
		if !strings.HasPrefix(p.s[p.at:], connector) {
			break
		}
		p.at += len(connector)
		members = append(members, read())
	}
	return join(either, members)
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (p *parser) blanks() {
	for p.at < len(p.s) && blank(p.s[p.at]) {
		p.at++
	}
}

// operand reads a comparison, a word, or an expression after ! or in parentheses.
func (p *parser) operand() node {
	p.blanks()
	p.hole = hole{kind: holeOperand, start: p.at}
	if p.at == len(p.s) {
		return p.end(p.at, 0, "want a comparison or a word here")
	}
	start := p.at
	switch p.s[start] {
	case '!', '(':
		if p.depth == maxDepth {
			return p.end(start, 1, "more than %d parentheses and ! around each other", maxDepth)
		}
		p.depth++
		defer func() { p.depth-- }()
		p.at++
		if p.s[start] == '!' {
			return &negation{p.operand()}
		}
		n := p.either()
		switch {
		case p.ended:
			return n
		case p.at == len(p.s):
			// What is missing is at the end; where it belongs to is what helps.
			p.end(start, 1, "no ) for this (")
			p.at = len(p.s)
			return n
		case p.s[p.at] != ')':
			p.unexpected()
			return n
		}
		p.at++
		p.hole = hole{kind: holeConnector, start: p.at}
		return n
	case '"', '\'':
		text := p.quoted()
		if !p.ended {
			p.hole = hole{kind: holeConnector, start: p.at}
		}
		return &word{text}
	}
	return p.comparison()
}

// quoted reads a text in quotes. Between " a backslash stands before a " or another backslash, between ' it is nothing special.
func (p *parser) quoted() string {
	var b strings.Builder
	mark := p.s[p.at]
	for i := p.at + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == mark:
			p.at = i + 1
			return b.String()
		case c == '\\' && mark == '"' && i+1 < len(p.s) && (p.s[i+1] == '"' || p.s[i+1] == '\\'):
			i++
			b.WriteByte(p.s[i])
		default:
			b.WriteByte(c)
		}
	}
	p.end(p.at, 1, "no second %c for this one", mark)
	p.at = len(p.s)
	return ""
}

// comparison reads a field, an operator and a value, or words without quotes.
func (p *parser) comparison() node {
	start, end := p.at, p.at
	for end < len(p.s) && !strings.ContainsRune("=!~<>()", rune(p.s[end])) && !p.connects(end) {
		end++
	}
	text := strings.TrimRight(p.s[start:end], " \t\r\n")
	switch {
	case p.ended:
		return &word{}
	case end < len(p.s) && p.s[end] == '(':
		return p.end(end, 1, "want && or || before a (; a text with a ( in it has to be in quotes")
	case end == len(p.s) || !strings.ContainsRune("=!~<>", rune(p.s[end])):
		if text == "" {
			return p.end(start, 1, "want a comparison or a word here")
		}
		p.at = end
		return &word{text}
	case text == "":
		return p.end(start, 1, "want a field before this; a text with a %c in it has to be in quotes", p.s[end])
	}
	if last := strings.LastIndexAny(text, " \t\r\n") + 1; last > 0 {
		return p.end(start+last, len(text)-last, "want && or || before %s; a text with a %c in it has to be in quotes", text[last:], p.s[end])
	}
	c := &comparison{field: -1}
	for i, spec := range p.specs {
		if strings.EqualFold(spec.Name, text) {
			c.field, c.spec = i, spec
		}
	}
	if c.field < 0 {
		p.unknownField(start, text)
		c.spec = &Spec{}
	}
	p.at = end
	p.operator(c)
	if p.ended {
		return c
	}
	p.blanks()
	p.hole = hole{kind: holeValue, start: p.at, field: c}
	p.value(c)
	return c
}

// connects reports whether && or || is at a place. A single one between blanks is a mistake.
func (p *parser) connects(at int) bool {
	c := p.s[at]
	if c != '&' && c != '|' {
		return false
	}
	if at+1 < len(p.s) && p.s[at+1] == c {
		return true
	}
	if (at == 0 || blank(p.s[at-1])) && (at+1 == len(p.s) || blank(p.s[at+1])) {
		p.end(at, 1, "did you mean %c%c? A text with a single %c in it has to be in quotes", c, c, c)
		return true
	}
	return false
}

func (p *parser) unknownField(at int, name string) {
	names := make([]string, len(p.specs))
	for i, spec := range p.specs {
		names[i] = spec.Name
	}
	if question := meant(name, names); question != "" {
		p.fail(at, len(name), "no field %q%s", name, question)
		return
	}
	p.fail(at, len(name), "no field %q (there are %s)", name, strings.Join(names, ", "))
}

// meant returns a question for what was most likely meant, or "".
func meant(typed string, words []string) string {
	if near := spelling.Nearest(typed, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// operator reads the operator of a comparison.
func (p *parser) operator(c *comparison) {
	for _, o := range operators {
		if !strings.HasPrefix(p.s[p.at:], o.text) {
			continue
		}
		c.op = o.op
		at := p.at
		p.at += len(o.text)
		if o.op == opEqual && p.at < len(p.s) && p.s[p.at] == '=' {
			p.end(at, 2, "did you mean =? There is no ==")
			return
		}
		var apply []string
		for _, op := range c.spec.operators() {
			if op == c.op {
				return
			}
			apply = append(apply, op.String())
		}
		if c.field >= 0 {
			p.fail(at, len(o.text), "%s is a %v: compare it by %s", c.spec.Name, c.spec.Type, strings.Join(apply, " "))
		}
		return
	}
	p.end(p.at, 1, "want an operator here: = != ~ !~ > >= < or <=")
}

// anotherComparison begins as a comparison does: such a thing in a value is more likely one that lacks its && or ||.
var anotherComparison = regexp.MustCompile(`^[!(]*([a-zA-Z_.]+)[ \t\r\n]*(=|!=|~|!~|<|>)`)

// value reads what a field is compared with: a text in quotes or, without, up to what ends it. Parentheses in it are its own as long
// as they are pairs, so that a regular expression needs no quotes.
func (p *parser) value(c *comparison) {
	start := p.at
	if start < len(p.s) && (p.s[start] == '"' || p.s[start] == '\'') {
		c.want.text = p.quoted()
		if !p.ended {
			p.hole = hole{kind: holeConnector, start: p.at}
			p.literal(c, start, p.at)
		}
		return
	}
	end, open := start, 0
scan:
	for ; end < len(p.s); end++ {
		switch ch := p.s[end]; {
		case ch == '\\':
			end++ // also of what it stands before
		case ch == '(':
			open++
		case ch == ')':
			if open == 0 {
				break scan
			}
			open--
		case open == 0 && p.connects(end):
			break scan
		case blank(ch):
			if m := anotherComparison.FindStringSubmatchIndex(p.s[end+1:]); m != nil {
				at := end + 1 + m[2]
				p.end(at, m[3]-m[2], "want && or || before %s; a value with an operator in it has to be in quotes", p.s[at:end+1+m[3]])
				return
			}
		}
	}
	end = min(end, len(p.s))
	c.want.text = strings.TrimRight(p.s[start:end], " \t\r\n")
	switch {
	case p.ended:
		return
	case c.want.text == "":
		p.fail(start, 0, "want a value here, as in %s%vVALUE", c.spec.Name, c.op)
	case c.want.text == "?":
		if c.want.unknown = true; c.op != opEqual && c.op != opDiffers {
			p.fail(start, 1, "? stands for unknown: compare it by = or !=")
		}
	default:
		p.literal(c, start, start+len(c.want.text))
	}
	p.at = end
}
