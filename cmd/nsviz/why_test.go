package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/report"
)

// makeRecording records events of a second, from the epoch on, with a container called longName among them.
func makeRecording(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "recording")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := record.NewWriter(file, time.Unix(0, 0).UTC())
	if err != nil {
		t.Fatal(err)
	}
	started := func(second int64, c *event.Container) event.Event {
		return event.Event{Time: time.Unix(second, 0).UTC(), Type: event.ContainerStarted, PID: 5, Comm: "app", Container: c}
	}
	at := time.Unix(1, 0).UTC()
	namespace := &event.Namespace{Type: event.Net, ID: 7, Via: event.ViaUnshare}
	for _, e := range []event.Event{
		started(0, &event.Container{ID: "a1", Name: "weba1"}), started(1, &event.Container{ID: "a2", Name: "weba2"}),
		started(1, &event.Container{ID: "b1", Name: longName, Image: longName}),
		{Time: at, Type: event.CgroupCreated, PID: 4, Comm: "runc", Cgroup: &event.Cgroup{Path: "/docker/a2", ID: 9}},
		{Time: at, Type: event.NamespaceCreated, PID: 4, Comm: "runc", Namespace: namespace},
		{Time: at, Type: event.NamespaceFreed, Namespace: &event.Namespace{Type: event.Net, ID: 7, Via: event.ViaKernel}},
	} {
		if err := w.Write(fact.Fact{Time: e.Time, Event: &e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// longName is a name that is too long for any table.
var longName = strings.Repeat("x", 3000)

// In text clocks show the local time, in JSON UTC, sentences included.
func TestTimesAreLocalInText(t *testing.T) {
	path := makeRecording(t)
	for _, test := range []struct{ args, local, utc string }{
		{"why weba2", "1970-01-01 09:00:01.000  its own program started", ""},
		{"why cgroup:/docker/a2", "made by runc (PID 4, of the host) at 1970-01-01 09:00:01.000.", "at 1970-01-01 00:00:01.000 UTC."},
		{"why net:7", "made by runc (PID 4, of the host) by unshare at 1970-01-01 09:00:01.000. The kernel freed it at 1970-01-01 09:00:01.000.", "freed it at 1970-01-01 00:00:01.000 UTC."},
		{"inspect weba2", "as nsviz knew it at 1970-01-01 09:00:01", `"as_of": "1970-01-01T00:00:01Z"`},
	} {
		args := append(strings.Fields(test.args), "--recording", path)
		text := runWith(t, "TZ=Asia/Tokyo", args...)
		if !strings.Contains(text, test.local) || strings.Contains(text, "00:00:0") || strings.Contains(text, "UTC") {
			t.Errorf("%s says\n%s\nwant %s", test.args, text, test.local)
		}
		form := runWith(t, "TZ=Asia/Tokyo", append(args, "-o", "json")...)
		if !strings.Contains(form, test.utc) || strings.Contains(form, "09:00") {
			t.Errorf("%s -o json says\n%s\nwant %s", test.args, form, test.utc)
		}
	}
}

// A name of 3,000 characters makes no text wide, and is unchanged in JSON.
func TestLongNames(t *testing.T) {
	path := makeRecording(t)
	for _, command := range []string{"why", "inspect"} {
		text := runWith(t, "TZ=UTC", command, "b1", "--recording", path)
		for line := range strings.Lines(text) {
			if n := foreign.Width(strings.TrimSuffix(line, "\n")); n > 500 {
				t.Errorf("a line of %s has %d columns", command, n)
			}
		}
		if !strings.Contains(text, "xx…xx") {
			t.Errorf("%s does not say that the name was cut:\n%s", command, text)
		}
		if form := runWith(t, "TZ=UTC", command, "b1", "--recording", path, "-o", "json"); !strings.Contains(form, `"`+longName+`"`) {
			t.Errorf("%s -o json has not all of the name", command)
		}
	}
	c := model.Container{ID: "1", Label: longName, Image: longName, State: model.Running}
	s := &model.Snapshot{
		Containers: []model.Container{c}, VMs: []model.VM{{VM: fact.VM{Name: longName, Kind: "qemu"}, Container: longName}},
		Namespaces: []model.Namespace{{Type: event.Net, ID: 2, Containers: []string{longName}, PinnedBy: []string{"/run/" + longName}}, {Type: event.Net, ID: 3, PinnedBy: []string{longName}}},
		Host:       fact.Host{Name: longName}, Engines: []fact.Engine{{Name: "docker", Detail: longName}},
	}
	for name, write := range map[string]func(*strings.Builder) error{
		"ps": func(b *strings.Builder) error {
			return report.WriteWorkloads(b, report.Workloads(s), 0, report.Cells{Zone: time.UTC})
		},
		"ns":         func(b *strings.Builder) error { return report.WriteNamespaces(b, s) },
		"ns dot":     func(b *strings.Builder) error { return diagram.WriteDOT(b, s) },
		"ns mermaid": func(b *strings.Builder) error { return diagram.WriteMermaid(b, s) },
		"doctor":     func(b *strings.Builder) error { return report.Diagnosis{Snapshot: s}.WriteText(b) },
		"error": func(b *strings.Builder) error {
			b.WriteString(errorText(&report.NotFoundError{Name: longName}))
			return nil
		},
	} {
		var b strings.Builder
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := foreign.Width(strings.TrimSuffix(line, "\n")); n > 700 {
				t.Errorf("a line of %s has %d columns", name, n)
			}
		}
		if !strings.Contains(b.String(), "x…x") {
			t.Errorf("%s has\n%s", name, &b)
		}
	}
}

// Either flag queries a recording.
func TestAskARecording(t *testing.T) {
	path := makeRecording(t)
	dir := filepath.Dir(path)
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"why", "weba1", "--from", path}, exitDone, "weba1 runs."},
		{[]string{"why", "weba1", "--recording", path}, exitDone, "its own program started (app, 5)"},
		{[]string{"why", "weba1", "--recording", path, "-o", "json"}, exitDone, `"kind": "container_started"`},
		{[]string{"inspect", "a2", "--from", path}, exitDone, "weba2, id a2, running\n"},
		{[]string{"inspect", "a2", "--recording", path, "-o", "json"}, exitDone, `"as_of": "1970-01-01T00:00:01Z"`},
		{[]string{"inspect", "a", "--from", path}, exitFailed, `"a" is the beginning of several ids`},
		{[]string{"inspect", "a", "--from", path, "--recording", path}, exitUsage, "exclude each other"},
		{[]string{"inspect", "a2", "--from", path + "-not"}, exitUsage, "--from: want an address"},
		{[]string{"inspect", "a2", "--from", path, "--fail-on", "low"}, exitUsage, "--fail-on"},
		{[]string{"inspect", "a2", "--from", dir}, exitFailed, "not a recording"},
		{[]string{"why", "cgroup:/docker/a2/", "--from", path}, exitDone, "/docker/a2 was made by runc"},
		{[]string{"why", "cgroup:/docker/a2", "--recording", path, "-o", "json"}, exitDone, `"kind": "cgroup_created"`},
		{[]string{"why", "cgroup:/docker", "--from", path}, exitFailed, "nothing is known of a cgroup /docker"},
		{[]string{"why", "cgroup:docker", "--from", path}, exitUsage, "cgroup:/system.slice"},
		{[]string{"why", "net:x", "--from", path}, exitUsage, "net:4026532184"},
		{[]string{"why"}, exitUsage, "NAME|ID|NAMESPACE|CGROUP"},
		{[]string{"inspect", "cgroup:/docker/a2", "--from", path}, exitUsage, "nsviz why cgroup:/docker/a2"},
		{[]string{"why", "net:[8]", "--from", path}, exitFailed, "nothing is known of a namespace net:[8]"},
	} {
		var out, stderr strings.Builder
		code := run(t.Context(), test.args, &out, &stderr)
		if code != test.code || !strings.Contains(out.String()+stderr.String(), test.says) || (code == 0) != (stderr.Len() == 0) {
			t.Errorf("%q: exit code %d\n%s%s", test.args, code, &out, &stderr)
		}
	}
}
