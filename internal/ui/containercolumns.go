package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// ColumnKey names a column of the table of containers.
type ColumnKey string

// containerColumn is a column of the table of containers and of the virtual machines below them.
type containerColumn struct {
	key   ColumnKey
	title string
	// about says in a few words what the column has.
	about string
	group columnGroup
	// width is the least that the column is drawn with.
	width int
	right bool // the text stands at the right
	// before is set for a blank before the column; gap returns the blanks after it for a width; nil is one.
	before bool
	gap    func(w int) int

	// head and vmHead are the titles above the containers and above the virtual machines. If head is nil, it is the title; if vmHead is
	// nil, there is none.
	head   func(w int) line
	vmHead func(c columns, w int) line
	// write appends the cell of a live container, as wide as the column; nil is that live returns it.
	write func(l line, ct *model.Container, in tableRow, w int) line
	// live, vm and sum are the cells of a live container, a virtual machine and the heading of a group. In place of a nil one is nothing;
	// the title of a group takes the place of the columns before the first that has a sum.
	live func(ct *model.Container, in tableRow, w int) line
	vm   func(v *model.VM, in tableRow, w int) line
	sum  func(g *groups.Group, in tableRow, w int) line
	// ended is the cell of an ended container. If it is nil, the words for its end take the place.
	ended func(ct *model.Container, in tableRow, w int) line
	// value is what containers are sorted by; nil is a column that they cannot be sorted by. ascending is set if the lowest come first
	// unless that is reversed.
	value     func(ct *model.Container, s *model.Snapshot) sortValue
	ascending bool
	// vmValue is what virtual machines are sorted by; of a nil one it is unknown.
	vmValue func(v *model.VM, s *model.Snapshot) sortValue
}

// columnGroup is a group of columns with a common title above them.
type columnGroup int

const (
	groupNone columnGroup = iota
	groupSees             // namespaces
	groupUses             // cgroup
)

// tableRow holds what a cell is drawn from beside its row's subject.
type tableRow struct {
	columns
	s      *model.Snapshot
	needle string
	group  *groups.Group // that a container is listed below; nil is none
}

// columns are the columns that are shown, from left to right. They depend only on the width of the screen and the user's choice, so
// that a column keeps its place.
type columns struct {
	shown []placedColumn
	sort  Sort
}

type placedColumn struct {
	*containerColumn
	w int // of the text
}

// of returns the width of a column's text; 0 is a column that is not shown.
func (c columns) of(key ColumnKey) int {
	for _, col := range c.shown {
		if col.key == key {
			return col.w
		}
	}
	return 0
}

// namespace returns the width of the column of each type of namespaces.
func (c columns) namespace() int { return c.of(columnNamespaces) / namespaceColumns }

// width returns the width of the columns, with the gaps between them.
func (c columns) width() int {
	w := marker
	for _, col := range c.shown {
		w += col.space()
	}
	return w
}

// space returns the width of the column in a line, with the blanks around it.
func (col placedColumn) space() int {
	w := col.w + col.after()
	if col.before {
		w++
	}
	return w
}

func (col placedColumn) after() int {
	if col.gap == nil {
		return 1
	}
	return col.gap(col.w)
}

// put appends a cell to a line.
func (col placedColumn) put(l, cell line) line {
	if col.before {
		l = l.extend(1)
	}
	if col.right {
		return l.joinRight(cell, col.w).extend(col.after())
	}
	return l.joinFit(cell, col.w, col.after())
}

// putTitle appends a title of a column to a line, with a mark if rows are sorted by it. Where the title has no column to spare, the
// blank behind it takes the mark.
func (c columns) putTitle(l line, col placedColumn, title line) line {
	if c.sort.By != col.key || col.value == nil {
		return col.put(l, title)
	}
	if after := col.after(); title.width() >= col.w && after > 0 {
		title, _ = title.split(col.w)
		wider := *col.containerColumn
		wider.gap = func(int) int { return after - 1 }
		col = placedColumn{&wider, col.w + 1}
	}
	title, _ = title.split(min(title.width(), col.w-1))
	return col.put(l, title.add(Strong, c.sort.sign(col.containerColumn)))
}

// head returns the row of column titles above the containers.
func (c columns) head() line {
	l := line{}.space(marker)
	for _, col := range c.shown {
		title := text(Title, col.title)
		if col.head != nil {
			title = col.head(col.w)
		}
		l = c.putTitle(l, col, title)
	}
	return l
}

// vmHead returns the row of titles above the virtual machines, in the columns of the containers. If not all of them fit,
// the argument which names those that are shown.
func (c columns) vmHead(which string) line {
	l := line{}.space(marker)
	for i, col := range c.shown {
		var cell line
		switch {
		case i == 0 && which != "":
			cell = text(Title, which)
		case col.vmHead != nil:
			cell = col.vmHead(c, col.w)
		}
		if col.vmValue != nil {
			l = c.putTitle(l, col, cell)
		} else {
			l = col.put(l, cell)
		}
	}
	return l
}

