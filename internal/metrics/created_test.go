package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
)

// Every counter that a live container, the host or nsviz may have later exists with 0 before: increase() does not see the
// step from absent to 1, and most containers end once.
func TestCountersStartAtZero(t *testing.T) {
	text := scrape(t, registryOf(t, &model.Snapshot{
		Containers: []model.Container{{ID: "1", Label: "web", State: model.Starting, OOMKillsUnobserved: new(uint64(0))}, {ID: "2", Label: "gone", State: model.Exited}},
		Totals:     model.Totals{BPFErrors: map[fact.ErrorPlace]uint64{fact.ErrorRead: 0}, Exits: map[model.ExitKey]uint64{{Container: "gone", Cause: event.CauseSignal}: 1}},
	}))
	want := []string{`nsviz_bpf_errors_total{place="read"} 0`, `nsviz_oom_kills_unobserved_total{container="web"} 0`}
	for _, cause := range event.Causes() {
		want = append(want, fmt.Sprintf(`nsviz_container_exits_total{cause=%q,container="web"} 0`, cause))
	}
	for _, scope := range event.Scopes() {
		want = append(want, fmt.Sprintf(`nsviz_oom_kills_total{container="web",scope=%q} 0`, scope), fmt.Sprintf(`nsviz_oom_kills_total{container="",scope=%q} 0`, scope),
			fmt.Sprintf(`nsviz_oom_kills_total{container="(unknown)",scope=%q} 0`, scope))
	}
	for _, reason := range event.LostReasons() {
		want = append(want, fmt.Sprintf(`nsviz_events_lost_total{reason=%q} 0`, reason))
	}
	for _, typ := range event.NamespaceTypes() {
		want = append(want, fmt.Sprintf(`nsviz_namespace_created_total{type=%q,via="reconcile"} 0`, typ))
	}
	for _, line := range want {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	// Series do not pile up for ended containers.
	if n := strings.Count(text, `container="gone"`); n != 1 {
		t.Errorf("%d series of a container that has ended, want the one that counted", n)
	}
}

// spentAll returns counts of every kind.
func spentAll() *model.Spent {
	counts := map[model.SpentKind]uint64{}
	for k := range model.SpentKinds {
		counts[k] = 1
	}
	return model.SpentOf(counts)
}

func withoutExemplars(text string) string {
	return regexp.MustCompile(` # \{kill_id="[^"]*"\} .*`).ReplaceAllString(text, "")
}

// openMetrics returns the text that Prometheus asks for.
func openMetrics(t testing.TB, s *model.Snapshot) string {
	t.Helper()
	return openMetricsOf(t, s, metricstest.Findings)
}

func openMetricsOf(t testing.TB, s *model.Snapshot, findings func(id string) map[string]int) string {
	t.Helper()
	config := configOf(s)
	config.Findings = findings
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(NewCollector(config)); err != nil {
		t.Fatal(err)
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true, EnableOpenMetricsTextCreatedSamples: true})
	request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, request)
	if !strings.HasPrefix(answer.Header().Get("Content-Type"), "application/openmetrics-text") {
		t.Fatalf("Content-Type %s", answer.Header().Get("Content-Type"))
	}
	return answer.Body.String()
}

