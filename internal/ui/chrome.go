package ui

import (
	"fmt"
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
	if s.Probes == nil && !sc.state.Replay {
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

// mode returns the header's right end: live, frozen or replayed, what was lost, and the time.
func (sc screen) mode() line {
	var l line
	if n := sc.s.LostCount(); n > 0 {
		l = l.add(BarAlarm, strconv.FormatUint(n, 10)+" lost").add(BarDim, " · ")
	}
	switch {
	case sc.state.Frozen != nil:
		l = l.add(BarFrozen, "❚❚ frozen").add(BarDim, " · ")
	case sc.state.Replay:
		l = l.add(BarFrozen, "▶ replay").add(BarDim, " · ")
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
func (sc screen) tabs() line {
	draw := func(short bool) line {
		var l line
		for tab := range tabCount {
			l = l.space(min(3, 1+2*int(tab)))
			digit := strconv.Itoa(int(tab) + 1)
			name := " " + views[tab].title()
			if short && tab != sc.state.Tab {
				name = ""
			}
			if tab == sc.state.Tab {
				l = l.add(TabOn, digit+name)
			} else {
				l = l.add(KeyCap, digit).add(TabOff, name)
			}
		}
		return l
	}
	if l := draw(false); l.width() <= sc.w {
		return l
	}
	return draw(true)
}

// status returns the line below the tabs: a rule with notes about the screen.
func (sc screen) status() line {
	var parts []line
	if sc.state.Frozen != nil {
		parts = append(parts, text(Warn, "frozen; "+story.Count(sc.state.missed(sc.live), "event has", "events have")+
			" come since; space goes on"))
	}
	if sc.state.Search != "" && !sc.state.Typing {
		parts = append(parts, text(Warn, "only what matches “"+sc.state.Search+"”; esc shows all"))
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
	return rule(title.cut(max(sc.w-6, 0)), sc.w)
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

type keyHelp struct{ key, what string }

// footer returns the line of keys, or the search text while it is being entered.
func (sc screen) footer() line {
	if sc.state.Typing {
		return sc.prompt()
	}
	freeze := keyHelp{"space", "freeze"}
	if sc.state.Frozen != nil {
		freeze.what = "go on"
	}
	keys := views[sc.state.Tab].hints()
	if sc.state.Chooser != ChooseNothing {
		return flow(sc.state.Chooser.hints(), 3, 1, sc.w)[0]
	}
	if sc.state.onHeading(sc.live) {
		what := "fold"
		if sc.state.Folded[sc.state.Cursor[sc.state.Tab]] {
			what = "unfold"
		}
		keys, freeze = []keyHelp{{"↑↓", "move"}, {"space", what}, {"/", "find"}}, keyHelp{"←→", "fold, unfold"}
	}
	if sc.state.Help || sc.state.Open != "" {
		keys = []keyHelp{{"esc", "back"}, {"↑↓", "scroll"}}
	}
	keys = append(keys, freeze, keyHelp{"tab", "next view"})
	if sc.state.Search != "" && sc.state.Open == "" && !sc.state.Help {
		keys = append([]keyHelp{{"esc", "show all"}}, keys...)
	}
	last := []keyHelp{{"?", "what is this?"}, {"q", "quit"}}
	for {
		var parts []line
		for _, k := range append(keys[:len(keys):len(keys)], last...) {
			parts = append(parts, text(KeyCap, k.key).add(Dim, " "+k.what))
		}
		if lines := flow(parts, 3, 1, sc.w); len(lines) == 1 || len(keys) == 0 {
			return lines[0]
		}
		keys = keys[:len(keys)-1]
	}
}

func (sc screen) prompt() line {
	found := 0
	for _, key := range sc.state.keys(sc.s) {
		if !isHeading(key) {
			found++
		}
	}
	what := fmt.Sprintf("%d shown", found)
	right := text(Dim, what+"   ").add(KeyCap, "enter").add(Dim, " keep   ").add(KeyCap, "esc").add(Dim, " show all ")
	left := text(KeyCap, " /").add(Strong, sc.state.Search).add(KeyCap, "▏")
	if left.width()+right.width()+2 > sc.w {
		return left
	}
	return left.space(sc.w - left.width() - right.width()).join(right)
}
