package pipeline

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/collect/survey"
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

// A pipeline is ready once its probes are attached and the first survey is done, until nothing arrives any more.
func TestReady(t *testing.T) {
	now := time.Unix(100, 0)
	p := &Pipeline{loop: newLoop(slog.New(slog.DiscardHandler), nil), attached: make(chan struct{}), pulses: make(chan func(), 1)}
	p.now, p.hostPIDs = func() time.Time { return now }, true
	is := func(says string) {
		t.Helper()
		switch err := p.Ready(); {
		case says == "" && err != nil, says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%v, want %q", err, says)
		}
	}
	is("not attached")
	close(p.attached)
	is("first survey")
	p.hostPIDs = false // then there is none to wait for
	is("")
	(<-p.pulses)()
	p.hostPIDs = true
	surveyEnded{Result: survey.Result{Ended: now}}.handle(p.loop)
	now = now.Add(pulseInterval)
	is("") // asks, and nobody answers
	now = now.Add(stuckAfter - 1)
	is("")
	now = now.Add(1)
	is("has not arrived for 15s")
	is("has not arrived for 15s")
	(<-p.pulses)()
	is("")
}
