package story

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Each reader has the times of a sentence in one zone: JSON in UTC, people in theirs.
func TestZones(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	made := time.Date(2026, 11, 28, 22, 30, 0, 0, time.UTC)
	cgroup := Cgroup(&model.Cgroup{Path: "/pod", Created: made, Creator: &event.Process{PID: 1, Comm: "systemd"}, Removed: made.Add(time.Minute).In(tokyo)}, 0)
	namespace := Namespace(&model.Namespace{
		Type: event.Net, ID: 7, Created: made, Creator: &event.Process{PID: 8, Comm: "runc"}, Freed: made.Add(time.Minute).Local(), FreedVia: event.ViaKernel,
	}, 0, false)
	joins := &model.Entry{Kind: model.EntryKind(event.NamespaceJoined), Count: 3, Until: made}
	for _, tt := range []struct{ got, want string }{
		{cgroup.String(), "/pod was made by systemd (PID 1, of the host) at 2026-11-28 22:30:00.000 UTC. It was removed at 2026-11-28 22:31:00.000 UTC."},
		{cgroup.For(tokyo), "/pod was made by systemd (PID 1, of the host) at 2026-11-29 07:30:00.000. It was removed at 2026-11-29 07:31:00.000."},
		{namespace.String(), "net:[7] was made by runc (PID 8, of the host) at 2026-11-28 22:30:00.000 UTC. The kernel freed it at 2026-11-28 22:31:00.000 UTC."},
		{namespace.For(tokyo), "net:[7] was made by runc (PID 8, of the host) at 2026-11-29 07:30:00.000. The kernel freed it at 2026-11-29 07:31:00.000."},
		{NamespaceEntry(joins).String(), "somebody joined it, 3 times, the latest at 22:30:00.000 UTC"},
		{NamespaceEntry(joins).For(tokyo), "somebody joined it, 3 times, the latest at 07:30:00.000"},
		{text(Plain, "at ").at(time.Time{}, fullTime).For(tokyo), "at an unknown time"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s\nwant\n%s", tt.got, tt.want)
		}
	}
}

// What people read has no name that is longer than a few lines, and nothing that acts on their terminal. JSON has all of it.
func TestTextForPeople(t *testing.T) {
	long := strings.Repeat("x", 3000)
	c := &model.Container{ID: "1", Label: long + "\u202e", State: model.Running, Named: true}
	text := Container(c, &model.Snapshot{})
	if s := text.String(); !strings.HasPrefix(s, long+"\u202e runs.") {
		t.Errorf("JSON has %q", s)
	}
	shown := text.For(time.UTC)
	if len(shown) > 250 || !strings.HasPrefix(shown, "xxx") || !strings.Contains(shown, "x…x") || !strings.Contains(shown, `\u202e runs.`) {
		t.Errorf("people read %q", shown)
	}
}

// A text is the same for who reads it from JSON; a time or a weight of a later version is words.
func TestTextInJSON(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	said := text(Name, "web").add(Plain, " was ").add(Alert, "moved").add(Plain, " at ").at(time.Date(2026, 11, 29, 7, 30, 0, 0, tokyo), fullTime)
	form, err := json.Marshal(said)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"text":"web","weight":"name"},{"text":" was "},{"text":"moved","weight":"alert"},{"text":" at "},` +
		`{"text":"2026-11-28 22:30:00.000 UTC","time":"2026-11-28T22:30:00Z","layout":"2006-01-02 15:04:05.000"}]`
	if string(form) != want {
		t.Errorf("%s\nwant\n%s", form, want)
	}
	var read Text
	if err := json.Unmarshal(form, &read); err != nil || !cmp.Equal(read, said) || read.For(tokyo) != "web was moved at 2026-11-29 07:30:00.000" {
		t.Errorf("%v: %v", err, read)
	}
	var later Text
	if err := json.Unmarshal([]byte(`[{"text":"soon","weight":"loud","time":"2026-11-28T22:30:00Z"}]`), &later); err != nil || later.For(tokyo) != "soon" {
		t.Errorf("%v: %v", err, later)
	}
}
