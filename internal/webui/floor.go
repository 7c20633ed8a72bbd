package webui

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// A cell of the floor and what a letter takes of it, in the picture's own units.
const (
	cellWidth  = 9
	cellHeight = 18
	letter     = 8
)

// The floors that are drawn, in cells. They are multiples of steps, so that browsers of nearly the same size get the same.
const (
	leastWide, mostWide, stepWide = 32, 240, 4
	leastHigh, mostHigh, stepHigh = 12, 120, 4
	usualWide, usualHigh          = 124, 28
	// maxFloor bounds how high a floor gets that has to hold all rooms.
	maxFloor = 20_000
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
	writeMap(w, f.snapshot, f.building, number("w", usualWide, leastWide, mostWide, stepWide), number("h", usualHigh, leastHigh, mostHigh, stepHigh),
		q.Get("alone") != "")
}

// writeMap draws the rooms of a building. A picture that stands alone has its own styles, else the page's apply.
func writeMap(out io.Writer, s *model.Snapshot, b floorplan.Building, w, h int, alone bool) {
	var plan floorplan.Plan
	for ; ; h += max(stepHigh, h/16) { // little by little, so that many rooms become small, and no higher floor than they need
		if plan = b.Arrange(w, h, nil); plan.LeftOut == 0 || h > maxFloor {
			break
		}
	}
	floor := 0
	for _, p := range plan.Places {
		floor = max(floor, p.Y+p.H)
	}
	d := drawing{s: s}
	width, height := (w+4)*cellWidth, (max(floor, 3)+4)*cellHeight
	d.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="floor" viewBox="0 0 %d %d" role="group" aria-label="%s">`+"\n", width, height, escaped("The rooms on "+hostName(s)))
	if alone {
		d.printf("<title>%s</title>\n<style>\n%s\n%s</style>\n", escaped("the rooms on "+hostName(s)), asset("palette.css"), asset("map.css"))
	}
	d.printf(`<rect class="ground" width="%d" height="%d"/>`+"\n", width, height)
	d.printf(`<rect class="house" x="%d" y="%d" width="%d" height="%d" rx="10"/>`+"\n", cellWidth, cellHeight, width-2*cellWidth, height-2*cellHeight)
	words := hostName(s) + ": " + story.Count(uint64(b.Count), "workload", "workloads")
	if plan.LeftOut > 0 {
		words += fmt.Sprintf(", %d not drawn", plan.LeftOut)
	}
	d.sign(3*cellWidth, cellHeight+5, "title", foreign.Cut(words, w-4))
	d.sign(3*cellWidth, height-cellHeight+5, "dim", foreign.Cut(kernelWords(s), w-4))
	if len(plan.Places) == 0 {
		d.label(3*cellWidth, 3*cellHeight, "dim", "No container runs, and no virtual machine.")
	}
	for _, at := range plan.Places {
		d.room(at)
	}
	d.printf("</svg>\n")
	_, _ = io.WriteString(out, d.String()) // a client that has gone does not matter
}

func hostName(s *model.Snapshot) string {
	if s.Host.Name == "" {
		return "the host"
	}
	return "the host " + foreign.Name(s.Host.Name)
}

func kernelWords(s *model.Snapshot) string {
	const words = "one kernel under all containers"
	if s.Host.Kernel == "" {
		return words
	}
	return words + ": Linux " + foreign.Name(strings.TrimPrefix(s.Host.Kernel, "Linux "))
}

func roomKey(r *floorplan.Room) string {
	switch {
	case r.VM != nil:
		return vmKey(r.VM)
	case r.Frame():
		return ""
	}
	return r.Container.ID
}

func roomName(r *floorplan.Room) string {
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

// drawing collects a document.
type drawing struct {
	strings.Builder

	s *model.Snapshot
}

func (d *drawing) printf(format string, args ...any) { fmt.Fprintf(d, format, args...) }

func (d *drawing) label(x, y int, class, words string) {
	d.printf(`<text class="%s" x="%d" y="%d">%s</text>`+"\n", class, x, y, escaped(words))
}

// sign writes a text onto a wall.
func (d *drawing) sign(x, y int, class, words string) {
	d.printf(`<rect class="ground" x="%d" y="%d" width="%d" height="16"/>`+"\n", x-3, y-12, foreign.Width(words)*letter+6)
	d.label(x, y, class, words)
}

func (d *drawing) wall(kind string, x1, y1, x2, y2 int) {
	d.printf(`<line class="wall %s" x1="%d" y1="%d" x2="%d" y2="%d"/>`+"\n", kind, x1, y1, x2, y2)
}

// room draws a room with its walls; those inside are drawn after it. The page finds a workload's by its key, and changes what it uses.
func (d *drawing) room(at floorplan.Place) {
	r := at.Room
	x, y := (at.X+2)*cellWidth, (at.Y+2)*cellHeight
	w, h := (at.W-1)*cellWidth, (at.H-1)*cellHeight
	key, upper := roomKey(r), "open"
	switch {
	case r.VM != nil:
		upper = "vm"
	case r.Frame():
		upper = "shared"
	case r.Solid():
		upper = "own"
	}
	about := roomAbout(r)
	if key == "" {
		d.printf(`<g class="frame"><title>%s</title>`+"\n", escaped(about))
	} else {
		d.printf(`<a class="room" data-key="%s" href="%s" aria-label="%s"><title>%s</title>`+"\n", escaped(key), escaped("#/workload/"+url.PathEscape(key)), escaped(about), escaped(about))
	}
	if r.VM != nil {
		d.printf(`<rect class="machine" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x, y, w, h)
	}
	if key != "" {
		d.level(at, x, y, w, h)
	}
	d.wall(upper, x, y, x+w, y)
	switch {
	case r.VM != nil:
		d.printf(`<rect class="wall vm" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x, y, w, h)
		d.printf(`<rect class="wall vm" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x+4, y+4, w-8, h-8)
		d.sign(x+2*cellWidth, y+h+2, "kernel", fits("its own kernel", w-3*cellWidth))
	case r.Frame():
		d.wall("shared", x, y, x, y+h)
		d.wall("shared", x+w, y, x+w, y+h)
		d.wall("shared", x, y+h, x+w, y+h)
	}
	if r.VM == nil {
		for _, s := range at.Segments() {
			d.segment(at, s, x, y, w, h)
		}
	}
	d.inside(at, x, y, w)
	if key == "" {
		d.printf("</g>\n")
	} else {
		d.printf("</a>\n")
	}
}

