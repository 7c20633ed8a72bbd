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
	group *groups.Group
	// container is nil for a heading.
	container *model.Container
	// folded is set for a heading whose members are not shown.
	folded bool
}

// listedRows returns the rows that the table shows, the members of a group below its heading. A search shows what it finds, also in
// folded groups.
func listedRows(s *model.Snapshot, st State) []containerRow {
	arranged := groups.Arrange(st.filteredContainers(s, listedContainers(s, st.Search, st.listsQuiet(s))))
	rows := make([]containerRow, 0, len(arranged))
	for i := range arranged {
		g := &arranged[i]
		if g.Of == nil {
			rows = append(rows, containerRow{container: g.Members[0]})
			continue
		}
		heading := containerRow{group: g}
		heading.folded = st.Folded[heading.key()] && st.Search == ""
		rows = append(rows, heading)
		if heading.folded {
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

func (r containerRow) key() string {
	if r.container == nil {
		return headingKey + r.group.Key()
	}
	return containerKey(r.container)
}

func (r containerRow) hasDead() bool { return r.container != nil && hasDead(r.container) }

// nameCell returns a container's name: what it is called in a group, indented below the heading of that; nil is no group.
func nameCell(ct *model.Container, in *groups.Group, style Style, needle string) line {
	switch {
	case in == nil:
		return text(style, ct.Label).mark(needle)
	case ct.IsSandbox():
		style = Dim
	}
	return line{}.space(2).join(text(style, in.MemberName(ct)).mark(needle))
}

// title returns the name of the group of a heading, and whether its members are shown.
func (r containerRow) title(needle string) line {
	sign := "▾ "
	if r.folded {
		sign = "▹ "
	}
	return text(Dim, sign).join(text(Title, r.group.Of.Path()).mark(needle)).add(Dim, " · "+string(r.group.Of.Kind))
}

// heading draws the heading of a group: its title in place of the columns of a single container, then sums over its members.
func (c columns) heading(r containerRow, in tableRow, selected bool) line {
	l := cursorMark(selected)
	room, from := 0, len(containerColumns)
	for i := range containerColumns {
		if containerColumns[i].sum != nil {
			from = i
			break
		}
		room += containerColumns[i].space(c)
	}
	l = l.join(r.title(in.needle).fit(max(room-1, 0))).space(1)
	for i := from; i < len(containerColumns); i++ {
		col := &containerColumns[i]
		l = col.put(l, c, func() line {
			if col.sum == nil {
				return nil
			}
			return col.sum(r.group, in)
		})
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
