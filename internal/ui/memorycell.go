package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// memoryWidths divides the width of a memory cell into a bar and the text beside it. A narrow one has no bar.
func memoryWidths(w int) (bar, words int) {
	if bar = w - 1 - memoryText; bar < 6 {
		return 0, w
	}
	return bar, memoryText
}

// memoryOf returns a container's memory in w columns or, if that matters more, why its limit does not work.
func memoryOf(ct *model.Container, w int) line {
	switch {
	case ct.Unheld != nil:
		l := text(Alarm, "not held")
		if ct.Stuck != nil {
			l = l.add(Alarm, ", stuck")
		} else if ct.Unheld.Cgroup != "" {
			l = l.add(Warn, ", in "+story.ShortPath(ct.Unheld.Cgroup))
		}
		return l.fit(w)
	case ct.Stuck != nil:
		l := text(Alarm, "stuck")
		if ct.Memory.LimitBytes != nil && ct.Stuck.Cgroup == ct.CgroupPath {
			l = l.add(Warn, " at "+story.Bytes(*ct.Memory.LimitBytes))
		}
		return l.fit(w)
	}
	bar, words := memoryWidths(w)
	return memoryCell(ct.Memory, bar, words)
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
			l = memoryBar(m, barWidth).space(1)
		}
		style := closeness(unreclaimable(m), *m.LimitBytes)
		if style == Calm {
			style = Plain
		}
		return l.joinFit(text(style, story.BytesOf(*m.UsageBytes, "/", *m.LimitBytes)), textWidth, 0)
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

// cacheSign stands for memory that the kernel takes back before it kills.
const cacheSign = "▓"

// unreclaimable returns how much of its limit a container uses that the kernel cannot take back at once: if that is unknown, all.
func unreclaimable(m model.Memory) uint64 {
	if m.WorkingSetBytes != nil {
		return min(*m.WorkingSetBytes, *m.UsageBytes)
	}
	return *m.UsageBytes
}

// cacheCells returns how many columns of a bar are cached files that the kernel drops first.
func cacheCells(m model.Memory, w int) int {
	if m.LimitBytes == nil || m.UsageBytes == nil {
		return 0
	}
	cache := *m.UsageBytes - unreclaimable(m)
	return int(min(float64(cache)/float64(max(*m.LimitBytes, 1)), 1)*float64(w) + 0.5)
}

// memoryBar draws what is used of a limit: the working set, which may reach it, and then what the kernel drops first.
func memoryBar(m model.Memory, w int) line {
	cached := cacheCells(m, w)
	if cached == 0 {
		return barIn(closeness(unreclaimable(m), *m.LimitBytes), *m.UsageBytes, *m.LimitBytes, w)
	}
	solid := min(int(float64(unreclaimable(m))/float64(max(*m.LimitBytes, 1))*float64(w)+0.5), w)
	cached = min(cached, w-solid)
	l := withRoom(5).add(closeness(unreclaimable(m), *m.LimitBytes), strings.Repeat("█", solid)).add(Dim, strings.Repeat(cacheSign, cached))
	return l.add(Dim, strings.Repeat("░", w-solid-cached))
}
