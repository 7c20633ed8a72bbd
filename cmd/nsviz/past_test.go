package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/store"
)

// servePast answers questions about the facts, now and before, and returns its address.
func servePast(t *testing.T) string {
	t.Helper()
	past := store.NewTimeline(1 << 20)
	live := store.NewLiveWithPast(model.DefaultLimits(), past)
	for _, f := range troubledFacts() {
		live.Apply(f, f.Time)
	}
	return serveAs(t, server.Config{Snapshot: live.Snapshot, Full: live.Full, Past: past})
}

// A running nsviz and a recording answer the same about the past.
func TestQuestionsAboutThePast(t *testing.T) {
	var all, late []string
	for _, f := range troubledFacts() {
		if f.Event == nil {
			continue
		}
		all = append(all, string(f.Event.Type))
		if !f.Time.Before(sessionStart.Add(time.Minute)) {
			late = append(late, string(f.Event.Type))
		}
	}
	if len(late) == 0 || len(late) == len(all) {
		t.Fatalf("%d of %d events are late", len(late), len(all))
	}
	types := func(text string) (list []string) {
		t.Helper()
		for line := range strings.Lines(text) {
			var e event.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			list = append(list, string(e.Type))
		}
		return list
	}
	for source, flags := range map[string][]string{"a running nsviz": {"--from", servePast(t)}, "a recording": {"--recording", troubledRecording(t)}} {
		ask := func(args ...string) string {
			t.Helper()
			return runWith(t, "TZ=Asia/Tokyo", append(args, flags...)...)
		}
		for since, want := range map[string][]string{"2026-11-01 21:00:00": all, "2026-11-01T12:01:00Z": late} {
			if got := types(ask("events", "-o", "json", "--since", since)); strings.Join(got, " ") != strings.Join(want, " ") {
				t.Errorf("%s has %q since %s, want %q", source, got, since, want)
			}
		}
		if got := types(ask("events", "-o", "json", "--since", "2026-11-01 21:00")); len(got) != len(all) {
			t.Errorf("%s has %d events, want %d", source, len(got), len(all))
		}
		if got := ask("events", "--since", "2026-11-01 21:00:00", "--filter", "type=container_exited"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "21:01:00.000") {
			t.Errorf("%s, the end: %s", source, got)
		}
		for when, want := range map[string]string{"2026-11-01 21:00:30": "running", "2026-11-01 21:01:30": "exited"} {
			var list []report.Workload
			if err := json.Unmarshal([]byte(ask("ps", "--all", "-o", "json", "--filter", "name=\""+longName+"\"", "--at", when)), &list); err != nil || len(list) != 1 || string(list[0].State) != want {
				t.Errorf("%s, ps at %s: %v, want %s: %+v", source, when, err, want, list)
			}
			if got := ask("why", strings.Repeat("e", 64), "-o", "json", "--at", when); !strings.Contains(got, `"state": "`+want+`"`) {
				t.Errorf("%s, why at %s: want %s: %s", source, when, want, got)
			}
		}
		if got := ask("ps", "--quiet", "--at", "2026-11-01 21:00:30"); got == ask("ps", "--quiet", "--at", "2026-11-01 21:01:30") {
			t.Errorf("%s lists the same before and after an end: %s", source, got)
		}
	}
	// What is not kept.
	var out, stderr strings.Builder
	address := servePast(t)
	if code := run(t.Context(), []string{"ps", "--at", "2026-10-01 12:00", "--from", address}, &out, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "is not kept; the past goes back to 2026-11-01T12:00:00Z") {
		t.Errorf("exit code %d: %s%s", code, &out, &stderr)
	}
	stderr.Reset()
	if code := run(t.Context(), []string{"ps", "--at", "2026-10-01 12:00", "--recording", troubledRecording(t)}, &out, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "begins after that time") {
		t.Errorf("exit code %d: %s%s", code, &out, &stderr)
	}
	stderr.Reset()
	if code := run(t.Context(), []string{"events", "--since", "2026-10-01 12:00", "--from", address}, &out, &stderr); code != exitDone || !strings.Contains(stderr.String(), "nsviz: older events than those since 2026-11-01 ") {
		t.Errorf("exit code %d: %s%s", code, &out, &stderr)
	}
	for _, args := range []string{"ps --at noon", "ps --at 10m --watch", "events --since yesterday", "events --since 1m --from " + address + " --recording x"} {
		if code := run(t.Context(), strings.Fields(args), &out, &stderr); code != exitUsage {
			t.Errorf("%s: exit code %d", args, code)
		}
	}
}