// groups returns the row above the titles with the subjects of the columns.
func (c columns) groups() line { return c.grouped("namespaces", "cgroup") }

// vmGroups is groups for virtual machines.
func (c columns) vmGroups() line { return c.grouped("own kernel", "guest memory") }

// grouped draws a bracket over each run of columns of a group.
func (c columns) grouped(sees, uses string) line {
	if w := c.namespace(); w > 0 && w < 4 {
		return nil
	}
	l, some := line{}.space(marker), false
	for i := 0; i < len(c.shown); {
		group, w := c.shown[i].group, 0
		first := i
		for ; i < len(c.shown) && c.shown[i].group == group; i++ {
			w += c.shown[i].space()
		}
		what, name := "what it may use", uses
		switch group {
		case groupNone:
			l = l.space(w)
			continue
		case groupSees:
			what, name = "what it sees", sees
		}
		some = true
		before, after := 0, c.shown[i-1].after()
		if c.shown[first].before {
			before = 1
		}
		if group == groupSees && c.namespace() == 4 {
			after = 2 // the last symbol has blanks around it
		}
		l = l.space(before).join(bracket(what, name, w-before-after)).space(after)
	}
	if !some {
		return nil
	}
	return l
}

// bracket returns a bracket that is w columns wide, with a title in it as far as there is room.
func bracket(what, name string, w int) line {
	const around = len("[   ]")
	switch {
	case len(what)+len(": ")+len(name)+around <= w:
		name = what + ": " + name
	case len(name)+around > w:
		return text(Dim, "╭"+strings.Repeat("─", max(w-2, 0))+"╮").fit(w)
	}
	l := text(Dim, "╭ ").add(Strong, name).add(Dim, " ")
	return l.add(Dim, strings.Repeat("─", max(w-l.width()-1, 0))+"╮")
}

// row appends the line of one container, or of the heading of a group.
func (c columns) row(l line, r containerRow, s *model.Snapshot, selected bool, needle string) line {
	in := tableRow{columns: c, s: s, needle: needle, group: r.in()}
	ct := r.container
	if ct == nil {
		return c.heading(l, r, in, selected)
	}
	l = l.join(cursorMark(selected))
	if !ct.Live() {
		return c.ended(l, ct, in)
	}
	for _, col := range c.shown {
		l = col.putLive(l, ct, in)
	}
	return l
}

// putLive appends the cell of a live container to a line.
func (col placedColumn) putLive(l line, ct *model.Container, in tableRow) line {
	if col.write == nil {
		return col.put(l, col.live(ct, in, col.w))
	}
	if col.before {
		l = l.extend(1)
	}
	return col.write(l, ct, in, col.w).extend(col.after())
}

// vmRow draws one virtual machine. It has a single wall where a container has up to eight.
func (c columns) vmRow(v *model.VM, s *model.Snapshot, selected bool, needle string) line {
	in := tableRow{columns: c, s: s, needle: needle}
	l := cursorMark(selected)
	for _, col := range c.shown {
		var cell line
		if col.vm != nil {
			cell = col.vm(v, in, col.w)
		}
		l = col.put(l, cell)
	}
	return l
}

// ended draws an ended container: its name and how it ended, in place of the namespaces and memory of a live one.
func (c columns) ended(l line, ct *model.Container, in tableRow) line {
	from, to, room := c.endPlace()
	for i, col := range c.shown {
		switch {
		case i == from:
			l = l.join(text(Dim, " ended: ").join(endText(ct, in.s)).fit(max(room-1, 0))).space(1)
		case i > from && i < to:
		case col.ended != nil:
			l = col.put(l, col.ended(ct, in, col.w))
		default:
			l = col.put(l, nil)
		}
	}
	return l
}

// endPlace returns the widest run of columns that have nothing of an ended container, and its width.
func (c columns) endPlace() (from, to, room int) {
	from = len(c.shown)
	for i := 0; i < len(c.shown); i++ {
		first, w := i, 0
		for ; i < len(c.shown) && c.shown[i].ended == nil; i++ {
			w += c.shown[i].space()
		}
		if w > room {
			from, to, room = first, i, w
		}
	}
	return from, to, room
}

func endText(ct *model.Container, s *model.Snapshot) line {
	l := storyLine(story.BriefEnd(ct.End()), s.Time)
	if !ct.Exited.IsZero() {
		l = l.add(Dim, ", "+story.Ago(s.Now().Sub(ct.Ended())))
	}
	return l
}

// at returns the column at a place in a line of the table; false is none.
func (c columns) at(x int) (placedColumn, bool) {
	left := marker
	for _, col := range c.shown {
		if x >= left && x < left+col.space() {
			return col, true
		}
		left += col.space()
	}
	return placedColumn{}, false
}
