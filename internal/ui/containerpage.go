package ui

import (
	"fmt"
	"strconv"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// containerPage returns the anatomy of one workload: what it sees, may use and is made of, its processes, the holes in its walls, its start
// and its history.
func containerPage(c *model.Container, s *model.Snapshot, st State, w int) []line {
	above := anatomyTitle(c, w)
	add := func(l line) {
		if len(l) > 0 {
			above = append(above, paragraph(l, 1, w)...)
		}
	}
	add(inOneSentence(c, s))
	if c.Live() {
		add(storyLine(story.NearLimit(c, s), s.Time))
		add(storyLine(story.AtLimits(c, s), s.Time))
		add(storyLine(story.Restarts(c), s.Time))
	}
	in := st.inspection(c)
	add(inspectionNote(c, in, s, st))
	return page(above, containerBoxes(c, in, s, st, w), w)
}

// containerBoxes returns the boxes of a workload's page, the most important ones first.
func containerBoxes(c *model.Container, in *Inspection, s *model.Snapshot, st State, w int) []pageBox {
	sees := pageBox{"what it sees: namespaces", func(w int) []line { return membershipLines(c.Namespaces, w) }}
	if machineOf(c, s) != nil {
		sees = pageBox{"what it sees: own kernel", vmHidden}
	}
	uses := pageBox{"what it may use: cgroup", func(w int) []line { return cgroupFacts(c, s.Time, w) }}
	made, processes, holes, rights, unread := dissectionBoxes(c, in, s)
	memory := memoryBox(c, columnCount(w))
	sees.body, uses.body = withReadings(sees.body, in.sees()), withReadings(uses.body, in.mayUse())
	return []pageBox{
		sees, uses, made, memory, cpuBox(c, columnCount(w)), processes, holes, startBox(c),
		{"what happened", func(w int) []line { return historyLines(c, s, st, w) }},
		rights, unread,
	}
}

// anatomyTitle names the container; it continues on a second line if the first has no room.
func anatomyTitle(c *model.Container, w int) []line {
	parts := []line{text(Name, c.Label)}
	if c.Image != "" {
		parts = append(parts, text(Dim, "image ").add(Plain, c.Image))
	}
	parts = append(parts, text(Dim, c.Runtime+" ").add(Number, event.ShortID(c.ID)))
	if c.InitPID != 0 {
		pid := text(Dim, "host PID ").add(Number, strconv.Itoa(int(c.InitPID)))
		if isPID1Inside(c) {
			pid = pid.add(Dim, " = PID 1 inside")
		}
		parts = append(parts, pid)
	}
	if member := story.Membership(c.Identity()); member != "" {
		parts = append(parts, text(Plain, member))
	}
	return flow(parts, 3, 1, w)
}

// isPID1Inside reports whether a workload's first process is PID 1 in a namespace that is the workload's own. That of a sandbox may have a
// PID 1 above it, such as bubblewrap itself.
func isPID1Inside(c *model.Container) bool {
	return c.Kind != event.KindSandbox && c.Kind != event.KindService && c.Namespaces[event.PID].Relation == model.RelationOwn
}

// inOneSentence sums up a container's isolation in a sentence; for an ended one, how it ended.
func inOneSentence(c *model.Container, s *model.Snapshot) line {
	if !c.Live() {
		return storyLine(story.Container(c, s), s.Time)
	}
	l := text(Name, c.Label)
	switch {
	case c.Processes == nil:
		l = l.add(Plain, " is ordinary processes of this host")
	case *c.Processes == 1:
		l = l.add(Plain, " is ").add(Strong, "one ordinary process").add(Plain, " of this host")
	default:
		l = l.add(Plain, " is ").add(Strong, fmt.Sprintf("%d ordinary processes", *c.Processes)).add(Plain, " of this host")
	}
	if c.InitComm != "" && c.InitPID != 0 {
		which := "the first"
		if c.Processes != nil && *c.Processes == 1 {
			which = "it"
		}
		l = l.add(Plain, fmt.Sprintf("; %s is %s, which the host calls PID %d", which, c.InitComm, c.InitPID))
	}
	l = l.add(Plain, ". ").join(machinesIn(c, s))
	if dead := storyLine(story.Abandoned(c), s.Time); len(dead) > 0 {
		l = l.join(dead).add(Plain, " ")
	}
	if machineOf(c, s) != nil {
		return l.add(Plain, "What runs in it sees that machine and its kernel, and none of the namespaces here.")
	}
	return l.join(placeOf(c.Namespaces, "It", "other containers"))
}

// machinesIn returns a note for a container in which virtual machines run: more is behind their walls.
func machinesIn(c *model.Container, s *model.Snapshot) line {
	machines := s.InContainer(c)
	if len(machines) == 0 {
		return nil
	}
	which := "One of its processes"
	if c.Processes != nil && *c.Processes == 1 {
		which = "That process"
	}
	l := text(Strong, which+" is a virtual machine").add(Plain, fmt.Sprintf(" (%s, PID %d)", machines[0].Label(), machines[0].PID))
	if n := len(machines); n > 1 {
		l = text(Strong, fmt.Sprintf("%d of its processes are virtual machines", n))
	}
	return l.add(Plain, ": it counts here, too, and its inside is not visible. ")
}
