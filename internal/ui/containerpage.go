package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// containerPage returns the anatomy of one container: what it sees, its limits and usage, its history.
func containerPage(c *model.Container, s *model.Snapshot, st State, w int) []line {
	lines := anatomyTitle(c, w)
	lines = append(lines, paragraph(inOneSentence(c, s), 1, w)...)
	if c.Live() {
		if limits := storyLine(story.AtLimits(c, s), s.Time); len(limits) > 0 {
			lines = append(lines, paragraph(limits, 1, w)...)
		}
		if restarts := storyLine(story.Restarts(c), s.Time); len(restarts) > 0 {
			lines = append(lines, paragraph(restarts, 1, w)...)
		}
	}
	frames := func(boxes ...[]line) {
		for _, b := range boxes {
			for _, l := range b {
				lines = append(lines, indent(l))
			}
		}
	}
	w -= 2
	sees, uses, seen := "what it sees: namespaces", "what it may use: cgroup", func(w int) []line { return namespaceFacts(c, w) }
	if machineOf(c, s) != nil {
		sees, seen = "what it sees: own kernel", vmHidden
	}
	if w >= 88 {
		left := w * 3 / 5
		a, b := seen(left-4), cgroupFacts(c, s.Time, w-left-4)
		frames(sideBySide(sees, a, left, uses, b, w-left))
	} else {
		frames(box(sees, seen(w-4), w), box(uses, cgroupFacts(c, s.Time, w-4), w))
	}
	frames(memoryChart(c, w), box("what happened", historyLines(c, s, st, w-4), w))
	if steps := story.StartSteps(c.Phases); len(steps) > 1 {
		frames(box("how it came to be", waterfall(steps, w-4), w))
	}
	return lines
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
		// The first process of a sandbox may have a PID 1 above it, such as bubblewrap itself.
		isolated := c.Kind == event.KindSandbox || c.Kind == event.KindService
		if !isolated && c.Namespaces[event.PID].Relation == model.RelationOwn {
			pid = pid.add(Dim, " = PID 1 inside")
		}
		parts = append(parts, pid)
	}
	if member := story.Membership(c.Identity()); member != "" {
		parts = append(parts, text(Plain, member))
	}
	return flow(parts, 3, 1, w)
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
		l = l.add(Plain, fmt.Sprintf("; the first is %s, which the host calls PID %d", c.InitComm, c.InitPID))
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

// placeOf returns a sentence about the owners of the namespaces that something is in, and about those it shares them with.
func placeOf(namespaces [event.NamespaceTypeCount]model.Membership, it, others string) line {
	var own, host, shared, unknown []string
	for _, t := range event.NamespaceTypes() {
		switch namespaces[t].Relation {
		case model.RelationOwn:
			own = append(own, t.String())
		case model.RelationHost:
			host = append(host, t.String())
		case model.RelationShared:
			shared = append(shared, t.String())
		default:
			unknown = append(unknown, t.String())
		}
	}
	if len(unknown) == event.NamespaceTypeCount {
		return text(Plain, "Its namespaces are not known yet.")
	}
	var says []string
	if len(own) > 0 {
		says = append(says, "has "+story.Listed(own)+" to itself")
	}
	if len(shared) > 0 {
		says = append(says, "shares "+story.Listed(shared)+" with "+others)
	}
	if len(host) > 0 {
		says = append(says, "uses the host's "+story.Listed(host))
	}
	l := text(Plain, it+" "+story.Listed(says))
	if len(unknown) > 0 {
		l = l.add(Plain, "; of "+story.Listed(unknown)+" nothing is known")
	}
	return l.add(Plain, ".")
}

