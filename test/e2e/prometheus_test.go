//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// prometheus is a running Prometheus that scrapes one nsviz, configured as in deploy/prometheus.
type prometheus struct {
	address string
	began   time.Time
}

// startPrometheus runs Debian's Prometheus, with more flags, until the end of the test and returns once it has scraped.
func startPrometheus(t *testing.T, target string, flags ...string) *prometheus {
	t.Helper()
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		t.Fatalf("this test needs Prometheus; on Debian: apt-get install prometheus: %v", err)
	}
	dir := t.TempDir()
	p := &prometheus{address: freeAddress(t), began: time.Now()}
	output := newLines()
	cmd := exec.Command(binary, append(flags, "--config.file="+prometheusConfig(t, dir, target),
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+p.address)...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("prometheus: %v\n%s", err, output)
		}
	})
	output.await(t, "Server is ready to receive web requests")
	eventually(t, func() bool { return len(p.now(t, `nsviz_build_info and on (instance) up == 1`)) == 1 },
		func() string { return "Prometheus does not scrape nsviz:\n" + output.String() })
	return p
}

// prometheusConfig writes the configuration of deploy/prometheus with another target and shorter intervals. Alerts wait for a second only: how long they
// really wait is tested with the rules, by promtool.
func prometheusConfig(t *testing.T, dir, target string) string {
	t.Helper()
	const deployed = "../../deploy/prometheus/"
	config, err := os.ReadFile(deployed + "prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{
		"127.0.0.1:10064":          target,
		"\n  scrape_interval: 15s": "\n  scrape_interval: 1s",
		"evaluation_interval: 15s": "evaluation_interval: 1s",
		"scrape_interval: 5s":      "scrape_interval: 1s",
	} {
		if bytes.Count(config, []byte(from)) != 1 {
			t.Fatalf("prometheus.yml has no single %q", from)
		}
		config = bytes.ReplaceAll(config, []byte(from), []byte(to))
	}
	files := map[string][]byte{"prometheus.yml": config}
	waits := regexp.MustCompile(`(?m)^( +(?:for|interval):) \w+$`)
	for _, name := range []string{"nsviz.rules.yml", "nsviz.fleet.rules.yml"} {
		rules, err := os.ReadFile(deployed + name)
		if err != nil {
			t.Fatal(err)
		}
		if !waits.Match(rules) {
			t.Fatalf("nothing waits in %s", name)
		}
		files[name] = waits.ReplaceAll(rules, []byte("$1 1s"))
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "prometheus.yml")
}

// sample is a value at a time.
type sample struct {
	time  float64 // Unix
	value float64
}

func (s *sample) UnmarshalJSON(data []byte) error {
	var value string
	if err := json.Unmarshal(data, &[]any{&s.time, &value}); err != nil {
		return err
	}
	var err error
	s.value, err = strconv.ParseFloat(value, 64)
	return err
}

// series is one series of an answer. The result of an instant query has one sample.
type series struct {
	labels  map[string]string
	samples []sample
}

func (s series) last() float64 { return s.samples[len(s.samples)-1].value }

// highest returns the highest value without NaN, which is a quantile of nothing.
func (s series) highest() float64 {
	highest := math.Inf(-1)
	for _, sample := range s.samples {
		if !math.IsNaN(sample.value) {
			highest = max(highest, sample.value)
		}
	}
	return highest
}

// now runs an instant query.
func (p *prometheus) now(t *testing.T, expr string) []series {
	t.Helper()
	return p.query(t, "query", url.Values{"query": {expr}})
}

// at runs an instant query at a time.
func (p *prometheus) at(t *testing.T, when float64, expr string) []series {
	t.Helper()
	return p.query(t, "query", url.Values{"query": {expr}, "time": {unix(when)}})
}

// until runs a range query up to a time, inclusive.
func (p *prometheus) until(t *testing.T, when float64, expr string) []series {
	t.Helper()
	steps := math.Floor(when - float64(p.began.UnixMilli())/1000)
	return p.query(t, "query_range", url.Values{
		"query": {expr}, "start": {unix(when - steps)}, "end": {unix(when)}, "step": {"1"},
	})
}

func unix(seconds float64) string { return strconv.FormatFloat(seconds, 'f', 3, 64) }

func (p *prometheus) query(t *testing.T, endpoint string, parameters url.Values) []series {
	t.Helper()
	var result struct {
		Result []struct {
			Metric map[string]string
			Value  *sample
			Values []sample
		}
	}
	p.get(t, endpoint, parameters, &result)
	var list []series
	for _, r := range result.Result {
		s := series{labels: r.Metric, samples: r.Values}
		if r.Value != nil {
			s.samples = []sample{*r.Value}
		}
		list = append(list, s)
	}
	return list
}

// get calls the HTTP API; any answer but success fails the test.
func (p *prometheus) get(t *testing.T, endpoint string, parameters url.Values, data any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+p.address+"/api/v1/"+endpoint+"?"+parameters.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Status   string
		Error    string
		Warnings []string
		Data     json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" || answer.Warnings != nil {
		t.Fatalf("%s %v: %v, %s\n%s", endpoint, parameters, err, response.Status, body)
	}
	if err := json.Unmarshal(answer.Data, data); err != nil {
		t.Fatalf("%s %v: %v\n%s", endpoint, parameters, err, answer.Data)
	}
}

// lastScrape returns the time of the latest sample of nsviz. Rates that end then need no extrapolation.
func (p *prometheus) lastScrape(t *testing.T) float64 {
	t.Helper()
	answer := p.now(t, "timestamp(nsviz_build_info)")
	if len(answer) != 1 {
		t.Fatalf("%d builds, want 1", len(answer))
	}
	return answer[0].last()
}

// firing lists the containers of the alerts that fire, sorted, by the name of their rule. A rule that fails fails the test.
func (p *prometheus) firing(t *testing.T) map[string][]string {
	t.Helper()
	var data struct {
		Groups []struct {
			Rules []struct {
				Name, Type, Health, LastError string
				Alerts                        []struct {
					Labels map[string]string
					State  string
				}
			}
		}
	}
	p.get(t, "rules", nil, &data)
	firing := make(map[string][]string)
	for _, group := range data.Groups {
		for _, rule := range group.Rules {
			if rule.Health == "err" || rule.LastError != "" {
				t.Fatalf("rule %s: %s", rule.Name, rule.LastError)
			}
			if rule.Type != "alerting" {
				continue
			}
			names := []string{}
			for _, a := range rule.Alerts {
				if a.State == "firing" {
					names = append(names, a.Labels["container"])
				}
			}
			slices.Sort(names)
			firing[rule.Name] = slices.Compact(names)
		}
	}
	return firing
}

// engineSeconds returns when its engine made a container and was done with its start: Unix times in seconds.
func engineSeconds(t *testing.T, name string) (made, started float64) {
	t.Helper()
	var at [2]time.Time
	if err := json.Unmarshal([]byte(docker(t, "inspect", "--format", "[{{json .Created}}, {{json .State.StartedAt}}]", name)), &at); err != nil {
		t.Fatal(err)
	}
	return float64(at[0].UnixMilli()) / 1000, float64(at[1].UnixMilli()) / 1000
}

// checkMetrics has Prometheus's own linter check the metrics of nsviz: it must find nothing.
func checkMetrics(t *testing.T, target string) {
	t.Helper()
	_, body := scrape(t, target)
	cmd := exec.Command("promtool", "check", "metrics")
	cmd.Stdin = strings.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func (s series) String() string { return fmt.Sprint(s.labels, " ", s.samples) }
