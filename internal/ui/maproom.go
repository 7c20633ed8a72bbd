package ui

import (
	"cmp"
	"math"
	"strconv"

	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// walls are the signs of a room's outline.
type walls struct {
	across, down string
	corners      [4]string // from the left upper one, clockwise
}

var (
	solidWalls = walls{"━", "┃", [4]string{"┏", "┓", "┛", "┗"}}
	openWalls  = walls{"╌", "╎", [4]string{"┌", "┐", "┘", "└"}}
	vmWalls    = walls{"═", "║", [4]string{"╔", "╗", "╝", "╚"}}
)

// drawRoom draws a room with its walls; what is inside is drawn after it.
func (sc screen) drawRoom(c canvas, p floorplan.Place, selected bool) {
	p.X, p.Y = p.X+1, p.Y+1 // inside of the host's frame
	r := p.Room
	outline, style := openWalls, HostUsual
	switch {
	case r.VM != nil:
		outline, style = vmWalls, Strong
	case r.Frame() && r.Solid():
		outline, style = solidWalls, Shared
	case r.Solid():
		outline, style = solidWalls, Own
	}
	if r.Container != nil && sc.flashes(r.Container.LatestKill) {
		style = KillMark
	}
	drawOutline(c, p.Rect, outline, style)
	if r.VM == nil && (r.Frame() || r.Container.Live()) {
		for s := range p.Segments() {
			sc.drawSegment(c, p, s, style)
		}
	}
	if r.VM != nil {
		const floor = " its own kernel "
		c.fill(p.X+1, p.Y+p.H-1, p.W-2, Dim, opaqueSign)
		c.put(p.X+max((p.W-len(floor))/2, 1), p.Y+p.H-1, text(Strong, floor).cut(p.W-2))
	}
	sc.drawHeading(c, p, selected)
	if !r.Frame() {
		sc.drawInside(c, p)
	}
}

func drawOutline(c canvas, at floorplan.Rect, w walls, style Style) {
	right, bottom := at.X+at.W-1, at.Y+at.H-1
	for _, y := range []int{at.Y, bottom} {
		c.fill(at.X+1, y, at.W-2, style, w.across)
	}
	for _, x := range []int{at.X, right} {
		c.fillDown(x, at.Y+1, at.H-2, style, w.down)
	}
	c.fill(at.X, at.Y, 1, style, w.corners[0])
	c.fill(right, at.Y, 1, style, w.corners[1])
	c.fill(right, bottom, 1, style, w.corners[2])
	c.fill(at.X, bottom, 1, style, w.corners[3])
}

// drawSegment draws the wall that stands for a namespace, with the name of that unless the wall is open. closed is the style of a
// closed one.
func (sc screen) drawSegment(c canvas, p floorplan.Place, s floorplan.Segment, closed Style) {
	sign, style := "", HostUsual // the sign of what is neither closed nor open
	switch {
	case s.Wall == floorplan.Closed:
		style = closed
	case p.Room.Frame(), s.Wall == floorplan.Unknown && machineOf(p.Room.Container, sc.s) != nil:
	default:
		m := p.Room.Container.Namespaces[s.Type]
		if s.Wall != floorplan.Open || m.Relation == model.RelationHost && story.IsolatedByDefault(s.Type) {
			sign, style = membershipSign(m, s.Type)
		}
	}
	w := openWalls
	if s.Wall == floorplan.Closed {
		w = solidWalls
	}
	named := sign != "" || s.Wall == floorplan.Closed
	length := s.To - s.From
	switch s.Side {
	case floorplan.Bottom:
		x, y := p.X+s.From, p.Y+p.H-1
		c.fill(x, y, length, style, w.across)
		if named {
			name := withRoom(3).add(style, cmp.Or(sign, w.across))
			if sign != "" && s.Wall == floorplan.Elsewhere && style == Shared && length > 4 {
				name = name.space(1) // the sign is a letter
			}
			c.put(x, y, name.add(style, namespaceTitle(s.Type, max(length, 4))).cut(length))
		}
	case floorplan.Left, floorplan.Right:
		x, y := p.X, p.Y+s.From
		name := text(style, namespaceTitle(s.Type, 4))
		at := x + 1
		if s.Side == floorplan.Right {
			x = p.X + p.W - 1
			at = x - name.width()
		}
		c.fillDown(x, y, length, style, w.down)
		if named {
			c.put(at, y, name)
			c.put(x, y, text(style, sign))
		}
	}
}

// drawHeading writes the name of a room into its upper wall, with its state as far as there is space.
func (sc screen) drawHeading(c canvas, p floorplan.Place, selected bool) {
	var right line
	if !p.Room.Frame() {
		right = sc.roomState(p.Room)
	}
	name := sc.roomName(p.Room)
	const around, gap = 4, 2 // the corners and the blanks beside the name; the blanks around the state
	if p.W-around-gap-right.width() < name.width() && !p.Room.Frame() {
		right = sc.roomAlert(p.Room) // the name goes before the time
	}
	right = right.cut(p.W - around - gap - min(name.width(), 8))
	room := p.W - around
	if right.width() > 0 {
		room -= right.width() + gap
	}
	beside := func(x int, l line) { // with blanks beside it
		c.fill(x, p.Y, l.width()+2, Plain, " ")
		c.put(x+1, p.Y, l)
	}
	beside(p.X+1, name.cutMiddle(max(room, 1)))
	if right.width() > 0 {
		beside(p.X+p.W-right.width()-3, right)
	}
	if selected {
		c.fill(p.X+1, p.Y, 1, Strong, "▸")
		c.flag(p.X, p.Y, p.W, Selected)
	}
}

// roomName returns what is written above a room.
func (sc screen) roomName(r *floorplan.Room) line {
	needle := sc.state.Search
	switch {
	case r.VM != nil:
		return text(Name, r.VM.Label()).mark(needle)
	case r.Frame() && r.Pod() != nil:
		return text(Title, r.Pod().Path()).mark(needle).add(Dim, " · pod")
	case r.Frame():
		return text(Title, "all inside share "+story.Listed(typeNames(r.Shared())))
	}
	style, name := Name, r.Container.Label
	if r.InPod() && r.Container.Group.Member != "" {
		name = r.Container.Group.Member // the pod's name is above
	}
	if r.Container.IsSandbox() || !r.Container.Live() {
		style = Dim
	}
	return text(style, name).mark(needle)
}

// roomState returns how many OOM kills there were in a room, and since when or how it runs.
func (sc screen) roomState(r *floorplan.Room) line {
	switch {
	case r.VM != nil:
		return vmUp(r.VM, sc.s.Time)
	case r.Container.State != model.Running:
		return sc.roomAlert(r)
	}
	up := upText(r.Container, sc.s)
	l := sc.roomAlert(r)
	if len(l) == 0 {
		return up
	}
	return l.space(1).join(up)
}

// roomAlert is roomState without what is usual.
func (sc screen) roomAlert(r *floorplan.Room) line {
	ct := r.Container
	if ct == nil {
		return nil
	}
	var l line
	if n := ct.OOMKillsAtLeast; n > 0 {
		l = withRoom(3).add(KillMark, killSign+strconv.FormatUint(n, 10))
	}
	if ct.State == model.Running {
		return l
	}
	if len(l) > 0 {
		l = l.space(1)
	}
	if !ct.Live() {
		return l.add(Dim, "ended")
	}
	return l.join(upText(ct, sc.s))
}

// drawInside writes into a room what it uses, and if there is space, more about it.
func (sc screen) drawInside(c canvas, p floorplan.Place) {
	r := p.Room
	x, w := p.X+2, p.W-4
	if r.Container != nil && r.Container.Live() {
		x, w = p.X+5, p.W-10 // the names of the walls stand at the sides
	}
	y := p.Y + 1
	kill := sc.killIn(r, w)
	var more []line
	if p.Head > 2 {
		more = moreOf(r, w)
	}
	lines := min(len(more), (p.Head-1)/2)
	switch {
	case kill == nil:
		c.put(x, y, sc.roomMemory(r, w))
	case p.Head <= 2: // there is no space for more
		c.put(x, y, kill.cut(w))
	default:
		c.put(x, y, sc.roomMemory(r, w))
		more, lines = append([]line{kill}, more...), max(lines, 1)
	}
	bars := p.Head - 1 - lines
	if r.Container == nil || r.Container.Live() {
		for i := range bars {
			sc.fillRoom(c, x, y+1+i, w, r)
		}
	}
	for i := range lines {
		c.put(x, y+1+bars+i, more[i].cut(w))
	}
}

// killIn returns the words in w columns for a kill that has just happened in a room; nil is none.
func (sc screen) killIn(r *floorplan.Room, w int) line {
	if r.Container == nil || !sc.flashes(r.Container.LatestKill) {
		return nil
	}
	kill := text(KillLabel, killSign+" OOM KILL")
	if named := kill.add(Plain, " ").add(Strong, story.VictimComm(r.Container.LatestKill)); named.width() <= w {
		return named
	}
	return kill
}

// roomMemory returns the memory of a room in w columns; of an ended container, how it ended.
func (sc screen) roomMemory(r *floorplan.Room, w int) line {
	switch {
	case r.VM != nil:
		return vmMemory(r.VM, 0, w)
	case !r.Container.Live():
		return endText(r.Container, sc.s).cut(w)
	}
	if m := r.Container.Memory; m.LimitBytes == nil && w >= memoryText+len("no limit") {
		return memoryCell(m, 1, w-2) // it has no bar without a limit, but more words
	}
	return memoryOf(r.Container, w)
}

// fillRoom draws a row of a room's floor, filled as far as its memory: in use, then cached files.
func (sc screen) fillRoom(c canvas, x, y, w int, r *floorplan.Room) {
	var used, cached, limit uint64
	style, free := Calm, "░"
	switch {
	case r.VM != nil:
		if r.VM.ResidentBytes == nil || r.VM.MemoryBytes == nil {
			return
		}
		used, limit = *r.VM.ResidentBytes, *r.VM.MemoryBytes
	default:
		m := r.Container.Memory
		if m.UsageBytes == nil {
			return
		}
		used = *m.UsageBytes
		if m.WorkingSetBytes != nil && *m.WorkingSetBytes < used {
			used, cached = *m.WorkingSetBytes, used-*m.WorkingSetBytes
		}
		switch {
		case m.LimitBytes != nil:
			limit = *m.LimitBytes
			style = closeness(used, limit)
		case sc.s.Host.MemoryBytes > 0: // as far as the host goes
			limit, free = sc.s.Host.MemoryBytes, " "
		default:
			return
		}
	}
	cells := func(bytes uint64) int {
		n := int(math.Round(min(float64(bytes)/float64(max(limit, 1)), 1) * float64(w)))
		if n == 0 && bytes > 0 {
			return 1
		}
		return n
	}
	full := cells(used + cached)
	inUse := min(cells(used), full)
	c.fill(x, y, inUse, style, "█")
	c.fill(x+inUse, y, full-inUse, style, cacheSign)
	c.fill(x+full, y, w-full, Dim, free)
}

// moreOf returns what else there is to say of a room in w columns, the most important first.
func moreOf(r *floorplan.Room, w int) []line {
	if v := r.VM; v != nil {
		return []line{text(Plain, runBy(v, w)), text(Plain, "host PID ").join(pidText(v.PID))}
	}
	ct := r.Container
	var lines []line
	if ct.InitPID != 0 && ct.Live() {
		l := text(Plain, "PID ").join(pidText(ct.InitPID)).add(Plain, " is PID 1 inside")
		if l.width() > w || !isPID1Inside(ct) {
			l = text(Plain, "host PID ").join(pidText(ct.InitPID))
		}
		lines = append(lines, l)
	}
	if ct.Processes != nil && ct.Live() {
		lines = append(lines, text(Plain, story.Count(uint64(*ct.Processes), "process", "processes")))
	}
	if what := story.What(ct); what != "" {
		lines = append(lines, text(Dim, what))
	}
	return lines
}
