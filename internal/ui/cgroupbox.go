package ui

import (
	"fmt"
	"strconv"
	"strings"
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
	case !c.Live() && m.UsageBytes != nil && (m.LimitBytes != nil || m.Unlimited):
		limit := "it had no limit"
		if m.LimitBytes != nil {
			limit = "its limit was " + story.Bytes(*m.LimitBytes)
		}
		add("memory", text(Strong, story.Bytes(*m.UsageBytes)).add(Plain, " when it was last read; "+limit))
	case m.LimitBytes != nil && m.UsageBytes != nil:
		add("memory", text(Strong, story.BytesOf(*m.UsageBytes, " of ", *m.LimitBytes)).
			add(closeness(unreclaimable(m), *m.LimitBytes), ", "+shareOf(*m.UsageBytes, *m.LimitBytes)+" of its limit"))
		lines = append(lines, line{}.space(names).join(memoryBar(m, max(w-names, 1))))
	case m.UsageBytes != nil && m.Unlimited:
		add("memory", text(Strong, story.Bytes(*m.UsageBytes)).add(Warn, "; no limit: it may take all the host has"))
	default:
		add("memory", memoryCell(m, 8, max(w-names-9, memoryText)))
	}
	if cache := m.CacheBytes(); cache != nil && c.Live() {
		add("", givenBack(*cache))
	}
	if now := cpuNow(c); now != nil {
		add("cpu now", now)
	}
	if rates := traffic(c); rates != nil {
		add("a second", rates)
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

// shareOf returns a usage in percent of a limit, rounded down. A little is not nothing.
func shareOf(usage, limit uint64) string {
	percent := int(100 * float64(usage) / float64(max(limit, 1)))
	if percent == 0 && usage > 0 {
		return "less than 1 %"
	}
	return fmt.Sprintf("%d %%", percent)
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

// givenBack says how much of the memory is no danger.
func givenBack(cache uint64) line {
	if cache == 0 {
		return text(Dim, "none of it is cached files that the kernel could drop")
	}
	return text(Strong, story.Bytes(cache)).add(Dim, " of it are cached files, which the kernel drops first ("+cacheSign+")")
}

// cpuNow returns the CPU time that a live container takes, and how much it has to wait for its quota; nil is unknown.
func cpuNow(c *model.Container) line {
	use := useOf(c)
	if use.CPUPercent == nil {
		return nil
	}
	l := text(Strong, tenths(*use.CPUPercent)+" %").add(Plain, " of one CPU")
	if t := use.ThrottledPercent; t != nil && *t > 0 {
		l = l.add(Plain, ", ").add(Warn, "throttled in "+tenths(*t)+" % of the periods")
	}
	return l
}

// traffic returns what a live container moves a second over its network and to and from disks; nil is unknown.
func traffic(c *model.Container) line {
	use := useOf(c)
	var parts []string
	for _, way := range []struct {
		rate *float64
		name string
	}{{use.ReceivedPerSecond, "received"}, {use.SentPerSecond, "sent"}, {use.ReadPerSecond, "read"}, {use.WrittenPerSecond, "written"}} {
		if way.rate != nil {
			parts = append(parts, story.Bytes(uint64(*way.rate+0.5))+" "+way.name)
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return text(Plain, strings.Join(parts, ", "))
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
