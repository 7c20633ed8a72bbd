package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// killPage describes one OOM kill: place, victim, trigger, consequences.
func killPage(k *model.Kill, s *model.Snapshot, w int) []line {
	above := append(append([]line{nil}, killTitle(k, s, w)...), nil)
	above = append(above, paragraph(storyLine(story.Kill(k, s), s.Time), 1, w)...)
	o := k.Event.OOM
	if o == nil {
		return above
	}
	lines := page(append(above, nil), killBoxes(k, o, s, columnCount(w)), w)
	if hand := byHand(o, s.Host.CgroupVersion); hand != "" { // outside of the boxes, so that it can be copied
		lines = append(lines, paragraph(text(Title, "by hand").add(Dim, "   the kernel's own count, for as long as the cgroup lives:"), 1, w)...)
		lines = append(lines, paragraph(text(KeyCap, hand), 1, w)...)
	}
	return lines
}

// killTitle names the kill; it continues on a second line if the first has no room.
func killTitle(k *model.Kill, s *model.Snapshot, w int) []line {
	title := line{}.add(KillLabel, " OOM KILL ").add(Plain, " ")
	label := story.VictimContainer(k).Label()
	if k.Ordinal > 0 && label != "" {
		title = title.add(Strong, story.Ordinal(k.Ordinal)).add(Plain, " in ")
	} else if label != "" {
		title = title.add(Plain, "in ")
	}
	switch {
	case label != "":
		title = title.add(Name, label)
	case story.VictimUnattributed(k):
		title = title.add(Plain, "in "+story.UnknownPlace)
	default:
		title = title.add(Plain, "on the host")
	}
	when := text(Dim, milliIn(k.Event.Time, s.Time)+", "+story.Ago(s.Time.Sub(k.Event.Time)))
	return flow([]line{title, when}, 3, 1, w)
}

// killBoxes returns the boxes of a kill's page, in the order of the story: what ran out, who asked, who was killed, what follows.
func killBoxes(k *model.Kill, o *event.OOM, s *model.Snapshot, columns int) []pageBox {
	c := story.ContainerOf(s, story.VictimContainer(k))
	return []pageBox{
		{"what ran out", func(w int) []line {
			lines := killFacts("where", killWhere(k, o, c), w)
			lines = append(lines, killFacts("asked", killTrigger(k, o), w)...)
			if o.Memory != nil {
				lines = append(lines, killFacts("memory", memoryParts(o.Memory), w)...)
			}
			return lines
		}},
		{"the victim", func(w int) []line { return victimFacts(k, o, w) }},
		{"what follows", func(w int) []line {
			if story.VictimContainer(k).Label() == "" {
				return nil
			}
			return killOutcome(k, c, s.Time).wrap(w)
		}},
		{"memory before it", func(w int) []line { return memoryBefore(k, c, s, 2+2*columns, w) }},
		{"other OOM kills there, newest first", func(w int) []line { return otherKills(k, s, w) }},
	}
}

func killFacts(name string, value line, w int) []line { return facts(name, value, 0, 10, w) }

func victimFacts(k *model.Kill, o *event.OOM, w int) []line {
	lines := killFacts("victim", processLine(story.VictimPID(k), story.VictimComm(k)).join(victimThread(k)), w)
	if line := story.CommandLine(&o.Victim); line != "" {
		lines = append(lines, killFacts("called", text(Plain, line), w)...)
	}
	lines = append(lines, killFacts("memory", victimSizes(o.Victim), w)...)
	if o.Victim.OOMScoreAdj != nil || o.Victim.UID != nil {
		lines = append(lines, killFacts("chosen", victimTraits(o.Victim), w)...)
	}
	return lines
}

