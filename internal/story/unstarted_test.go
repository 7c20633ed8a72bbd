package story

import (
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

func TestNeverStarted(t *testing.T) {
	made := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	const why = `OCI runtime create failed: exec: "/no": no such file or directory: unknown`
	for name, test := range map[string]struct {
		never *fact.NeverStarted
		want  string
	}{
		"only made": {
			&fact.NeverStarted{Made: made},
			"bar has never been started. docker made it at 2026-11-23 20:00:00.000 UTC, and nothing has started it since.",
		},
		"failed": {
			&fact.NeverStarted{Made: made, Tried: made, Failed: made.Add(340 * time.Millisecond), Error: why, ExitCode: new(int32(127))},
			`bar never started: docker could not start it: OCI runtime create failed: exec: "/no": no such file or directory. ` +
				"The exit code 127 is docker's own code for that. " +
				"Its cgroup was made at 2026-11-23 20:00:00.000 UTC and removed after 340 ms, and no program of its own ran in it.",
		},
		"suspected": {
			&fact.NeverStarted{Made: made, Removed: made.Add(time.Second), Suspected: true},
			"bar is not known to have started. docker made it at 2026-11-23 20:00:00.000 UTC. Whether anything tried to start it is unknown, since it was " +
				"removed before docker could be asked. docker removed it at 2026-11-23 20:00:01.000 UTC.",
		},
		"failed early": {
			&fact.NeverStarted{Made: made, Failed: made, Error: "no such device.", ExitCode: new(int32(128))},
			"bar never started: docker could not start it: no such device. The exit code 128 is docker's own code for that.",
		},
		"removed": {
			&fact.NeverStarted{Made: made, Tried: made, Failed: made.Add(time.Second), Removed: made.Add(2 * time.Second)},
			"bar never started: its start failed, and docker gave no reason. Its cgroup was made at 2026-11-23 20:00:00.000 UTC and removed " +
				"after 1.0 s, and no program of its own ran in it. docker removed it at 2026-11-23 20:00:02.000 UTC.",
		},
		// Whether it ever ran before nsviz is not known.
		"not made before nsviz's eyes": {
			&fact.NeverStarted{Tried: made, Failed: made.Add(340 * time.Millisecond)},
			"bar was not started: its start failed, and docker gave no reason. " +
				"Its cgroup was made at 2026-11-23 20:00:00.000 UTC and removed after 340 ms, and no program of its own ran in it.",
		},
		"that, and why": {
			&fact.NeverStarted{Failed: made, Error: "no such device", ExitCode: new(int32(128))},
			"bar was not started: docker could not start it: no such device. The exit code 128 is docker's own code for that.",
		},
		"found while it started": {
			&fact.NeverStarted{Failed: made},
			"bar was not started: its start failed, and docker gave no reason. " +
				"Its cgroup, which was there when nsviz looked, was removed at 2026-11-23 20:00:00.000 UTC, and no program of its own ran in it meanwhile.",
		},
		"nothing else is known": {&fact.NeverStarted{}, "bar was not started."},
		"later":                 {nil, "bar has never started."},
	} {
		t.Run(name, func(t *testing.T) {
			c := model.Container{ID: webID, Label: "bar", Named: true, Runtime: "docker", State: model.Created, NeverStarted: test.never}
			if got := Container(&c, &model.Snapshot{}).String(); got != test.want {
				t.Errorf("%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// A start that fails after a run is reported with that run.
func TestNotStartedAgain(t *testing.T) {
	c := ended(nil)
	c.Label, c.EngineReport = "web", &fact.EngineReport{ExitCode: new(int32(127)), StartError: "no such file: unknown"}
	c.Previous = &model.End{Time: end, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}
	const want = "web was not started again: docker could not start it: no such file. The exit code 127 is docker's own code for that. " +
		"Of its run before that: web ended by itself with exit code 0."
	if got := Container(&c, &model.Snapshot{}).String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}
