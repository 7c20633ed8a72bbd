//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// recordWhile records while do runs. SIGINT ends it.
func recordWhile(t *testing.T, file string, do func()) {
	t.Helper()
	p := start(t, io.Discard, "record", file)
	p.stderr.await(t, "recording")
	do()
	p.stop(t)
}

// awaitRecorded waits until a recording that goes on has something about a container. Another nsviz may know it long before: each one
// asks the engine, and reads the host, at its own pace.
func awaitRecorded(t *testing.T, recording, name, what string, has func(*report.ContainerAnswer) bool) {
	t.Helper()
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a = report.ContainerAnswer{}
		stdout, _, _ := nsviz(t, "why", name, "-o", "json", "--recording", recording) // a recording in progress is cut short
		return json.Unmarshal([]byte(stdout), &a) == nil && has(&a)
	}, func() string { return fmt.Sprintf("%s of %s is not recorded: %s", what, name, a.Sentence) })
}

// hasEngineReport reports whether an answer has the end of the container and the engine's report of it.
func hasEngineReport(a *report.ContainerAnswer) bool {
	return a.End != nil && a.End.Exit != nil && a.End.Engine != nil
}

// hasEntries reports whether n things of a kind are in the history.
func hasEntries(n uint64, kind model.EntryKind) func(*report.ContainerAnswer) bool {
	return func(a *report.ContainerAnswer) bool {
		found := uint64(0)
		for i := range a.History {
			if a.History[i].Kind == kind {
				found += a.History[i].Times()
			}
		}
		return found >= n
	}
}

// hasKill reports whether an OOM kill is in the history.
func hasKill(a *report.ContainerAnswer) bool { return hasEntries(1, model.EntryKind(event.OOMKill))(a) }
