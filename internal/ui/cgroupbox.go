package ui

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// cgroupFacts returns what a workload uses and may use, as the model knows it.
func cgroupFacts(c *model.Container, now time.Time, w int) []line {
	const names = 11
	if c.CgroupPath == "" && c.SharedCgroup != "" {
		return sharedCgroup(c, w)
	}
	var lines []line
	add := func(name string, value line) { lines = append(lines, facts(name, value, 0, names, w)...) }
	m := c.Memory
	switch {
	case m.LimitBytes != nil && m.UsageBytes != nil:
		add("memory", text(Strong, story.BytesOf(*m.UsageBytes, " of ", *m.LimitBytes)).
			add(closeness(needed(m), *m.LimitBytes), fmt.Sprintf(", %d %% of its limit", int(100*float64(*m.UsageBytes)/float64(max(*m.LimitBytes, 1))))))
		lines = append(lines, line{}.space(names).join(memoryGauge(m, max(w-names, 1))))
	case m.UsageBytes != nil && m.Unlimited:
		add("memory", text(Strong, story.Bytes(*m.UsageBytes)).add(Warn, "; no limit: it may take all the host has"))
	default:
		add("memory", memoryCell(m, 8, max(w-names-9, memoryText)))
	}
	if m.UsageBytes != nil && m.WorkingSetBytes != nil {
		add("", givenBack(m))
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
	if c.CgroupPath != "" {
		path = text(Number, story.ShortPath(c.CgroupPath))
	}
	add("cgroup", path)
	return lines
}

// sharedCgroup says what has no cgroup of its own.
func sharedCgroup(c *model.Container, w int) []line {
	lines := text(Strong, "It has no cgroup of its own").add(Plain, ", and so no limits of its own. Its PID 1 is in ").
		add(Number, story.ShortPath(c.SharedCgroup)).add(Plain, ": what it uses counts there, with all else that is in it.").wrap(w)
	if c.OOMKillsAtLeast > 0 {
		lines = append(lines, facts("OOM kills", killCount(c), 0, 11, w)...)
	}
	return lines
}

// needed returns what a workload uses without the cached files that the kernel gives back before it kills, if these are known.
func needed(m model.Memory) uint64 {
	if m.WorkingSetBytes != nil {
		return min(*m.WorkingSetBytes, *m.UsageBytes)
	}
	return *m.UsageBytes
}

// givenBack says how much of the memory is no danger.
func givenBack(m model.Memory) line {
	cache := *m.UsageBytes - needed(m)
	if cache == 0 {
		return text(Dim, "none of it is cache that can be given back")
	}
	return text(Strong, story.Bytes(cache)).add(Dim, " of it ("+cacheSign+") is cache that can be given back")
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
