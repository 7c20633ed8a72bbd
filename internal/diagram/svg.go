package diagram

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// A cell of the floor in pixels, and what a letter takes of it.
const (
	cellWidth  = 9
	cellHeight = 18
	letter     = 8
)

// The floor is so wide, in cells, and becomes as high as its rooms need.
const (
	floorWidth  = 124
	floorHeight = 12
	maxFloor    = 20_000
)

// maxKept limits the namespaces without a process that are listed.
const maxKept = 12

// style has the looks for light and dark pages. Each wall is also told apart by its line and its sign.
const style = `<style>
text { font: 13px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1c2128 }
.ground { fill: #ffffff }
.name { font-weight: bold; fill: #0a4ea3 } .dim { fill: #57606a } line, .line-plain { stroke-width: 1.5; fill: none }
.line-own { stroke: #116329; stroke-width: 4 } .own { fill: #116329 } .line-shared { stroke: #8250df; stroke-width: 4 } .shared { fill: #7a3fd0 }
.line-open { stroke: #8c959f; stroke-dasharray: 3 5 } .line-host { stroke: #8a5a00; stroke-dasharray: 3 5 } .host { fill: #8a5a00 }
.line-elsewhere { stroke: #8250df; stroke-dasharray: 8 4 } .line-bad { stroke: #b3261e; stroke-dasharray: 8 4 } .bad { fill: #b3261e }
.line-unknown { stroke: #8a5a00; stroke-dasharray: 1 4 } .unknown { fill: #8a5a00 } .line-plain { stroke: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #d8dee6 } .ground { fill: #10161d }
.name { fill: #6cb6ff } .dim { fill: #9aa5b1 } .line-own { stroke: #6fd68a } .own { fill: #6fd68a } .line-shared, .line-elsewhere { stroke: #c8a2ff } .shared { fill: #c8a2ff }
.line-open, .line-plain { stroke: #7d8894 } .line-host, .line-unknown { stroke: #f0b34b } .host, .unknown { fill: #f0b34b } .line-bad { stroke: #ff7b72 } .bad { fill: #ff7b72 }
}
</style>
`

// look is how a wall is drawn: the class of its line, and that of its name; without one it has no name. The sign stands before that.
type look struct{ line, name, sign string }

// legend explains the walls.
var legend = []struct {
	look
	words string
}{
	{look{"own", "own", ""}, "its own"},
	{look{"shared", "shared", ""}, "shared by all inside"},
	{look{"elsewhere", "shared", "a "}, "shared with those of the same letter"},
	{look{"host", "host", "○"}, "the host's, where engines usually put up a wall"},
	{look{"open", "", ""}, "open: the same as around"},
	{look{"bad", "bad", "!"}, "a dead one"},
	{look{"unknown", "unknown", "?"}, "unknown"},
}

