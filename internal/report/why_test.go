package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

func TestWhyContainer(t *testing.T) {
	c := ended(&event.Exit{Code: new(int32(137)), Signal: 9, Cause: event.CauseOOMKill})
	c.OOMKills, c.OOMKillsAtLeast, c.LatestKill, c.EngineReport = new(uint64(2)), 2, new(killed(100, web)), says(137, false)
	c.Previous = &model.End{Time: end.Add(-time.Hour), Exit: killedBy(122, "kill", 1000)}
	earlier := killed(90, web)
	earlier.Event.Time = end.Add(-time.Hour) // of the run before
	elsewhere := killed(91, db)
	s := &model.Snapshot{Containers: []model.Container{c}, Kills: []model.Kill{earlier, elsewhere, *c.LatestKill}}
	want := ContainerAnswer{
		Container: *web, State: model.Exited, PID: 100, Comm: "sh", Started: c.Started, OOMKills: new(uint64(2)),
		Sentence: story.Container(&c, s).String(), Text: story.Container(&c, s), Kills: []event.Event{c.LatestKill.Event},
		End: &Ending{
			Time: end, Exit: c.Exit, Kill: &c.LatestKill.Event,
			Engine: &Engine{ExitCode: new(int32(137)), OOMKilled: new(false), Judgement: story.JudgementWrong},
		},
		Previous: &Ending{Time: end.Add(-time.Hour), Exit: c.Previous.Exit, Sender: story.SenderHost},
	}
	if diff := cmp.Diff(want, WhyContainer(&c, s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A container that never started has no end. One that was not started again has the engine's reason.
func TestWhyOfFailedStarts(t *testing.T) {
	for name, never := range map[string]*fact.NeverStarted{"known": {Made: end, Error: "no such file"}, "of a later version": nil} {
		c := model.Container{ID: webID, Label: "bar", Named: true, Runtime: "docker", State: model.Created, NeverStarted: never}
		if a := WhyContainer(&c, &model.Snapshot{}); a.End != nil || a.NeverStarted != never || a.State != model.Created {
			t.Errorf("%s: %+v", name, a)
		}
	}
	c := ended(nil)
	c.EngineReport = &fact.EngineReport{ExitCode: new(int32(127)), StartError: "no such file: unknown"}
	c.Previous = &model.End{Time: end, Exit: &event.Exit{Code: new(int32(0)), Cause: event.CauseExited}}
	if a := WhyContainer(&c, &model.Snapshot{}); a.End.Engine.StartError != c.EngineReport.StartError {
		t.Errorf("%+v", a.End.Engine)
	}
}
