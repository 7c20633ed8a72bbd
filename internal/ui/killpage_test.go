package ui

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/model"
)

// Only for an engine with a command for a container's output does the page say that this shows nothing of a kill.
func TestKillOutcomeOfEveryRuntime(t *testing.T) {
	s := scene()
	for _, r := range append(runtime.All(), runtime.Runtime{Name: "of a later version"}) {
		c := &model.Container{ID: s.Kills[0].Event.Container.ID, Label: "hog", Runtime: r.Name, State: model.Running}
		outcome := killOutcome(&s.Kills[0], c, s.Time).String()
		want := ""
		if logs := r.Commands[runtime.Logs]; logs != "" {
			want = " " + logs + " shows nothing of this."
		}
		if _, after, _ := strings.Cut(outcome, "."); after != want {
			t.Errorf("runtime %q: %q, want %q at the end", r.Name, outcome, want)
		}
	}
}
