package ui

import (
	"strings"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// startBox shows the steps of a start; it is empty if there is at most one.
func startBox(c *model.Container) pageBox {
	return pageBox{"how it came to be", func(w int) []line {
		if steps := story.StartSteps(c.Phases); len(steps) > 1 {
			return waterfall(steps, w)
		}
		return nil
	}}
}

// waterfall draws the steps of a start to scale, one a line, and names those that took the most time.
func waterfall(steps []story.Step, w int) []line {
	const took = 9
	wide := max(w-story.StepLabel-took-3, 1)
	bars := story.Bars(steps, wide)
	lines := make([]line, 0, len(steps)+1)
	for i, s := range steps {
		l := text(Plain, s.Label).fit(story.StepLabel).space(1 + bars[i][0])
		l = l.join(doerBar(s.Doer, bars[i][1])).fit(story.StepLabel + 1 + wide)
		lines = append(lines, l.space(1).join(text(Strong, story.Millis(s.To-s.From)).right(took)))
	}
	return append(lines, text(Plain, story.StartSummary(steps)).wrap(w)...)
}

// doerBar returns a bar of n columns with the mark of who spends the time.
func doerBar(doer story.Doer, n int) line {
	switch doer {
	case story.ByEngine:
		return text(Moved, strings.Repeat("▒", n))
	case story.ByNetwork:
		return text(Moved, strings.Repeat("▓", n))
	}
	return text(Calm, strings.Repeat("█", n))
}
