package webui

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/drawing"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// The floors that are drawn, in cells. They are multiples of steps, so that browsers of nearly the same size get the same.
const (
	leastWide, mostWide, stepWide = 32, 240, 4
	leastHigh, mostHigh, stepHigh = 12, 120, 4
	usualWide, usualHigh          = 124, 28
)

// serveMap draws the map for a floor of w by h cells. It gets higher if the rooms do not fit.
func (p *Page) serveMap(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w)
	if f == nil {
		return
	}
	q := r.URL.Query()
	number := func(name string, usual, least, most, step int) int {
		n, err := strconv.Atoi(q.Get(name))
		if err != nil {
			n = usual
		}
		return min(max(n, least), most) / step * step
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("X-Layout", layoutOf(f.building))
	sheet := drawing.Sheet{
		Host: f.snapshot.Host, Building: f.building,
		Width: number("w", usualWide, leastWide, mostWide, stepWide), Height: number("h", usualHigh, leastHigh, mostHigh, stepHigh),
		Contents: func(r *floorplan.Room) drawing.Contents { return contentsOf(r, f.snapshot) }, Wall: wallAbout, Document: q.Get("alone") != "",
	}
	_ = sheet.Write(w) // a client that has gone does not matter
}

// roomKey returns the key of a room's workload; "" for a frame.
func roomKey(r *floorplan.Room) string {
	switch {
	case r.VM != nil:
		return vmKey(r.VM)
	case r.Frame():
		return ""
	}
	return r.Container.ID
}

// contentsOf returns what is in a room. The page finds it by its key, and changes what it uses and how often the OOM killer came.
func contentsOf(r *floorplan.Room, s *model.Snapshot) drawing.Contents {
	key := roomKey(r)
	in := drawing.Contents{About: roomAbout(r), Key: key, Link: "#/workload/" + url.PathEscape(key), Mark: killSign(r.Container)}
	var memory string
	var fill []int
	var more []string
	tone := calm
	switch {
	case r.VM != nil:
		row := vmRow(r.VM)
		memory, fill = row.Memory, row.Fill
		more = []string{fmt.Sprintf("PID %d", r.VM.PID), string(r.VM.Kind)}
	case r.Frame():
		return in
	default:
		c := r.Container
		memory = memoryWords(c.Memory)
		fill, tone = fillOf(c.Memory, s.Host.MemoryBytes)
		if c.Memory.LimitBytes == nil {
			tone += " unbounded"
		}
		if c.InitPID != 0 {
			more = append(more, fmt.Sprintf("PID %d", c.InitPID))
		}
		if what := story.What(c); what != "" {
			more = append(more, what)
		}
	}
	in.Level = &drawing.Level{Class: tone}
	if len(fill) > 0 {
		in.Level.Used, in.Level.Cached = fill[0], fill[1]
	}
	brief, _, _ := strings.Cut(memory, ", ")
	in.Lines = []drawing.Line{{Class: "memory", Words: memory, Brief: brief}}
	for _, words := range more {
		in.Lines = append(in.Lines, drawing.Line{Class: "dim", Words: words})
	}
	return in
}

func killSign(c *model.Container) string {
	switch {
	case c == nil || c.OOMKillsAtLeast == 0:
		return ""
	case c.OOMKills == nil:
		return fmt.Sprintf("× %d+", c.OOMKillsAtLeast)
	}
	return fmt.Sprintf("× %d", *c.OOMKills)
}

func wallAbout(r *floorplan.Room, s floorplan.Segment) string {
	words := s.Type.String() + ", " + story.Isolates(s.Type) + ": "
	if r.Frame() {
		return words + "shared by all inside"
	}
	return words + membershipOf(r.Container.Namespaces[s.Type])
}

func roomAbout(r *floorplan.Room) string {
	words := foreign.Name(drawing.RoomName(r))
	switch {
	case r.VM != nil:
		return words + ": a virtual machine with a kernel of its own"
	case r.Container != nil:
		return words + ". " + foreign.Prose(placeOf(r.Container.Namespaces))
	}
	return words
}
