package report

import (
	"fmt"
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// psLine is a line of the table of workloads: the heading of a group, or a workload.
type psLine struct {
	group  *groups.Group // of a heading; nil: it is a workload
	of     *Workload
	member bool // it stands below a heading
}

// psLines lists workloads in their order, the members of a group together below a heading.
func psLines(list []Workload) []psLine {
	containers := make([]*model.Container, len(list))
	of := make(map[*model.Container]*Workload, len(list))
	for i := range list {
		w := &list[i]
		containers[i] = &model.Container{
			ID: w.ID, Label: w.Label(), Kind: event.Kind(w.Kind), Group: w.Group, State: w.State,
			Memory: model.Memory{UsageBytes: w.Memory.UsageBytes}, OOMKills: w.OOMKills, OOMKillsAtLeast: w.OOMKillsAtLeast,
		}
		of[containers[i]] = w
	}
	var lines []psLine
	for _, g := range groups.Arrange(containers) {
		if g.Of == nil {
			lines = append(lines, psLine{of: of[g.Members[0]]})
			continue
		}
		lines = append(lines, psLine{group: &g})
		for _, c := range g.Members {
			lines = append(lines, psLine{of: of[c], member: true})
		}
	}
	return lines
}

// lineName returns the first cell of a line.
func (c Cells) lineName(l psLine) string {
	if l.group != nil {
		return c.name(l.group.Title())
	}
	name := c.name(l.of.Label())
	if l.member {
		name = "  " + name
	}
	switch kind := l.of.KindOf(); {
	case l.of.VM != nil:
		name += " (VM)"
	case kind == event.KindPod && l.member:
		name += " (infra)"
	case kind == event.KindSandbox || kind == event.KindService:
		name += " (" + string(kind) + ")"
	}
	if n := l.of.Inside; n > 0 {
		name += fmt.Sprintf(" (%d inside)", n)
	}
	return name
}

// headingCells are the cells of the heading of a group, with the sums of its members in their columns, by the title of the column.
func headingCells(g *groups.Group) map[string]string {
	memory, kills := g.Memory(), g.Kills()
	live, ended := g.Count()
	count := story.MembersOf(g.Of.Kind, uint64(live))
	if live == 0 && ended > 0 {
		count = fmt.Sprintf("%d ended", ended)
	}
	return map[string]string{
		titleStatus: count, titleMemory: sum(memory, story.Bytes(memory.N)), titleOOM: sum(kills, strconv.FormatUint(kills.N, 10)),
	}
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

// restartsKnown reports whether any workload has a count of restarts.
func restartsKnown(lines []psLine) bool {
	for _, l := range lines {
		if l.of != nil && l.of.AllRestarts() != nil {
			return true
		}
	}
	return false
}

// imageOf returns the last cell of a workload.
func (c Cells) imageOf(w *Workload) string {
	if w.VM != nil { // what it is stands there: no cgroup holds a guest to its memory
		return foreign.Prose(story.VM(w.machine()).String())
	}
	if kind := w.KindOf(); w.Image == "" && (kind == event.KindSandbox || kind == event.KindService) {
		return c.name(story.Isolated(kind, w.Runtime, w.Program))
	}
	return c.name(w.Image)
}
