package ui

import (
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
	const left, names = 1, 10
	title := text(Plain, " ").add(KillLabel, " OOM KILL ").add(Plain, " ")
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
	title = title.add(Dim, "   "+milliIn(k.Event.Time, s.Time)+", "+story.Ago(s.Time.Sub(k.Event.Time)))
	lines := []line{nil, title, nil}
	lines = append(lines, paragraph(storyLine(story.Kill(k, s), s.Time), left, min(w, 100))...)
	lines = append(lines, nil)
	add := func(name string, value line) { lines = append(lines, facts(name, value, left, names, w)...) }
	o := k.Event.OOM
	if o == nil {
		return lines
	}
	c := story.ContainerOf(s, story.VictimContainer(k))
	add("where", killWhere(k, o, c))
	add("victim", processLine(story.VictimPID(k), story.VictimComm(k)).join(victimThread(k)))
	add("", victimSizes(o.Victim))
	if o.Victim.OOMScoreAdj != nil || o.Victim.UID != nil {
		add("", victimTraits(o.Victim))
	}
	if line := story.CommandLine(&o.Victim); line != "" {
		add("called", text(Plain, line))
	}
	if o.Memory != nil {
		add("memory", memoryParts(o.Memory))
	}
	asked := text(Unknown, "unknown")
	if t := o.Trigger; t != nil && (t.PID != 0 || t.Comm != "") {
		asked = processLine(t.PID, story.TriggerComm(t))
		if t.ProcessComm != "" && t.Comm != t.ProcessComm {
			asked = asked.add(Plain, ", its thread "+t.Comm)
		}
		switch {
		case t.PID != 0 && t.PID == story.VictimPID(k):
			asked = asked.add(Plain, ", the victim itself")
		case t.Container != nil:
			asked = asked.add(Plain, ", in ").add(Name, t.Container.Label())
		}
	}
	add("asked", asked)
	if label != "" {
		add("effect", killOutcome(k, c, s.Time))
	}
	if hand := byHand(o, s.Host.CgroupVersion); hand != "" {
		lines = append(lines, nil)
		add("by hand", text(Dim, "the kernel's own count, for as long as the cgroup lives:"))
		lines = append(lines, paragraph(text(KeyCap, hand), left, w)...)
	}
	return lines
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
		l = l.add(Dim, " "+logs+" shows nothing of this.")
	}
	return l
}

// byHand returns a command that shows the kernel's own count.
func byHand(o *event.OOM, cgroup string) string {
	if o.Scope != event.ScopeCgroup {
		return ""
	}
	return readBy(memoryFile(o.Cgroup, cgroup, "memory.oom_control", "memory.events"))
}
