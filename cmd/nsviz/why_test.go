package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/story"
)

// hostileHistory has foreign text in all places.
func hostileHistory() []isolation.Moment {
	c := &event.Container{ID: hostile, Name: hostile, Inner: &event.Container{ID: hostile, Name: hostile}}
	by := &event.Process{PID: 7, Comm: hostile, Container: c}
	touched := []isolation.Touched{{Type: event.Net, ID: 1, Container: c}}
	var list []isolation.Moment
	for _, kind := range append([]event.Type{
		event.Type(isolation.MomentFound), event.Type(isolation.MomentLimits), event.Type(isolation.MomentChanged), event.Type(isolation.MomentUnobserved),
		event.Type(isolation.MomentVerdict), event.Type(isolation.MomentSaid), event.Type(isolation.MomentGone), hostile,
	}, event.Types()...) {
		list = append(list, isolation.Moment{
			Time: time.Unix(0, 0), Kind: isolation.MomentKind(kind), By: by, Via: hostile, Namespaces: touched, Container: c, Cgroup: hostile, Init: by, Said: hostile,
			Limits: []isolation.LimitChange{{Resource: hostile, To: isolation.Limit{Value: new(1.0)}}}, Count: 2, Until: time.Unix(1, 0), LeftOut: 3,
			OOM:  &event.OOM{Scope: event.ScopeCgroup, Cgroup: hostile, Victim: event.Victim{PID: 7, Comm: hostile, Container: c}, Trigger: by},
			Exit: &event.Exit{Signal: 9, By: by, EarlierSignal: &event.SentSignal{Signal: 15, Time: time.Unix(0, 0), By: by}},
		})
	}
	return list
}

// Nothing that comes from a container acts on the terminal of whoever reads its history.
func TestHostileHistory(t *testing.T) {
	c := event.Container{ID: hostile, Name: hostile, Image: hostile, Runtime: hostile}
	history := hostileHistory()
	for name, write := range map[string]func(b *strings.Builder) error{
		"why": func(b *strings.Builder) error {
			return writeAnswer(b, &story.Answer{Container: c, Sentence: hostile, History: history}, true)
		},
		"why, in short": func(b *strings.Builder) error {
			return writeAnswer(b, &story.Answer{Container: c, Sentence: hostile, History: history}, false)
		},
		"why of a namespace": func(b *strings.Builder) error {
			return writeStory(b, hostile, history, story.NamespaceMoment)
		},
		"why of a cgroup": func(b *strings.Builder) error {
			return writeStory(b, hostile, history, story.CgroupMoment)
		},
		"inspect": func(b *strings.Builder) error {
			return writeKnown(b, &story.Known{
				Container: c, State: hostile, PID: 7, Comm: hostile, Cgroup: hostile, Sentence: hostile, History: history, Unknown: []string{hostile},
				Namespaces: map[event.NamespaceType]story.KnownNamespace{event.Net: {
					ID: 1, SharedWithHost: new(false), SharedWith: []string{hostile}, Creator: &event.Process{Comm: hostile},
				}},
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(line) {
					t.Errorf("%q", line)
				}
			}
			if !strings.Contains(b.String(), `x\x1b[2J`) || name != "why, in short" && !strings.Contains(b.String(), "(3 things in between are not kept)") {
				t.Errorf("not all is told:\n%s", &b)
			}
		})
	}
}

// Of what is not known it is said that it is not.
func TestLittleKnown(t *testing.T) {
	var b strings.Builder
	k := story.Remember(&isolation.Container{ID: strings.Repeat("a", 64), State: isolation.Exited}, &isolation.Snapshot{})
	if err := writeKnown(&b, &k); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"mnt         unknown\n", "memory      usage unknown, limit unknown\n", "CPU         limit unknown\n", "What is unknown\n  its processes",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	if strings.Contains(b.String(), "What happened") {
		t.Errorf("of nothing it is told what it was:\n%s", &b)
	}
	b.Reset()
	if err := writeAnswer(&b, &story.Answer{Sentence: "web runs."}, false); err != nil || b.String() != "web runs.\n" {
		t.Errorf("%v, %q", err, b.String())
	}
}

// A recording is asked by either flag.
func TestAskARecording(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "recording")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w, err := record.NewWriter(file, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a1", "a2"} {
		c := &event.Container{ID: id, Name: "web" + id}
		at := time.Unix(int64(i), 0)
		if err := w.Write(isolation.Fact{Time: at, Event: &event.Event{Time: at, Type: event.ContainerStarted, PID: 5, Comm: "app", Container: c}}); err != nil {
			t.Fatal(err)
		}
	}
	made := event.Event{Time: time.Unix(1, 0), Type: event.CgroupCreated, PID: 4, Comm: "runc", Cgroup: &event.Cgroup{Path: "/docker/a2", ID: 9}}
	if err := w.Write(isolation.Fact{Time: made.Time, Event: &made}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
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
		{[]string{"why", "net:[7]", "--from", path}, exitFailed, "nothing is known of a namespace net:[7]"},
	} {
		var out, stderr strings.Builder
		code := run(t.Context(), test.args, &out, &stderr)
		if code != test.code || !strings.Contains(out.String()+stderr.String(), test.says) || (code == 0) != (stderr.Len() == 0) {
			t.Errorf("%q: exit code %d\n%s%s", test.args, code, &out, &stderr)
		}
	}
}

// What was too much to be kept is no reason to say that there was nothing.
func TestLeftOutIsSaid(t *testing.T) {
	if err := leftOut(isolation.LeftOut{}); err != nil {
		t.Error(err)
	}
	err := leftOut(isolation.LeftOut{Containers: 1, Namespaces: 2, Cgroups: 3, Kills: 4})
	if want := "the oldest are left out: 1 ended containers, 2 freed namespaces, 3 cgroups and 4 OOM kills"; err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
