package pipeline

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/collect/survey"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

var midnight = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// What a survey adds is reported before the survey, and no earlier than the events that are in.
func TestSurveyIsReportedAfterItsEvents(t *testing.T) {
	l, facts := limitsTest(t)
	p := l.loop
	p.until = midnight.Add(time.Hour)
	loop := surveyLoop{loop: p, freedIsHooked: true}
	var times []time.Time
	p.sinks = append(p.sinks, func(f fact.Fact) { times = append(times, f.Time) })
	at := func(s int) time.Time { return midnight.Add(time.Duration(s) * time.Second) }
	none, one := []fact.Namespace{}, []fact.Namespace{{Type: event.Net, ID: 5, Owner: 1}}
	for i, found := range [][]fact.Namespace{none, one, one} {
		loop.BeginSurvey(at(i * 10))
		loop.EndSurvey(survey.Result{Survey: fact.Survey{Namespaces: found}, Ended: at(i*10 + 1), Thorough: true})
	}
	known := loop.BeginSurvey(at(30)).Known
	created := event.Event{
		Time: fact.Plain(p.until), Type: event.NamespaceCreated, Namespace: &event.Namespace{Type: event.Net, ID: 5, Owner: 1, Via: event.ViaReconcile},
	}
	want := []fact.Fact{
		{Time: midnight, Namespaces: &fact.Survey{Namespaces: none}},
		{Time: midnight, Namespaces: &fact.Survey{Namespaces: one}},
		{Time: midnight, Event: &created},
		{Time: midnight, Namespaces: &fact.Survey{Namespaces: one}},
	}
	if diff := cmp.Diff(want, *facts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Time{at(1), at(11), p.until, at(21)}, times, cmp.Transformer("plain", fact.Plain)); diff != "" {
		t.Errorf("times (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[uint64]survey.Known{5: {Type: event.Net, Owner: 1}}, known); diff != "" {
		t.Errorf("known (-want +got):\n%s", diff)
	}
}

// Who has changed its namespaces is known only where the kernel reports that.
func TestSurveyIsGivenWhoChanged(t *testing.T) {
	l, _ := limitsTest(t)
	for _, reported := range []bool{true, false} {
		loop := surveyLoop{loop: l.loop, changesReported: reported}
		loop.BeginSurvey(midnight)
		if changed := loop.BeginSurvey(midnight).Changed; (changed != nil) != reported {
			t.Errorf("reported is %t: %v", reported, changed)
		}
	}
}
