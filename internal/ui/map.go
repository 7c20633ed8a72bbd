package ui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// killFlash is how long a kill is loud in its room.
const killFlash = 10 * time.Second

// mapView shows the host as a floor with a room for each workload, whose walls are its namespaces.
type mapView struct{ listView }

func (mapView) title() string { return "Map" }

func (mapView) help() (name string, words []explained) {
	return "map", []explained{
		{"room", "A workload on the map. A container's walls are its namespaces. A room is wider the more memory it may use or, without a limit, uses. It fills up with " +
			"memory in use (█) and with cached files, which the kernel can take back (▓)."},
		{"━net━ ╌╌ ○net", "A wall with the name of a namespace of its own; a dashed one, since inside and around it is the same namespace; the host's, where engines usually put a wall up. " +
			"a net is shared with the rooms that show the same letter. One wall around several rooms: they share it."},
		{"floor", "All containers stand on one floor, the host's kernel. A virtual machine (═) has a floor of its own, its kernel, and nothing inside is visible from here (▒)."},
	}
}

// building returns the rooms of a snapshot. What the search and the filter do not let through has a room only around what it does.
func building(s *model.Snapshot, st State) floorplan.Building {
	quiet := st.listsQuiet(s)
	all := listedContainers(s, "", quiet)
	if st.Search == "" && st.Filter[workloadRows] == "" {
		return floorplan.Of(all, listedVMs(s, ""), floorplan.Selection{Sandboxes: quiet})
	}
	through := map[string]bool{}
	for _, c := range st.filteredContainers(s, listedContainers(s, st.Search, quiet)) {
		through[containerKey(c)] = true
	}
	for _, v := range st.filteredVMs(s) {
		through[vmKey(v)] = true
	}
	return floorplan.Of(all, listedVMs(s, ""), floorplan.Selection{
		Sandboxes: quiet,
		Keep:      func(r *floorplan.Room) bool { return through[roomKey(r)] },
	})
}

// matching returns the rooms that the search lets through.
func matching(b floorplan.Building) []*floorplan.Room {
	return slices.DeleteFunc(b.All(), func(r *floorplan.Room) bool { return !r.Matches() })
}

func roomKey(r *floorplan.Room) string {
	if r.VM != nil {
		return vmKey(r.VM)
	}
	return containerKey(r.Container)
}

func (mapView) keys(s *model.Snapshot, st State) []string {
	return keysOf(matching(building(s, st)), roomKey)
}

// walk returns the room that an arrow leads to: left and right go in the order of creation, so that no room is out of reach, up and
// down to the nearest room there, and if there is none to another page.
func (mapView) walk(sc screen, key KeyName) string {
	host := mapHost(sc.w, sc.h)
	b, plan, chosen := sc.plan(host)
	rooms := matching(b)
	at := slices.Index(rooms, chosen)
	if at < 0 {
		return ""
	}
	if !sc.mapFits(host) {
		return roomKey(rooms[moved(at, len(rooms), max(sc.h-2, 1), key)])
	}
	next := at
	switch key {
	case KeyLeft:
		next = max(at-1, 0)
	case KeyRight:
		next = min(at+1, len(rooms)-1)
	case KeyHome:
		next = 0
	case KeyEnd:
		next = len(rooms) - 1
	case KeyUp, KeyDown:
		if to := plan.Beside(chosen, key == KeyDown); to != nil {
			return roomKey(to)
		}
		next = leaf(rooms, at, plan, key == KeyDown)
	case KeyPageUp, KeyPageDown:
		next = leaf(rooms, at, plan, key == KeyPageDown)
	}
	return roomKey(rooms[next])
}

// leaf returns the nearest room in the order of creation that is on another page, after the one at a place or before it.
func leaf(rooms []*floorplan.Room, at int, p floorplan.Plan, after bool) int {
	here := map[*floorplan.Room]bool{}
	for i := range p.Places {
		here[p.Places[i].Room] = true
	}
	step := -1
	if after {
		step = 1
	}
	for i := at + step; p.Pages > 1 && i >= 0 && i < len(rooms); i += step {
		if !here[rooms[i]] {
			return i
		}
	}
	return at
}

// target returns the page of a room's workload, which is that of the list.
func (mapView) target(_ *model.Snapshot, key string) (Tab, string) { return Containers, key }

// page returns nothing: a room opens in the list's view.
func (mapView) page(*model.Snapshot, State, int) []line { return nil }

// smallRows draws the latest kill if it is fresh and no search is being typed, then a line for each room.
func (mapView) smallRows(sc screen, h int) []row {
	var rows []row
	if kill := sc.smallKill(); kill != nil && !sc.state.Typing {
		rows = append(rows, row{line: kill})
	}
	list := matching(building(sc.s, sc.state))
	if len(list) == 0 {
		return append(rows, row{line: text(Dim, "no container")})
	}
	name := max(sc.w-marker-1-memoryText, sc.w/3)
	rows, _, _ = sc.list(rows, listBy(list, roomKey), max(h-len(rows), 0), func(l line, i int, selected bool) line {
		return l.join(cursorMark(selected)).join(sc.roomName(list[i]).fit(name)).space(1).join(sc.roomMemory(list[i], memoryText))
	})
	return rows
}

