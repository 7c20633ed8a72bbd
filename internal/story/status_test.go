package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestStatus(t *testing.T) {
	now := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	oom := &event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill}
	for want, c := range map[string]model.Container{
		"Up 3 minutes":                           {State: model.Running, Started: ago(3*time.Minute + time.Second)},
		"Running":                                {State: model.Running},
		"Starting":                               {State: model.Starting},
		"Paused":                                 {State: model.Paused, Started: ago(time.Hour)},
		"Created":                                {State: model.Created},
		"Created, its start failed":              {State: model.Created, NeverStarted: &fact.NeverStarted{Failed: now}},
		"Exited (0) 2 hours ago":                 {State: model.Exited, Exited: ago(2 * time.Hour), Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}},
		"Exited (137) 2 minutes ago, OOM-killed": {State: model.Exited, Exited: ago(2 * time.Minute), Exit: oom},
		"Exited (signal 9) 5 seconds ago, OOM-killed before its own program ran": {
			State: model.Exited, Exited: ago(5 * time.Second), NeverRan: true, Exit: &event.Exit{Signal: 9, Cause: event.CauseOOMKill},
		},
		"Exited 2 minutes ago": {State: model.Exited, Exited: ago(2 * time.Minute)},
		"Exited":               {State: model.Exited},
	} {
		if got := Status(&c, model.Stamp{Time: now}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	// A clock that was set does not change for how long it runs.
	c := model.Container{State: model.Running, Started: ago(time.Hour), StartedAt: model.Instant(time.Second)}
	if got := Status(&c, model.Stamp{Time: now, At: model.Instant(4 * time.Second)}); got != "Up 3 seconds" {
		t.Errorf("%q", got)
	}
	if got := Up(ago(time.Minute), now) + Up(time.Time{}, now); got != "Up About a minuteRunning" {
		t.Errorf("%q", got)
	}
}
