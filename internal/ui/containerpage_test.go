package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// The history on a container's page has the same entries as `nsviz why`, in the same order and words.
func TestHistoryIsTheSameAsThatOfWhy(t *testing.T) {
	noon := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	who := &event.Container{ID: "1", Name: "web"}
	kill := model.Entry{Kind: model.EntryKind(event.OOMKill), OOM: &event.OOM{Victim: event.Victim{PID: 7, Comm: "hog", Container: who}}}
	exit := model.Entry{Kind: model.EntryKind(event.ContainerExited), Exit: &event.Exit{Code: ptr(int32(3)), Cause: event.CauseExited}}
	moment := func(minutes int, m model.Entry) model.Entry {
		m.Time = at(minutes)
		return m
	}
	c := model.Container{ID: "1", Label: "web", Runtime: "docker", State: model.Exited, History: []model.Entry{
		moment(-1500, exit), // of the run before
		moment(-2, model.Entry{Kind: model.EntryKind(event.CgroupCreated)}),
		moment(-1, model.Entry{Kind: model.EntryKind(event.ContainerStarted), LeftOut: 3}),
		moment(0, kill), moment(5, model.Entry{Kind: model.EntryKind(event.InitMoved), Moved: &event.Moved{PID: 7, To: "/"}}), moment(10, kill),
		{Kind: model.EntryGone}, // at an unknown time
	}}
	s := &model.Snapshot{Time: at(20)}
	brief, rest := story.Brief(c.History)
	var want []string
	for i, when := range []string{"Oct 31 11:00", "11:59:00.000", "12:00:00.000", "12:05:00.000", "12:10:00.000", "?"} {
		want = append(want, when+strings.Repeat(" ", 14-len(when))+story.Entry(&brief[i], &c).For(time.UTC))
	}
	want = append(want, strings.Repeat(" ", 14)+"and 1 thing more: nsviz why web --history")
	var got []string
	for _, l := range historyLines(&c, s, State{}, 400) {
		got = append(got, l.String())
	}
	if !slices.Equal(got, want) || rest != 1 {
		t.Errorf("%d left out, and on the page:\n%s\nwant\n%s", rest, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	lines := historyLines(&c, s, State{Replay: true}, 400)
	if got := lines[len(lines)-1].String(); !strings.HasSuffix(got, "nsviz why web --history --recording FILE") {
		t.Errorf("of a replay: %q", got)
	}

	// A container whose start is under way has no other history yet.
	c.State, c.History = model.Starting, c.History[1:2]
	if got := linesText(historyLines(&c, s, State{}, 400)); got != "11:58:00.000  somebody made its cgroup\n" {
		t.Errorf("of one that is starting: %q", got)
	}
	c.History = nil
	if got := linesText(historyLines(&c, s, State{}, 400)); !strings.Contains(got, "has seen nothing happen to it") {
		t.Errorf("of one of which nothing is known: %q", got)
	}
}

// A container that is both unheld and stuck is shown as both, and an unknown cgroup in words.
func TestUnheldAndStuck(t *testing.T) {
	c := model.Container{ID: "1", Label: "web", State: model.Running, Unheld: &fact.Unheld{Since: time.Unix(1, 0)}, Stuck: &fact.Stuck{Cgroup: "/pod"}}
	c.History = []model.Entry{{Kind: model.EntryKind(event.InitMoved), Moved: &event.Moved{PID: 7}}}
	page := ""
	for _, l := range containerPage(&c, &model.Snapshot{Containers: []model.Container{c}}, State{}, 400) {
		page += l.String() + "\n"
	}
	for _, want := range []string{"not held   PID 1 is not in this cgroup", "stuck      at the limit of /pod", "moved its PID 1 (7) out of its own cgroup, to a cgroup that is unknown"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if row := memoryOf(&c, 29).String(); !strings.HasPrefix(row, "not held, stuck") {
		t.Errorf("row: %q", row)
	}
}

func TestShareOf(t *testing.T) {
	for _, tt := range []struct {
		usage, limit uint64
		want         string
	}{{0, 64, "0 %"}, {1, 1000, "less than 1 %"}, {1, 100, "1 %"}, {63, 64, "98 %"}, {64, 64, "100 %"}} {
		if got := shareOf(tt.usage, tt.limit); got != tt.want {
			t.Errorf("%d of %d is %q, want %q", tt.usage, tt.limit, got, tt.want)
		}
	}
}

// What an ended container used is past: it takes nothing of the host, and nothing of it can be dropped.
func TestEndedMemory(t *testing.T) {
	usage := uint64(3 << 20)
	for want, m := range map[string]model.Memory{
		"3 MiB when it was last read; it had no limit":      {UsageBytes: &usage, Unlimited: true},
		"3 MiB when it was last read; its limit was 64 MiB": {UsageBytes: &usage, LimitBytes: ptr(uint64(64 << 20))},
	} {
		c := &model.Container{Memory: m, State: model.Exited, CgroupPath: "/docker/x"}
		var got strings.Builder
		for _, l := range cgroupFacts(c, time.Now(), 100) {
			got.WriteString(l.String() + "\n")
		}
		if !strings.Contains(got.String(), want) || strings.Contains(got.String(), "may take") {
			t.Errorf("want %q in\n%s", want, &got)
		}
	}
}
