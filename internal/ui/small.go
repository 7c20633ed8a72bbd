package ui

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/story"
)

// small draws what matters most on a screen too small for the dashboard: the counts, a fresh kill,
// then as much of the view as there is room for.
func (sc screen) small() []row {
	if sc.state.Typing {
		rows := []row{{line: text(KeyCap, "/").add(Strong, sc.state.Search)}}
		return append(rows, sc.smallBody(sc.h-1)...)
	}
	if sc.state.Filtering {
		rows := []row{{line: text(KeyCap, "f ").add(Strong, sc.state.Draft)}}
		return append(rows, sc.smallBody(sc.h-1)...)
	}
	if sc.h == 1 {
		if kill := sc.smallKill(); kill != nil {
			return []row{{line: kill}}
		}
		return []row{{line: sc.smallHeader()}}
	}
	return append([]row{{line: sc.smallHeader()}}, sc.smallBody(sc.h-1)...)
}

func (sc screen) smallHeader() line {
	l := text(BarName, "nsviz").add(Bar, " ")
	switch {
	case sc.state.Frozen != nil:
		l = l.add(BarFrozen, "❚❚")
	case sc.state.Replay:
		l = l.add(BarFrozen, "▶")
	case sc.attaching():
		return l.add(Bar, "attaching…")
	default:
		l = l.add(BarLive, "●")
	}
	l = l.add(Bar, " "+strconv.Itoa(sc.s.LiveCount())+" ct")
	if n := sc.s.OOMKillCount(); n > 0 {
		l = l.add(BarAlarm, " "+strconv.FormatUint(n, 10)+" OOM")
	}
	if n := sc.s.LostCount(); n > 0 {
		l = l.add(BarAlarm, " "+strconv.FormatUint(n, 10)+" lost")
	}
	if n := len(sc.s.VMs); n > 0 {
		if vms := " " + strconv.Itoa(n) + " VM"; l.width()+len(vms) <= sc.w {
			l = l.add(Bar, vms)
		}
	}
	return l
}

// smallKill returns the latest kill in a few words; nil if there is no fresh one.
func (sc screen) smallKill() line {
	kills := listedKills(sc.s, sc.state.Search)
	if len(kills) == 0 || sc.s.Now().Sub(kills[0].When()) > bannerFresh {
		return nil
	}
	k := kills[0]
	return text(KillLabel, "OOM").add(Plain, " ").add(Name, strings.TrimPrefix(story.VictimPlace(k), "the ")).add(Plain, ": ").add(Strong, story.VictimComm(k))
}

func (sc screen) smallBody(h int) []row {
	if h <= 0 {
		return nil
	}
	if sc.state.pageOpen() {
		return sc.page(h)
	}
	return views[sc.state.Tab].smallRows(sc, h)
}
