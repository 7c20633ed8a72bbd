package ui

import (
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/story"
)

// span is a piece of text in one style. Only line.add makes one, so its text is always clean.
type span struct {
	text  string
	style Style
}

// line is one row of text in several styles.
type line []span

// row is a line of the screen, perhaps of a list and there under the cursor.
type row struct {
	line line
	// words, where it is set, appends the line to another one, whose memory is used for the next row after that.
	words    func(l line) line
	selected bool
	key      string // of the row of a list that the line is; "" is none
	zones    []zone
}

// add appends text, which may come from anywhere.
func (l line) add(style Style, text string) line {
	if text == "" {
		return l
	}
	return append(l, span{foreign.Clean(text), style})
}

// space appends n blanks.
func (l line) space(n int) line { return l.pad(n, Plain) }

// pad appends n blanks in a style.
func (l line) pad(n int, style Style) line {
	if n <= 0 {
		return l
	}
	return append(l, span{blanks(n), style})
}

// withRoom returns an empty line with room for n spans: one with many columns grows again and again else.
func withRoom(n int) line { return make(line, 0, n) }

// join appends other lines.
func (l line) join(others ...line) line {
	for _, o := range others {
		l = append(l, o...)
	}
	return l
}

// storyLine returns a text of package story in the styles of the screen. Its times are in the zone of now.
func storyLine(t story.Text, now time.Time) line {
	l := withRoom(len(t))
	for _, p := range t {
		words := p.In(now.Location())
		if p.Weight == story.Name {
			words = foreign.Name(words)
		}
		l = l.add(styleOf(p.Weight), words)
	}
	return l
}

func styleOf(w story.Weight) Style {
	switch w {
	case story.Strong:
		return Strong
	case story.Name:
		return Name
	case story.Number:
		return Number
	case story.Alert:
		return Warn
	case story.Fatal:
		return KillMark
	case story.Unknown:
		return Unknown
	default:
		return Plain
	}
}

func text(style Style, s string) line { return line{}.add(style, s) }

// manyBlanks is as wide as most gaps at least.
const manyBlanks = "                                                                                                    "

func blanks(n int) string {
	if n <= len(manyBlanks) {
		return manyBlanks[:max(n, 0)]
	}
	return strings.Repeat(" ", n)
}

// String returns the line without its styles.
func (l line) String() string {
	var b strings.Builder
	for _, sp := range l {
		b.WriteString(sp.text)
	}
	return b.String()
}

func (l line) width() int {
	n := 0
	for _, sp := range l {
		n += foreign.Width(sp.text)
	}
	return n
}

// cut shortens the line to at most w columns.
func (l line) cut(w int) line {
	l, _ = l.cutWidth(w)
	return l
}

// cutWidth is cut that also returns the width of the line then.
func (l line) cutWidth(w int) (short line, width int) {
	used := 0
	for i, sp := range l {
		sw := foreign.Width(sp.text)
		if used+sw <= w {
			used += sw
			continue
		}
		short = append(line{}, l[:i]...)
		// If not even the ellipsis has room, it replaces the last column before it.
		if used == w && i > 0 {
			last := short[i-1]
			short[i-1].text = foreign.Cut(last.text+foreign.Ellipsis, foreign.Width(last.text))
			return short, short.width()
		}
		if t := foreign.Cut(sp.text, w-used); t != "" {
			short = append(short, span{t, sp.style})
		}
		return short, short.width()
	}
	return l, used
}

// fit returns the line cut or padded to exactly w columns wide, its text at the left.
func (l line) fit(w int) line {
	l, width := l.cutWidth(w)
	return l[:len(l):len(l)].pad(w-width, l.padding())
}

// padding returns the style of the blanks that fill a line up.
func (l line) padding() Style {
	// The header's colour runs to the edge.
	if len(l) > 0 && l[len(l)-1].style.look().ground == barGround {
		return Bar
	}
	return Plain
}

// joinFit appends another line as fit makes it, and then blanks; joinRight appends it as right makes it. Neither makes a copy of it.
func (l line) joinFit(o line, w, after int) line {
	o, width := o.cutWidth(w)
	if style := o.padding(); style != Plain {
		return append(l, o...).pad(w-width, style).extend(after)
	}
	return append(l, o...).extend(w - width + after)
}

// extend is space for a line of which nobody has a part: blanks at its end become more.
func (l line) extend(n int) line {
	if n <= 0 {
		return l
	}
	if len(l) > 0 {
		if last := &l[len(l)-1]; last.style == Plain && last.text == blanks(len(last.text)) {
			last.text = blanks(len(last.text) + n)
			return l
		}
	}
	return l.space(n)
}

func (l line) joinRight(o line, w int) line {
	o, width := o.cutWidth(w)
	return append(l.extend(w-width), o...)
}

// right returns the line cut or padded to exactly w columns wide, its text at the right.
func (l line) right(w int) line {
	return line{}.joinRight(l, w)
}

// dimmed returns the line as something secondary.
func (l line) dimmed() line {
	out := make(line, len(l))
	for i, sp := range l {
		out[i] = span{sp.text, Dim}
	}
	return out
}

