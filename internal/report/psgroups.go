package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// psLine is a line of the table of containers: the heading of a group, or a container.
type psLine struct {
	group     *groups.Group    // of a heading
	container *model.Container // nil: it is a heading
	name      string           // safe to show; indented below a heading
}

// psLines lists the containers in the order of their start, the members of a group together below a heading.
func psLines(s *model.Snapshot) []psLine {
	var all []*model.Container
	for i := range s.Containers {
		all = append(all, &s.Containers[i])
	}
	var lines []psLine
	for _, g := range groups.Arrange(all) {
		if g.Of == nil {
			c := g.Members[0]
			lines = append(lines, psLine{container: c, name: foreign.Name(c.Label)})
			continue
		}
		lines = append(lines, psLine{group: &g, name: foreign.Name(g.Title())})
		for _, c := range g.Members {
			name := "  " + foreign.Name(c.Label)
			if c.IsSandbox() {
				name += " (sandbox)"
			}
			lines = append(lines, psLine{container: c, name: name})
		}
	}
	return lines
}

// writeHeading writes the heading of a group, with the sums of its members in their columns.
func (l *psLine) writeHeading(w io.Writer) {
	memory, kills := l.group.Memory(), l.group.Kills()
	live, _ := l.group.Count()
	used := sum(memory, story.Bytes(memory.N))
	taken := sum(kills, strconv.FormatUint(kills.N, 10))
	blank := strings.Repeat("\t", 2+event.NamespaceTypeCount)
	fmt.Fprintf(w, "%s%s\t%s\t\t%s\t%s\n", l.name, blank, used, taken, story.Count(uint64(live), "container", "containers"))
}

// sum returns the words for a sum, which may be a lower bound.
func sum(of groups.Sum, words string) string {
	switch {
	case !of.Known:
		return "?"
	case of.AtLeast:
		return words + "+"
	}
	return words
}
