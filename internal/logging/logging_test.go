package logging

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-logfmt/logfmt"
	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/mishap"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hog is a container whose name tries to write lines of its own.
var hog = &event.Container{
	ID: strings.Repeat("ab", 32), Name: "hog\nPRIORITY=0 x=\"y\"\x1b[31m", Image: "shop/hog:1", Runtime: "containerd",
	Group: &event.Group{Kind: event.GroupPod, Name: "hog-7d9f", Namespace: "shop", Member: "hog"},
}

// kill is an OOM kill in it.
func kill() fact.Fact {
	return fact.Fact{Time: at, Event: &event.Event{
		Time: at, Type: event.OOMKill, PID: 10, Comm: "stress", Container: hog,
		OOM: &event.OOM{Scope: event.ScopeCgroup, Cgroup: "/hog", LimitBytes: new(uint64(64 << 20)), Victim: event.Victim{PID: 11, Comm: "stress-ng", Container: hog}},
	}}
}

// logged logs a kill, the end of a container and a warning by a handler.
func logged(t *testing.T, handler slog.Handler) {
	t.Helper()
	log := slog.New(handler)
	events := NewEvents(EventsConfig{Log: log, Types: []event.Type{event.OOMKill, event.ContainerExited}})
	events.Put(kill())
	events.Put(fact.Fact{Event: &event.Event{Time: at, Type: event.ContainerExited, PID: 12, Comm: "sh", Container: hog, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}})
	events.Put(fact.Fact{Event: &event.Event{Time: at, Type: event.CgroupCreated, PID: 13}})
	events.Put(fact.Fact{Time: at})
	if err := events.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.With("engine", "docker").WithGroup("of").Warn("no answer", "error", "a b\nc")
}

// wanted are the fields of the kill, as any form has them.
var wanted = map[string]string{
	"event": "oom_kill", "container": hog.Name, "container_id": hog.ID, "kind": "container", "image": "shop/hog:1", "runtime": "containerd", "pod": "hog-7d9f",
	"namespace": "shop", "member": "hog", "victim": "stress-ng", "pid": "11", "scope": "cgroup", "cgroup": "/hog", "limit": "67108864",
}

