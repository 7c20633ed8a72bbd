package ui

import (
	"slices"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// historyLines returns a container's brief history, oldest first, in the words of `nsviz why`.
func historyLines(c *model.Container, s *model.Snapshot, st State, w int) []line {
	const when, narrow, most = 14, 44, 12
	left := when
	if w < narrow { // the times have lines of their own
		left = 2
	}
	entries, dropped := story.Brief(c.History)
	if len(entries) == 0 { // it is starting; a brief history leaves out starts
		dropped = max(len(c.History)-most, 0)
		entries = c.History[dropped:]
	}
	if len(entries) == 0 {
		return text(Dim, "nsviz did not see it start, and has seen nothing happen to it since.").wrap(w)
	}
	var lines []line
	for i := range entries {
		m := &entries[i]
		head := text(Dim, story.Recent(m.Time, s.Time))
		if w < narrow {
			lines = append(lines, head)
			head = nil
		}
		for _, l := range accented(storyLine(story.Entry(m, c), s.Time), accent(m)).wrap(max(w-left, 8)) {
			lines = append(lines, head.fit(left).join(l))
			head = nil
		}
	}
	if dropped == 0 {
		return lines
	}
	flags := []string{"--history"}
	if st.Replay {
		flags = append(flags, "--recording", "FILE")
	}
	command := ownCommand("why", c.Label, flags...)
	more := text(Dim, "and "+story.Count(uint64(dropped), "thing", "things")+" more: ").add(KeyCap, command)
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

// accent returns the style of an entry's strong words, which makes starts, ends and kills easy to find.
func accent(m *model.Entry) Style {
	switch m.Kind {
	case model.EntryKind(event.ContainerStarted):
		return Creation
	case model.EntryKind(event.OOMKill), model.EntryUnobservedKills, model.EntryNeverRan:
		return KillMark
	case model.EntryKind(event.ContainerExited):
		if m.Exit != nil && m.Exit.Cause == event.CauseOOMKill {
			return KillMark
		}
		return Death
	case model.EntryStuck:
		return Alarm
	case model.EntryPIDsRefused, model.EntryAbandoned, model.EntryPaused:
		return Warn
	}
	return Strong
}
