package story

import (
	"fmt"
	"strings"
)

// Chart draws the steps of a start to scale, a line each, in w columns or as few more as it needs.
func Chart(steps []Step, w int) []string {
	const took = 9
	wide := max(w-StepLabel-took-4, 8)
	lines := make([]string, len(steps))
	for i, bar := range Bars(steps, wide) {
		drawn := strings.Repeat(" ", bar[0]) + strings.Repeat("█", bar[1])
		lines[i] = fmt.Sprintf("  %-*s %s%s%*s", StepLabel, steps[i].Label, drawn, strings.Repeat(" ", max(wide-bar[0]-bar[1], 0)),
			took, Millis(steps[i].To-steps[i].From))
	}
	return lines
}