// cutMiddle cuts the middle out of a line that is wider than w columns.
func (l line) cutMiddle(w int) line {
	whole := l.width()
	if whole <= w {
		return l
	}
	head, _ := l.split(w / 2)
	_, tail := l.split(whole - (w - head.width() - 1) + 1) // where a wide rune is divided, split stops before it
	return head.join(text(head[len(head)-1].style, foreign.Ellipsis), tail)
}

// wrap breaks the line at blanks into lines of at most w columns; a longer word is cut into pieces. A word that
// would fill pages loses its middle.
func (l line) wrap(w int) []line {
	if w <= 0 {
		return nil
	}
	var lines []line
	words := l.words()
	spans := 0
	for _, word := range words {
		spans += len(word) + 1
	}
	current := withRoom(spans) // of all lines, one behind the other
	used := 0
	flush := func() {
		lines = append(lines, current[:len(current):len(current)])
		current, used = current[len(current):], 0
	}
	for _, word := range words {
		word = word.cutMiddle(foreign.WordWidth)
		ww := word.width()
		if used > 0 && used+1+ww > w {
			flush()
		}
		if used > 0 {
			current = append(current, span{" ", current[len(current)-1].style})
			used++
		}
		for ww > w {
			head, tail := word.split(w)
			if len(head) == 0 { // a wide rune in a single column
				return append(lines, current.join(word).cut(w))
			}
			current = current.join(head)
			flush()
			word, ww = tail, tail.width()
		}
		current = current.join(word)
		used += ww
	}
	if used > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}

// words splits the line at its blanks; a word may change its style on the way.
func (l line) words() []line {
	parts := len(l)
	for _, sp := range l {
		parts += strings.Count(sp.text, " ")
	}
	words := make([]line, 0, parts)
	all, from := withRoom(parts), 0 // from is where in it a word begins
	end := func() {
		if len(all) > from {
			words, from = append(words, all[from:len(all):len(all)]), len(all)
		}
	}
	for _, sp := range l {
		first := true
		for part := range strings.SplitSeq(sp.text, " ") {
			if !first {
				end()
			}
			first = false
			if part != "" {
				all = append(all, span{part, sp.style})
			}
		}
	}
	end()
	return words
}

// shortWords returns the line with words of at most w columns: longer ones, such as the names of containers that differ in how they end,
// lose their middle. Paths stay whole.
func (l line) shortWords(w int) line {
	out := make(line, len(l))
	for i, sp := range l {
		words := strings.Split(sp.text, " ")
		for j, word := range words {
			if len(word) > w && !strings.Contains(word, "/") {
				words[j] = cutMiddle(word, w)
			}
		}
		out[i] = span{strings.Join(words, " "), sp.style}
	}
	return out
}

// nameRoom is how wide names are among others where room is short, on a screen that is w columns wide.
func nameRoom(w int) int { return min(max(w/4, 12), 40) }

// wrapIn breaks sentences into lines of at most w columns. If these are more than most, long names lose their middle, as much as a screen of a
// width asks for: lists have the whole names.
func (l line) wrapIn(w, most, screen int) []line {
	lines := l.wrap(w)
	if len(lines) > most {
		lines = l.shortWords(nameRoom(screen)).wrap(w)
	}
	return lines
}

// split divides the line after at most w columns.
func (l line) split(w int) (head, tail line) {
	used := 0
	for i, sp := range l {
		end := 0
		for cluster, cw := range foreign.Clusters(sp.text) {
			if used+cw > w {
				if end > 0 {
					head = append(head, span{sp.text[:end], sp.style})
				}
				tail = append(line{{sp.text[end:], sp.style}}, l[i+1:]...)
				return head, tail
			}
			used += cw
			end += len(cluster)
		}
		head = append(head, sp)
	}
	return head, nil
}

// dividesAt reports whether a clean text stays clean when it is divided in these places. It does
// not if they fall between a letter and its accent.
func dividesAt(s string, i, j int) bool {
	w := 0
	for _, part := range []string{s[:i], s[i:j], s[j:]} {
		if foreign.Clean(part) != part {
			return false
		}
		w += foreign.Width(part)
	}
	return w == foreign.Width(s)
}

// mark flags what a search found. It folds case only if that keeps the length of the text.
func (l line) mark(needle string) line {
	if needle == "" {
		return l
	}
	needle = strings.ToLower(foreign.Clean(needle))
	var out line
	for _, sp := range l {
		folded, rest := strings.ToLower(sp.text), sp.text
		if len(folded) != len(rest) {
			out = append(out, sp)
			continue
		}
		for {
			i := strings.Index(folded, needle)
			if i < 0 {
				break
			}
			end := i + len(needle)
			if !dividesAt(rest, i, end) {
				break
			}
			if i > 0 {
				out = append(out, span{rest[:i], sp.style})
			}
			out = append(out, span{rest[i:end], sp.style | Matched})
			folded, rest = folded[end:], rest[end:]
		}
		if rest != "" {
			out = append(out, span{rest, sp.style})
		}
	}
	return out
}
