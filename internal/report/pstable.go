package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// Cells say how workloads are written for people.
type Cells struct {
	Zone *time.Location
	// NoTrunc leaves ids and names complete.
	NoTrunc bool
}

// The titles of the columns that a narrow table does without, or has less of.
const (
	titleName     = "NAME"
	titleID       = "CONTAINER ID"
	titleStatus   = "STATUS"
	titleRestarts = "RESTARTS"
	titlePID      = "HOST PID"
	titleStarted  = "STARTED"
	titleMemory   = "MEMORY"
	titleLimit    = "LIMIT"
	titleOOM      = "OOM"
	titleImage    = "IMAGE"
)

// WriteWorkloads writes workloads as a table. If width is not 0, and nothing is to be complete, the table is made to fit into as
// many columns: it shows namespaces as symbols and leaves out what matters least.
func WriteWorkloads(out io.Writer, list []Workload, width int, c Cells) error {
	lines := psLines(list)
	t := c.table(lines)
	if c.NoTrunc {
		width = 0
	}
	if width > 0 {
		fit(t, lines, width)
	}
	return t.write(out, width)
}

// table returns all columns.
func (c Cells) table(lines []psLine) *table {
	t := &table{gap: wideGap}
	add := func(title string, cell func(*Workload) string) {
		cells := make([]string, len(lines))
		for i, l := range lines {
			if l.group != nil {
				cells[i] = headingCells(l.group)[title]
			} else {
				cells[i] = cell(l.of)
			}
		}
		t.columns = append(t.columns, column{title, cells})
	}
	names := column{titleName, make([]string, len(lines))}
	for i, l := range lines {
		names.cells[i] = c.lineName(l)
	}
	t.columns = append(t.columns, names)
	add(titleID, c.id)
	add(titleStatus, status)
	if restartsKnown(lines) {
		add(titleRestarts, restarts)
	}
	add(titlePID, pid)
	add(titleStarted, c.started)
	for _, of := range event.NamespaceTypes() {
		add(of.String(), func(w *Workload) string { return relationWord(w.Namespaces[of]) })
	}
	add(titleMemory, func(w *Workload) string { return bytesOrUnknown(w.Memory.UsageBytes) })
	add(titleLimit, limit)
	add(titleOOM, kills)
	add(titleImage, c.imageOf)
	return t
}

// fit makes a table as narrow as it has to be, step by step.
func fit(t *table, lines []psLine, width int) {
	for _, step := range []func(){
		func() { t.leaveOut(titleStarted) }, // the status says it
		func() { withSymbols(t, lines) },
		func() { t.cut(titleImage, 20) },
		func() { t.cut(titleName, 24) },
		func() { t.cut(titleLimit, 20) },
		func() { t.leaveOut(titleImage) },
		func() { t.leaveOut(titlePID) },
		func() { t.gap = 1 },
		func() { t.cut(titleLimit, 10) },
		func() { t.cut(titleStatus, 24) },
		func() { t.leaveOut(titleRestarts) },
		func() { t.leaveOut(titleLimit) },
		func() { t.cut(titleName, 16) },
		func() { t.leaveOut(titleMemory) },
		func() { t.cut(titleStatus, 16) },
		func() { t.leaveOut(titleOOM) },
		func() { t.cut(titleName, 12) },
	} {
		if t.width() <= width {
			return
		}
		step()
	}
}

// withSymbols replaces the columns of the types of namespaces by one.
func withSymbols(t *table, lines []psLine) {
	symbols := column{title: "NAMESPACES", cells: make([]string, len(lines))}
	var types []string
	for _, of := range event.NamespaceTypes() {
		types = append(types, of.String())
		for i, l := range lines {
			if l.of != nil {
				symbols.cells[i] += relationSymbol(l.of.Namespaces[of])
			}
		}
	}
	at := slices.IndexFunc(t.columns, func(c column) bool { return c.title == types[0] })
	t.leaveOut(types...)
	t.columns = slices.Insert(t.columns, at, symbols)
}

// name makes a name safe to show.
func (c Cells) name(s string) string {
	if c.NoTrunc {
		return foreign.Clean(s)
	}
	return foreign.Name(s)
}

func (c Cells) id(w *Workload) string {
	if c.NoTrunc {
		return foreign.Clean(w.ID)
	}
	return foreign.Name(event.ShortID(w.ID))
}

func status(w *Workload) string { return foreign.Prose(w.Status) }

func restarts(w *Workload) string {
	n := w.AllRestarts()
	switch {
	case w.VM != nil:
		return "-"
	case n == nil:
		return "?"
	}
	return strconv.FormatUint(*n, 10)
}

func pid(w *Workload) string { return orUnknown(w.PID != 0, w.PID) }

func (c Cells) started(w *Workload) string {
	return orUnknown(!w.Started.IsZero(), w.Started.In(c.Zone).Format(toTheSecond))
}

// limit returns a container's limit of memory and whether that does what it is for.
func limit(w *Workload) string {
	if w.VM != nil {
		return "-"
	}
	words := bytesOrUnknown(w.Memory.LimitBytes)
	switch {
	case w.Memory.Unlimited:
		words = "none"
	case w.SharedCgroup != "":
		words = "none of its own"
	}
	const stuck = "stuck: the OOM killer is off"
	switch {
	case w.Unheld != nil && w.Stuck != nil:
		return "not held, in " + foreign.Name(story.CgroupWords(w.Unheld.Cgroup)) + "; " + words + ", " + stuck
	case w.Unheld != nil:
		return "not held, in " + foreign.Name(story.CgroupWords(w.Unheld.Cgroup))
	case w.Stuck != nil:
		return words + ", " + stuck
	}
	return words
}

// kills returns how many OOM kills there were in a container since it started.
func kills(w *Workload) string {
	switch {
	case w.VM != nil:
		return "-"
	case w.OOMKills != nil:
		return strconv.FormatUint(*w.OOMKills, 10)
	case w.OOMKillsAtLeast > 0:
		return fmt.Sprintf("%d+", w.OOMKillsAtLeast)
	}
	return "?"
}

func orUnknown(known bool, v any) string {
	if !known {
		return "?"
	}
	return fmt.Sprint(v)
}

func bytesOrUnknown(n *uint64) string {
	if n == nil {
		return "?"
	}
	return story.Bytes(*n)
}

// relationWord says whose a namespace is; containers that share one carry the same number. One that is left behind by the
// container that it was made for is a dead one.
func relationWord(m *Membership) string {
	switch {
	case m == nil:
		return "?"
	case m.Abandoned != nil:
		return "dead"
	case m.Relation == model.RelationShared && m.SharedGroup != 0:
		return fmt.Sprintf("shared%d", m.SharedGroup)
	case m.Relation == model.RelationUnknown:
		return "?"
	}
	return foreign.Name(string(m.Relation)) // own, host, or shared, but not with several containers
}

// relationSymbol is relationWord in one column, as in the dashboard.
func relationSymbol(m *Membership) string {
	switch {
	case m == nil:
		return "?"
	case m.Abandoned != nil:
		return "!"
	case m.Relation == model.RelationOwn:
		return "●"
	case m.Relation == model.RelationHost:
		return "○"
	}
	return story.GroupLetter(m.SharedGroup)
}
