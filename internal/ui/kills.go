package ui

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/story"
)

const (
	// bannerStays is how long the latest kill has the banner, bannerFresh how long it is loud.
	bannerStays = 15 * time.Minute
	bannerFresh = time.Minute
)

func killKey(k *isolation.Kill) string {
	return fmt.Sprintf("%d/%d", k.Event.Time.UnixNano(), story.VictimPID(k))
}

// listedKills are the kills that the search lets through, newest first.
func listedKills(s *isolation.Snapshot, needle string) []*isolation.Kill {
	var out []*isolation.Kill
	for i := len(s.Kills) - 1; i >= 0; i-- {
		k := &s.Kills[i]
		if matches(needle, story.VictimContainer(k).Label(), story.VictimComm(k), strconv.Itoa(int(story.VictimPID(k)))) {
			out = append(out, k)
		}
	}
	return out
}

// banner tells the latest kill in at most h rows, a rule among them.
func (sc screen) banner(h int) []line {
	kills := listedKills(sc.s, sc.v.Search)
	if len(kills) == 0 {
		return nil
	}
	k := kills[0]
	past := sc.s.Now().Sub(k.When())
	if past > bannerStays {
		return nil
	}
	style := KillLabel
	if past > bannerFresh {
		style = KillMark
	}
	label := text(Plain, " ").add(style, " OOM KILL ").add(Dim, " "+clockIn(k.Event.Time, sc.s.Time)+"  ")
	sentences := told(story.Kill(k, sc.s), sc.s.Time)
	if left := label.width(); sc.w >= 76 {
		lines := sentences.wrap(sc.w - left - 1)
		for i := range lines {
			head := label
			if i > 0 {
				head = line{}.space(left)
			}
			lines[i] = head.join(lines[i])
		}
		return append([]line{rule(nil, sc.w)}, capped(lines, h-1)...)
	}
	lines := label[:len(label):len(label)].join(sentences).wrap(sc.w - 2)
	for i := range lines {
		lines[i] = indent(lines[i])
	}
	return append([]line{rule(nil, sc.w)}, capped(lines, h-1)...)
}

// capped keeps the first n lines; what is missing shows as an ellipsis.
func capped(lines []line, n int) []line {
	n = max(n, 0)
	if len(lines) <= n {
		return lines
	}
	lines = lines[:n]
	if n > 0 {
		last := lines[n-1]
		lines[n-1] = last.cut(max(last.width()-1, 0)).add(Plain, foreign.Ellipsis)
	}
	return lines
}

// kills draws the list of kills, with the story of the one under the cursor below it.
func (sc screen) kills(h int) []row {
	list := listedKills(sc.s, sc.v.Search)
	if len(list) == 0 {
		return plainRows(sc.noKills())
	}
	key := func(i int) string { return killKey(list[i]) }
	keys := make([]string, len(list))
	for i := range keys {
		keys[i] = key(i)
	}
	sentences := paragraph(told(story.Kill(list[sc.v.cursor(keys)], sc.s), sc.s.Time), 1, sc.w)
	below := 1 + len(sentences)
	if h-below < 5 {
		below, sentences = 0, nil
	}
	name := min(max(sc.w/6, 10), 24)
	victim := min(max(sc.w/4, 14), 32)
	head := line{}.space(marker).join(text(Title, "WHEN").fit(8)).space(2).join(text(Title, "CONTAINER").fit(name)).space(1).
		join(text(Title, "KILLED").fit(victim)).space(1).join(text(Title, "MEMORY").right(9)).space(2).
		add(Title, "WHY, AND THE OUTCOME")
	rows := []row{{line: head}}
	room := max(h-1-below, 1)
	drawn, from, to := sc.list(len(list), room, key, func(i int, selected bool) line {
		k := list[i]
		l := cursorMark(selected).add(Dim, clockIn(k.Event.Time, sc.s.Time)).space(2)
		label := text(Name, story.VictimPlace(k))
		if story.VictimContainer(k) == nil {
			label = text(Dim, story.VictimPlace(k))
		}
		l = l.join(label.mark(sc.v.Search).fit(name)).space(1)
		l = l.join(processLine(story.VictimPID(k), story.VictimComm(k)).mark(sc.v.Search).fit(victim)).space(1)
		size := text(Unknown, "?")
		if k.Event.OOM != nil {
			if charged, ok := story.ChargedBytes(k.Event.OOM.Victim); ok {
				size = text(Plain, story.Bytes(charged))
			}
		}
		return l.join(size.right(9)).space(2).join(shortWhy(k, sc.s))
	})
	rows = append(rows, drawn...)
	if to-from < len(list) && room > 2 {
		rows = append(rows, row{line: moreNote(from, to, len(list))})
	}
	for len(rows) < h-below {
		rows = append(rows, row{})
	}
	if sentences == nil {
		return rows
	}
	rows = append(rows, row{line: rule(text(Title, "in words"), sc.w)})
	return append(rows, plainRows(sentences)...)
}

// shortWhy is the reason and the outcome of a kill in a few words.
func shortWhy(k *isolation.Kill, s *isolation.Snapshot) line {
	var l line
	o := k.Event.OOM
	switch {
	case o == nil:
		l = text(Unknown, "?")
	case o.Scope == event.ScopeSystem:
		l = text(Warn, "host out of memory")
	case o.Scope == event.ScopeCpuset || o.Scope == event.ScopeMempolicy:
		l = text(Warn, string(o.Scope)+" full")
	case o.Scope == event.ScopeCgroup:
		whose := ""
		switch story.PlaceOfLimit(k, o, story.ContainerOf(s, story.VictimContainer(k))) {
		case story.LimitAbove:
			whose = "a parent's "
		case story.LimitInside:
			whose = "an inner "
		}
		if o.LimitBytes != nil {
			l = text(Plain, whose+story.Bytes(*o.LimitBytes)+" limit")
		} else {
			l = text(Plain, whose+"limit reached")
		}
	default:
		l = text(Unknown, "reason unknown")
	}
	switch {
	case story.VictimContainer(k) == nil:
	case o != nil && o.Victim.Starting:
		l = l.add(Dim, ", while it started")
	case k.Survived == nil:
		l = l.add(Dim, ", outcome unknown")
	case *k.Survived:
		l = l.add(Dim, ", lives on")
	default:
		l = l.add(Plain, ", ").add(Alarm, "ended with it")
	}
	return l
}

func (sc screen) noKills() []line {
	if sc.v.Search != "" {
		return []line{nil, text(Plain, "  No OOM kill matches “"+sc.v.Search+"”.")}
	}
	lines := []line{nil, text(Strong, "  No OOM kill so far."), nil}
	lines = append(lines, paragraph(text(Dim, "When a container outgrows its memory limit, the kernel picks a process in it and kills it. "+
		"The container's log shows nothing of that. Here every such kill is told, with the process, its size, the limit and who asked for the memory."), 2, min(sc.w, 90))...)
	return append(lines, nil, text(Dim, "  See one: ").add(KeyCap, "sudo nsviz demo oom"))
}
