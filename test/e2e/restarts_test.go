//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/report"
)

// TestRestarts has the engine start a container again that fails: nsviz has seen as many starts as the engine counts.
func TestRestarts(t *testing.T) {
	const name = "nsviz-test-fails"
	address := startServe(t)
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--restart=on-failure:2", busyboxImage, "sh", "-c", "exit 3")
	var a report.ContainerAnswer
	eventually(t, func() bool {
		a, _ = why(t, address, name)
		return a.Restarts != nil && *a.Restarts == 2 && a.End != nil && a.End.Engine != nil && a.End.Engine.RestartCount != nil
	}, func() string { return fmt.Sprintf("it was restarted: %+v, %s", a.End, a.Sentence) })
	counted, err := strconv.Atoi(docker(t, "inspect", "-f", "{{.RestartCount}}", name))
	if err != nil {
		t.Fatal(err)
	}
	if got := *a.End.Engine.RestartCount; counted != 2 || got != counted {
		t.Errorf("nsviz has %d as the engine's count, the engine has %d", got, counted)
	}
	if !strings.Contains(a.Sentence, " It was started again 2 times since nsviz watches. docker counted 2 restarts by its restart policy up to the latest end.") {
		t.Error(a.Sentence)
	}
}

// The engine's own count says what was before nsviz watched, in a look and of a running nsviz.
func TestRestartsBefore(t *testing.T) {
	const name = "nsviz-test-failed-before"
	removeContainer(t, name)
	docker(t, "run", "-d", "--name", name, "--restart=on-failure:5", busyboxImage, "sh", "-c", "echo x >>/runs; [ $(wc -l </runs) -lt 3 ] || exec sleep 1000; exit 3")
	eventually(t, func() bool {
		return docker(t, "inspect", "-f", "{{.RestartCount}} {{.State.Running}}", name) == "2 true"
	}, func() string { return "it was restarted" })
	address := startServe(t)
	find := func(args ...string) (found psEntry) {
		var list []psEntry
		nsvizJSON(t, &list, append([]string{"ps", "-o", "json"}, args...)...)
		for _, entry := range list {
			if entry.Name == name {
				return entry
			}
		}
		return psEntry{}
	}
	if looked := find(); looked.EngineRestarts == nil || *looked.EngineRestarts != 2 || looked.Restarts != nil {
		t.Errorf("looked: %+v", looked)
	}
	var served psEntry
	eventually(t, func() bool {
		served = find("--from", "http://"+address)
		return served.EngineRestarts != nil
	}, func() string { return fmt.Sprintf("%+v", served) })
	if *served.EngineRestarts != 2 || served.Restarts == nil || *served.Restarts != 0 {
		t.Errorf("served: %+v", served)
	}
}
