package story

import (
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// A list of kills and the sentence about one say the same about the container, also if its PID 1 is unknown, as that of a sandbox is.
func TestSurvived(t *testing.T) {
	kill := func(survived *bool, init bool) *model.Kill {
		return &model.Kill{Event: event.Event{OOM: &event.OOM{Victim: event.Victim{Init: init}}}, Survived: survived}
	}
	runs, ended := &model.Container{State: model.Running}, &model.Container{State: model.Exited}
	for name, test := range map[string]struct {
		kill *model.Kill
		c    *model.Container
		want *bool
	}{
		"it did":                      {kill(new(true), false), ended, new(true)},
		"it did not":                  {kill(new(false), false), runs, new(false)},
		"PID 1 was the victim":        {kill(nil, true), nil, new(false)},
		"unknown, but it runs":        {kill(nil, false), runs, new(true)},
		"unknown, and it has ended":   {kill(nil, false), ended, nil},
		"unknown, and it is not kept": {kill(nil, false), nil, nil},
		"a recording without a word":  {&model.Kill{}, nil, nil},
	} {
		if got := Survived(test.kill, test.c); (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
