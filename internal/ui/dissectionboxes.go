package ui

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/story"
)

const (
	// maxPageProcesses limits the processes on a page.
	maxPageProcesses = 40
	soundSign        = "✓"
)

// dissectionBoxes returns the boxes of what an inspection found. They are empty without one.
func dissectionBoxes(c *model.Container, in *Inspection, s *model.Snapshot) (made, processes, holes, rights, unread pageBox) {
	made = pageBox{"what it is made of: files", noLines}
	processes = pageBox{"its processes", noLines}
	holes = pageBox{"holes in its walls", noLines}
	rights = pageBox{"what it may do", noLines}
	unread = pageBox{"what nsviz could not read", noLines}
	if in == nil || in.Dissection == nil {
		return made, processes, holes, rights, unread
	}
	d := in.Dissection
	made.body = func(w int) []line { return readings(d.MadeOf, w) }
	processes.body = func(w int) []line { return treeLines(d, c, w) }
	holes.body = func(w int) []line { return holeLines(d, w) }
	rights.body = func(w int) []line { return readings(d.MayDo, w) }
	unread.body = func(w int) []line {
		var lines []line
		for _, what := range d.Unknown {
			lines = append(lines, text(Unknown, "? ").add(Plain, what).wrap(w)...)
		}
		return lines
	}
	if !c.Live() {
		for _, b := range []*pageBox{&made, &processes, &holes, &rights, &unread} {
			b.title += ", at " + clockIn(in.Time, s.Time)
		}
	}
	return made, processes, holes, rights, unread
}

func noLines(int) []line { return nil }

// sees and mayUse return what was read in addition to the snapshot; nil is nothing.
func (in *Inspection) sees() []report.Line {
	if in == nil || in.Dissection == nil {
		return nil
	}
	return in.Dissection.Sees
}

func (in *Inspection) mayUse() []report.Line {
	if in == nil || in.Dissection == nil {
		return nil
	}
	return in.Dissection.MayUse
}

// withReadings returns what draws a box with more lines below.
func withReadings(body func(w int) []line, more []report.Line) func(w int) []line {
	return func(w int) []line { return append(body(w), readings(more, w)...) }
}

// readings draws lines about subjects.
func readings(list []report.Line, w int) []line {
	names := 11 // as in the lines of the snapshot
	for _, l := range list {
		names = max(names, min(foreign.Width(l.Subject)+1, 14))
	}
	var lines []line
	for _, l := range list {
		lines = append(lines, facts(foreign.Cut(foreign.Clean(l.Subject), names-1), text(Plain, l.Words), 0, names, w)...)
	}
	return lines
}

// treeLines draws the processes as a tree, each with its PIDs outside and inside.
func treeLines(d *report.Dissection, c *model.Container, w int) []line {
	if d.Processes == nil {
		return nil
	}
	inside := len("INSIDE")
	shown := d.Processes[:min(len(d.Processes), maxPageProcesses)]
	for i := range shown {
		inside = max(inside, len(shown[i].InsideWords()))
	}
	inside = min(inside, max(w/4, len("INSIDE")))
	const pids, uids = 8, 7
	head := text(Title, "HOST PID").right(pids).space(2).join(text(Title, "INSIDE").right(inside)).space(2)
	wide := w >= 44
	if wide {
		head = head.join(text(Title, "UID").right(uids)).space(2)
	}
	lines := []line{head.add(Title, "PROCESS")}
	for i := range shown {
		p := &shown[i]
		in := text(Number, p.InsideWords())
		if len(p.Inside) == 0 {
			in = text(Dim, "same")
		}
		l := text(Number, strconv.Itoa(int(p.PID))).right(pids).space(2).join(in.right(inside)).space(2)
		if wide {
			l = l.join(text(Dim, strconv.FormatUint(uint64(p.UID), 10)).right(uids)).space(2)
		}
		if p.Depth > 0 {
			l = l.space(min(2*(p.Depth-1), w/4)).add(Dim, "└ ")
		}
		style := Plain
		if p.PID == c.InitPID {
			style = Strong
		}
		lines = append(lines, l.add(style, p.Comm))
	}
	if more := len(d.Processes) - len(shown) + d.MoreProcesses; more > 0 {
		lines = append(lines, text(Dim, "and "+story.Count(uint64(more), "more", "more")+": ").add(KeyCap, ownCommand("inspect", c.Label)))
	}
	return lines
}

// holeLines draws the findings, the worst first, and names walls that stand. Those that matter have their meaning and what closes them.
func holeLines(d *report.Dissection, w int) []line {
	const signs, severities = 2, 10
	left := signs + severities
	if w < 44 {
		left = signs
	}
	var lines []line
	add := func(head, words line) {
		for _, l := range words.wrap(max(w-left, 8)) {
			lines = append(lines, head.fit(left).join(l))
			head = nil
		}
	}
	for i := range d.Holes {
		h := &d.Holes[i]
		sign, style := "· ", Dim
		if h.Serious {
			sign, style = "! ", Warn
		}
		head, title := text(style, sign+h.Severity), text(Plain, h.Title)
		if h.Serious {
			title = text(Strong, h.Title)
		}
		if left == signs {
			head, title = text(style, sign), text(style, h.Severity+": ").join(title)
		}
		if len(h.Details) > 0 {
			title = title.add(Plain, ": "+strings.Join(h.Details, ", "))
		}
		add(head, title)
		if h.Serious {
			add(nil, text(Dim, h.Meaning))
			add(nil, text(Title, "close: ").add(Plain, cmp.Or(h.Close, "?")))
		}
	}
	if len(d.Holes) == 0 {
		add(nil, text(Calm, "none found"))
	}
	for _, wall := range d.Sound {
		left = signs
		add(text(Calm, soundSign+" "), text(Plain, wall))
	}
	return lines
}
