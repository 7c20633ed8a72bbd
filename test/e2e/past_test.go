//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// While the dashboard runs, its user steps back to before an OOM kill, and others ask it for the past.
func TestPast(t *testing.T) {
	const name = "nsviz-test-past"
	removeContainer(t, name)
	address := freeAddress(t)
	term := tmux(t, 120, 40, nil, binary(), "--web.listen-address", address)
	term.await(t, contains("● live", "0 OOM kills seen"))
	before := time.Now()
	docker(t, "run", "--name", name, "--memory=64m", stressImage, "sh", "-c",
		"stress-ng --vm 1 --vm-bytes 200M --timeout 1s >/dev/null 2>&1; true")
	term.await(t, match(`[1-9]\d* OOM kills? seen`))
	docker(t, "rm", name)

	var events []event.Event
	asked := func(typ event.Type) (found []event.Event) {
		for _, e := range events {
			if e.Type == typ && (e.Container != nil && e.Container.Name == name || e.OOM != nil) {
				found = append(found, e)
			}
		}
		return found
	}
	eventually(t, func() bool {
		stdout, stderr, code := nsviz(t, "events", "-o", "json", "--since", before.Format(time.RFC3339Nano), "--from", address)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		events = nil
		for line := range strings.Lines(stdout) {
			var e event.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			events = append(events, e)
		}
		return len(asked(event.ContainerExited)) == 1
	}, func() string { return "the end of the container is among the events" })
	starts, kills := asked(event.ContainerStarted), asked(event.OOMKill)
	if len(starts) != 1 || len(kills) == 0 {
		t.Fatalf("%d starts, %d kills", len(starts), len(kills))
	}
	listed := func(at time.Time) bool {
		stdout, stderr, code := nsviz(t, "ps", "--format", "{{.Name}} {{.State}}", "--at", at.Format(time.RFC3339Nano), "--from", address)
		if code != 0 || stderr != "" {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		return slices.Contains(strings.Split(stdout, "\n"), name+" running")
	}
	if listed(before) || !listed(kills[0].Time) || listed(time.Now()) {
		t.Errorf("%s runs before its start: %v, when it was killed: %v, now: %v", name, listed(before), listed(kills[0].Time), listed(time.Now()))
	}

	term.keys(t, "Left")
	term.await(t, func(screen string) bool { return match(`❚❚ .*\n.*\n══ .*event \d+ of \d+ since`)(screen) })
	term.keys(t, "Home")
	term.await(t, contains("═ this was", "before ", "attaching"))
	term.keys(t, "End")
	term.await(t, match(`❚❚ .*\n.*\n══ .*event (\d+) of \d+ since`))
	term.keys(t, "S-Left", "Space")
	term.await(t, contains("● live"))
	term.keys(t, "q")
	term.awaitEnd(t, 0)
}