func TestLogfmt(t *testing.T) {
	for _, form := range []string{Text, Logfmt} {
		var b bytes.Buffer
		logged(t, NewHandler(&b, form, slog.LevelInfo))
		decoder := logfmt.NewDecoder(&b)
		var records []map[string]string
		for decoder.ScanRecord() {
			record := map[string]string{}
			for decoder.ScanKeyval() {
				record[string(decoder.Key())] = string(decoder.Value())
			}
			records = append(records, record)
		}
		if err := decoder.Err(); err != nil || len(records) != 3 {
			t.Fatalf("%s: %v, %q", form, err, records)
		}
		name := map[string]string{"container": foreign.Clean(hog.Name)} // printable
		compare(t, form, records, name)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	logged(t, NewHandler(&b, JSON, slog.LevelInfo))
	var records []map[string]string
	for line := range bytes.Lines(b.Bytes()) {
		if bytes.ContainsRune(line, '\x1b') {
			t.Errorf("an escape sequence: %q", line)
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.UseNumber()
		var values map[string]any
		if err := decoder.Decode(&values); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		record := map[string]string{}
		for key, value := range values {
			switch value := value.(type) {
			case string:
				record[key] = value
			case json.Number:
				record[key] = value.String()
			}
		}
		records = append(records, record)
	}
	compare(t, JSON, records, nil)
}

// compare checks the kill and the end that logged logs.
func compare(t *testing.T, form string, records []map[string]string, differs map[string]string) {
	t.Helper()
	wanted := maps.Clone(wanted)
	maps.Copy(wanted, differs)
	got := records[0]
	when, err := time.Parse(time.RFC3339Nano, got["time"])
	if err != nil || !when.Equal(at) || got["level"] != "INFO" || !strings.Contains(got["msg"], "stress-ng") {
		t.Errorf("%s: %v, %q", form, err, got)
	}
	for _, key := range []string{"time", "level", "msg"} {
		delete(got, key)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", form, diff)
	}
	if end := records[1]; end["event"] != "container_exited" || end["exit_code"] != "0" || end["cause"] != "exited" || !strings.HasSuffix(end["msg"], ": its PID 1 ended by itself, exit code 0.") {
		t.Errorf("%s: %q", form, end)
	}
}

// In the journal a kill has the fields that Docker's log driver gives the container's own lines.
func TestJournalFields(t *testing.T) {
	var entries []entry
	j := newJournal(func(e entry) error {
		entries = append(entries, e)
		return nil
	})
	logged(t, j.Handler(slog.LevelInfo))
	if err := j.Close(t.Context()); err != nil || len(entries) != 3 {
		t.Fatalf("%v, %+v", err, entries)
	}
	want := map[string]string{
		"SYSLOG_IDENTIFIER": "nsviz", "MESSAGE_ID": "abf5f979205d49698f0f7937fdec7c48", "CONTAINER_NAME": hog.Name, "CONTAINER_ID": "abababababab",
		"CONTAINER_ID_FULL": hog.ID, "IMAGE_NAME": "shop/hog:1",
	}
	for key, value := range wanted {
		want["NSVIZ_"+strings.ToUpper(key)] = value
	}
	if diff := cmp.Diff(want, entries[0].fields); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := entries[0].message; entries[0].priority != 6 || !strings.Contains(m, "stress-ng") || strings.ContainsAny(m, "\n\x1b") {
		t.Errorf("%d %q", entries[0].priority, m)
	}
	want = map[string]string{"SYSLOG_IDENTIFIER": "nsviz", "NSVIZ_ENGINE": "docker", "NSVIZ_OF_ERROR": "a b\nc"}
	if diff := cmp.Diff(want, entries[2].fields); diff != "" || entries[2].priority != 4 || entries[2].message != `no answer engine=docker of_error=a b\x0ac` {
		t.Errorf("%+v (-want +got):\n%s", entries[2], diff)
	}
}

// A journal that takes nothing loses entries, which are counted, and the next entry says how many.
func TestSlowJournal(t *testing.T) {
	begun, take := make(chan struct{}, 1), make(chan struct{})
	var entries []entry
	j := newJournal(func(e entry) error {
		select {
		case begun <- struct{}{}:
		default:
		}
		<-take
		entries = append(entries, e)
		return nil
	})
	log := slog.New(j.Handler(slog.LevelDebug))
	log.Error("first")
	<-begun
	for range 2 * waitingEntries {
		log.Debug("more")
	}
	dropped := j.Stats().Dropped
	close(take)
	if err := j.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	last := entries[len(entries)-1]
	if dropped == 0 || !strings.Contains(last.message, "entries are left out here") || entries[0].priority != 3 || entries[1].priority != 7 {
		t.Errorf("%d are dropped; first %+v, last %+v", dropped, entries[0], last)
	}
}

func TestParseTypes(t *testing.T) {
	if types, ok := ParseTypes("oom_kill, container_exited"); !ok || len(types) != 2 || types[1] != event.ContainerExited {
		t.Errorf("%v, %t", types, ok)
	}
	if types, ok := ParseTypes(""); !ok || len(types) != 0 {
		t.Errorf("none: %v, %t", types, ok)
	}
	if _, ok := ParseTypes("oom_kil"); ok {
		t.Error("a type that there is not is read")
	}
}

// What is below the level of the log is not logged.
func TestQuietLog(t *testing.T) {
	var b bytes.Buffer
	logged(t, NewHandler(&b, Text, slog.LevelWarn))
	if strings.Count(b.String(), "\n") != 1 {
		t.Errorf("%s", &b)
	}
}

// failing is a handler with a mistake about containers' ends.
type failing struct{ slog.Handler }

func (f failing) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "ended") {
		panic("a test")
	}
	return f.Handler.Handle(ctx, r)
}

// A mistake about one event costs that one.
func TestMistakeInOneEvent(t *testing.T) {
	var b bytes.Buffer
	mishaps := mishap.New(slog.New(slog.DiscardHandler))
	events := NewEvents(EventsConfig{Log: slog.New(failing{NewHandler(&b, Text, slog.LevelInfo)}), Types: event.Types(), Mishaps: mishaps})
	events.Put(fact.Fact{Event: &event.Event{Time: at, Type: event.ContainerExited, PID: 12, Comm: "sh", Container: hog, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}})
	events.Put(kill())
	if err := events.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "event=oom_kill") || mishaps.Counts()[mishap.Log] != 1 {
		t.Errorf("%v\n%s", mishaps.Counts(), text)
	}
}