// level draws how full a room is: from below, what is in use and then cached files. A room with others inside is filled in its head alone.
func (d *drawing) level(at floorplan.Place, x, y, w, h int) {
	var fill []int
	tone, bounded := calm, true
	if c := at.Room.Container; c != nil {
		fill, tone = fillOf(c.Memory, d.s.Host.MemoryBytes)
		bounded = c.Memory.LimitBytes != nil
	} else {
		fill = vmRow(at.Room.VM).Fill
	}
	if fill == nil {
		fill = []int{0, 0}
	}
	if len(at.Room.Inside) > 0 {
		h = at.Head*cellHeight + cellHeight/2
	}
	top, left, wide := y+2, x+2, w-4
	high := h - 4
	used, cached := high*fill[0]/thousand, high*fill[1]/thousand
	class := "level " + tone
	if !bounded {
		class += " unbounded"
	}
	d.printf(`<g class="%s" data-top="%d" data-high="%d">`, class, top, high)
	d.printf(`<rect class="room-ground" x="%d" y="%d" width="%d" height="%d"/>`, left, top, wide, high)
	d.printf(`<rect class="cached" x="%d" y="%d" width="%d" height="%d"/>`, left, top+high-used-cached, wide, cached)
	d.printf(`<rect class="used" x="%d" y="%d" width="%d" height="%d"/></g>`+"\n", left, top+high-used, wide, used)
}

