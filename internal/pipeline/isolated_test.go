package pipeline

import (
	"log/slog"
	"testing"

	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// TestSandboxesThatAreLeftOut: a snapshot says how many there are that it does not list.
func TestSandboxesThatAreLeftOut(t *testing.T) {
	l := newLoop(slog.New(slog.DiscardHandler), nil)
	l.tracker.SetHost(event.NamespaceIDs{event.PID: 1})
	const listed, extra = 4096, 3
	var result survey.Result
	for n := range uint64(listed + extra) {
		ids := event.NamespaceIDs{event.PID: 100 + n}
		result.Isolated = append(result.Isolated, container.FirstProcess{PID: int32(n), Comm: "sleep", Cgroup: "/session", Namespaces: ids, Owner: new(uint32(1000))})
		result.Namespaces = append(result.Namespaces, fact.Namespace{Type: event.PID, ID: 100 + n, Processes: []int32{int32(n)}})
	}
	look := func() (quiet, unlisted int) {
		looked(result).handle(l)
		s := l.live.Snapshot()
		return len(s.Quiet), s.Unlisted
	}
	if quiet, unlisted := look(); quiet != listed || unlisted != extra {
		t.Errorf("%d are listed, %d are not", quiet, unlisted)
	}
	l.tracker.BeginSurvey()
	result = survey.Result{}
	if quiet, unlisted := look(); quiet != 0 || unlisted != 0 {
		t.Errorf("after their end %d are listed, %d are not", quiet, unlisted)
	}
}
