package ui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// startPage shows one start: the waterfall over the width of the screen, then what happens in each step.
func startPage(c containerStart, s *model.Snapshot, w int) []line {
	lines := anatomyTitle(c.Container, w)
	when := text(Dim, "at an unknown time")
	if at := c.when(); !at.IsZero() {
		when = text(Plain, milliIn(at, s.Time)).add(Dim, ", "+story.Ago(s.Time.Sub(at)))
	}
	took, ok := c.took()
	switch {
	case c.failed():
		lines = append(lines, text(Alarm, " failed ").join(when))
	case ok:
		lines = append(lines, text(Plain, " took ").add(Strong, story.Millis(took)).add(Dim, "; its own program ran at ").join(when))
	default:
		lines = append(lines, text(Plain, " nsviz did not see this start."))
	}
	if c.failed() || ok && c.count < 2 {
		lines = append(lines, nil)
		lines = append(lines, paragraph(startSentence(c, s), 1, w)...)
	}
	steps := c.steps()
	if len(steps) < 2 {
		return lines
	}
	lines = append(lines, nil, rule(text(Title, "where the time went"), w))
	for _, l := range waterfall(steps, w-2) {
		lines = append(lines, indent(l))
	}
	lines = append(lines, nil, rule(text(Title, "what happens in each step"), w))
	const begins = 10
	left := 1 + begins + 2 + story.StepLabel + 1
	for _, step := range steps {
		for i, words := range text(Plain, step.Sentence).wrap(max(w-left-1, 8)) {
			head := line{}.space(left)
			if i == 0 {
				head = line{}.space(1).join(text(Number, "+"+story.Millis(step.From-steps[0].From)).right(begins)).space(2).
					join(text(Title, step.Label).fit(story.StepLabel)).space(1)
			}
			lines = append(lines, head.join(words))
		}
	}
	if missing := unseenSteps(c.Phases); len(missing) > 0 {
		lines = append(lines, nil)
		lines = append(lines, paragraph(text(Dim, fmt.Sprintf("Not seen, or no part of this start: %s. What they took, if anything, is in the step that follows.", story.Listed(missing))), 1, w)...)
	}
	return lines
}

// unseenSteps names the steps of which a start has no phase.
func unseenSteps(phases []event.Phase) (missing []string) {
	for _, step := range []struct {
		name   string
		phases []string
	}{
		{"the request to the engine", []string{event.PhaseCreate}},
		{"the making of namespaces", []string{event.PhaseNamespaces, event.PhaseNamespace, event.PhaseJoined}},
		{"the clone of PID 1", []string{event.PhaseClone}},
		{"the network", []string{event.PhaseNetwork}},
		{"mounts", []string{event.PhaseMounts}},
		{"the change of the root", []string{event.PhasePivotRoot, event.PhaseChroot}},
	} {
		if !slices.ContainsFunc(phases, func(p event.Phase) bool {
			return slices.ContainsFunc(step.phases, func(name string) bool {
				return p.Name == name || strings.HasSuffix(name, "_") && strings.HasPrefix(p.Name, name)
			})
		}) {
			missing = append(missing, step.name)
		}
	}
	return missing
}
