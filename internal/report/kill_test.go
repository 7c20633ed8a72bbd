package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

func TestWhyKill(t *testing.T) {
	one, other := killed(101, web), killed(102, db)
	one.Event.OOM.ID, other.Event.OOM.ID = event.KillID("boot", 1, 101), event.KillID("boot", 1, 102)
	one.Survived = new(true)
	s := &model.Snapshot{Kills: []model.Kill{killed(90, web), one, {}, other}}
	a, err := WhyKill(s, one.Event.OOM.ID)
	if err != nil || a.Kill.PID != 101 || a.Ordinal != 1 || a.Survived == nil || a.Sentence != story.Kill(&one, s).String() {
		t.Fatalf("%+v, %v", a, err)
	}
	var b strings.Builder
	if err := a.WriteText(&b, time.UTC); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{a.Sentence + "\n\n", one.Event.Time.UTC().Format("15:04:05.000") + "  " + one.Event.OOM.ID + "\n", "nsviz why " + event.ShortID(web.ID) + " tells what became of web\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	var missing *NoKillError
	if _, err := WhyKill(s, event.KillID("boot", 2, 101)); !errors.As(err, &missing) {
		t.Errorf("%v", err)
	}
}

// The answer about a container names the latest kill in it.
func TestWhyNamesTheLatestKill(t *testing.T) {
	for id, want := range map[string]bool{event.KillID("boot", 1, 2): true, "": false} {
		k := killed(101, web)
		k.Event.OOM.ID = id
		a := ContainerAnswer{Container: *web, Sentence: "web lives.", Kills: []event.Event{killed(100, web).Event, k.Event}}
		var b strings.Builder
		if err := a.WriteText(&b, false, time.UTC); err != nil {
			t.Fatal(err)
		}
		if got := strings.HasSuffix(b.String(), "\n  nsviz why "+id+" explains the latest OOM kill in it\n"); got != want {
			t.Errorf("%q:\n%s", id, b.String())
		}
	}
}

// Names in an answer do not act on the terminal.
func TestWhyKillOfHostileNames(t *testing.T) {
	k := killed(101, &event.Container{ID: hostile, Name: hostile})
	k.Event.OOM.ID, k.Event.OOM.Victim.Comm = "kill:0", hostile
	a, err := WhyKill(&model.Snapshot{Kills: []model.Kill{k}}, "kill:0")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := a.WriteText(&b, time.UTC); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07\r") {
		t.Errorf("%q", b.String())
	}
}
