package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// header returns the first line: the host, the counts, and whether the screen is live.
func (sc screen) header() line {
	right := sc.mode()
	left := text(BarName, " nsviz ")
	sep := text(BarDim, " · ")
	room := sc.w - right.width() - left.width() + 1 // the first gap is two columns narrower
	parts := sc.headerParts()
	for rank := range headerRanks {
		for i, part := range parts {
			if part.rank != rank {
				continue
			}
			if w := part.width() + sep.width(); w <= room {
				room -= w
			} else {
				parts[i].line = nil
			}
		}
	}
	gap := text(Bar, " ")
	for _, part := range parts {
		if len(part.line) > 0 {
			left, gap = left.join(gap, part.line), sep
		}
	}
	l := left.add(Bar, blanks(sc.w-left.width()-right.width())).join(right)
	return l.fit(sc.w)
}

// headerPart is a fact in the header. If room is short, those of a higher rank are left out.
type headerPart struct {
	line
	rank int
}

const headerRanks = 3

// headerParts returns the header's facts from left to right.
func (sc screen) headerParts() []headerPart {
	s := sc.s
	var parts []headerPart
	if s.Host.Name != "" && sc.w >= 90 {
		parts = append(parts, headerPart{text(Bar, s.Host.Name).cut(24), 2})
	}
	if sc.w >= 110 {
		if s.Host.Kernel != "" {
			parts = append(parts, headerPart{text(Bar, kernelText(s.Host.Kernel)).cut(28), 2})
		}
		if s.Host.CgroupVersion != "" {
			parts = append(parts, headerPart{text(Bar, "cgroup "+s.Host.CgroupVersion), 2})
		}
	}
	if sc.attaching() {
		return append(parts, headerPart{text(Bar, "attaching…"), 0})
	}
	parts = append(parts, headerPart{text(Bar, story.Count(uint64(s.LiveCount()), "container", "containers")), 0})
	if n := len(s.VMs); n > 0 && sc.w >= 60 {
		parts = append(parts, headerPart{text(Bar, sc.found(n, "VM", "VMs")), 1})
	}
	if n := len(s.Namespaces); n > 0 && sc.w >= 80 {
		parts = append(parts, headerPart{text(Bar, sc.found(n, "namespace", "namespaces")), 1})
	}
	kills, style := s.OOMKillCount(), Bar
	if kills > 0 {
		style = BarAlarm
	}
	// The kills that nsviz has seen. A row has all since its container started, by the kernel's own count.
	return append(parts, headerPart{text(style, story.Count(kills, "OOM kill", "OOM kills")+" seen"), 0})
}

// found returns a count of what surveys find: if nsviz may not look everywhere, there are more.
func (sc screen) found(n int, one, many string) string {
	if sc.s.Unseen.Blind() {
		return fmt.Sprintf("%d+ %s", n, many)
	}
	return story.Count(uint64(n), one, many)
}

// kernelText names the kernel; only some sources have "Linux" before the version.
func kernelText(kernel string) string {
	if strings.HasPrefix(kernel, "Linux") {
		return kernel
	}
	return "Linux " + kernel
}

// attaching reports whether nsviz does not see yet what happens.
func (sc screen) attaching() bool { return sc.s.Probes == nil && !sc.state.Replay }

// mode returns the header's right end: live, frozen or replayed, what was lost, and the time.
func (sc screen) mode() line {
	var l line
	if n := sc.s.LostCount(); n > 0 {
		l = l.add(BarAlarm, strconv.FormatUint(n, 10)+" lost").add(BarDim, " · ")
	}
	switch {
	case sc.state.Frozen != nil:
		l = l.add(BarFrozen, sc.frozenMark()).add(BarDim, " · ")
	case sc.state.Replay:
		l = l.add(BarFrozen, sc.replayMark()).add(BarDim, " · ")
	case sc.attaching():
		l = l.add(BarDim, "starting · ")
	default:
		l = l.add(BarLive, "● live").add(BarDim, " · ")
	}
	clock := "--:--:--"
	if !sc.s.Time.IsZero() {
		clock = clockIn(sc.s.Time, sc.s.Time)
	}
	return l.add(Bar, clock+" ")
}

// tabs returns the line that names the views.
func (sc screen) tabs() row {
	draw := func(short bool) row {
		var r row
		for tab := range tabCount {
			r.line = r.line.space(min(3, 1+2*int(tab)))
			digit, name := sc.state.Keys.cap(viewCommands[tab]), views[tab].title()
			if short && tab != sc.state.Tab && digit != "" {
				name = ""
			} else if digit != "" {
				name = " " + name
			}
			from := r.line.width()
			if tab == sc.state.Tab {
				r.line = r.line.add(TabOn, digit+name)
			} else {
				r.line = r.line.add(KeyCap, digit).add(TabOff, name)
			}
			r.zones = append(r.zones, zone{from: from, to: r.line.width(), click: func(at place) (State, Action) { return at.switchTo(tab), Stay }})
		}
		return r
	}
	if r := draw(false); r.line.width() <= sc.w {
		return r
	}
	return draw(true)
}

