package ui

import (
	"slices"
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
			want = " The kernel writes nothing of this to " + logs + "."
		}
		if _, after, _ := strings.Cut(outcome, "."); after != want {
			t.Errorf("runtime %q: %q, want %q at the end", r.Name, outcome, want)
		}
	}
}

// Below a short list of kills stands where they fell, the most first, as far as there is room.
func TestKillPlaces(t *testing.T) {
	s := scene()
	outside := s.Kills[0]
	outside.Event.Container = nil
	if outside.Event.OOM != nil {
		oom := *outside.Event.OOM
		oom.Victim.Container, outside.Event.OOM = nil, &oom
	}
	s.Kills = append([]model.Kill{outside}, s.Kills...)
	sc := screen{s: s, live: s, state: State{Tab: Kills}, w: 120, h: 40}
	list := listedKills(s, "")
	text := func(h int) (lines []string) {
		for _, r := range sc.killPlaceRows(list, h) {
			lines = append(lines, strings.Join(strings.Fields(r.line.String()), " "))
		}
		return lines
	}
	want := []string{
		"hog ×12 12:25:52 to 12:26:13, one every 1.9 s, the latest of stress-ng-vm",
		"the host ×1 at 12:25:52, the latest of stress-ng-vm",
	}
	if got := text(9); len(got) != 3 || !strings.HasPrefix(got[0], "── where, the most kills first") || !slices.Equal(got[1:], want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := text(2); got != nil {
		t.Errorf("without room there is %q", got)
	}
	for w := range 200 { // whatever the width
		sc.w = w
		sc.killPlaceRows(list, 9)
	}
}
