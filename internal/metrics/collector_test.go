package metrics

import (
	"flag"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/sink"
)

var update = flag.Bool("update", false, "write the golden files")

// configOf returns the Config of a process with a sink and a server that have dropped something.
func configOf(s *model.Snapshot) Config {
	return Config{
		Snapshot: func() *model.Snapshot { return s },
		Sinks:    func() []sink.Stats { return []sink.Stats{{Name: "log", Written: 7, Dropped: 2}} },
		Deliveries: func() []sink.Delivery {
			return []sink.Delivery{{What: "logs", Delivered: 12, Rejected: 3, Failures: 4}}
		},
		DroppedConnections: func() DroppedConnections { return DroppedConnections{Idle: 4, Refused: 1} },
		Findings:           metricstest.Findings,
		Mishaps:            mishaps(),
		Build:              BuildInfo{Version: "1.2.3", Revision: "0123abcd", GoVersion: "go1.26"},
	}
}

// mishaps returns the counts of a process in which a mistake has ended two pieces of work.
func mishaps() *mishap.Counter {
	c := mishap.New(slog.New(slog.DiscardHandler))
	for range 2 {
		_ = c.Do(mishap.Page, "", func() error { panic("a test") })
	}
	return c
}

// A mistake in a scrape ends that one: it has what came before, says that something is missing, and nsviz goes on.
func TestMistakeInAScrape(t *testing.T) {
	wrong := true
	cfg := configOf(metricstest.Full())
	cfg.Findings = func(id string) map[string]int {
		if wrong {
			panic("a test")
		}
		return metricstest.Findings(id)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(NewCollector(cfg))
	families, err := registry.Gather()
	if err == nil || !strings.Contains(err.Error(), "a mistake in nsviz ended this (a test)") || len(families) == 0 {
		t.Errorf("%d families, %v", len(families), err)
	}
	wrong = false
	if text := scrape(t, registry); !strings.Contains(text, `nsviz_panics_total{work="scrape"} 1`) || !strings.Contains(text, `nsviz_panics_total{work="page"} 2`) ||
		!strings.Contains(text, `nsviz_panics_total{work="log"} 0`) {
		t.Error(text)
	}
}

func registryOf(t testing.TB, s *model.Snapshot) *prometheus.Registry {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(NewCollector(configOf(s))); err != nil {
		t.Fatal(err)
	}
	return registry
}

// scrape returns the text that Prometheus would read; any error fails the test.
func scrape(t testing.TB, gatherer prometheus.Gatherer) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}).
		ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(recorder.Body)
	if err != nil {
		t.Fatal(err)
	}
	if recorder.Code != 200 {
		t.Fatalf("status %d:\n%s", recorder.Code, body)
	}
	return string(body)
}