// WriteSVG writes who shares which namespaces as a picture: a room for each live container and virtual machine, whose walls are its
// namespaces. It needs nothing else, and has no script.
func WriteSVG(out io.Writer, s *model.Snapshot) error {
	building, plan := plannedFloor(s)
	kept := keptNamespaces(s)
	floor := 0
	for _, p := range plan.Places {
		floor = max(floor, p.Y+p.H)
	}
	width, host := (floorWidth+4)*cellWidth, (max(floor, 2)+4)*cellHeight
	height := host + (3+len(legend)/2+len(kept))*cellHeight + cellHeight
	var p svg
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	p.printf("<title>%s</title>\n", escaped("namespaces of "+hostName(s)))
	p.printf("%s", style)
	p.printf(`<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	p.printf(`<rect class="line-plain" x="%d" y="%d" width="%d" height="%d" rx="8"/>`+"\n", cellWidth, cellHeight, width-2*cellWidth, host-cellHeight-cellHeight/2)
	words := hostName(s) + ": " + story.Count(uint64(building.Count), "workload", "workloads")
	if plan.LeftOut > 0 {
		words += fmt.Sprintf(", %d not drawn", plan.LeftOut)
	}
	if building.Hidden > 0 {
		words += ", without " + story.Count(uint64(building.Hidden), "pod's sandbox", "pods' sandboxes")
	}
	p.sign(3*cellWidth, cellHeight+5, "", words)
	p.sign(3*cellWidth, host-4, "dim", kernel(s))
	if len(plan.Places) == 0 {
		p.label(3*cellWidth, 3*cellHeight, "dim", "no container, and no virtual machine")
	}
	for i := range plan.Places {
		p.room(plan.Places[i])
	}
	y := host + cellHeight
	for i, l := range legend {
		x := 3*cellWidth + i%2*width/2
		p.wall(l.line, x, y-4, x+9*cellWidth, y-4)
		if l.name != "" {
			p.sign(x+cellWidth*5/2, y+1, l.name, l.sign+"net")
		}
		p.label(x+11*cellWidth, y, "dim", l.words)
		if i%2 == 1 {
			y += cellHeight
		}
	}
	y += cellHeight * 3 / 2
	for _, words := range kept {
		p.label(3*cellWidth, y, "dim", words)
		y += cellHeight
	}
	p.printf("</svg>\n")
	_, err := io.WriteString(out, p.String())
	return err
}

func kernel(s *model.Snapshot) string {
	const words = "one kernel under all containers"
	if s.Host.Kernel == "" {
		return words
	}
	return words + ": Linux " + foreign.Name(strings.TrimPrefix(s.Host.Kernel, "Linux "))
}

func hostName(s *model.Snapshot) string {
	if s.Host.Name == "" {
		return "the host"
	}
	return "the host " + foreign.Name(s.Host.Name)
}

// plannedFloor places the rooms on a floor that is as high as they need.
func plannedFloor(s *model.Snapshot) (floorplan.Building, floorplan.Plan) {
	var containers []*model.Container
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Live() {
			containers = append(containers, c)
		}
	}
	vms := make([]*model.VM, len(s.VMs))
	for i := range s.VMs {
		vms[i] = &s.VMs[i]
	}
	b := floorplan.Of(containers, vms, floorplan.Selection{})
	for h := floorHeight; ; h += h / 2 {
		if plan := b.Arrange(floorWidth, h, nil); plan.LeftOut == 0 || h > maxFloor {
			return b, plan
		}
	}
}

// keptNamespaces describes the namespaces in which no process is.
func keptNamespaces(s *model.Snapshot) (list []string) {
	more := 0
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		if n.Host || len(n.Processes) > 0 || len(n.Containers) > 0 {
			continue
		}
		if len(list) == maxKept {
			more++
			continue
		}
		words := fmt.Sprintf("%s %d: no process is in it", n.Type, n.ID)
		if s.Unseen.Blind() {
			words = fmt.Sprintf("%s %d: processes unknown", n.Type, n.ID)
		}
		for _, pin := range n.PinnedBy {
			words += ", kept by " + foreign.Prose(pin)
		}
		list = append(list, words)
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("and %d more without a process", more))
	}
	return list
}

// svg collects a document.
type svg struct{ strings.Builder }

func (p *svg) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// label writes a text from a place on.
func (p *svg) label(x, y int, class, words string) {
	p.printf(`<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, escaped(words))
}

