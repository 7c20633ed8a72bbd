//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

// `docker exec` and nsenter into a container are told once each: who ran which command, as which user. So they are in a recording.
func TestEntered(t *testing.T) {
	const name, secret = "nsviz-test-entered", "token-b27d"
	recording := filepath.Join(t.TempDir(), "recording")
	recorder := start(t, io.Discard, "record", recording)
	recorder.stderr.await(t, "recording")
	address := startServe(t)
	events, quiet, text := startEvents(t), newLines(), newLines()
	start(t, quiet, "events", "-o", "json", "--no-command-lines").stderr.await(t, "watching")
	start(t, text, "events").stderr.await(t, "watching")
	pid := run(t, name, busyboxImage, "sh", "-c", waits)
	events.await(t, 1, of(event.ContainerStarted, name))

	if said := docker(t, "exec", "-u", "1000", name, "sh", "-c", "echo hi "+secret); said != "hi "+secret {
		t.Fatalf("it said %q", said)
	}
	byHand := exec.Command("nsenter", "-t", fmt.Sprint(pid), "-a", "sh", "-c", "sh -c true; echo in")
	if out, err := byHand.CombinedOutput(); err != nil || string(out) != "in\n" {
		t.Fatalf("%v: %q", err, out)
	}
	entries := events.await(t, 2, of(event.ContainerEntered, name))
	slices.SortFunc(entries, func(a, b event.Event) int { return a.Time.Compare(b.Time) })
	byEngine, in := entries[0], entries[0].Entered
	if byEngine.Comm != "sh" || byEngine.UID == nil || *byEngine.UID != 1000 || byEngine.Container.Label() != name || in.CommandLine != "sh -c echo hi "+secret {
		t.Errorf("by the engine: %+v, %+v", byEngine, in)
	}
	if in.By == nil || !runtime.IsOwn(in.By.Comm) && !runtime.Enters(in.By.Comm) || in.By.UID == nil || *in.By.UID != 0 || in.By.Container != nil {
		t.Errorf("by %+v", in.By)
	}
	if in.Namespaces[event.Mnt] == 0 || in.Namespaces[event.PID] == 0 || in.Namespaces[event.Net] == 0 {
		t.Errorf("in %v", in.Namespaces)
	}
	hand := entries[1]
	if by := hand.Entered.By; hand.Container != nil || by == nil || by.Comm != "nsenter" || int(by.PID) != byHand.Process.Pid || hand.Entered.CommandLine != "sh -c sh -c true; echo in" {
		t.Errorf("by hand: %+v by %+v", hand.Entered, by)
	}
	joins := events.await(t, 2, func(e *event.Event) bool {
		return e.Type == event.NamespaceJoined && int(e.PID) == byHand.Process.Pid && e.Namespace.Of.Label() == name
	})
	if uid := joins[0].UID; uid == nil || *uid != 0 {
		t.Errorf("joined by user %v", uid)
	}
	text.await(t, "(PID "+fmt.Sprint(byHand.Process.Pid)+", uid 0) entered pid of "+name)
	text.await(t, " ran `sh -c echo hi "+secret+"` in it as sh (PID ")

	eventually(t, func() bool { return strings.Count(quiet.whole(), `"type":"container_entered"`) >= 2 }, quiet.String)
	if strings.Contains(quiet.String(), secret) {
		t.Error("a command line is told by an nsviz that was asked not to")
	}
	eventually(t, func() bool { return metrics(t, address)[`nsviz_container_entries_total{container="`+name+`"}`] == "2" },
		func() string { return "the entries are not counted" })
	awaitRecorded(t, recording, name, "each entry", hasEntries(2, model.EntryKind(event.ContainerEntered)))
	recorder.stop(t)
	var recorded report.ContainerAnswer
	nsvizJSON(t, &recorded, "why", name, "-o", "json", "--recording", recording)
	var served report.ContainerAnswer
	told := func() bool { // the engine's event may come after the kernel's
		served, _ = why(t, address, name)
		return hasEntries(2, model.EntryKind(event.ContainerEntered))(&served)
	}
	eventually(t, told, func() string { return "no entry in the history" })
	for source, answer := range map[string]report.ContainerAnswer{"served": served, "recorded": recorded} {
		var list []string
		for _, w := range words(&answer.Container, answer.History) {
			if strings.Contains(w, " ran ") || strings.Contains(w, " joined its mnt") || strings.Contains(w, "exec_start") {
				list = append(list, w)
			}
		}
		if len(list) != 2 || !strings.Contains(list[0], "ran `sh -c echo hi "+secret+"` in it (PID ") || !strings.HasSuffix(list[0], ", uid 1000), as `docker exec` does") ||
			!strings.HasPrefix(list[1], fmt.Sprintf("nsenter (PID %d, uid 0, of the host) ran `sh -c sh -c true; echo in` in it", byHand.Process.Pid)) {
			t.Errorf("%s:\n%s", source, strings.Join(list, "\n"))
		}
	}
	var again event.Event
	if err := json.Unmarshal([]byte(lineWith(quiet.whole(), `"container_entered"`)), &again); err != nil || again.Entered.By == nil || again.Entered.CommandLine != "" {
		t.Errorf("%v: %+v", err, again.Entered)
	}
}

// lineWith returns the first line of a text that has a word.
func lineWith(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}
