package ui

import (
	"strconv"
	"strings"

	"github.com/nsviz/nsviz/internal/story"
)

// small draws what matters most on a screen too small for the dashboard: the counts, a fresh kill,
// then as much of the view as there is room for.
func (sc screen) small() []row {
	if sc.v.Typing {
		rows := []row{{line: text(KeyCap, "/").add(Strong, sc.v.Search)}}
		return append(rows, sc.smallBody(sc.h-1)...)
	}
	kills := listedKills(sc.s, sc.v.Search)
	fresh := len(kills) > 0 && sc.s.Now().Sub(kills[0].When()) <= bannerFresh
	if sc.h == 1 {
		if fresh {
			return []row{{line: sc.smallKill()}}
		}
		return []row{{line: sc.smallHeader()}}
	}
	rows := []row{{line: sc.smallHeader()}}
	if fresh && !sc.v.pageOpen() && sc.v.Tab == Containers {
		rows = append(rows, row{line: sc.smallKill()})
	}
	return append(rows, sc.smallBody(sc.h-len(rows))...)
}

func (sc screen) smallHeader() line {
	l := text(BarName, "nsviz").add(Bar, " ")
	switch {
	case sc.v.Frozen != nil:
		l = l.add(BarFrozen, "❚❚")
	case sc.v.Replay:
		l = l.add(BarFrozen, "▶")
	default:
		l = l.add(BarLive, "●")
	}
	if sc.s.Probes == nil && !sc.v.Replay {
		return l.add(Bar, " attaching…")
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

func (sc screen) smallKill() line {
	k := listedKills(sc.s, sc.v.Search)[0]
	return text(KillLabel, "OOM").add(Plain, " ").add(Name, strings.TrimPrefix(story.VictimPlace(k), "the ")).add(Plain, ": ").add(Strong, story.VictimComm(k))
}

func (sc screen) smallBody(h int) []row {
	if h <= 0 {
		return nil
	}
	switch {
	case sc.v.pageOpen():
		return sc.page(h)
	case sc.v.Tab == Namespaces || sc.v.Tab == Kills || sc.v.Tab == Events:
		rows := sc.body(h + 1)
		// Without room for a title and a footer the rows themselves come first.
		return rows[min(1, len(rows)):]
	}
	list, vms := listedContainers(sc.s, sc.v.Search), listedVMs(sc.s, sc.v.Search)
	if len(list)+len(vms) == 0 {
		return []row{{line: text(Dim, "no container")}}
	}
	keys := sc.v.keys(sc.s)
	name := min(max(sc.w-marker-1-len("63.9/64 MiB"), sc.w/3), 24)
	rows, _, _ := sc.list(len(keys), h, func(i int) string { return keys[i] },
		func(i int, selected bool) line {
			l := cursorMark(selected)
			if i >= len(list) {
				v := vms[i-len(list)]
				return l.join(text(Title, "VM ").join(vmName(v)).fit(name)).space(1).join(vmMemory(v, 0, memoryText))
			}
			c := list[i]
			l = l.join(text(Name, c.Label).fit(name)).space(1)
			if !c.Live() {
				return l.join(wordEnd(c.End()))
			}
			return l.join(memoryCell(c.Memory, 0, memoryText))
		})
	return rows
}
