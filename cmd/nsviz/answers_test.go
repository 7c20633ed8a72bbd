package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/server"
)

// sessionStart is noon in UTC and 21:00 in Asia/Tokyo.
var sessionStart = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// troubledFacts returns facts of four containers, unheld, stuck, abandoned and never, each a minute after the session's start.
// The container that left its network to abandoned is called longName, and so is that of the process that moved unheld's PID 1.
func troubledFacts() []fact.Fact {
	id := func(letter string) string { return strings.Repeat(letter, 64) }
	who := func(letter, name string) *event.Container {
		return &event.Container{ID: id(letter), Name: name, Runtime: "docker"}
	}
	at := func(minutes float64) time.Time {
		return sessionStart.Add(time.Duration(minutes * float64(time.Minute)))
	}
	happened := func(minutes float64, e event.Event) fact.Fact {
		e.Time = at(minutes)
		return fact.Fact{Time: e.Time, Event: &e}
	}
	cgroup := func(minutes float64, typ event.Type, c *event.Container) fact.Fact {
		return happened(minutes, event.Event{Type: typ, PID: 10, Comm: "runc", Cgroup: &event.Cgroup{Path: "/docker/" + c.ID, ID: 1, Container: c}})
	}
	started := func(c *event.Container, pid int32, netns uint64) fact.Fact {
		s := &event.Start{DurationMS: new(150.0)}
		s.Namespaces = event.NamespaceIDs{1000 + uint64(pid), 2000 + uint64(pid), netns, 3000 + uint64(pid)}
		return happened(0, event.Event{Type: event.ContainerStarted, PID: pid, Comm: "app", Container: c, Start: s})
	}
	unheld, stuck, abandoned, never, vpn := who("a", "unheld"), who("b", "stuck"), who("c", "abandoned"), who("d", "never"), who("e", longName)
	born := func(minutes float64, netns uint64) fact.Fact {
		return happened(minutes, event.Event{
			Type: event.NamespaceCreated, PID: 9, Comm: "runc", Container: vpn, Namespace: &event.Namespace{Type: event.Net, ID: netns, Via: event.ViaUnshare},
		})
	}
	stuckAt := func(minutes float64) fact.Fact {
		path := "/docker/" + stuck.ID
		return fact.Fact{Time: at(minutes), Memory: []fact.Reading{{ID: stuck.ID, StuckAt: &path}}}
	}
	return []fact.Fact{
		{Time: at(0), Host: &fact.Host{Namespaces: event.NamespaceIDs{1, 2, 3, 4}}},
		cgroup(0, event.CgroupCreated, unheld), started(unheld, 50, 31),
		cgroup(0, event.CgroupCreated, stuck), started(stuck, 60, 32),
		cgroup(0, event.CgroupCreated, vpn), born(0, 33), started(vpn, 70, 33),
		cgroup(0, event.CgroupCreated, abandoned), started(abandoned, 80, 33),
		happened(1, event.Event{
			Type: event.InitMoved, PID: 812, Comm: "bash", Container: vpn, Moved: &event.Moved{PID: 50, Container: unheld, Home: "/docker/" + unheld.ID, To: "/"},
		}),
		stuckAt(1), stuckAt(1.1),
		happened(1, event.Event{Type: event.ContainerExited, PID: 70, Comm: "app", Container: vpn, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}),
		cgroup(1, event.CgroupRemoved, vpn),
		{Time: at(1), EngineEvent: &fact.EngineEvent{ID: never.ID, Action: "create", At: at(1), Container: never}},
	}
}

// troubledRecording records the facts.
func troubledRecording(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recording")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := record.NewWriter(file, sessionStart)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range troubledFacts() {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// serveModel answers questions about a model, as a running nsviz does, and returns its address.
func serveModel(t *testing.T, m *model.Model) string {
	t.Helper()
	return serveAs(t, server.Config{Snapshot: m.Full, Full: m.Full})
}

// serveAs serves until the test ends, and returns the address. It logs nothing.
func serveAs(t *testing.T, cfg server.Config) string {
	t.Helper()
	cfg.Logger = slog.New(slog.DiscardHandler)
	srv, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- srv.Serve(ctx, []net.Listener{l}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// From any source, an answer for people has local times and bounded names, and one for programs UTC and full names.
func TestAnswersAreInLocalTime(t *testing.T) {
	file := troubledRecording(t)
	m := model.New(model.DefaultLimits())
	for _, f := range troubledFacts() {
		m.Apply(f)
	}
	address := serveModel(t, m)
	cutName := foreign.Name(longName)
	for source, flags := range map[string][]string{
		"a URL": {"--from", "http://" + address}, "an address": {"--from", address}, "a file": {"--from", file}, "a recording": {"--recording", file},
	} {
		for name, local := range map[string]string{
			"unheld":    "since 2026-11-01 21:01:00.000: PID 1 was moved to / by bash (PID 812, in " + cutName + ").",
			"stuck":     "since 2026-11-01 21:01:00.000; the OOM killer is off for it",
			"abandoned": cutName + ", which it was made for, ended at 2026-11-01 21:01:00.000; start " + cutName + ", then restart abandoned.",
			"never":     "docker made it at 2026-11-01 21:01:00.000, and nothing has started it since.",
		} {
			for _, command := range []string{"why", "inspect"} {
				args := append([]string{command, name}, flags...)
				if text := runWith(t, "TZ=Asia/Tokyo", args...); !strings.Contains(text, local) || strings.Contains(text, "UTC") || strings.Contains(text, " 12:0") {
					t.Errorf("%s of %s, asked of %s:\n%s\nwant %s", command, name, source, text, local)
				}
				utc := strings.ReplaceAll(strings.ReplaceAll(local, "21:01:00.000", "12:01:00.000 UTC"), cutName, longName)
				if form := runWith(t, "TZ=Asia/Tokyo", append(args, "-o", "json")...); !strings.Contains(form, utc) || strings.Contains(form, "21:0") {
					t.Errorf("%s -o json of %s, asked of %s:\n%s\nwant %s", command, name, source, form, utc)
				}
			}
		}
	}
}

// An nsviz that saves memory forgets sooner, and its answer says so.
func TestUnknownSaysHowLongItWouldBeKnown(t *testing.T) {
	for step, kept := range map[fact.Saving]string{
		fact.SavesNothing: "for 15 minutes", fact.SavesPast: "for 5 minutes", fact.SavesSearches: "for a minute",
	} {
		m := model.New(model.DefaultLimits())
		m.Apply(fact.Fact{Time: sessionStart, OwnMemory: &fact.OwnMemory{Saving: step}})
		address := serveModel(t, m)
		for _, args := range []string{"why nope", "why net:7", "why cgroup:/nope", "inspect nope"} {
			var out, stderr strings.Builder
			code := run(t.Context(), append(strings.Fields(args), "--from", address), &out, &stderr)
			want := "; the nsviz at http://" + address + " knows those that were there since it began, " + kept + " after their end at most"
			if code != exitFailed || !strings.Contains(stderr.String(), want) {
				t.Errorf("%s: exit code %d: %swant %s", args, code, &stderr, want)
			}
		}
	}
}
