package drawing

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/story"
)

// A cell of the floor and what a letter takes of it, in the picture's own units.
const (
	cellWidth  = 9
	cellHeight = 18
	letter     = 8
)

// leastFloor is how many rows of the floor are drawn even if there are fewer rooms; maxFloor bounds how high a floor gets that has to hold all.
const (
	leastFloor = 3
	maxFloor   = 20_000
)

// Sheet is what is to be drawn.
type Sheet struct {
	// Host is the host around the rooms of Building.
	Host     fact.Host
	Building floorplan.Building
	// Width and Height are the size of the floor in cells. It gets higher if the rooms do not fit.
	Width, Height int
	// Contents returns what is in a room.
	Contents func(*floorplan.Room) Contents
	// Wall describes the wall of a room that stands for a namespace, for those who point at it; nil says nothing.
	Wall func(*floorplan.Room, floorplan.Segment) string
	// Document is set for a picture that is shown alone, with styles of its own. Else those of the page around it apply: Palette and Rooms.
	Document bool
	// Legend explains the walls below the house.
	Legend bool
	// Notes stand below all that, a line each.
	Notes []string
}

// Contents is what is drawn into a room.
type Contents struct {
	// About describes the room for those who point at it or have it read out.
	About string
	// Key identifies the room's workload for a page's scripts, and Link is where a click leads. A room of a Document is no link, and one
	// without a Key.
	Key, Link string
	// Level is how full the room is; nil draws none.
	Level *Level
	// Lines stand below each other, as many as there is space for.
	Lines []Line
	// Mark is a loud word in the upper right corner. A page's scripts may set it later if the room is a link.
	Mark string
}

// Line is a line of text. Class is what Rooms names its look.
type Line struct {
	Class, Words string
	// Brief stands there instead if there is no space for Words; "" is Words, shortened.
	Brief string
}

// Level is how full a room is: what is in use, and cached files above that, in thousandths.
type Level struct {
	Used, Cached int
	// Class is what Rooms names its look.
	Class string
}

// thousand is a full Level.
const thousand = 1000

// Write draws a sheet. It has no script, and needs nothing else if it is a Document.
func (s Sheet) Write(out io.Writer) error {
	plan := s.plan()
	floor := leastFloor
	for _, p := range plan.Places {
		floor = max(floor, p.Y+p.H)
	}
	width, house := (s.Width+4)*cellWidth, (floor+4)*cellHeight
	height := house
	if s.Legend {
		height += (len(legend)+1)/2*cellHeight + cellHeight/2
	}
	if len(s.Notes) > 0 {
		height += len(s.Notes)*cellHeight + cellHeight/2
	}
	p := pen{sheet: &s}
	title := "The rooms on " + hostName(s.Host)
	size := ""
	if s.Document {
		size = fmt.Sprintf(` width="%d" height="%d"`, width, height)
	}
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="floor" viewBox="0 0 %d %d"%s role="group" aria-label="%s">`+"\n", width, height, size, escaped(title))
	if s.Document {
		p.printf("<title>%s</title>\n<style>\n%s</style>\n", escaped(title), documentStyles())
	}
	p.printf(`<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	p.printf(`<rect class="house" x="%d" y="%d" width="%d" height="%d" rx="10"/>`+"\n", cellWidth, cellHeight, width-2*cellWidth, house-2*cellHeight)
	p.sign(3*cellWidth, cellHeight+5, "title", foreign.Cut(s.heading(plan), s.Width-4))
	p.sign(3*cellWidth, house-cellHeight+5, "dim", foreign.Cut(kernelWords(s.Host), s.Width-4))
	if len(plan.Places) == 0 {
		p.label(3*cellWidth, 3*cellHeight, "dim", "No container runs, and no virtual machine.")
	}
	for _, at := range plan.Places {
		p.room(at)
	}
	y := house + cellHeight/2
	if s.Legend {
		y = p.legend(y, width) + cellHeight/2
	}
	for _, words := range s.Notes {
		p.label(3*cellWidth, y, "dim", foreign.Cut(words, s.Width))
		y += cellHeight
	}
	p.printf("</svg>\n")
	_, err := io.WriteString(out, p.String())
	return err
}

// plan places the rooms. The floor grows little by little, so that many rooms become small and it gets no higher than they need.
func (s *Sheet) plan() floorplan.Plan {
	for h := s.Height; ; h += max(4, h/16) {
		if plan := s.Building.Arrange(s.Width, h, nil); plan.LeftOut == 0 || h > maxFloor {
			return plan
		}
	}
}

func (s *Sheet) heading(plan floorplan.Plan) string {
	words := hostName(s.Host) + ": " + story.Count(uint64(s.Building.Count), "workload", "workloads")
	if plan.LeftOut > 0 {
		words += fmt.Sprintf(", %d not drawn", plan.LeftOut)
	}
	if s.Building.Hidden > 0 {
		words += ", without " + story.Count(uint64(s.Building.Hidden), "pod's sandbox", "pods' sandboxes")
	}
	return words
}

func hostName(host fact.Host) string {
	if host.Name == "" {
		return "the host"
	}
	return "the host " + foreign.Name(host.Name)
}

func kernelWords(host fact.Host) string {
	const words = "one kernel under all containers"
	if host.Kernel == "" {
		return words
	}
	return words + ": Linux " + foreign.Name(strings.TrimPrefix(host.Kernel, "Linux "))
}

// legend explains the walls.
var legend = []struct {
	look
	words string
}{
	{look{"own", ""}, "its own"},
	{look{"shared", ""}, "shared by all inside"},
	{look{"elsewhere", "a "}, "shared with those of the same letter"},
	{look{"host", story.HostSign}, "the host's, where engines usually put up a wall"},
	{look{openWall, ""}, "open: the same as around"},
	{look{"dead", story.DeadSign}, "a dead one"},
	{look{"unknown", story.UnknownSign}, "unknown"},
}

// legend draws the legend from a height on, in two columns, and returns what is below it.
func (p *pen) legend(y, width int) int {
	for i, l := range legend {
		x := 3*cellWidth + i%2*width/2
		p.wall(l.kind, x, y-4, x+9*cellWidth, y-4)
		if l.kind != openWall {
			p.sign(x+cellWidth*5/2, y+1, l.kind+"-name", l.sign+"net")
		}
		p.label(x+11*cellWidth, y, "dim", l.words)
		if i%2 == 1 || i == len(legend)-1 {
			y += cellHeight
		}
	}
	return y
}

// pen collects a document.
type pen struct {
	strings.Builder

	sheet *Sheet
}

func (p *pen) printf(format string, args ...any) { fmt.Fprintf(p, format, args...) }

// label writes a text from a place on.
func (p *pen) label(x, y int, class, words string) {
	p.printf(`<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, escaped(words))
}

// sign writes a text onto a wall.
func (p *pen) sign(x, y int, class, words string) {
	p.printf(`<rect class="ground" x="%d" y="%d" width="%d" height="16"/>`+"\n", x-3, y-12, foreign.Width(words)*letter+6)
	p.label(x, y, class, words)
}

func (p *pen) wall(kind string, x1, y1, x2, y2 int) {
	p.printf(`<line class="wall %s" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", kind, x1, y1, x2, y2)
}

// fits shortens a text to a width in the picture's units.
func fits(words string, width int) string {
	return foreign.CutMiddle(foreign.Clean(words), max(width/letter, 1))
}

// escaped returns a text for XML.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
