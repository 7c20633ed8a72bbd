package pipeline

import (
	"testing"
	"time"
)

// A question without an answer shows as stuck; there is one at a time, and not more than one a second.
func TestPulse(t *testing.T) {
	var p pulse
	var answers []func()
	ask := func(answered func()) { answers = append(answers, answered) }
	now := time.Unix(100, 0)
	if silent := p.check(now, ask); silent != 0 || len(answers) != 1 {
		t.Errorf("%v, %d questions", silent, len(answers))
	}
	if silent := p.check(now.Add(stuckAfter), ask); silent != stuckAfter || len(answers) != 1 {
		t.Errorf("%v, %d questions", silent, len(answers))
	}
	answers[0]()
	if silent := p.check(now.Add(pulseInterval-1), ask); silent != 0 || len(answers) != 1 {
		t.Errorf("asked again too soon: %v, %d questions", silent, len(answers))
	}
	if silent := p.check(now.Add(pulseInterval), ask); silent != 0 || len(answers) != 2 {
		t.Errorf("not asked again: %v, %d questions", silent, len(answers))
	}
}