// status returns the line below the tabs: a rule with notes about the screen.
func (sc screen) status() line {
	var parts []line
	if sc.state.Open != "" && !sc.state.Help {
		parts = append(parts, sc.state.trail(sc.s))
	}
	if sc.state.Note != "" {
		parts = append(parts, text(Strong, sc.state.Note))
	}
	if sc.state.Frozen != nil {
		parts = append(parts, text(Warn, sc.frozenNote()))
	}
	list := sc.state.Open == "" // what narrows a list does not narrow a page, and esc leads back to the list
	if list && sc.state.Search != "" && !sc.state.Typing {
		parts = append(parts, text(Warn, "only what matches “"+sc.state.Search+"”; "+sc.state.Keys.cap(cmdBack)+" shows all"))
	}
	if list && sc.state.filter() != "" && !sc.state.Filtering {
		parts = append(parts, sc.filterStatus())
	}
	for _, e := range sc.s.Engines {
		if note := engineNote(e, sc.s); note != "" {
			parts = append(parts, text(Warn, note))
		}
	}
	for _, n := range sc.state.Notes {
		parts = append(parts, text(Dim, n))
	}
	var title line
	for i, p := range parts {
		if i > 0 {
			title = title.add(Dim, " ── ")
		}
		title = title.join(p)
	}
	title = title.cut(max(sc.w-6, 0))
	if sc.state.Frozen != nil {
		return frozenRule(title, sc.w)
	}
	return rule(title, sc.w)
}

// engineNote returns what is missing on screen because an engine does not answer.
func engineNote(e fact.Engine, s *model.Snapshot) string {
	unnamed, named := false, false
	for i := range s.Containers {
		c := &s.Containers[i]
		// Among several engines, one that is not there is missed only by containers that may be its own.
		its := len(s.Engines) == 1 || c.Runtime == e.Name || c.Runtime == ""
		unnamed = unnamed || its && c.Live() && !c.Named
		named = named || its && c.Live() && c.Named
	}
	name := e.Label(s.Engines)
	if e.User != 0 && !unnamed {
		return "" // whatever a user has listen there
	}
	switch e.State {
	case fact.EngineFailing:
		if named && !unnamed { // the names come from files
			return name + ": not answering"
		}
		return name + ": not answering, showing short ids"
	case fact.EngineConnecting:
		return name + ": connecting"
	case fact.EngineAbsent:
		if unnamed {
			return name + ": not there, showing short ids"
		}
	}
	return ""
}

// footer returns the line of keys, or the text while it is being entered.
func (sc screen) footer() row {
	at := here(sc.state, sc.live)
	if at.mode == inSearch {
		return sc.prompt(at)
	}
	keys, last := hinted(at)
	if at.mode == inExport {
		return row{line: text(Strong, " write the screen to a file:").space(1)}.beside(hintRow(at, keys))
	}
	for {
		if r := hintRow(at, append(keys[:len(keys):len(keys)], last...)); len(keys) == 0 || r.line.width() <= sc.w {
			return r
		}
		keys = keys[:len(keys)-1]
	}
}

// hinted returns the keys that are offered in a place. The last ones are offered even if there is no room for the others. While the
// screen is frozen, those that lead through time stand behind the one that ends that.
func hinted(at place) (keys, last []boundKeys) {
	var time []boundKeys
	bound := at.bound()
	keys = make([]boundKeys, 0, len(bound))
	for _, b := range bound {
		switch {
		case b.hint == nil || b.hint(at) == "":
		case at.mode&reading == 0 && b.modes&reading != 0: // while something is entered, only what ends that
		case b.last:
			last = append(last, b)
		case b.time && at.Frozen != nil:
			time = append(time, b)
		default:
			keys = append(keys, b)
		}
	}
	if len(time) > 0 {
		keys = slices.Insert(keys, min(1, len(keys)), time...)
	}
	return keys, last
}

// hintRow returns a line of keys. A click on one does what the key does.
func hintRow(at place, list []boundKeys) row {
	r := row{line: withRoom(3 * len(list)), zones: make([]zone, 0, len(list))}
	for i, b := range list {
		r.line = r.line.space(min(3, 1+2*i))
		from := r.line.width()
		name, _ := b.cap()
		r.line = r.line.add(KeyCap, name).add(Dim, " "+b.hint(at))
		r.zones = append(r.zones, zone{from: from, to: r.line.width(), click: func(at place) (State, Action) { return b.do(at, b.keys[0].command) }})
	}
	return r
}

// prompt returns the text that is being entered, and the keys that end that.
func (sc screen) prompt(at place) row {
	left := text(KeyCap, " /").add(Strong, sc.state.Search).add(KeyCap, "▏")
	keys, _ := hinted(at)
	right := hintRow(at, keys)
	count := text(Dim, fmt.Sprintf("%d shown  ", sc.rowCount()))
	gap := sc.w - left.width() - count.width() - right.line.width() - 1
	if gap < 2 {
		return row{line: left}
	}
	return row{line: left.space(gap).join(count)}.beside(right)
}

// beside returns the row with another one behind it.
func (r row) beside(other row) row {
	from := r.line.width()
	r.line = r.line.join(other.line)
	for _, z := range other.zones {
		r.zones = append(r.zones, zone{from + z.from, from + z.to, z.click, z.key})
	}
	return r
}