// killTrigger names the process that asked for memory.
func killTrigger(k *model.Kill, o *event.OOM) line {
	t := o.Trigger
	if t == nil || t.PID == 0 && t.Comm == "" {
		return text(Unknown, "unknown")
	}
	asked := processLine(t.PID, story.TriggerComm(t))
	if t.ProcessComm != "" && t.Comm != t.ProcessComm {
		asked = asked.add(Plain, ", its thread "+t.Comm)
	}
	switch {
	case t.PID != 0 && t.PID == story.VictimPID(k):
		asked = asked.add(Plain, ", the victim itself")
	case t.Container != nil:
		asked = asked.add(Plain, ", in ").add(Name, t.Container.Label())
	}
	return asked
}

// memoryBefore draws the memory of the victim's container up to the kill; nil if that was not in the last minute.
func memoryBefore(k *model.Kill, c *model.Container, s *model.Snapshot, h, w int) []line {
	const least = 5 // seconds that make a picture
	if c == nil || k.When().Before(c.Begin()) {
		return nil
	}
	past := int(s.Now().Sub(k.When()) / time.Second)
	points := c.Memory.History.Points()
	if past < 0 || len(points)-past < least {
		return nil
	}
	points = points[:len(points)-past]
	known := slices.IndexFunc(points, func(p model.Point) bool { return p.Known })
	if known < 0 || len(points)-known < least {
		return nil
	}
	points = points[known:]
	return memoryGraph(points, c.Memory, h, w, strconv.Itoa(len(points)-1)+" s before", "the kill")
}

// otherKills lists kills of the same container, or of the host, around this one.
func otherKills(k *model.Kill, s *model.Snapshot, w int) []line {
	const most = 10
	var lines []line
	more := 0
	for i := len(s.Kills) - 1; i >= 0; i-- {
		other := &s.Kills[i]
		if killKey(other) == killKey(k) || !sameVictimPlace(other, k) {
			continue
		}
		if len(lines) == most {
			more++
			continue
		}
		l := text(Dim, story.Recent(other.Event.Time, s.Time)).fit(14)
		if other.Ordinal > 0 {
			l = l.add(KillMark, story.Ordinal(other.Ordinal)).add(Plain, " ")
		}
		l = l.join(processLine(story.VictimPID(other), story.VictimComm(other)))
		if o := other.Event.OOM; o != nil {
			if size, known := story.ChargedBytes(o.Victim); known {
				l = l.add(Plain, ", "+story.Bytes(size))
			}
		}
		lines = append(lines, l.cut(w))
	}
	if more > 0 {
		lines = append(lines, text(Dim, "and "+strconv.Itoa(more)+" more"))
	}
	return lines
}

// sameVictimPlace reports whether the victims of two kills lived in the same container; no kill of an unknown place has a companion.
func sameVictimPlace(a, b *model.Kill) bool {
	in, as := story.VictimContainer(a), story.VictimContainer(b)
	if in == nil || as == nil {
		return in == as && !story.VictimUnattributed(a) && !story.VictimUnattributed(b)
	}
	return in.ID == as.ID
}

func killWhere(k *model.Kill, o *event.OOM, c *model.Container) line {
	switch o.Scope {
	case event.ScopeSystem:
		return text(Plain, "the whole host had no memory left; no cgroup's limit was the reason")
	case event.ScopeCpuset:
		return text(Plain, "the memory nodes of a cpuset had no memory left")
	case event.ScopeMempolicy:
		return text(Plain, "the memory nodes of a memory policy had no memory left")
	case event.ScopeCgroup:
	default:
		return text(Unknown, "unknown")
	}
	l := text(Unknown, "a cgroup whose path is unknown")
	if o.Cgroup != "" {
		l = text(Number, story.ShortPath(o.Cgroup))
		switch story.PlaceOfLimit(k, o, c) {
		case story.LimitOwn:
			l = l.add(Plain, ", its own limit")
		case story.LimitAbove:
			l = l.add(Plain, ", a cgroup above it")
		case story.LimitInside:
			l = l.add(Plain, ", a cgroup inside it")
		}
	}
	switch {
	case o.LimitBytes != nil && o.UsageBytes != nil:
		l = l.add(Plain, ": ").add(Strong, story.BytesOf(*o.UsageBytes, " of ", *o.LimitBytes)).add(Plain, " in use")
	case o.LimitBytes != nil:
		l = l.add(Plain, ": limit ").add(Strong, story.Bytes(*o.LimitBytes))
	case o.UsageBytes != nil:
		l = l.add(Plain, ": ").add(Strong, story.Bytes(*o.UsageBytes)).add(Plain, " in use, limit unknown")
	}
	return l
}

