package ui

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// happened returns what happened to a container, oldest first: what `nsviz why` tells of its history, in the same words.
func happened(c *model.Container, s *model.Snapshot, st State, w int) []line {
	const when, narrow, most = 14, 44, 12
	left := when
	if w < narrow { // the times have lines of their own
		left = 2
	}
	moments, rest := story.Brief(c.History)
	if len(moments) == 0 { // it is on its way to its start, of which a short history has nothing
		rest = max(len(c.History)-most, 0)
		moments = c.History[rest:]
	}
	if len(moments) == 0 {
		return []line{text(Dim, "nsviz did not see it start, and has seen nothing happen to it since.")}
	}
	var lines []line
	for i := range moments {
		m := &moments[i]
		head := text(Dim, story.Recent(m.Time, s.Time))
		if w < narrow {
			lines = append(lines, head)
			head = nil
		}
		for _, l := range accented(told(story.Entry(m, c), s.Time), accent(m)).wrap(max(w-left, 8)) {
			lines = append(lines, head.fit(left).join(l))
			head = nil
		}
	}
	if rest == 0 {
		return lines
	}
	command := "nsviz why " + c.Label + " --history"
	if st.Replay {
		command += " --recording FILE"
	}
	more := text(Dim, "and "+story.Count(uint64(rest), "thing", "things")+" more: ").add(KeyCap, command)
	for _, l := range more.wrap(max(w-left, 8)) {
		lines = append(lines, line{}.space(left).join(l))
	}
	return lines
}

// accented returns a line whose first strong words have another style.
func accented(l line, style Style) line {
	if i := slices.IndexFunc(l, func(sp span) bool { return sp.style == Strong }); i >= 0 {
		l = slices.Clone(l)
		l[i].style = style
	}
	return l
}

// accent returns the style of what a moment turns on: by it the eye finds starts, ends and kills.
func accent(m *model.Entry) Style {
	switch m.Kind {
	case model.EntryKind(event.ContainerStarted):
		return Birth
	case model.EntryKind(event.OOMKill), model.EntryUnobservedKills, model.EntryNeverRan:
		return KillMark
	case model.EntryKind(event.ContainerExited):
		if m.Exit != nil && m.Exit.Cause == event.CauseOOMKill {
			return KillMark
		}
		return Death
	case model.EntryStuck:
		return Alarm
	case model.EntryPIDsRefused, model.EntryAbandoned:
		return Warn
	}
	return Strong
}
