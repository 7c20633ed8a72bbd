package ui

import (
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/story"
)

const (
	// bannerStays is how long the banner shows the latest kill, bannerFresh how long it is loud.
	bannerStays = 15 * time.Minute
	bannerFresh = time.Minute
)

// killsView lists the OOM kills, with the one under the cursor in words.
type killsView struct{ listView }

func (killsView) title() string                          { return "OOM kills" }
func (killsView) help() (name string, words []explained) { return "OOM kills", nil }
func (killsView) newestFirst() bool                      { return true }
func (killsView) filtered() rowKind                      { return eventKindRows }

func (killsView) keys(s *model.Snapshot, st State) []string {
	return keysOf(st.filteredKills(s), killKey)
}

func (killsView) subject(s *model.Snapshot, _ State, key string) subject { return killSubject(s, key) }

func (v killsView) smallRows(sc screen, h int) []row { return withoutHead(v.rows(sc, h+1), h) }

func (killsView) name(s *model.Snapshot, key string) string {
	if k := killWith(s, key); k != nil {
		return killName(k)
	}
	return "an OOM kill"
}

// link leads to the container of the victim.
func (killsView) link(s *model.Snapshot, key string) link {
	if k := killWith(s, key); k != nil {
		if c := story.ContainerOf(s, story.VictimContainer(k)); c != nil {
			return link{Containers, containerKey(c), "its container"}
		}
	}
	return link{}
}

// killWith returns the kill with a key; nil if it is gone.
func killWith(s *model.Snapshot, key string) *model.Kill {
	return find(s.Kills, func(k *model.Kill) bool { return killKey(k) == key })
}

func (killsView) page(s *model.Snapshot, st State, w int) []line {
	if k := killWith(s, st.Open); k != nil {
		return killPage(k, s, w)
	}
	return nil
}

func killKey(k *model.Kill) string {
	return fmt.Sprintf("%d/%d", k.Event.Time.UnixNano(), story.VictimPID(k))
}

// listedKills returns the kills that the search lets through, newest first.
func listedKills(s *model.Snapshot, needle string) []*model.Kill {
	var out []*model.Kill
	for i := len(s.Kills) - 1; i >= 0; i-- {
		k := &s.Kills[i]
		if query.Kills.Match(k, needle) {
			out = append(out, k)
		}
	}
	return out
}

// banner describes the latest kill in at most h rows, a rule among them. If space is tight, the words take the width below the label, too.
func (sc screen) banner(h int, tight bool) []line {
	kills := listedKills(sc.s, sc.state.Search)
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
	sentences := storyLine(story.Kill(k, sc.s), sc.s.Time)
	if left := label.width(); sc.w >= 76 && !tight {
		lines := sentences.wrapIn(sc.w-left-1, h-1, sc.w)
		for i := range lines {
			head := label
			if i > 0 {
				head = line{}.space(left)
			}
			lines[i] = head.join(lines[i])
		}
		return append([]line{rule(nil, sc.w)}, capped(lines, h-1)...)
	}
	lines := label[:len(label):len(label)].join(sentences).wrapIn(sc.w-2, h-1, sc.w)
	for i := range lines {
		lines[i] = indent(lines[i])
	}
	return append([]line{rule(nil, sc.w)}, capped(lines, h-1)...)
}

// capped keeps the first n lines; an ellipsis stands for the others, for which lines have a column to spare.
func capped(lines []line, n int) []line {
	n = max(n, 0)
	if len(lines) <= n {
		return lines
	}
	lines = lines[:n]
	if n > 0 {
		lines[n-1] = lines[n-1].add(Plain, foreign.Ellipsis)
	}
	return lines
}

// rows draws the list of kills, and below it the one under the cursor in words.
func (killsView) rows(sc screen, h int) []row {
	list := sc.state.filteredKills(sc.s)
	if len(list) == 0 {
		return plainRows(sc.noKills())
	}
	keys := listBy(list, killKey)
	sentences := paragraph(storyLine(story.Kill(list[sc.state.cursorIn(keys)], sc.s), sc.s.Time), 1, sc.w)
	below := 1 + len(sentences)
	if h-below < 5 {
		below, sentences = 0, nil
	}
	rows := sc.table(killColumns(sc, list), keys, max(h-below, 2), "")
	places := sc.killPlaceRows(list, h-below-len(rows)-1)
	for len(rows) < h-below-len(places) {
		rows = append(rows, row{})
	}
	rows = append(rows, places...)
	if sentences == nil {
		return rows
	}
	rows = append(rows, row{line: rule(text(Title, "in words"), sc.w)})
	return append(rows, plainRows(sentences)...)
}

// killColumns returns the columns of a list of kills.
func killColumns(sc screen, list []*model.Kill) []column {
	needle := sc.state.Search
	name := min(max(sc.w/6, 10), 64)
	return []column{
		{title: "WHEN", width: 8, gap: 2, cell: func(i int) line { return text(Dim, clockIn(list[i].Event.Time, sc.s.Time)) }},
		{title: "CONTAINER", width: name, gap: 1, cell: func(i int) line {
			style := Name
			if story.VictimContainer(list[i]) == nil {
				style = Dim
			}
			return text(style, cutMiddle(story.VictimPlace(list[i]), name)).mark(needle)
		}},
		{title: "KILLED", width: min(max(sc.w/4, 14), 32), gap: 1, cell: func(i int) line {
			return processLine(story.VictimPID(list[i]), story.VictimComm(list[i])).mark(needle)
		}},
		{title: "MEMORY", width: 9, right: true, gap: 2, cell: func(i int) line {
			if o := list[i].Event.OOM; o != nil {
				if charged, ok := story.ChargedBytes(o.Victim); ok {
					return text(Plain, story.Bytes(charged))
				}
			}
			return text(Unknown, "?")
		}},
		{title: "WHY, AND THE OUTCOME", cell: func(i int) line { return shortWhy(list[i], sc.s) }},
	}
}

// shortWhy returns the reason and the outcome of a kill in a few words.
func shortWhy(k *model.Kill, s *model.Snapshot) line {
	var l line
	o := k.Event.OOM
	c := story.ContainerOf(s, story.VictimContainer(k))
	switch {
	case o == nil:
		l = text(Unknown, "?")
	case o.Scope == event.ScopeSystem:
		l = text(Warn, "host out of memory")
	case o.Scope == event.ScopeCpuset || o.Scope == event.ScopeMempolicy:
		l = text(Warn, string(o.Scope)+" full")
	case o.Scope == event.ScopeCgroup:
		whose := ""
		switch story.PlaceOfLimit(k, o, c) {
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
	case story.Survived(k, c) == nil:
		l = l.add(Dim, ", outcome unknown")
	case *story.Survived(k, c):
		l = l.add(Dim, ", lives on")
	default:
		l = l.add(Plain, ", ").add(Alarm, "ended")
	}
	return l
}

func (sc screen) noKills() []line {
	if out := sc.filteredOut(); out != nil {
		return out
	}
	if sc.state.Search != "" {
		return []line{nil, text(Plain, "  No OOM kill matches “"+sc.state.Search+"”.")}
	}
	lines := []line{nil, text(Strong, "  No OOM kill so far."), nil}
	lines = append(lines, paragraph(text(Dim, "When a container outgrows its memory limit, the kernel picks a process in it and kills it. "+
		"The kernel writes nothing of that to the container's log. Here every such kill is listed, with the process, its size, the limit and who asked for the memory."), 2, min(sc.w, 90))...)
	return append(lines, nil, text(Dim, "  See one: ").add(KeyCap, "sudo nsviz demo oom"))
}
