package query

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
)

// literal reads what a field is compared with, which stands at some bytes of the expression, by the field's type.
func (p *parser) literal(c *comparison, start, end int) {
	if c.field < 0 {
		return // the mistake is noted
	}
	want, spec := &c.want, c.spec
	problem := ""
	switch {
	case c.op == opMatches || c.op == opMatchesNot:
		want.pattern, problem = p.pattern(want.text)
	case spec.Type == Text || spec.Type == Set:
		want.lower = strings.ToLower(want.text)
		if spec.Values != nil && !slices.Contains(spec.Values, want.lower) {
			problem = fmt.Sprintf("no %s %q%s (there are %s)", spec.Name, want.text, meant(want.lower, spec.Values), strings.Join(spec.Values, ", "))
		}
	case spec.Type == Bool:
		problem = want.readBool()
	case spec.Truth && want.readBool() == "":
		want.truth = true
		if c.op != opEqual && c.op != opDiffers {
			problem = "compare with true and false by = or !="
		}
	case spec.Type == Number:
		if problem = want.readNumber(); problem != "" && spec.Truth {
			problem += ", or true or false"
		}
	case spec.Type == Percentage:
		problem = want.readPercentage()
	case spec.Type == Size:
		problem = want.readSize()
	case spec.Type == Duration:
		problem = want.readDuration()
	case spec.Type == Time:
		problem = want.readTime(p.now)
	}
	if problem != "" {
		p.fail(start, end-start, "%s", problem)
	}
}

// pattern compiles a regular expression. What its repetitions stand for counts as if it were written out: in a few bytes they ask for much memory
// and time, and whoever may ask a server may send them.
func (p *parser) pattern(text string) (compiled *regexp.Regexp, problem string) {
	text = "(?i)" + text
	parsed, err := syntax.Parse(text, syntax.Perl) // as package regexp does
	if err != nil {
		return nil, patternProblem(err)
	}
	if p.patterns += steps(parsed); p.patterns > maxLength {
		return nil, fmt.Sprintf("the regular expressions repeat too much: written out they have more than %d steps", maxLength)
	}
	if compiled, err = regexp.Compile(text); err != nil {
		return nil, patternProblem(err)
	}
	return compiled, ""
}

// steps returns about how many instructions a regular expression has once it is compiled.
func steps(r *syntax.Regexp) int {
	n := 0
	for _, sub := range r.Sub {
		n += steps(sub)
	}
	switch r.Op {
	case syntax.OpLiteral:
		return len(r.Rune)
	case syntax.OpRepeat:
		return max(r.Min, r.Max, 1) * n
	case syntax.OpConcat:
		return n
	}
	return n + 1
}

// patternProblem returns what is wrong with a regular expression, which stands below the mark anyway.
func patternProblem(err error) string {
	var wrong *syntax.Error
	if errors.As(err, &wrong) {
		return "no regular expression: " + wrong.Code.String()
	}
	return "no regular expression: " + err.Error()
}

func (l *literal) readBool() (problem string) {
	switch strings.ToLower(l.text) {
	case "true":
		l.number = 1
	case "false":
		l.number = 0
	default:
		return "want true or false"
	}
	return ""
}

func (l *literal) readNumber() (problem string) {
	n, err := strconv.ParseInt(l.text, 10, 64)
	if err != nil || n < 0 {
		return "want a whole number, such as 0 or 12"
	}
	l.number = n
	return ""
}

func (l *literal) readPercentage() (problem string) {
	percent, err := strconv.ParseFloat(strings.TrimSuffix(l.text, "%"), 64)
	if err != nil || !(percent >= 0 && percent < math.MaxInt32) {
		return "want a percentage, such as 50, 2.5 or 80%"
	}
	l.number = percentValue(&percent).number
	return ""
}

func (l *literal) readSize() (problem string) {
	if strings.EqualFold(l.text, "unlimited") {
		l.number = unlimited
		return ""
	}
	n, err := units.RAMInBytes(l.text)
	if err != nil || n < 0 {
		return "want a size, such as 4096, 64MiB, 1.5g or unlimited"
	}
	l.number = n
	return ""
}

func (l *literal) readDuration() (problem string) {
	d, err := time.ParseDuration(l.text)
	if err != nil || d < 0 {
		return "want a duration, such as 250ms or 1m30s"
	}
	l.number = int64(d)
	return ""
}

// The times of a literal: from and to where a Time holds them.
var (
	firstTime = time.Unix(0, -1<<63)
	lastTime  = time.Unix(0, 1<<63-1)
)

// readTime reads a date, a date with a time, a time of today, or a duration before now.
func (l *literal) readTime(now func() time.Time) (problem string) {
	if ago, found := strings.CutPrefix(l.text, "-"); found {
		d, err := time.ParseDuration(ago)
		if err == nil && d >= 0 {
			l.number, l.ago = int64(d), true
			return ""
		}
	}
	today := now()
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, l.text, today.Location()); err == nil && !t.Before(firstTime) && !t.After(lastTime) {
			l.number = t.UnixNano()
			return ""
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, l.text); err == nil {
			l.number = time.Date(today.Year(), today.Month(), today.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), today.Location()).UnixNano()
			return ""
		}
	}
	return "want a time, such as 14:03, 2026-11-23T14:03:10 or -10m (ten minutes ago)"
}
