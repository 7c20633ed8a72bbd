package otlp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/resource"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// startOf returns the fact that a container has started.
func startOf(id string, at time.Time, phases ...event.Phase) fact.Fact {
	return fact.Fact{Time: at, BootNS: uint64(at.UnixNano()), Event: &event.Event{
		Time: at, Type: event.ContainerStarted, PID: 7, Comm: "nginx", Container: &event.Container{ID: id, Name: "web"},
		Start: &event.Start{DurationMS: new(30.0), Phases: phases},
	}}
}

func testTracer(containers ...model.Container) *tracer {
	return newTracer(resource.Empty(), "host", "1", workloadsOf(func() *model.Snapshot { return &model.Snapshot{Containers: containers} }))
}

// span is what a test compares of one: times are since the beginning of the test's time.
type span struct {
	Name     string
	From, To time.Duration
	Child    bool
	Error    string
}

func spansOf(base time.Time, list []*tracepb.Span) (spans []span) {
	for _, s := range list {
		since := func(ns uint64) time.Duration { return time.Unix(0, int64(ns)).Sub(base) }
		spans = append(spans, span{s.Name, since(s.StartTimeUnixNano), since(s.EndTimeUnixNano), len(s.ParentSpanId) > 0, s.GetStatus().GetMessage()})
	}
	return spans
}

const ms = time.Millisecond

func TestStart(t *testing.T) {
	at := time.Unix(1000, 0)
	f := startOf("c1", at, event.Phase{Name: "create", AtMS: -20}, event.Phase{Name: "cgroup"}, event.Phase{Name: "namespaces", AtMS: 10}, event.Phase{Name: "exec", AtMS: 30})
	got := testTracer().spansOf(f)
	if diff := cmp.Diff([]span{
		{"container start web", -50 * ms, 0, false, ""}, {"engine prepares", -50 * ms, -30 * ms, true, ""},
		{"namespaces", -30 * ms, -20 * ms, true, ""}, {"waits, and execs", -20 * ms, 0, true, ""},
	}, spansOf(at, got)); diff != "" {
		t.Error(diff)
	}
	ids := map[string]bool{}
	for _, s := range got {
		if string(s.TraceId) != string(got[0].TraceId) {
			t.Error("two traces")
		}
		if s != got[0] && string(s.ParentSpanId) != string(got[0].SpanId) {
			t.Error("not below the root")
		}
		ids[string(s.SpanId)] = true
	}
	if len(ids) != len(got) {
		t.Errorf("%d ids of %d spans", len(ids), len(got))
	}
	again := testTracer().spansOf(f)
	if string(again[0].TraceId) != string(got[0].TraceId) || string(again[1].SpanId) != string(got[1].SpanId) {
		t.Error("the same start has other ids")
	}
	for _, other := range []fact.Fact{startOf("c2", at), startOf("c1", at.Add(1))} {
		if string(testTracer().spansOf(other)[0].TraceId) == string(got[0].TraceId) {
			t.Error("another start has the same id")
		}
	}
}

// The phases may be unknown, and so may be how long it took: then there is nothing to show.
func TestStartWithoutPhases(t *testing.T) {
	at := time.Unix(1000, 0)
	if diff := cmp.Diff([]span{{"container start web", -30 * ms, 0, false, ""}}, spansOf(at, testTracer().spansOf(startOf("c1", at)))); diff != "" {
		t.Error(diff)
	}
	unseen := startOf("c1", at)
	unseen.Event.Start.DurationMS = nil
	if got := testTracer().spansOf(unseen); len(got) > 0 {
		t.Error(got)
	}
}

func TestFailedStarts(t *testing.T) {
	at := time.Unix(1000, 0)
	made := model.Container{ID: "c1", Label: "web", Named: true, NeverStarted: &fact.NeverStarted{Made: at.Add(-9 * ms), Tried: at.Add(-5 * ms), Failed: at.Add(-ms)}}
	starting := model.Container{ID: "c2", Label: "hog", Created: at.Add(-40 * ms)}
	refused := fact.Fact{Time: at, EngineReport: &fact.EngineReport{ID: "c1", StartError: "no such file"}}
	killed := fact.Fact{Time: at, Event: &event.Event{Type: event.OOMKill, OOM: &event.OOM{Victim: event.Victim{Starting: true}}, Container: &event.Container{ID: "c2"}}}
	unknown := fact.Fact{Time: at, EngineReport: &fact.EngineReport{ID: "c3", StartError: "no"}}
	for _, test := range []struct {
		f    fact.Fact
		want span
	}{
		{refused, span{"container start web", -5 * ms, -ms, false, "no such file"}},
		{killed, span{"container start hog", -40 * ms, 0, false, "the kernel's OOM killer took a process that was starting it"}},
		{unknown, span{"container start c3", 0, 0, false, "no"}},
	} {
		if !failedStart(&test.f) {
			t.Errorf("%+v is no failed start", test.f)
		}
		got := testTracer(made, starting).spansOf(test.f)
		if diff := cmp.Diff([]span{test.want}, spansOf(at, got)); diff != "" {
			t.Error(diff)
		} else if got[0].Status.Code != tracepb.Status_STATUS_CODE_ERROR {
			t.Error(got[0].Status)
		}
	}
	for _, f := range []fact.Fact{{}, {EngineReport: &fact.EngineReport{ID: "c1"}}, {Event: &event.Event{Type: event.OOMKill, OOM: &event.OOM{}}}} {
		if failedStart(&f) {
			t.Errorf("%+v is a failed start", f)
		}
	}
}

func TestRememberedStarts(t *testing.T) {
	var s starts
	for i := range maxStarts + 1 {
		s.add(string(rune('a'+i)), newStartID("h", "c", uint64(i)))
	}
	if _, ok := s.of("a"); ok || len(s.ids) != maxStarts || len(s.order) != maxStarts {
		t.Errorf("%d are remembered", len(s.ids))
	}
	s.add("b", newStartID("h", "c", 99))
	if id, ok := s.of("b"); !ok || id != newStartID("h", "c", 99) || len(s.order) != maxStarts {
		t.Error("the later start of a container is not known")
	}
}