func namespaceFacts(c *model.Container, w int) []line {
	lines := make([]line, 0, event.NamespaceTypeCount)
	words := 0
	for _, t := range event.NamespaceTypes() {
		words = max(words, membershipWords(c.Namespaces[t], t, Plain).width())
	}
	for _, t := range event.NamespaceTypes() {
		m := c.Namespaces[t]
		sign, style := membershipSign(m, t)
		l := text(style, sign).space(1).join(text(Strong, t.String()).fit(7), idText(m.ID).fit(12))
		l = l.join(membershipWords(m, t, style).fit(min(words, max(w-46, 13)))).space(2)
		lines = append(lines, l.add(Dim, sees(t)))
	}
	return lines
}

// membershipWords returns the meaning of the table's symbol in words.
func membershipWords(m model.Membership, t event.NamespaceType, style Style) line {
	if m.Abandoned != nil {
		return text(style, "dead: "+m.Abandoned.By+" has left it")
	}
	switch m.Relation {
	case model.RelationOwn:
		return text(style, "its own")
	case model.RelationHost:
		if isolatedByDefault(t) {
			return text(style, "the host's!")
		}
		return text(style, "the host's")
	case model.RelationShared:
		return text(style, "with "+story.Listed(m.SharedWith.Labels()))
	}
	return text(style, "unknown")
}

func cgroupFacts(c *model.Container, now time.Time, w int) []line {
	const names = 11
	var lines []line
	add := func(name string, value line) { lines = append(lines, facts(name, value, 0, names, w)...) }
	m := c.Memory
	switch {
	case m.LimitBytes != nil && m.UsageBytes != nil:
		add("memory", text(Strong, story.BytesOf(*m.UsageBytes, " of ", *m.LimitBytes)).
			add(closeness(*m.UsageBytes, *m.LimitBytes), fmt.Sprintf(", %d %% of its limit", int(100*float64(*m.UsageBytes)/float64(max(*m.LimitBytes, 1))))))
		lines = append(lines, line{}.space(names).join(bar(*m.UsageBytes, *m.LimitBytes, max(min(w-names, 32), 1))))
	case m.UsageBytes != nil && m.Unlimited:
		add("memory", text(Strong, story.Bytes(*m.UsageBytes)).add(Warn, "; no limit: it may take all the host has"))
	default:
		add("memory", memoryCell(m, 8, max(w-names-9, memoryText)))
	}
	procs := text(Unknown, "?")
	if c.Processes != nil {
		procs = text(Strong, strconv.Itoa(*c.Processes))
		if l := c.Limits.PIDs; l != nil && l.Value != nil {
			procs = procs.add(Plain, fmt.Sprintf(", at most %.0f with threads", *l.Value))
		}
	}
	if !c.Live() {
		procs = text(Dim, "none, it has ended")
	}
	if refusedAny(c) {
		procs = procs.add(Warn, "; "+story.Grouped(*c.PIDsRefused)+" more were refused")
	}
	add("processes", procs)
	add("OOM kills", killCount(c))
	if c.Live() && c.Unheld != nil {
		add("not held", text(Alarm, "PID 1 is not in this cgroup").add(Plain, ", so that what is limited here does not hold it"))
	}
	if c.Live() && c.Stuck != nil {
		add("stuck", text(Alarm, "at "+story.StuckLimit(c)).add(Plain, "; the OOM killer is off for it"))
	}
	if c.Paused != nil {
		l := text(Warn, "by the freezer").add(Plain, " since "+story.Recent(c.Paused.Since, now))
		if by := story.PausedBy(c); by != nil {
			l = l.add(Plain, ", by ").join(storyLine(by, now))
		}
		add("paused", l)
	}
	path := text(Unknown, "?")
	switch {
	case c.CgroupPath != "":
		path = text(Number, story.ShortPath(c.CgroupPath))
	case c.SharedCgroup != "":
		path = text(Plain, "none of its own; PID 1 is in ").add(Number, story.ShortPath(c.SharedCgroup))
	}
	add("cgroup", path)
	return lines
}

