package drawing

import (
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// RoomName returns what is written above a room.
func RoomName(r *floorplan.Room) string {
	switch {
	case r.VM != nil:
		return r.VM.Label()
	case r.Frame() && r.Pod() != nil:
		return "pod " + r.Pod().Path()
	case r.Frame():
		var shared []string
		for _, t := range r.Shared() {
			shared = append(shared, t.String())
		}
		return "all inside share " + story.Listed(shared)
	case r.InPod() && r.Container.Group.Member != "":
		return r.Container.Group.Member
	}
	return r.Container.Label
}

// box is where a room is, in the picture's units.
type box struct{ x, y, w, h int }

// room draws a room with its walls; those inside are drawn after it.
func (p *pen) room(at floorplan.Place) {
	r := at.Room
	in := box{(at.X + 2) * cellWidth, (at.Y + 2) * cellHeight, (at.W - 1) * cellWidth, (at.H - 1) * cellHeight}
	c := p.sheet.Contents(r)
	if p.sheet.Document {
		c.Key, c.Link = "", ""
	}
	element := "g"
	about := escaped(foreign.Clean(c.About))
	switch {
	case c.Key != "":
		element = "a"
		p.printf(`<a class="room" data-key="%s" href="%s" aria-label="%s">`, escaped(c.Key), escaped(c.Link), about)
	case r.Frame():
		p.printf(`<g class="frame">`)
	default:
		p.printf(`<g>`)
	}
	p.printf("<title>%s</title>\n", about)
	if r.VM != nil {
		p.printf(`<rect class="machine" x="%d" y="%d" width="%d" height="%d"/>`+"\n", in.x, in.y, in.w, in.h)
	}
	if c.Level != nil {
		p.level(c.Level, at, in)
	}
	p.outline(r, in)
	if r.VM == nil {
		for s := range at.Segments() {
			p.segment(at, s, in)
		}
	}
	p.inside(at, in, &c)
	p.printf("</%s>\n", element)
}

// outline draws the walls that stand for no single namespace.
func (p *pen) outline(r *floorplan.Room, in box) {
	x, y, w, h := in.x, in.y, in.w, in.h
	switch {
	case r.VM != nil:
		p.printf(`<rect class="wall vm" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x, y, w, h)
		p.printf(`<rect class="wall vm" x="%d" y="%d" width="%d" height="%d"/>`+"\n", x+4, y+4, w-8, h-8)
		p.sign(x+2*cellWidth, y+h+2, "kernel", fits("its own kernel", w-3*cellWidth))
	case r.Frame():
		p.wall("shared", x, y, x+w, y)
		p.wall("shared", x, y, x, y+h)
		p.wall("shared", x+w, y, x+w, y+h)
		p.wall("shared", x, y+h, x+w, y+h)
	case r.Solid():
		p.wall("own", x, y, x+w, y)
	default:
		p.wall(openWall, x, y, x+w, y)
	}
}

// level fills a room from below. A room with others inside is filled in its head alone.
func (p *pen) level(l *Level, at floorplan.Place, in box) {
	h := in.h
	if len(at.Room.Inside()) > 0 {
		h = at.Head*cellHeight + cellHeight/2
	}
	top, left, wide, high := in.y+2, in.x+2, in.w-4, h-4
	used, cached := high*l.Used/thousand, high*l.Cached/thousand
	p.printf(`<g class="level %s" data-top="%d" data-high="%d">`, l.Class, top, high)
	p.printf(`<rect class="room-ground" x="%d" y="%d" width="%d" height="%d"/>`, left, top, wide, high)
	p.printf(`<rect class="cached" x="%d" y="%d" width="%d" height="%d"/>`, left, top+high-used-cached, wide, cached)
	p.printf(`<rect class="used" x="%d" y="%d" width="%d" height="%d"/></g>`+"\n", left, top+high-used, wide, used)
}

// inside writes a room's name and what is in it.
func (p *pen) inside(at floorplan.Place, in box, c *Contents) {
	r := at.Room
	class := "name"
	if r.Frame() {
		class = "frame-name"
	}
	p.sign(in.x+2*cellWidth, in.y+5, class, fits(RoomName(r), in.w-9*cellWidth))
	if r.Frame() {
		return
	}
	margin, right := 5*cellWidth, cellWidth // the names of the walls stand at the sides
	if r.VM != nil {
		margin, right = 2*cellWidth, 2*cellWidth
	} else if named(at, event.User) || named(at, event.CgroupNS) {
		right = margin
	}
	wide := in.w - margin - right
	for i, l := range c.Lines[:min(len(c.Lines), max(at.Head, 1))] {
		words := l.Words
		if l.Brief != "" && foreign.Width(words) > wide/letter {
			words = l.Brief
		}
		p.printf(`<text class="%s" data-most="%d" x="%d" y="%d">%s</text>`+"\n", l.Class, wide/letter, in.x+margin, in.y+(i+1)*cellHeight+2, escaped(fits(words, wide)))
	}
	if c.Key != "" || c.Mark != "" { // the page's scripts write into that of a link
		p.printf(`<g class="boom" transform="translate(%d %d)"><rect x="-52" y="-13" width="57" height="18" rx="3"/><text class="count" text-anchor="end">%s</text></g>`+"\n",
			in.x+in.w-cellWidth, in.y+5, escaped(c.Mark))
	}
}

// named reports whether the wall of a type has its name in the room.
func named(at floorplan.Place, t event.NamespaceType) bool {
	for s := range at.Segments() {
		if s.Type == t {
			return lookOf(at.Room, s).kind != openWall
		}
	}
	return false
}

// segment draws the part of a wall that stands for a namespace, with its name.
func (p *pen) segment(at floorplan.Place, s floorplan.Segment, in box) {
	l := lookOf(at.Room, s)
	name := s.Type.String()
	if about := p.sheet.Wall; about != nil {
		p.printf(`<g class="side"><title>%s</title>`, escaped(about(at.Room, s)))
		defer p.printf("</g>\n")
	}
	switch s.Side {
	case floorplan.Bottom:
		from, to := in.x+in.w*(s.From-1)/(at.W-2), in.x+in.w*(s.To-1)/(at.W-2)
		p.wall(l.kind, from, in.y+in.h, to, in.y+in.h)
		if l.kind != openWall {
			p.sign(from+cellWidth, in.y+in.h+5, l.kind+"-name", fits(l.sign+name, to-from-cellWidth))
		}
	case floorplan.Left, floorplan.Right:
		from, to := in.y+in.h*(s.From-1)/(at.H-2), in.y+in.h*(s.To-1)/(at.H-2)
		words := l.sign + short(name)
		side, text := in.x, in.x+6
		if s.Side == floorplan.Right {
			side = in.x + in.w
			text = side - 6 - letter*foreign.Width(words)
		}
		p.wall(l.kind, side, from, side, to)
		if l.kind != openWall {
			p.label(text, in.y+s.From*cellHeight+2, l.kind+"-name", words)
		}
	}
}

// short returns the name of a type of namespace in at most four letters, as there is space for beside a room's contents.
func short(name string) string {
	if name == event.CgroupNS.String() {
		return "cgr"
	}
	return name
}

// look is how a wall looks: its kind as Rooms names it, and the sign before the name that it has unless it is open.
type look struct{ kind, sign string }

const openWall = "open"

// lookOf returns how the wall of a room looks.
func lookOf(r *floorplan.Room, s floorplan.Segment) look {
	switch {
	case s.Wall == floorplan.Closed && r.Frame():
		return look{"shared", ""}
	case s.Wall == floorplan.Closed:
		return look{"own", ""}
	case s.Wall == floorplan.Abandoned:
		return look{"dead", story.DeadSign}
	case s.Wall == floorplan.Unknown:
		return look{"unknown", story.UnknownSign}
	}
	m := r.Container.Namespaces[s.Type]
	switch {
	case m.Relation == model.RelationHost && story.IsolatedByDefault(s.Type):
		return look{"host", story.HostSign}
	case s.Wall == floorplan.Elsewhere && m.Relation == model.RelationShared:
		return look{"elsewhere", story.GroupLetter(m.Group) + " "}
	}
	return look{openWall, ""}
}
