package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

const (
	// Below these sizes the dashboard is a few lines without a frame around them.
	smallWidth  = 40
	smallHeight = 10

	// aboveBody are the header, the tabs and the status line; belowBody is the line of keys.
	aboveBody = 3
	belowBody = 1
)

// screen holds the data from which the parts of one frame are drawn.
type screen struct {
	s     *model.Snapshot // the one to show
	live  *model.Snapshot // the latest
	state State
	w, h  int
}

// Render draws a view of a snapshot. It depends on its arguments alone: "now" is the snapshot's time.
func Render(s *model.Snapshot, st State, w, h int) Frame {
	f := newFrame(w, h)
	if f.Width == 0 || f.Height == 0 {
		return f
	}
	if st.Tab < 0 || st.Tab >= tabCount {
		st.Tab = Containers
	}
	sc := screen{s: st.shown(s), live: s, state: st, w: w, h: h}
	if small(w, h) {
		for y, r := range sc.small() {
			f.set(y, r)
		}
		return f
	}
	f.set(0, row{line: sc.header()})
	f.set(1, sc.tabs())
	f.set(2, row{line: sc.status()})
	panel := sc.panel(bodyHeight(w, h))
	body := bodyHeight(w, h) - len(panel)
	if v, paints := views[st.Tab].(painter); !paints || st.pageOpen() || !v.paint(sc, f.canvas(aboveBody, body)) {
		for y, r := range sc.body(body) {
			f.set(aboveBody+y, r)
		}
	}
	for y, r := range panel {
		f.set(aboveBody+body+y, r)
	}
	f.set(h-1, sc.footer())
	return f
}

func small(w, h int) bool { return w < smallWidth || h < smallHeight }

// bodyHeight returns how many rows the frame leaves for the view itself.
func bodyHeight(w, h int) int {
	if small(w, h) {
		return max(h-1, 1)
	}
	return h - aboveBody - belowBody
}

// body draws the view in at most h rows.
func (sc screen) body(h int) []row {
	if sc.state.pageOpen() {
		return sc.page(h)
	}
	rows := views[sc.state.Tab].rows(sc, h)
	return rows[:min(len(rows), h)]
}

// panel returns what stands between the view and the line of keys, in at most half of h rows.
func (sc screen) panel(h int) []row {
	if sc.state.Filtering {
		rows := sc.filterPanel()
		return rows[:min(len(rows), h/2)]
	}
	if at := here(sc.state, sc.live); sc.state.Explain > 0 && at.mode&(inList|inPage|inSearch|inExport) != 0 && !sc.state.Help && hasSubjects(at) && !small(sc.w, sc.h) {
		rows := sc.explainPanel()
		return rows[:min(len(rows), h/2)]
	}
	return nil
}

// page shows as much of a page of text as there is room for, from its scroll position on.
func (sc screen) page(h int) []row {
	lines := pageLines(sc.s, sc.state, sc.w)
	top := min(max(sc.state.Scroll, 0), max(len(lines)-h, 0))
	lines = lines[top:]
	rows := plainRows(lines[:min(len(lines), h)])
	if len(lines) > h && h > 1 {
		rows[h-1].line = text(Dim, " ↓ "+story.Count(uint64(len(lines)-h+1), "more line", "more lines"))
	}
	return rows
}

// pageLines returns the text of the page that is open.
func pageLines(s *model.Snapshot, st State, w int) []line {
	if st.Help {
		return helpPage(s, st, w)
	}
	if lines := views[st.Tab].page(s, st, w); lines != nil {
		return lines
	}
	return []line{nil, text(Plain, " It is gone, and nsviz has forgotten it; "+st.Keys.cap(cmdBack)+" goes back.")}
}

func plainRows(lines []line) []row {
	rows := make([]row, len(lines))
	for i, l := range lines {
		rows[i].line = l
	}
	return rows
}

// window returns the part of n rows that h rows show, with row at among them.
func window(n, at, h int) (from, to int) {
	h = max(h, 0)
	from = min(max(at-h/2, 0), max(n-h, 0))
	return from, min(from+h, n)
}

// rule returns a line across the screen with a title in it.
func rule(title line, w int) line {
	l := text(Dim, "──")
	if len(title) > 0 {
		l = l.space(1).join(title).space(1)
	}
	l = l.cut(w)
	return l.add(Dim, strings.Repeat("─", max(w-l.width(), 0)))
}

// paragraph wraps a line into w columns, left blank at the left.
func paragraph(l line, left, w int) []line {
	lines := l.wrap(w - left - 1)
	for i := range lines {
		lines[i] = line{}.space(left).join(lines[i])
	}
	return lines
}

// facts returns rows of "name   value", with the values wrapped beside their names.
func facts(name string, value line, left, nameWidth, w int) []line {
	lines := value.wrap(max(w-left-nameWidth-1, 8))
	for i := range lines {
		head := line{}.space(left + nameWidth)
		if i == 0 {
			head = line{}.space(left).join(text(Title, name).fit(nameWidth))
		}
		lines[i] = head.join(lines[i])
	}
	return lines
}
