package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// graphLabel is the width of what stands at the left of a graph.
const graphLabel = 11

// memoryBox shows the last minute of memory over its full width, large enough to see the saw teeth of an OOM loop. On a page with more
// columns it is higher. It is empty if there are no readings and will be none.
func memoryBox(c *model.Container, columns int) pageBox {
	title := "memory, the last minute, up to its highest"
	if c.Memory.LimitBytes != nil {
		title = "memory, the last minute, up to its limit"
	}
	return pageBox{title, func(w int) []line {
		points := c.Memory.History.Points()
		switch {
		case points != nil:
		case !c.Live() || c.CgroupPath == "":
			return nil
		default:
			return []line{text(Dim, "no readings in the last minute")}
		}
		return memoryGraph(points, c.Memory, 2+2*columns, w, "60 s ago", "now")
	}}
}

// memoryGraph draws points in h rows, below a row of kills and the line of the limit if there are such, and above an axis that names
// both its ends.
func memoryGraph(points []model.Point, m model.Memory, h, w int, from, to string) []line {
	wide := max(w-graphLabel, 1)
	bs := bucketsOf(points, len(points), wide)
	top := ceiling(bs, m, 0)
	label := func(l line) line { return l.right(graphLabel-1).add(Dim, "┤") }
	var rows []line
	if kills := killRow(bs); kills != nil {
		rows = append(rows, text(KillMark, killSign+" kills").right(graphLabel-1).space(1).join(kills))
	}
	highest := text(Dim, story.Bytes(top)+" ")
	if m.LimitBytes != nil {
		rows = append(rows, label(highest).add(Dim, strings.Repeat(limitSign, wide)))
		highest = nil
	}
	for y, l := range bars(bs, m.LimitBytes, top, h) {
		switch {
		case y == 0 && highest != nil:
			l = label(highest).join(l)
		case y == h-1:
			l = label(text(Dim, "0 ")).join(l)
		default:
			l = line{}.space(graphLabel-1).add(Dim, "│").join(l)
		}
		rows = append(rows, l)
	}
	return append(rows, timeAxis(wide, from, to))
}
