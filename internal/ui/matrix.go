package ui

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

const namespaceColumns = event.NamespaceTypeCount

// namespaceLetters name the types in columns with room for a single letter.
const namespaceLetters = "mpniuUct"

// namespaceHead returns the titles of the eight columns, w columns wide each.
func namespaceHead(w int) line {
	var l line
	for _, t := range event.NamespaceTypes() {
		l = l.join(text(Title, namespaceTitle(t, w)).fit(w))
	}
	return l
}

func namespaceTitle(t event.NamespaceType, w int) string {
	name := t.String()
	switch {
	case w < 4:
		return namespaceLetters[t : t+1]
	case len(name) < w:
		return name
	case t == event.User:
		return "usr"
	case t == event.CgroupNS:
		return "cgr"
	}
	return name[:w-1]
}

// writeNamespaces appends the eight symbols of a container, w columns wide each.
func writeNamespaces(l line, ct *model.Container, w int) line {
	before := 0
	if w >= 4 {
		before = 1
	}
	l = l.extend(before)
	for i, t := range event.NamespaceTypes() {
		sign, style := membershipSign(ct.Namespaces[t], t)
		l = l.add(style, sign)
		if after := w - before - foreign.Width(sign); i == namespaceColumns-1 {
			l = l.extend(after)
		} else {
			l = l.extend(after + before)
		}
	}
	return l
}

// membershipSign returns the symbol of a container's place in a namespace.
func membershipSign(m model.Membership, t event.NamespaceType) (string, Style) {
	style := Unknown
	switch {
	case m.Abandoned != nil:
		style = Alarm
	case m.Relation == model.RelationOwn:
		style = Own
	case m.Relation == model.RelationHost && story.IsolatedByDefault(t):
		style = HostBare
	case m.Relation == model.RelationHost:
		style = HostUsual
	case m.Relation == model.RelationShared:
		style = Shared
	}
	return story.Sign(m), style
}

// hasDead reports whether a container is in a dead namespace.
func hasDead(ct *model.Container) bool {
	return slices.ContainsFunc(ct.Namespaces[:], func(m model.Membership) bool { return m.Abandoned != nil })
}

// legend explains every symbol of the table, in as many lines as the width needs, after the order if that is not the usual one. The
// symbols of a dead namespace and of cached files are rare, and explained only if they are shown.
func legend(c columns, w int, dead, cached bool) []line {
	var parts []line
	if order := c.sort.words(); order != "" {
		parts = append(parts, text(Strong, "sorted by "+order))
	}
	if c.namespace() > 0 {
		parts = append(parts,
			text(Own, story.OwnSign).add(Dim, " its own"),
			text(HostUsual, story.HostSign).add(Dim, " the host's"),
			text(Shared, "a b").add(Dim, " shared with each other"),
			text(Unknown, story.UnknownSign).add(Dim, " unknown"))
	}
	if c.namespace() > 0 && dead {
		parts = append(parts, text(Alarm, story.DeadSign).add(Dim, " a dead one"))
	}
	if cached {
		parts = append(parts, text(Dim, cacheSign+" cached files, which the kernel drops first"))
	}
	if c.of(columnSpark) > 0 {
		parts = append(parts, text(KillMark, killSign).add(Dim, " OOM kill"))
	}
	lines := flow(parts, 3, marker, w)
	// The help has this too; it is not worth a line of its own.
	counts := append(parts[:len(parts):len(parts)], text(Title, "OOM").add(Dim, " kills since its start"))
	if l := flow(counts, 3, marker, w); c.of(columnSpark) > 0 && c.of(columnOOM) > 0 && len(l) == len(lines) {
		lines = l
	}
	if c.namespace() > 0 && c.namespace() < 4 {
		parts = nil
		for _, t := range event.NamespaceTypes() {
			parts = append(parts, text(Title, namespaceLetters[t:t+1]).add(Dim, " "+t.String()))
		}
		lines = append(lines, flow(parts, 2, marker, w)...)
	}
	return lines
}

// flow sets parts side by side, gap columns apart, in as many lines as they need.
func flow(parts []line, gap, left, w int) []line {
	var lines []line
	var l line
	for _, p := range parts {
		if len(l) > 0 && l.width()+gap+p.width() > w {
			lines = append(lines, l)
			l = nil
		}
		if len(l) == 0 {
			l = line{}.space(left)
		} else {
			l = l.space(gap)
		}
		l = l.join(p)
	}
	if len(l) > 0 {
		lines = append(lines, l)
	}
	return lines
}