// Each counter of nsviz has the time of its creation, so that one that appears with a value has a step to it.
func TestCountersSayWhenTheyWereCreated(t *testing.T) {
	s := metricstest.Full()
	s.Totals.Since = time.Unix(1000, 0)
	s.Totals.Known = map[string]time.Time{"web": time.Unix(2000, 500e6), "gone": time.Unix(3000, 0), "raw\xff": time.Unix(5000, 0), `raw\xff`: time.Unix(4000, 0)}
	text := openMetrics(t, s)
	for _, line := range []string{
		`nsviz_events_created{type="oom_kill"} 1000.0`,
		`nsviz_oom_kills_created{container="web",scope="cgroup"} 2000.5`,
		`nsviz_oom_kills_created{container="gone",scope="cgroup"} 3000.0`,
		`nsviz_oom_kills_created{container="",scope="system"} 1000.0`,
		`nsviz_oom_kills_created{container="(folded)",scope="cgroup"} 1000.0`,
		`nsviz_oom_kills_created{container="raw\\x5cxff",scope="cgroup"} 4000.0`,
		`nsviz_oom_kills_created{container="raw\\xff",scope="cgroup"} 5000.0`,
		`nsviz_container_exits_created{cause="oom_kill",container="gone"} 3000.0`,
		`nsviz_container_exits_created{cause="exited",container="web"} 2000.5`,
		`nsviz_container_start_seconds_created 1000.0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	counters := regexp.MustCompile(`(?m)^(nsviz_\w+)_total(\{.*\})? `).FindAllStringSubmatch(withoutExemplars(text), -1)
	if len(counters) == 0 {
		t.Fatal("no counters")
	}
	spent := map[string]bool{} // they would double the series of what changes all the time
	for _, k := range spentMetrics() {
		spent[strings.TrimSuffix(Families()[k.family].Name, "_total")] = true
	}
	for _, c := range counters {
		if spent[c[1]] {
			if strings.Contains(text, c[1]+"_created") {
				t.Errorf("%s says when it was created", c[1])
			}
			continue
		}
		if !strings.Contains(text, "\n"+c[1]+"_created"+c[2]+" ") {
			t.Errorf("%s%s does not say when it was created", c[1], c[2])
		}
	}
	// What is unknown is absent.
	s.Totals.Since, s.Totals.Known = time.Time{}, nil
	if text := openMetrics(t, s); strings.Contains(text, "nsviz_oom_kills_created") {
		t.Error("created nobody knows when")
	}
}

// The number of series is bounded by that of the live containers, as docs/METRICS.md has it.
func TestSeriesOfAContainer(t *testing.T) {
	count := func(n int) (series, created int) {
		s := metricstest.Crowd(n)
		s.Totals.Since, s.Totals.Known, s.Totals.PIDsRefused = time.Unix(1000, 0), map[string]time.Time{}, map[string]uint64{}
		for i := range s.Containers { // with all that a container can have
			c := &s.Containers[i]
			s.Totals.Known[c.Label], s.Totals.PIDsRefused[c.Label] = time.Unix(2000, 0), 0
			c.Unheld, c.Stuck, c.StuckKnown, c.OOMKillsUnobserved = &fact.Unheld{}, &fact.Stuck{}, true, new(uint64(0))
			c.Started, c.Restarts, c.Use = time.Unix(2000, 0), new(uint64(0)), &model.Use{SwapBytes: new(uint64(0)), Tasks: new(uint64(1))}
			c.Limits.PIDs, c.Spent = &fact.Limit{Unlimited: true}, spentAll()
			c.PausedKnown, c.Memory.WorkingSetBytes, c.Forecast = true, new(uint64(0)), &model.Forecast{}
		}
		s.Containers = append(s.Containers, model.Container{ID: "0", Label: "other", Runtime: "docker", State: model.Exited}) // so that the runtime is counted
		for line := range strings.Lines(openMetricsOf(t, s, func(string) map[string]int { return metricstest.Findings("1111") })) {
			switch {
			case !strings.HasPrefix(line, "nsviz_"):
			case strings.Contains(line, "_created"):
				created++
			default:
				series++
			}
		}
		return series, created
	}
	const containers = 1000
	series0, created0 := count(0)
	series, created := count(containers)
	series, created = series-series0, created-created0
	// Every family that has the label, except that of virtual machines, which are few.
	families := 0
	for _, f := range Families() {
		if slices.Contains(f.Labels, "container") {
			families++
		}
	}
	const withTypes, withScopes, withCauses, withResources, withSeverities = 2, 1, 1, 2, 1
	const resources, severities = 3, 5
	if want := families - 1 + withTypes*(event.NamespaceTypeCount-1) + withScopes*(len(event.Scopes())-1) + withCauses*(len(event.Causes())-1) +
		withResources*(resources-1) + withSeverities*(severities-1); series != containers*want {
		t.Errorf("%d series of %d containers, want %d for each: is there one that this test does not fill in?", series, containers, want)
	}
	page, err := os.ReadFile("../../docs/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := fmt.Sprintf("- A live container has %d series at most, and %d times of creation: %d together, %d,000 for 1,000 containers.",
		series/containers, created/containers, (series+created)/containers, (series+created)/containers)
	if created%containers != 0 || !strings.Contains(string(page), documented) {
		t.Errorf("docs/METRICS.md does not say %q", documented)
	}
}
