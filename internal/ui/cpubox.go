package ui

import (
	"fmt"
	"math"
	"slices"

	"github.com/nsviz/nsviz/internal/model"
)

const throttledSign = "!"

// cpuBox draws the CPU time of the last minute in as many columns as the page has. It has none of which nothing is known.
func cpuBox(c *model.Container, columns int) pageBox {
	title := "CPU, the last minute"
	quota := cpuQuota(c)
	if quota > 0 {
		title += ", up to its quota"
	}
	return pageBox{title, func(w int) []line {
		points := c.Memory.History.Points()
		if !slices.ContainsFunc(points, func(p model.Point) bool { return p.CPUKnown }) {
			return nil
		}
		return cpuGraph(points, quota, 1+columns, w)
	}}
}

// cpuQuota returns a container's quota in percent of one CPU; 0 is none or unknown.
func cpuQuota(c *model.Container) float64 {
	if l := c.Limits.CPU; l != nil && l.Value != nil {
		return *l.Value * 100
	}
	return 0
}

// cpuGraph draws the pace of the CPU time in h rows, below a row that marks where the quota was used up, and above the axis. The full
// height is the quota or, without one, the next full CPU.
func cpuGraph(points []model.Point, quota float64, h, w int) []line {
	wide := max(w-graphLabel, 1)
	as, full, limit := cpuPoints(points, quota)
	bs := bucketsOf(as, len(as), wide)
	label := func(words string, mark string) line { return text(Dim, words+" ").right(graphLabel-1).add(Dim, mark) }
	var rows []line
	marks, some := line{}, false
	for _, b := range bs {
		if b.kills > 0 {
			marks, some = marks.add(Warn, throttledSign), true
		} else {
			marks = marks.space(1)
		}
	}
	if some {
		rows = append(rows, text(Warn, throttledSign+" waits").right(graphLabel-1).space(1).join(marks))
	}
	for y, l := range bars(bs, limit, uint64(full*100), h) {
		switch y {
		case 0:
			l = label(fmt.Sprintf("%.0f %%", full), "┤").join(l)
		case h - 1:
			l = label("0", "┤").join(l)
		default:
			l = label("", "│").join(l)
		}
		rows = append(rows, l)
	}
	return append(rows, timeAxis(wide, "60 s ago", "now"))
}

// cpuPoints returns the pace of the CPU time as points of a graph, in hundredths of a percent, with a mark where the quota was used up. The
// full height, in percent, is the quota, which is the limit, or without one the next full CPU.
func cpuPoints(points []model.Point, quota float64) (as []model.Point, full float64, limit *uint64) {
	as = make([]model.Point, len(points))
	highest := 0.0
	for i, p := range points {
		as[i] = model.Point{MaxBytes: uint64(max(p.CPUPercent, 0) * 100), Known: p.CPUKnown}
		if p.Throttled {
			as[i].Kills = 1
		}
		highest = max(highest, float64(p.CPUPercent))
	}
	if quota > 0 {
		return as, quota, new(uint64(quota * 100))
	}
	return as, max(math.Ceil(highest/100)*100, 100), nil
}

// cpuSpark draws the CPU time of the last minute in one row of w columns; ! is where the quota was used up, blank is unknown.
func cpuSpark(c *model.Container, w int) line {
	as, full, limit := cpuPoints(c.Memory.History.Points(), cpuQuota(c))
	var l line
	for _, b := range buckets(as, w) {
		if b.kills > 0 {
			l = l.add(Warn, throttledSign)
			continue
		}
		l = l.add(b.style(limit), eighthsUp[b.height(uint64(full*100), 8)])
	}
	return l
}

// timeAxis names both ends of a graph that is so wide.
func timeAxis(wide int, from, to string) line {
	axis := text(Dim, from)
	if n := wide - axis.width() - len(to); n > 0 {
		axis = axis.space(n).add(Dim, to)
	}
	return line{}.space(graphLabel).join(axis)
}