// mapRows returns how many of h rows the host has, and how many the words about the room under the cursor and the latest kill. They
// depend on the size of the screen alone, so that the rooms keep their places.
func mapRows(legend, h int) (host, words int) {
	switch {
	case h >= 40:
		words = 4
	case h > 20: // below, three more rooms are worth more
		words = 1
	}
	return h - legend - words, words
}

// mapHost returns how many rows the host has on a screen of a size.
func mapHost(w, h int) int {
	host, _ := mapRows(len(mapLegend(w)), bodyHeight(w, h))
	return host
}

// mapFits reports whether the host's rows have space for walls. Otherwise the rooms are listed.
func (sc screen) mapFits(host int) bool {
	const least = 7 // rows of the host's frame and of one room, and one to spare
	return !small(sc.w, sc.h) && host >= least
}

// plan places the rooms on the host's rows, with the one under the cursor among them.
func (sc screen) plan(host int) (b floorplan.Building, p floorplan.Plan, chosen *floorplan.Room) {
	b = building(sc.s, sc.state)
	list := matching(b)
	if len(list) > 0 {
		chosen = list[sc.state.cursorIn(listBy(list, roomKey))]
	}
	return b, b.Arrange(sc.w-2, host-2, chosen), chosen
}

// rows lists the rooms where there is no space for walls.
func (v mapView) rows(sc screen, h int) []row { return v.smallRows(sc, h) }

func (mapView) paint(sc screen, c canvas) bool {
	legend := mapLegend(sc.w)
	host, words := mapRows(len(legend), c.h)
	if !sc.mapFits(host) {
		return false
	}
	b, plan, chosen := sc.plan(host)
	sc.drawHost(c, host, b, plan)
	for i := range plan.Places {
		sc.drawRoom(c, plan.Places[i], plan.Places[i].Room == chosen)
	}
	if len(b.Rooms) == 0 {
		for i, l := range sc.noContainers(false) {
			c.put(2, 1+i, l.cut(sc.w-4))
		}
	}
	mapZones(c, host, plan)
	var banner []line
	if words > 1 {
		banner = sc.banner(words-1, false)
	}
	if chosen != nil && words > 0 {
		c.lines(host, capped(paragraph(sc.aboutRoom(chosen), 1, sc.w), words-len(banner)))
	}
	c.lines(host+words-len(banner), banner)
	c.lines(c.h-len(legend), legend)
	return true
}

// mapZones makes the rooms on the first h rows places to click on, those inside before those around.
func mapZones(c canvas, h int, p floorplan.Plan) {
	zones := func(yield func(y int, z zone)) {
		for i := len(p.Places) - 1; i >= 0; i-- {
			at := &p.Places[i]
			if at.Room.Frame() {
				continue
			}
			for y := at.Y + 1; y <= at.Y+at.H && y < h; y++ {
				yield(y, zone{from: at.X + 1, to: at.X + 1 + at.W, key: roomKey(at.Room)})
			}
		}
	}
	counts, all := make([]int, h), 0
	zones(func(y int, _ zone) { counts[y]++; all++ })
	space := make([]zone, all)
	for y, n := range counts {
		if n > 0 {
			c.spots[y].zones, space = append(space[:0:n], c.spots[y].zones...), space[n:]
		}
	}
	zones(func(y int, z zone) { c.spots[y].zones = append(c.spots[y].zones, z) })
}

// mapLegend explains every sign of the map, in as many lines as the width needs.
func mapLegend(w int) []line {
	parts := []line{
		text(Own, "━net━").add(Dim, " its own"),
		text(HostUsual, "╌╌").add(Dim, " open, as around"),
		text(HostBare, story.HostSign+"net").add(Dim, " the host's"),
		text(Shared, "a net").add(Dim, " shared"),
		text(Unknown, story.UnknownSign+"net").add(Dim, " unknown"),
		text(Alarm, story.DeadSign+"net").add(Dim, " a dead one"),
		text(Strong, "═ "+opaqueSign).add(Dim, " VM, its kernel"),
		text(Calm, "█").add(Dim, " memory"),
		text(Calm, cacheSign).add(Dim, " cache"),
		text(Dim, "░ free"),
		text(KillMark, killSign).add(Dim, " OOM kill"),
	}
	return flow(parts, 2, 1, w)
}