func victimThread(k *model.Kill) line {
	v, name := &k.Event.OOM.Victim, story.VictimThread(k)
	switch {
	case v.TID != 0 && v.TID != v.PID && name != "":
		return text(Plain, ", its thread "+name).add(Dim, " ("+strconv.Itoa(int(v.TID))+")")
	case v.TID != 0 && v.TID != v.PID:
		return text(Plain, ", its thread "+strconv.Itoa(int(v.TID)))
	}
	return nil
}

// memoryParts lists the parts of the memory that ran out.
func memoryParts(m *event.Memory) line {
	var parts []string
	for _, part := range []struct {
		bytes *uint64
		name  string
	}{
		{m.AnonBytes, "of its processes"},
		{m.ShmemBytes, "files in memory (tmpfs, shared memory)"},
		{m.FileBytes, "cached files"},
		{m.KernelBytes, "kernel memory"},
		{m.SockBytes, "sockets"},
	} {
		if part.bytes != nil {
			parts = append(parts, story.Bytes(*part.bytes)+" "+part.name)
		}
	}
	if len(parts) == 0 {
		return text(Unknown, "unknown")
	}
	return text(Plain, strings.Join(parts, ", ")).add(Dim, "; "+story.Millis(time.Duration(m.AfterMS*float64(time.Millisecond)))+" after the kill")
}

// victimSizes lists the parts of the victim's memory.
func victimSizes(v event.Victim) line {
	var parts []string
	for _, part := range []struct {
		bytes *uint64
		name  string
	}{
		{v.AnonBytes, "anonymous (heap and stacks)"},
		{v.FileBytes, "mapped files"},
		{v.ShmemBytes, "shared memory"},
		{v.PgtablesBytes, "page tables"},
	} {
		if part.bytes != nil {
			parts = append(parts, story.Bytes(*part.bytes)+" "+part.name)
		}
	}
	if len(parts) == 0 {
		return text(Unknown, "sizes unknown")
	}
	return text(Plain, strings.Join(parts, ", "))
}

func victimTraits(v event.Victim) line {
	var parts []string
	if v.OOMScoreAdj != nil {
		what := "oom_score_adj " + strconv.Itoa(int(*v.OOMScoreAdj))
		switch {
		case *v.OOMScoreAdj >= 1000:
			what += " (asked to be killed first)"
		case *v.OOMScoreAdj > 0:
			what += " (more likely to be chosen)"
		case *v.OOMScoreAdj < 0:
			what += " (less likely to be chosen)"
		}
		parts = append(parts, what)
	}
	if v.UID != nil {
		parts = append(parts, "user id "+strconv.FormatUint(uint64(*v.UID), 10))
	}
	return text(Dim, strings.Join(parts, ", "))
}

// killOutcome returns what became of the container and what its engine will report.
func killOutcome(k *model.Kill, c *model.Container, now time.Time) line {
	l := storyLine(story.KillEffect(k, c), now)
	if c == nil {
		return l
	}
	if logs := runtime.Lookup(c.Runtime).Commands[runtime.Logs]; logs != "" {
		l = l.add(Dim, " The kernel writes nothing of this to "+logs+".")
	}
	return l
}

// byHand returns a command that shows the kernel's own count.
func byHand(o *event.OOM, cgroup string) string { return story.CountByHand(o, cgroup) }