// killCount returns in words how many OOM kills there were in a container since it started.
func killCount(c *model.Container) line {
	n := c.OOMKillsAtLeast
	kills := text(Plain, "none")
	switch {
	case c.OOMKills == nil && n == 0:
		return text(Unknown, "unknown").add(Dim, "; none since nsviz found it")
	case c.OOMKills == nil:
		kills = text(KillMark, "at least "+strconv.FormatUint(n, 10)).add(Dim, "; how many before nsviz found it is unknown")
	case n > 0:
		kills = text(KillMark, strconv.FormatUint(n, 10)).add(Dim, " since it started")
	}
	if lost := c.OOMKillsUnobserved; lost != nil && *lost > 0 {
		kills = kills.add(Warn, fmt.Sprintf("; %d of them only the kernel has counted, their events were lost", *lost))
	}
	return kills
}

// memoryChart returns the last minute of memory, large enough to see the saw teeth of an OOM loop.
func memoryChart(c *model.Container, w int) []line {
	const high = 4
	if c.Memory.History.Empty() {
		return box("memory, the last minute", []line{text(Dim, "no readings yet")}, w)
	}
	label := 10
	wide := max(min(w-4-label-2, model.HistoryLength), 1)
	rows := chart(c.Memory, wide, high)
	top := ceiling(buckets(c.Memory.History.Points(), wide), c.Memory, 0)
	for i := range rows {
		name := line{}
		switch {
		case i == 0 && c.OOMKillsAtLeast > 0:
			name = text(KillMark, killSign+" kills")
		case i == 1:
			name = text(Dim, story.Bytes(top)+" ┤")
		case i == high:
			name = text(Dim, "0 ┤")
		case i > 0:
			name = text(Dim, "│")
		}
		rows[i] = name.right(label).join(rows[i])
	}
	axis := text(Dim, "60 s ago")
	if n := wide - axis.width() - len("now"); n > 0 {
		axis = axis.space(n).add(Dim, "now")
	}
	rows = append(rows, line{}.space(label).join(axis))
	what := "memory, the last minute, up to its highest"
	if c.Memory.LimitBytes != nil {
		what = "memory, the last minute, up to its limit"
	}
	return box(what, rows, w)
}

// waterfall draws the steps of a start to scale, one a line, and names those that took the most time.
func waterfall(steps []story.Step, w int) []line {
	const took = 9
	wide := max(w-story.StepLabel-took-3, 1)
	bars := story.Bars(steps, wide)
	lines := make([]line, 0, len(steps)+1)
	for i, s := range steps {
		style := Calm
		if s.Doer != story.ByRuntime {
			style = Moved
		}
		l := text(Plain, s.Label).fit(story.StepLabel).space(1 + bars[i][0])
		l = l.add(style, strings.Repeat("█", bars[i][1])).fit(story.StepLabel + 1 + wide)
		lines = append(lines, l.space(1).join(text(Strong, story.Millis(s.To-s.From)).right(took)))
	}
	return append(lines, text(Plain, story.StartSummary(steps)).wrap(w)...)
}

// sideBySide draws two boxes of the same height.
func sideBySide(left string, a []line, aw int, right string, b []line, bw int) []line {
	for len(a) < len(b) {
		a = append(a, nil)
	}
	for len(b) < len(a) {
		b = append(b, nil)
	}
	a, b = box(left, a, aw), box(right, b, bw)
	for i := range a {
		a[i] = a[i].join(b[i])
	}
	return a
}

// box draws a frame of w columns with a title around lines.
func box(title string, lines []line, w int) []line {
	top := text(Dim, "┌ ").add(Title, title).add(Dim, " ").cut(max(w-1, 0))
	top = top.add(Dim, strings.Repeat("─", max(w-1-top.width(), 0))+"┐")
	out := []line{top}
	for _, l := range lines {
		out = append(out, text(Dim, "│ ").join(l.fit(max(w-4, 0))).add(Dim, " │"))
	}
	return append(out, text(Dim, "└"+strings.Repeat("─", max(w-2, 0))+"┘"))
}
