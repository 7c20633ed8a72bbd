package report

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// hostileHistory has foreign text in all fields.
func hostileHistory() []model.Entry {
	c := &event.Container{ID: hostile, Name: hostile, Parent: &event.Container{ID: hostile, Name: hostile}}
	by := &event.Process{PID: 7, Comm: hostile, Container: c}
	touched := []model.EntryNamespace{{Type: event.Net, ID: 1, Container: c}}
	var list []model.Entry
	for _, kind := range append([]event.Type{
		event.Type(model.EntryFound), event.Type(model.EntryLimits), event.Type(model.EntryLimitsChanged), event.Type(model.EntryUnobservedKills),
		event.Type(model.EntryEngineReport), event.Type(model.EntryEngineEvent), event.Type(model.EntryGone), hostile,
	}, event.Types()...) {
		list = append(list, model.Entry{
			Time: time.Unix(0, 0), Kind: model.EntryKind(kind), By: by, Via: hostile, Namespaces: touched, Container: c, Cgroup: hostile, Init: by, Action: fact.EngineAction(hostile),
			Limits: []model.LimitChange{{Resource: hostile, To: fact.Limit{Value: new(1.0)}}}, Count: 2, Until: time.Unix(1, 0), LeftOut: 3,
			OOM:     &event.OOM{Scope: event.ScopeCgroup, Cgroup: hostile, Victim: event.Victim{PID: 7, Comm: hostile, Container: c}, Trigger: by},
			Process: by, Entered: &event.Entered{CommandLine: hostile},
			Exit: &event.Exit{Signal: 9, By: by, EarlierSignal: &event.SentSignal{Signal: 15, Time: time.Unix(0, 0), By: by}},
		})
	}
	return list
}

// Text from a container does not act on the terminal of a reader of its history.
func TestHostileHistory(t *testing.T) {
	c := event.Container{ID: hostile, Name: hostile, Image: hostile, Runtime: hostile}
	history := hostileHistory()
	for name, write := range map[string]func(b *strings.Builder) error{
		"why": func(b *strings.Builder) error {
			return (&ContainerAnswer{Container: c, Sentence: hostile, History: history}).WriteText(b, true, time.UTC)
		},
		"why, in short": func(b *strings.Builder) error {
			return (&ContainerAnswer{Container: c, Sentence: hostile, History: history}).WriteText(b, false, time.UTC)
		},
		"why of a namespace": func(b *strings.Builder) error {
			return writeAnswer(b, story.Text{{Text: hostile}}, history, story.NamespaceEntry, time.UTC)
		},
		"why of a cgroup": func(b *strings.Builder) error {
			return writeAnswer(b, story.Text{{Text: hostile}}, history, story.CgroupEntry, time.UTC)
		},
		"inspect": func(b *strings.Builder) error {
			return (&Known{
				Container: c, State: hostile, PID: 7, Comm: hostile, Cgroup: hostile, Sentence: hostile, History: history, Unknown: []string{hostile},
				Namespaces: map[event.NamespaceType]KnownNamespace{event.Net: {
					ID: 1, SharedWithHost: new(false), SharedWith: []string{hostile}, Creator: &event.Process{Comm: hostile},
				}},
			}).WriteText(b, time.UTC)
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
				t.Errorf("something is missing:\n%s", &b)
			}
		})
	}
}

// Unknown values are reported as unknown.
func TestLittleKnown(t *testing.T) {
	var b strings.Builder
	k := NewKnown(&model.Container{ID: strings.Repeat("a", 64), State: model.Exited}, &model.Snapshot{})
	if err := k.WriteText(&b, time.UTC); err != nil {
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
		t.Errorf("text about nothing:\n%s", &b)
	}
	b.Reset()
	if err := (&ContainerAnswer{Sentence: "web runs."}).WriteText(&b, false, time.UTC); err != nil || b.String() != "web runs.\n" {
		t.Errorf("%v, %q", err, b.String())
	}
}
