package ui

import (
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/groups"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// columns are the widths of the table's columns; 0 is a column that has no room. They depend only on the
// width of the screen, so that a column keeps its place.
type columns struct {
	name, image, pid, up, start int
	namespace                   int // of each of the eight
	bar, memory                 int
	spark                       int
	oom, procs                  int
}

const memoryText = 13 // 1023/1024 MiB

// width returns the width of the columns, with the gaps between them.
func (c columns) width() int {
	w := marker
	for i := range containerColumns {
		w += containerColumns[i].space(c)
	}
	return w
}

// columnsFor drops the least important columns until the others fit, and hands out the room that is left.
func columnsFor(w int) columns {
	c := columns{
		name: 16, image: 16, pid: 8, up: 7, start: 7, namespace: 4, bar: 6, memory: memoryText,
		spark: 9, oom: 4, procs: 5,
	}
	for _, drop := range []func(){
		func() { c.image = 0 },
		func() { c.spark = 0 },
		func() { c.start = 0 },
		func() { c.procs = 0 },
		func() { c.namespace = 2 },
		func() { c.name = 13 },
		func() { c.up, c.name = 0, 10 },
		func() { c.bar = 0 },
		func() { c.pid = 0 },
		func() { c.namespace = 0 },
		func() { c.oom = 0 },
	} {
		if c.width() <= w {
			break
		}
		drop()
	}
	give := func(column *int, most int) {
		if *column > 0 {
			*column = max(min(*column+w-c.width(), most), *column)
		}
	}
	give(&c.name, 16)
	give(&c.spark, 20)
	give(&c.name, 24)
	give(&c.bar, 12)
	give(&c.spark, model.HistoryLength)
	give(&c.image, 32)
	give(&c.name, 48)
	if c.width() > w {
		c.name = max(c.name-(c.width()-w), 1)
	}
	return c
}

// containerColumn is a column of the table of containers and of the virtual machines below them.
type containerColumn struct {
	// width is that of the text among the widths of all columns; 0 is a column that has no room.
	width func(c columns) int
	// before and gap are the blanks before it and after it.
	before bool
	gap    func(c columns) int
	group  columnGroup
	right  bool // the text stands at the right

	// title and vmTitle are the titles above the containers and above the virtual machines.
	title, vmTitle func(c columns) line
	// live and vm are the cells of a live container and of a virtual machine.
	live func(ct *model.Container, in tableRow) line
	vm   func(v *model.VM, in tableRow) line
	// sum is the cell of the heading of a group. The title of the group takes the place of the columns before the first that has one.
	sum func(g *groups.Group, in tableRow) line
	// ended is the cell of an ended container. If it is nil, the words for its end take the place.
	ended func(ct *model.Container, in tableRow) line
}

// tableRow holds what a cell is drawn from beside its row's subject.
type tableRow struct {
	columns
	s      *model.Snapshot
	needle string
	group  *groups.Group // that a container is listed below; nil is none
}

// columnGroup is a group of columns with a common title above them.
type columnGroup int

const (
	groupNone columnGroup = iota
	groupSees             // namespaces
	groupUses             // cgroup
)

func titled(title string) func(columns) line {
	return func(columns) line { return text(Title, title) }
}

func oneBlank(columns) int { return 1 }

// containerColumns are the columns from left to right. The drawing is defined here and in columnsFor, which assigns the widths.
var containerColumns = []containerColumn{
	{
		width: func(c columns) int { return c.name }, gap: oneBlank,
		title: titled("CONTAINER"),
		vmTitle: func(c columns) line {
			if c.name < len("VIRTUAL MACHINE") {
				return text(Title, "VM")
			}
			return text(Title, "VIRTUAL MACHINE")
		},
		live:  func(ct *model.Container, in tableRow) line { return nameCell(ct, in.group, Name, in.needle) },
		vm:    func(v *model.VM, in tableRow) line { return vmName(v).mark(in.needle) },
		ended: func(ct *model.Container, in tableRow) line { return nameCell(ct, in.group, Dim, in.needle) },
	},
	{
		width: func(c columns) int { return c.image }, gap: oneBlank,
		title: titled("IMAGE"), vmTitle: titled("RUN BY"),
		live:  func(ct *model.Container, in tableRow) line { return orUnknown(story.What(ct)).dimmed().mark(in.needle) },
		vm:    func(v *model.VM, in tableRow) line { return text(Dim, runBy(v, in.image)).mark(in.needle) },
		ended: func(ct *model.Container, in tableRow) line { return text(Dim, story.What(ct)).mark(in.needle) },
	},
	{
		width: func(c columns) int { return c.pid }, gap: oneBlank, right: true,
		title: titled("HOST PID"), vmTitle: titled("HOST PID"),
		live:  func(ct *model.Container, _ tableRow) line { return pidText(ct.InitPID) },
		vm:    func(v *model.VM, _ tableRow) line { return pidText(v.PID) },
		ended: func(ct *model.Container, _ tableRow) line { return pidText(ct.InitPID).dimmed() },
	},
	{
		width: func(c columns) int { return c.up }, gap: oneBlank, right: true,
		title: titled("UP"), vmTitle: titled("UP"),
		live:  func(ct *model.Container, in tableRow) line { return upText(ct, in.s) },
		vm:    func(v *model.VM, in tableRow) line { return vmUp(v, in.s.Time) },
		ended: func(ct *model.Container, _ tableRow) line { return lifetimeText(ct) },
	},
	{
		width: func(c columns) int { return c.start }, gap: oneBlank, right: true,
		title: titled("START"), vmTitle: titled(""),
		live: func(ct *model.Container, _ tableRow) line { return startText(ct) },
		vm:   func(*model.VM, tableRow) line { return nil },
	},
	{
		width: func(c columns) int { return namespaceColumns * c.namespace }, before: true, gap: func(c columns) int { return c.namespace / 4 },
		group: groupSees,
		title: func(c columns) line { return namespaceHead(c.namespace) }, vmTitle: titled("INSIDE"),
		live: func(ct *model.Container, in tableRow) line {
			if machineOf(ct, in.s) != nil {
				return opaque("a VM, below", in.namespace)
			}
			return namespaceCells(ct, in.namespace)
		},
		vm:  vmInside,
		sum: func(g *groups.Group, in tableRow) line { return membersText(g, namespaceColumns*in.namespace) },
	},
	{
		width: columns.memoryWidth, gap: oneBlank, group: groupUses,
		title: titled("MEMORY"),
		vmTitle: func(c columns) line {
			if c.memoryWidth() < len("RESIDENT/GIVEN") {
				return text(Title, "RESIDENT")
			}
			return text(Title, "RESIDENT/GIVEN")
		},
		live: func(ct *model.Container, in tableRow) line { return in.memoryOf(ct) },
		vm:   func(v *model.VM, in tableRow) line { return vmMemory(v, in.bar, in.memory) },
		sum: func(g *groups.Group, in tableRow) line {
			if in.bar > 0 {
				return line{}.space(in.bar + 1).join(groupMemory(g))
			}
			return groupMemory(g)
		},
	},
	{
		width: func(c columns) int { return c.spark }, gap: oneBlank, group: groupUses,
		title: func(c columns) line {
			if c.spark < len("LAST MINUTE") {
				return text(Title, "LAST MIN")
			}
			return text(Title, "LAST MINUTE")
		},
		vmTitle: func(c columns) line {
			if c.image > 0 {
				return nil
			}
			return text(Title, "RUN BY")
		},
		live: func(ct *model.Container, in tableRow) line {
			return spark(ct.Memory, in.s.Host.MemoryBytes, in.spark)
		},
		vm: func(v *model.VM, in tableRow) line {
			if in.image > 0 {
				return nil
			}
			return text(Dim, runBy(v, in.spark)).mark(in.needle)
		},
	},
	{
		width: func(c columns) int { return c.oom }, gap: oneBlank, group: groupUses, right: true,
		title: titled("OOM"), vmTitle: titled("VCPU"),
		live:  func(ct *model.Container, _ tableRow) line { return oomText(ct) },
		vm:    func(v *model.VM, _ tableRow) line { return vcpus(v) },
		sum:   func(g *groups.Group, _ tableRow) line { return groupKills(g) },
		ended: func(ct *model.Container, _ tableRow) line { return oomText(ct) },
	},
	{
		width: func(c columns) int { return c.procs }, gap: oneBlank, right: true,
		title: titled("PROCS"), vmTitle: titled("PROCS"),
		live:  func(ct *model.Container, _ tableRow) line { return processesText(ct) },
		vm:    func(*model.VM, tableRow) line { return text(Strong, "1") },
		sum:   func(g *groups.Group, _ tableRow) line { return groupProcesses(g) },
		ended: func(*model.Container, tableRow) line { return nil },
	},
}

// space returns the width of the column in a line, with the blanks around it; 0 if it has no room.
func (col *containerColumn) space(c columns) int {
	w := col.width(c)
	if w == 0 {
		return 0
	}
	if col.before {
		w++
	}
	return w + col.gap(c)
}

// put appends a cell to a line, if the column has room.
func (col *containerColumn) put(l line, c columns, cell func() line) line {
	w := col.width(c)
	if w == 0 {
		return l
	}
	if col.before {
		l = l.space(1)
	}
	if col.right {
		return l.join(cell().right(w)).space(col.gap(c))
	}
	return l.join(cell().fit(w)).space(col.gap(c))
}

// head returns the row of column titles above the containers.
func (c columns) head() line {
	l := line{}.space(marker)
	for i := range containerColumns {
		col := &containerColumns[i]
		l = col.put(l, c, func() line { return col.title(c) })
	}
	return l
}

// vmHead returns the row of titles above the virtual machines, in the columns of the containers. If not all of them fit,
// the argument which names those that are shown.
func (c columns) vmHead(which string) line {
	l := line{}.space(marker)
	for i := range containerColumns {
		col := &containerColumns[i]
		l = col.put(l, c, func() line {
			if i == 0 && which != "" {
				return text(Title, which)
			}
			return col.vmTitle(c)
		})
	}
	return l
}

// memoryWidth returns the width of the bar and the text beside it.
func (c columns) memoryWidth() int {
	if c.bar > 0 {
		return c.bar + 1 + c.memory
	}
	return c.memory
}

// groups returns the row above the titles with the subjects of the columns.
func (c columns) groups() line { return c.grouped("namespaces", "cgroup") }

// vmGroups is groups for virtual machines.
func (c columns) vmGroups() line { return c.grouped("own kernel", "guest memory") }

func (c columns) grouped(sees, uses string) line {
	if c.namespace < 4 {
		return nil
	}
	before, seen, used := marker+1, 0, -1
	for i := range containerColumns {
		switch col := &containerColumns[i]; col.group {
		case groupSees:
			seen += col.width(c)
		case groupUses:
			used += col.space(c)
		default:
			if seen == 0 {
				before += col.space(c)
			}
		}
	}
	group := func(what, name string, w int) line {
		if len(what)+len(name)+len("[ :  ]") <= w {
			name = what + ": " + name
		}
		l := text(Dim, "╭ ").add(Strong, name).add(Dim, " ")
		return l.add(Dim, strings.Repeat("─", max(w-l.width()-1, 0))+"╮")
	}
	return line{}.space(before).join(group("what it sees", sees, seen-1)).space(2).join(group("what it may use", uses, used))
}

// row draws one container, or the heading of a group.
func (c columns) row(r containerRow, s *model.Snapshot, selected bool, needle string) line {
	in := tableRow{columns: c, s: s, needle: needle, group: r.group}
	ct := r.container
	if ct == nil {
		return c.heading(r, in, selected)
	}
	l := cursorMark(selected)
	if !ct.Live() {
		return c.ended(l, ct, in)
	}
	for i := range containerColumns {
		col := &containerColumns[i]
		l = col.put(l, c, func() line { return col.live(ct, in) })
	}
	return l
}

// vmRow draws one virtual machine. It has a single wall where a container has up to eight.
func (c columns) vmRow(v *model.VM, s *model.Snapshot, selected bool, needle string) line {
	in := tableRow{columns: c, s: s, needle: needle}
	l := cursorMark(selected)
	for i := range containerColumns {
		col := &containerColumns[i]
		l = col.put(l, c, func() line { return col.vm(v, in) })
	}
	return l
}

// ended draws an ended container: its name and how it ended, in place of the namespaces and memory of a live one.
func (c columns) ended(l line, ct *model.Container, in tableRow) line {
	room := 0
	for i := range containerColumns {
		if col := &containerColumns[i]; col.ended == nil {
			room += col.space(c)
		}
	}
	written := false
	for i := range containerColumns {
		col := &containerColumns[i]
		if col.ended != nil {
			l = col.put(l, c, func() line { return col.ended(ct, in) })
			continue
		}
		if !written {
			l = l.join(text(Dim, " ended: ").join(endText(ct, in.s)).fit(room - 1)).space(1)
			written = true
		}
	}
	return l
}

func endText(ct *model.Container, s *model.Snapshot) line {
	l := storyLine(story.BriefEnd(ct.End()), s.Time)
	if !ct.Exited.IsZero() {
		l = l.add(Dim, ", "+story.Ago(s.Now().Sub(ct.Ended())))
	}
	return l
}

// memoryOf returns a container's memory or, if that matters more, why its limit does not work.
func (c columns) memoryOf(ct *model.Container) line {
	switch {
	case ct.Unheld != nil:
		l := text(Alarm, "not held")
		if ct.Stuck != nil {
			l = l.add(Alarm, ", stuck")
		} else if ct.Unheld.Cgroup != "" {
			l = l.add(Warn, ", in "+story.ShortPath(ct.Unheld.Cgroup))
		}
		return l.fit(c.memoryWidth())
	case ct.Stuck != nil:
		l := text(Alarm, "stuck")
		if ct.Memory.LimitBytes != nil && ct.Stuck.Cgroup == ct.CgroupPath {
			l = l.add(Warn, " at "+story.Bytes(*ct.Memory.LimitBytes))
		}
		return l.fit(c.memoryWidth())
	}
	return memoryCell(ct.Memory, c.bar, c.memory)
}

// oomText returns how many OOM kills there were in a container since it started.
func oomText(ct *model.Container) line {
	switch n := ct.OOMKillsAtLeast; {
	case ct.OOMKills == nil && n == 0:
		return text(Unknown, "?")
	case ct.OOMKills == nil:
		return text(KillMark, strconv.FormatUint(n, 10)).add(Unknown, "+")
	case n > 0:
		return text(KillMark, strconv.FormatUint(n, 10))
	}
	return text(Dim, "0")
}

func processesText(ct *model.Container) line {
	switch {
	case ct.Processes == nil:
		return text(Unknown, "?")
	case refusedAny(ct):
		return text(Warn, strconv.Itoa(*ct.Processes)+"!")
	}
	return text(Plain, strconv.Itoa(*ct.Processes))
}

// refusedAny reports whether a limit has refused processes to a container.
func refusedAny(ct *model.Container) bool { return ct.PIDsRefused != nil && *ct.PIDsRefused > 0 }

func pidText(pid int32) line {
	if pid == 0 {
		return text(Unknown, "?")
	}
	return text(Number, strconv.Itoa(int(pid)))
}

// beganAt returns when the container began, as far as known.
func beganAt(ct *model.Container) time.Time {
	if !ct.Started.IsZero() {
		return ct.Started
	}
	return ct.Created
}

func upText(ct *model.Container, s *model.Snapshot) line {
	if ct.State == model.Starting {
		if v := machineOf(ct, s); v != nil {
			return vmUp(v, s.Time) // the container's own program does not start on this kernel
		}
		return text(Creation, "starts")
	}
	if ct.State == model.Paused {
		return text(Warn, "paused")
	}
	from := beganAt(ct)
	if from.IsZero() {
		return text(Unknown, "?")
	}
	return text(Plain, story.Uptime(s.Time.Sub(from)))
}

// lifetimeText returns how long an ended container lived.
func lifetimeText(ct *model.Container) line {
	from := ct.Begin()
	if from.Time.IsZero() || ct.Exited.IsZero() {
		return text(Dim, "?")
	}
	return text(Dim, story.Uptime(ct.Ended().Sub(from)))
}

func startText(ct *model.Container) line {
	if ct.StartDuration == nil {
		return text(Unknown, "?")
	}
	return text(Plain, story.StartDuration(*ct.StartDuration))
}

// orUnknown returns a text, or a question mark if it is empty.
func orUnknown(s string) line {
	if s == "" {
		return text(Unknown, "?")
	}
	return text(Plain, s)
}

// memoryCell returns usage, limit and how near they are.
func memoryCell(m model.Memory, barWidth, textWidth int) line {
	whole := textWidth
	if barWidth > 0 {
		whole += barWidth + 1
	}
	switch {
	case m.LimitBytes != nil && m.UsageBytes != nil:
		var l line
		if barWidth > 0 {
			l = bar(*m.UsageBytes, *m.LimitBytes, barWidth).space(1)
		}
		style := closeness(*m.UsageBytes, *m.LimitBytes)
		if style == Calm {
			style = Plain
		}
		return l.join(text(style, story.BytesOf(*m.UsageBytes, "/", *m.LimitBytes)).fit(textWidth))
	case m.LimitBytes != nil && barWidth == 0:
		return text(Unknown, "?").add(Plain, "/"+story.Bytes(*m.LimitBytes)).fit(whole)
	case m.LimitBytes != nil:
		return text(Unknown, "?").add(Plain, ", limit "+story.Bytes(*m.LimitBytes)).fit(whole)
	}
	usage, known := "?", m.UsageBytes != nil
	if known {
		usage = story.Bytes(*m.UsageBytes)
	}
	l := text(Plain, usage)
	if !known {
		l = text(Unknown, usage)
	}
	switch {
	case m.Unlimited && barWidth > 0:
		l = l.add(Dim, ", no limit")
	case m.Unlimited:
		l = l.add(Dim, "/none")
	case known && barWidth > 0:
		l = l.add(Plain, ", limit ").add(Unknown, "?")
	case known:
		l = l.add(Plain, "/").add(Unknown, "?")
	}
	return l.fit(whole)
}
