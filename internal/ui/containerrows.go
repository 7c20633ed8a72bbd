package ui

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// containerRow is a row of the table of containers: the heading of a group, or a container.
type containerRow struct {
	// group is the group of a heading, or of the container below one; nil is none.
	group *listedGroup
	// container is nil for a heading.
	container *model.Container
}

// listedGroup is a group in the table.
type listedGroup struct {
	*groups.Group

	// folded is set if its members are not shown.
	folded bool
}

// listedRows returns the rows that the table shows, the members of a group below its heading. A search shows what it finds, also in
// folded groups. A group is where its best member is.
func listedRows(s *model.Snapshot, st State) []containerRow {
	list := st.Sort.sorted(st.filteredContainers(s, listedContainers(s, st.Search, st.listsQuiet(s))), s)
	all := groups.Of(list)
	rows := make([]containerRow, 0, len(list))
	for i, c := range list {
		if c.Group == nil {
			rows = append(rows, containerRow{container: c})
			continue
		}
		of := all.At(i)
		if of == nil {
			continue
		}
		g := &listedGroup{Group: of}
		heading := containerRow{group: g}
		g.folded = st.Folded[heading.key()] && st.Search == ""
		rows = append(rows, heading)
		if g.folded {
			continue
		}
		for _, c := range g.Members {
			rows = append(rows, containerRow{group: g, container: c})
		}
	}
	return rows
}

// headingKey is what the key of a heading begins with. No container's id does.
const headingKey = "group "

func isHeading(key string) bool { return strings.HasPrefix(key, headingKey) }

// in returns the group that the container or the heading is in; nil is none.
func (r containerRow) in() *groups.Group {
	if r.group == nil {
		return nil
	}
	return r.group.Group
}

func (r containerRow) key() string {
	if r.container == nil {
		return headingKey + r.group.Key()
	}
	return containerKey(r.container)
}

func (r containerRow) hasDead() bool { return r.container != nil && hasDead(r.container) }

// hasCache reports whether a bar of w columns shows cached files.
func (r containerRow) hasCache(w int) bool {
	return r.container != nil && r.container.Live() && cacheCells(r.container.Memory, w) > 0
}

// nameCell returns a container's name in w columns: what it is called in a group, indented below the heading of that; nil is no group.
// Names often differ in how they end, so that a long one loses its middle.
func nameCell(ct *model.Container, in *groups.Group, style Style, needle string, w int) line {
	switch {
	case in == nil:
		return text(style, cutMiddle(ct.Label, w)).mark(needle)
	case ct.IsSandbox():
		style = Dim
	}
	return line{}.space(2).join(text(style, cutMiddle(in.MemberName(ct), w-2)).mark(needle))
}

// title returns the name of the group of a heading, and whether its members are shown.
func (r containerRow) title(needle string) line {
	sign := "▾ "
	if r.group.folded {
		sign = "▹ "
	}
	return text(Dim, sign).join(text(Title, r.group.Of.Path()).mark(needle)).add(Dim, " · "+string(r.group.Of.Kind))
}

// heading appends the heading of a group: its title in place of the columns of a single container, then sums over its members.
func (c columns) heading(l line, r containerRow, in tableRow, selected bool) line {
	l = l.join(cursorMark(selected))
	room, from := 0, 0
	for from < len(c.shown) && (from == 0 || c.shown[from].sum == nil) {
		room += c.shown[from].space()
		from++
	}
	l = l.join(r.title(in.needle).fit(max(room-1, 0))).space(1)
	for _, col := range c.shown[from:] {
		var cell line
		if col.sum != nil {
			cell = col.sum(r.in(), in, col.w)
		}
		l = col.put(l, cell)
	}
	return l
}

// membersText returns how many containers there are in a group, in at most w columns.
func membersText(g *groups.Group, w int) line {
	live, ended := g.Count()
	var also string
	if ended > 0 {
		also = ", " + strconv.Itoa(ended) + " ended"
	}
	words := story.MembersOf(g.Of.Kind, uint64(live)) + also
	if live == 0 {
		words = strconv.Itoa(ended) + " ended"
	}
	if len(words) > w && live > 0 {
		words = strconv.Itoa(live) + also
	}
	return text(Dim, words)
}

// sumText returns a sum in words; a plus sign says that it is a lower bound.
func sumText(of groups.Sum, style Style, words string) line {
	if !of.Known {
		return text(Unknown, "?")
	}
	l := text(style, words)
	if of.AtLeast {
		l = l.add(Unknown, "+")
	}
	return l
}

func groupMemory(g *groups.Group) line {
	of := g.Memory()
	return sumText(of, Plain, story.Bytes(of.N))
}

func groupKills(g *groups.Group) line {
	of := g.Kills()
	if of.N == 0 {
		return sumText(of, Dim, "0")
	}
	return sumText(of, KillMark, strconv.FormatUint(of.N, 10))
}

func groupProcesses(g *groups.Group) line {
	of := g.Processes()
	return sumText(of, Plain, strconv.FormatUint(of.N, 10))
}