// inside writes a room's name and what is in it.
func (d *drawing) inside(at floorplan.Place, x, y, w int) {
	r := at.Room
	class := "name"
	if r.Frame() {
		class = "frame-name"
	}
	d.sign(x+2*cellWidth, y+5, class, fits(roomName(r), w-9*cellWidth))
	if r.Frame() {
		return
	}
	margin, right := 5*cellWidth, cellWidth // the names of the walls stand at the sides
	if r.VM != nil {
		margin, right = 2*cellWidth, 2*cellWidth
	} else if named(at, event.User) || named(at, event.CgroupNS) {
		right = margin
	}
	wide := w - margin - right
	line := func(n int, class, words string) {
		d.printf(`<text class="%s" data-most="%d" x="%d" y="%d">%s</text>`+"\n", class, wide/letter, x+margin, y+n*cellHeight+2, escaped(words))
	}
	var memory string
	var more []string
	if c := r.Container; c != nil {
		memory = memoryWords(c.Memory)
		if c.InitPID != 0 {
			more = append(more, fmt.Sprintf("PID %d", c.InitPID))
		}
		if what := story.What(c); what != "" {
			more = append(more, what)
		}
	} else {
		memory = vmRow(r.VM).Memory
		more = append(more, fmt.Sprintf("PID %d", r.VM.PID), string(r.VM.Kind))
	}
	if short, _, found := strings.Cut(memory, ", "); found && foreign.Width(memory) > wide/letter {
		memory = short
	}
	line(1, "memory", fits(memory, wide))
	rows := at.Head - 1
	for i, words := range more {
		if i+2 > rows {
			break
		}
		line(i+2, "dim", fits(words, wide))
	}
	// The page writes how often the OOM killer came, and shows it loudly for a while.
	d.printf(`<g class="boom" transform="translate(%d %d)"><rect x="-52" y="-13" width="57" height="18" rx="3"/><text class="count" text-anchor="end">%s</text></g>`+"\n",
		x+w-cellWidth, y+5, escaped(killSign(r.Container)))
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

// named reports whether the wall of a type has its name in the room.
func named(at floorplan.Place, t event.NamespaceType) bool {
	for _, s := range at.Segments() {
		if s.Type == t {
			kind, _ := wallOf(at.Room, s)
			return kind != "open"
		}
	}
	return false
}

func fits(words string, width int) string {
	return foreign.CutMiddle(foreign.Clean(words), max(width/letter, 1))
}

// segment draws the part of a wall that stands for a namespace, with its name.
func (d *drawing) segment(at floorplan.Place, s floorplan.Segment, x, y, w, h int) {
	kind, sign := wallOf(at.Room, s)
	name := s.Type.String()
	if kind == "open" {
		name, sign = "", ""
	}
	d.printf(`<g class="side"><title>%s</title>`, escaped(wallAbout(at.Room, s)))
	switch s.Side {
	case floorplan.Bottom:
		from, to := x+w*(s.From-1)/(at.W-2), x+w*(s.To-1)/(at.W-2)
		d.wall(kind, from, y+h, to, y+h)
		if name != "" {
			d.sign(from+cellWidth, y+h+5, kind+"-name", fits(sign+name, to-from-cellWidth))
		}
	case floorplan.Left, floorplan.Right:
		from, to := y+h*(s.From-1)/(at.H-2), y+h*(s.To-1)/(at.H-2)
		side, text := x, x+6
		if s.Side == floorplan.Right {
			side = x + w
			text = side - 6 - letter*foreign.Width(sign+short(name))
		}
		d.wall(kind, side, from, side, to)
		if name != "" {
			d.label(text, y+s.From*cellHeight+2, kind+"-name", sign+short(name))
		}
	}
	d.printf("</g>\n")
}

// short returns the name of a type of namespace in at most four letters, as there is space for beside a room's contents.
func short(name string) string {
	if name == event.CgroupNS.String() {
		return "cgr"
	}
	return name
}

// wallOf returns how a wall looks, and the sign that stands before its name.
func wallOf(r *floorplan.Room, s floorplan.Segment) (kind, sign string) {
	switch {
	case s.Wall == floorplan.Closed && r.Frame():
		return "shared", ""
	case s.Wall == floorplan.Closed:
		return "own", ""
	case s.Wall == floorplan.Abandoned:
		return "dead", deadSign
	case s.Wall == floorplan.Unknown:
		return "unknown", unknownSign
	}
	m := r.Container.Namespaces[s.Type]
	switch {
	case m.Relation == model.RelationHost && s.Type <= event.UTS:
		return "host", hostSign
	case s.Wall == floorplan.Elsewhere && m.Relation == model.RelationShared:
		return "elsewhere", story.GroupLetter(m.Group) + " "
	}
	return "open", ""
}

func wallAbout(r *floorplan.Room, s floorplan.Segment) string {
	words := s.Type.String() + ", " + story.Isolates(s.Type) + ": "
	if r.Frame() {
		return words + "shared by all inside"
	}
	return words + membershipOf(r.Container.Namespaces[s.Type])
}

func roomAbout(r *floorplan.Room) string {
	words := foreign.Name(roomName(r))
	switch {
	case r.VM != nil:
		return words + ": a virtual machine with a kernel of its own"
	case r.Container != nil:
		return words + ". " + foreign.Prose(placeOf(r.Container.Namespaces))
	}
	return words
}

func asset(name string) string {
	content, err := assets.ReadFile("assets/" + name)
	if err != nil {
		return "" // a test reads it
	}
	return string(content)
}

// escaped returns a text for XML.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