// drawHost draws what is around all rooms, in the first h rows.
func (sc screen) drawHost(c canvas, h int, b floorplan.Building, p floorplan.Plan) {
	bottom := h - 1
	c.fill(1, 0, c.w-2, Dim, "─")
	c.fill(1, bottom, c.w-2, Dim, "─")
	c.fillDown(0, 1, h-2, Dim, "│")
	c.fillDown(c.w-1, 1, h-2, Dim, "│")
	for _, corner := range []struct {
		x, y int
		sign string
	}{{0, 0, "╭"}, {c.w - 1, 0, "╮"}, {0, bottom, "╰"}, {c.w - 1, bottom, "╯"}} {
		c.fill(corner.x, corner.y, 1, Dim, corner.sign)
	}
	name := text(Plain, " the host")
	if k := sc.undrawnKill(p); k != nil { // in place of the host's name, and before the counts, which may be cut
		whose := text(Plain, " "+story.VictimPlace(k)+": "+story.VictimComm(k)).cut(c.w / 3)
		name = name.space(1).add(KillLabel, " "+killSign+" OOM KILL ").join(whose)
	} else if sc.s.Host.Name != "" {
		name = name.add(Plain, ": ").add(Strong, sc.s.Host.Name)
	}
	name = name.add(Dim, " "+sc.workloads(b, p)+" ")
	c.put(2, 0, name.cut(c.w-4))
	kernel := " one kernel under all containers "
	if sc.s.Host.Kernel != "" {
		kernel = " one kernel under all containers: " + kernelText(sc.s.Host.Kernel) + " "
	}
	c.put(2, bottom, text(Dim, kernel).cut(c.w-4))
}

// workloads says how many workloads there are, and which of them are not drawn.
func (sc screen) workloads(b floorplan.Building, p floorplan.Plan) string {
	words := "· " + story.Count(uint64(b.Count), "workload", "workloads")
	if p.LeftOut > 0 {
		words += ", " + strconv.Itoa(p.LeftOut) + " not drawn"
		if p.Pages > 1 {
			words += " here: page " + strconv.Itoa(p.Page) + " of " + strconv.Itoa(p.Pages)
		}
	}
	if b.Hidden > 0 {
		words += ", a adds " + story.Count(uint64(b.Hidden), "pod's sandbox", "pods' sandboxes")
	}
	return words
}

// undrawnKill returns the latest of the kills that have just happened and that no room on the plan shows; nil is none.
func (sc screen) undrawnKill(p floorplan.Plan) *model.Kill {
	drawn := func(victim *event.Container) bool {
		return victim != nil && slices.ContainsFunc(p.Places, func(at floorplan.Place) bool {
			return at.Room.Container != nil && at.Room.Container.ID == victim.ID
		})
	}
	for i := len(sc.s.Kills) - 1; i >= 0 && sc.flashes(&sc.s.Kills[i]); i-- {
		if k := &sc.s.Kills[i]; !drawn(story.VictimContainer(k)) {
			return k
		}
	}
	return nil
}

// flashes reports whether a kill has just happened.
func (sc screen) flashes(k *model.Kill) bool {
	return k != nil && sc.s.Now().Sub(k.When()) <= killFlash
}

// aboutRoom describes the room under the cursor.
func (sc screen) aboutRoom(r *floorplan.Room) line {
	sep := func(l line) line { return l.add(Dim, " · ") }
	if v := r.VM; v != nil {
		l := sep(text(Strong, "▸ ").join(vmName(v))).add(Plain, runBy(v, sc.w/3))
		l = sep(l).add(Plain, "PID ").join(pidText(v.PID)).add(Plain, " is all that the host sees of it")
		return sep(l).join(vmMemory(v, 0, memoryText))
	}
	ct := r.Container
	l := text(Strong, "▸ ").add(Name, ct.Label)
	if !ct.Live() {
		return sep(l).add(Plain, "ended: ").join(endText(ct, sc.s))
	}
	if ct.InitPID != 0 {
		if isPID1Inside(ct) {
			l = sep(l).add(Plain, "PID ").join(pidText(ct.InitPID)).add(Plain, " is PID 1 inside")
		} else {
			l = sep(l).add(Plain, "host PID ").join(pidText(ct.InitPID))
		}
	}
	for _, relation := range []struct {
		of    model.Relation
		words string
	}{{model.RelationOwn, "own: "}, {model.RelationShared, "shared: "}, {model.RelationHost, "the host's: "}, {model.RelationUnknown, "unknown: "}} {
		if types := relatedTypes(ct, relation.of); types != "" {
			l = sep(l).add(Dim, relation.words).add(Plain, types)
		}
	}
	if what := story.What(ct); what != "" {
		l = sep(l).add(Plain, what)
	}
	return sep(l).add(Dim, "OOM kills: ").join(killCount(ct))
}

// relatedTypes lists the namespaces in which a container has a relation to others.
func relatedTypes(ct *model.Container, of model.Relation) string {
	var types []event.NamespaceType
	for _, t := range event.NamespaceTypes() {
		if ct.Namespaces[t].Relation == of {
			types = append(types, t)
		}
	}
	return strings.Join(typeNames(types), " ")
}

func typeNames(types []event.NamespaceType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return names
}
