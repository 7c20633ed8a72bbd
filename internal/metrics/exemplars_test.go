package metrics

import (
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
)

// A counter of kills points at the latest kill that it has counted.
func TestExemplarsPointAtKills(t *testing.T) {
	text := openMetrics(t, metricstest.Full())
	for _, line := range []string{
		`nsviz_oom_kills_total{container="gone",scope="cgroup"} 144.0 # {kill_id="` + metricstest.KillID + `"} 1.0 1.795400003e+09`,
		`nsviz_oom_kills_total{container="web",scope="system"} 1.0 # {kill_id="kill:00000000000000a1"} 1.0 1.795400002e+09`,
		`nsviz_oom_kills_total{container="",scope="system"} 1.0 # {kill_id="kill:00000000000000a0"} 1.0 1.795400001e+09`,
		`nsviz_events_total{type="oom_kill"} 147.0 # {kill_id="` + metricstest.KillID + `"} 1.0 1.795400003e+09`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	if n := strings.Count(text, killLabel); n != 4 {
		t.Errorf("%d exemplars, want 4", n)
	}
}

// A kill from before a rename is counted under the name of that time, and is the exemplar there.
func TestExemplarsOfARenamedContainer(t *testing.T) {
	at := time.Unix(1000, 0).UTC()
	kill := func(seconds int, id string) model.Kill {
		c := &event.Container{ID: "a", Name: "web"}
		return model.Kill{Event: event.Event{
			Time: at.Add(time.Duration(seconds) * time.Second), Type: event.OOMKill, Container: c,
			OOM: &event.OOM{ID: id, Scope: event.ScopeCgroup, Victim: event.Victim{Container: c}},
		}}
	}
	text := openMetrics(t, &model.Snapshot{
		Kills:      []model.Kill{kill(1, "kill:00000000000000a1"), kill(3, "kill:00000000000000a3")},
		Containers: []model.Container{{ID: "a", Label: "site", Named: true, FormerNames: []fact.FormerName{{Name: "web", Until: at.Add(2 * time.Second)}}}},
		Totals: model.Totals{OOMKills: map[model.KillKey]uint64{
			{Container: "web", Scope: event.ScopeCgroup}: 1, {Container: "site", Scope: event.ScopeCgroup}: 1,
		}},
	})
	for _, want := range []string{
		`{container="web",scope="cgroup"} 1.0 # {kill_id="kill:00000000000000a1"} `, `{container="site",scope="cgroup"} 1.0 # {kill_id="kill:00000000000000a3"} `,
	} {
		if !strings.Contains(text, "\nnsviz_oom_kills_total"+want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestNoExemplarOfWhatMakesNone(t *testing.T) {
	kill := func(id string) model.Kill {
		return model.Kill{Event: event.Event{Type: event.OOMKill, OOM: &event.OOM{ID: id, Scope: event.ScopeSystem}}}
	}
	for name, kills := range map[string][]model.Kill{
		"too long": {kill(strings.Repeat("x", 200))}, "no UTF-8": {kill("\xff")}, "none": {kill("")}, "no kill": {{}},
	} {
		s := &model.Snapshot{Kills: kills, Totals: model.Totals{
			Events: map[event.Type]uint64{event.OOMKill: 1}, OOMKills: map[model.KillKey]uint64{{Scope: event.ScopeSystem}: 1},
		}}
		if text := openMetrics(t, s); strings.Contains(text, killLabel) {
			t.Errorf("%s: an exemplar", name)
		}
	}
	// A kill that the counters of a resumed model have not counted.
	if text := openMetrics(t, &model.Snapshot{Kills: []model.Kill{kill("kill:00000000000000a0")}}); strings.Contains(text, killLabel) {
		t.Error("an exemplar of a counter at 0")
	}
}

// histogram returns the histogram of starts as protobuf has it.
func histogram(t *testing.T, s *model.Snapshot) *dto.Histogram {
	t.Helper()
	families, err := registryOf(t, s).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == Families()[containerStart].Name {
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatal("no histogram")
	return nil
}

// The native buckets hold as many as the classic ones, which stay.
func TestNativeHistogram(t *testing.T) {
	s := metricstest.Full()
	s.Totals.Since = time.Unix(1000, 0)
	h := histogram(t, s)
	if len(h.GetBucket()) != len(model.StartBuckets()) || h.GetSampleCount() != 7 || h.GetSampleSum() != 45.5 {
		t.Errorf("the classic one: %v", h)
	}
	if h.GetSchema() != model.FineSchema || h.GetCreatedTimestamp().AsTime().Unix() != 1000 {
		t.Errorf("the native one: %v", h)
	}
	var spans, sum, count int64
	for _, span := range h.GetPositiveSpan() {
		spans += int64(span.GetLength())
	}
	for _, delta := range h.GetPositiveDelta() {
		count += delta
		sum += count
	}
	if spans != int64(len(h.GetPositiveDelta())) || sum != 7 {
		t.Errorf("%d buckets with %d of 7: %v", spans, sum, h)
	}
	s.Totals.Starts.Fine = map[int]uint64{1: 3} // less than the classic one has counted
	if h := histogram(t, s); h.Schema != nil || h.GetSampleCount() != 7 {
		t.Errorf("%v", h)
	}
}