func TestCollectWholeOutput(t *testing.T) {
	for name, snapshot := range map[string]*model.Snapshot{
		"full":        metricstest.Full(),
		"empty":       {},
		"no_snapshot": nil,
	} {
		t.Run(name, func(t *testing.T) {
			registry := registryOf(t, snapshot)
			golden := "testdata/" + name + ".prom"
			if *update {
				if err := os.WriteFile(golden, []byte(scrape(t, registry)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.Open(golden)
			if err != nil {
				t.Fatal(err)
			}
			defer want.Close()
			if err := testutil.GatherAndCompare(registry, want); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(registryOf(t, metricstest.Full()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The full snapshot has a sample of every family, so that the golden file and the linters see all.
func TestFullSnapshotHasEveryFamily(t *testing.T) {
	text := scrape(t, registryOf(t, metricstest.Full()))
	for _, f := range Families() {
		if !strings.Contains(text, "# TYPE "+f.Name+" "+f.Type+"\n") {
			t.Errorf("%s (%s) is missing", f.Name, f.Type)
		}
	}
}

func TestUnknownIsAbsent(t *testing.T) {
	text := scrape(t, registryOf(t, &model.Snapshot{Containers: []model.Container{
		{ID: "1", Label: "dark", State: model.Running},
	}}))
	for _, name := range []string{
		"nsviz_container_memory_usage_bytes", "nsviz_container_memory_limit_bytes",
		"nsviz_container_memory_working_set_bytes", "nsviz_container_memory_limit_reached_in_seconds",
		"nsviz_container_namespace_shared", "nsviz_namespaces", "nsviz_memory_saving_steps_total",
	} {
		if strings.Contains(text, "\n"+name+"{") {
			t.Errorf("%s is served though nothing is known", name)
		}
	}
	if !strings.Contains(text, `nsviz_container_info{container="dark",`) {
		t.Error("the container itself is missing")
	}
}

// If nsviz may not look everywhere, counts of what it found are absent.
func TestUnseenIsAbsent(t *testing.T) {
	for name, tt := range map[string]struct {
		unseen          *fact.Unseen
		counts, unseens string
	}{
		"before the first survey": {nil, "nsviz_namespaces", ""},
		"all is seen":             {&fact.Unseen{Untraced: true}, "nsviz_namespaces", "nsviz_processes_unseen 0"},
		"all but a few":           {&fact.Unseen{Processes: 2}, "nsviz_namespaces", "nsviz_processes_unseen 2"},
		"no right to look":        {&fact.Unseen{Processes: 51, Untraced: true}, "", "nsviz_processes_unseen 51"},
		"hidden":                  {&fact.Unseen{Hidden: true, Untraced: true}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := metricstest.Full()
			s.Unseen = tt.unseen
			text := scrape(t, registryOf(t, s))
			for _, family := range []string{"nsviz_namespaces", "nsviz_virtual_machines"} {
				if served := strings.Contains(text, "\n"+family+"{"); served != (tt.counts != "") {
					t.Errorf("%s is served: %v", family, served)
				}
			}
			got := ""
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "nsviz_processes_unseen") {
					got = strings.TrimSpace(line)
				}
			}
			if got != tt.unseens {
				t.Errorf("%q, want %q", got, tt.unseens)
			}
		})
	}
}

func TestEndedContainersHaveNoGauges(t *testing.T) {
	for line := range strings.Lines(scrape(t, registryOf(t, metricstest.Full()))) {
		if strings.Contains(line, `container="gone"`) && !strings.Contains(line, "_total{") {
			t.Errorf("a gauge of an ended container: %s", line)
		}
	}
}

// A sandbox and a service have the series of a workload, and are not counted as containers.
func TestSandboxesAreNoContainers(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "a", Label: "web", State: model.Running, Runtime: "docker"}, {ID: "b", Label: "pause", State: model.Running, Runtime: "docker", Kind: event.KindPod},
		{ID: "c", Label: "bwrap-812", State: model.Running, Runtime: "bubblewrap", Kind: event.KindSandbox},
		{ID: "d", Label: "cron.service", State: model.Running, Runtime: "systemd", Kind: event.KindService},
	}}
	text := scrape(t, registryOf(t, s))
	for line, want := range map[string]bool{
		`nsviz_containers{runtime="docker"} 2`: true, `nsviz_containers{runtime="bubblewrap"}`: false, `nsviz_containers{runtime="systemd"}`: false,
		`container="cron.service",id="d",image="",kind="service"`: true, `container="bwrap-812",id="c",image="",kind="sandbox"`: true,
	} {
		if strings.Contains(text, line) != want {
			t.Errorf("%s: want it %t in\n%s", line, want, text)
		}
	}
}

// Two live containers with one label should not happen. If they do, the first keeps its gauges and
// both are counted: a duplicate sample would cost the whole scrape.
func TestSameLabelTwice(t *testing.T) {
	s := &model.Snapshot{Containers: []model.Container{
		{ID: "old", Label: "web", State: model.Exited},
		{ID: "first", Label: "web", State: model.Running, Memory: model.Memory{UsageBytes: new(uint64(1))}},
		{ID: "second", Label: "web", State: model.Running, Memory: model.Memory{UsageBytes: new(uint64(2))}},
		{ID: "third", Label: "a\xff", State: model.Running},
		{ID: "fourth", Label: `a\xff`, State: model.Running},
	}}
	text := scrape(t, registryOf(t, s))
	for _, want := range []string{
		"nsviz_containers{runtime=\"\"} 4\n",
		"nsviz_container_info{container=\"web\",id=\"first\",image=\"\",kind=\"container\",namespace=\"\",pod=\"\",project=\"\",runtime=\"\"} 1\n",
		"nsviz_container_memory_usage_bytes{container=\"web\"} 1\n",
		// Names that are equal once they are escaped stay different.
		`nsviz_container_info{container="a\\xff",id="third"`, `nsviz_container_info{container="a\\x5cxff",id="fourth"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	for _, unwanted := range []string{`id="old"`, `id="second"`} {
		if strings.Contains(text, unwanted) {
			t.Errorf("%s is served", unwanted)
		}
	}
}

func TestProbesOfOneNameAndMethod(t *testing.T) {
	s := &model.Snapshot{Probes: []fact.Probe{
		{Name: "oom", Method: "tp_btf", Reason: "one"}, {Name: "oom", Method: "tp_btf", Reason: "two"},
	}}
	if n := strings.Count(scrape(t, registryOf(t, s)), "nsviz_probe_info{"); n != 1 {
		t.Errorf("%d samples, want 1", n)
	}
}

// A live container's first kill must be a step from 0 to 1.
func TestFirstKillIsAStep(t *testing.T) {
	s := &model.Snapshot{
		Containers: []model.Container{{ID: "1", Label: "web", State: model.Starting}},
	}
	const sample = `nsviz_oom_kills_total{container="web",scope="cgroup"} `
	if text := scrape(t, registryOf(t, s)); !strings.Contains(text, sample+"0\n") {
		t.Errorf("no zero before the kill:\n%s", text)
	}
	s.Totals.OOMKills = map[model.KillKey]uint64{{Container: "web", Scope: event.ScopeCgroup}: 1}
	if text := scrape(t, registryOf(t, s)); !strings.Contains(text, sample+"1\n") {
		t.Errorf("no one after the kill:\n%s", text)
	}
}

func TestDescribeSendsEveryFamily(t *testing.T) {
	ch := make(chan *prometheus.Desc, familyCount)
	NewCollector(configOf(nil)).Describe(ch)
	close(ch)
	i := 0
	for desc := range ch {
		if want := `fqName: "` + Families()[i].Name + `"`; !strings.Contains(desc.String(), want) {
			t.Errorf("description %d is %s, want %s", i, desc, want)
		}
		i++
	}
	if i != int(familyCount) {
		t.Errorf("%d descriptions, want %d", i, familyCount)
	}
}

func BenchmarkCollect1000Containers(b *testing.B) {
	c := NewCollector(configOf(metricstest.Crowd(1000)))
	b.ReportAllocs()
	for b.Loop() {
		ch := make(chan prometheus.Metric, 1024)
		go func() {
			c.Collect(ch)
			close(ch)
		}()
		for range ch {
		}
	}
}

func BenchmarkScrape1000Containers(b *testing.B) {
	registry := prometheus.NewRegistry()
	if err := registry.Register(NewCollector(configOf(metricstest.Crowd(1000)))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		scrape(b, registry)
	}
}