// sign writes a text onto a wall.
func (p *svg) sign(x, y int, class, words string) {
	p.printf(`<rect class="ground" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x-3, y-12, foreign.Width(words)*letter+6, 16)
	p.label(x, y, class, words)
}

func (p *svg) wall(kind string, x1, y1, x2, y2 int) {
	p.printf(`<line class="line-%s" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", kind, x1, y1, x2, y2)
}

// room draws a room with its walls; those inside are drawn after it.
func (p *svg) room(at floorplan.Place) {
	r := at.Room
	x, y := (at.X+2)*cellWidth, (at.Y+2)*cellHeight
	w, h := (at.W-1)*cellWidth, (at.H-1)*cellHeight
	upper := "open"
	switch {
	case r.VM != nil:
		upper = "plain"
	case r.Frame():
		upper = "shared"
	case r.Solid():
		upper = "own"
	}
	p.printf("<g><title>%s</title>\n", escaped(foreign.Clean(about(r))))
	p.wall(upper, x, y, x+w, y)
	fits := func(words string, width int) string {
		return foreign.CutMiddle(foreign.Clean(words), max(width/letter, 1))
	}
	switch {
	case r.VM != nil:
		p.printf(`<rect class="line-plain" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x, y, w, h)
		p.printf(`<rect class="line-plain" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x+4, y+4, w-8, h-8)
		p.label(x+cellWidth, y+h-10, "dim", fits("its own kernel", w-2*cellWidth))
	case r.Frame():
		p.wall("shared", x, y, x, y+h)
		p.wall("shared", x+w, y, x+w, y+h)
		p.wall("shared", x, y+h, x+w, y+h)
	}
	p.sign(x+2*cellWidth, y+5, "name", fits(name(r), w-4*cellWidth))
	if r.Container != nil {
		p.label(x+6*cellWidth, y+cellHeight-1, "dim", inside(r.Container, (w-13*cellWidth)/letter))
	}
	if r.VM == nil {
		for _, s := range at.Segments() {
			p.segment(at, s, x, y, w, h)
		}
	}
	p.printf("</g>\n")
}

// segment draws the part of a wall that stands for a namespace, with its name.
func (p *svg) segment(at floorplan.Place, s floorplan.Segment, x, y, w, h int) {
	l := lookOf(at.Room, s)
	name := s.Type.String()
	switch s.Side {
	case floorplan.Bottom:
		from, to := x+w*(s.From-1)/(at.W-2), x+w*(s.To-1)/(at.W-2)
		p.wall(l.line, from, y+h, to, y+h)
		if l.name != "" {
			p.sign(from+cellWidth, y+h+5, l.name, l.sign+name)
		}
	case floorplan.Left, floorplan.Right:
		from, to := y+h*(s.From-1)/(at.H-2), y+h*(s.To-1)/(at.H-2)
		side, text := x, x+6
		if s.Side == floorplan.Right {
			side = x + w
			text = side - 6 - letter*len([]rune(l.sign+name))
		}
		p.wall(l.line, side, from, side, to)
		if l.name != "" {
			p.label(text, y+s.From*cellHeight-1, l.name, l.sign+name)
		}
	}
}

// lookOf returns how a wall looks.
func lookOf(r *floorplan.Room, s floorplan.Segment) look {
	switch {
	case s.Wall == floorplan.Closed && r.Frame():
		return look{"shared", "shared", ""}
	case s.Wall == floorplan.Closed:
		return look{"own", "own", ""}
	case s.Wall == floorplan.Abandoned:
		return look{"bad", "bad", "!"}
	case s.Wall == floorplan.Unknown:
		return look{"unknown", "unknown", "?"}
	}
	m := r.Container.Namespaces[s.Type]
	switch {
	case m.Relation == model.RelationHost && s.Type <= event.UTS:
		return look{"host", "host", "○"}
	case s.Wall == floorplan.Elsewhere && m.Relation == model.RelationShared:
		return look{"elsewhere", "shared", story.GroupLetter(m.Group) + " "}
	}
	return look{line: "open"}
}

// name returns what is written above a room.
func name(r *floorplan.Room) string {
	switch {
	case r.VM != nil:
		return r.VM.Label()
	case r.Frame() && r.Pod != nil:
		return "pod " + r.Pod.Path()
	case r.Frame():
		var shared []string
		for _, t := range r.Shared() {
			shared = append(shared, t.String())
		}
		return "all inside share " + story.Listed(shared)
	case r.InPod && r.Container.Group.Member != "":
		return r.Container.Group.Member
	}
	return r.Container.Label
}

// inside returns what is written into a container's room, in w letters.
func inside(c *model.Container, w int) string {
	words := foreign.Clean(story.What(c))
	if c.InitPID != 0 {
		pid := fmt.Sprintf("PID %d", c.InitPID)
		if foreign.Width(pid)+2+foreign.Width(words) > w {
			return pid
		}
		words = strings.TrimSpace(pid + "  " + words)
	}
	return foreign.Cut(words, max(w, 1))
}

// about names all namespaces of a room.
func about(r *floorplan.Room) string {
	if r.Container == nil {
		return name(r)
	}
	words := name(r)
	for t, m := range r.Container.Namespaces {
		if m.ID != 0 {
			words += fmt.Sprintf("; %s %d (%s)", event.NamespaceType(t), m.ID, m.Relation)
		}
	}
	return words
}

// escaped returns a text for an element of XML.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
