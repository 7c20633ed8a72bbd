// Package deploy_test checks what users are to copy: Prometheus's own tool reads the configuration,
// runs the unit tests of the rules and parses every query, and no query names a metric that nsviz
// does not serve.
package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/deploy/grafana"
	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/server"
)

const metricsPage = "../docs/METRICS.md"

// promtool runs Prometheus's own tool and fails the test if it is missing or not content.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatalf("this test needs promtool; on Debian: apt-get install prometheus: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPrometheusConfig(t *testing.T) {
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	config := read(t, "prometheus/prometheus.yml")
	if !strings.Contains(config, server.DefaultAddress) {
		t.Errorf("prometheus.yml does not scrape %s", server.DefaultAddress)
	}
}

// checkExprs has promtool parse each expression as a recording rule.
func checkExprs(t *testing.T, exprs []string) {
	t.Helper()
	var rules bytes.Buffer
	rules.WriteString("groups:\n- name: queries\n  rules:\n")
	for i, expr := range exprs {
		quoted, err := json.Marshal(expr) // a JSON string is a YAML string
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&rules, "  - record: query:%d\n    expr: %s\n", i, quoted)
	}
	file := filepath.Join(t.TempDir(), "queries.yml")
	if err := os.WriteFile(file, rules.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out := promtool(t, "check", "rules", file)
	if want := fmt.Sprintf("%d rules found", len(exprs)); !strings.Contains(out, want) {
		t.Errorf("want %q in promtool's answer:\n%s", want, out)
	}
}

func TestDashboardQueriesParse(t *testing.T) {
	queries, err := grafana.Queries()
	if err != nil {
		t.Fatal(err)
	}
	if len(queries) == 0 {
		t.Fatal("the dashboards have no queries")
	}
	exprs := make([]string, len(queries))
	for i, q := range queries {
		exprs[i] = q.Expr
	}
	checkExprs(t, exprs)
}

func TestDocumentedQueriesParse(t *testing.T) {
	var exprs []string
	for _, block := range regexp.MustCompile("(?s)```promql\n(.*?)```").FindAllStringSubmatch(read(t, metricsPage), -1) {
		exprs = append(exprs, block[1])
	}
	if len(exprs) == 0 {
		t.Fatalf("%s has no queries", metricsPage)
	}
	checkExprs(t, exprs)
}

// seriesNames are the names that queries may use: a histogram is three series.
func seriesNames() map[string]string {
	names := make(map[string]string)
	for _, f := range metrics.Families() {
		if f.Type != metrics.Histogram {
			names[f.Name] = f.Name
			continue
		}
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			names[f.Name+suffix] = f.Name
		}
	}
	return names
}

// usedFamilies lists the families that a file's queries name, and fails on names that neither nsviz serves nor a rule records.
func usedFamilies(t *testing.T, what, text string) map[string]bool {
	t.Helper()
	names, recorded, used := seriesNames(), recordedNames(t), make(map[string]bool)
	for _, name := range regexp.MustCompile(`[\w:]*nsviz_[\w:]+`).FindAllString(text, -1) {
		family, ok := names[name]
		switch {
		case ok:
			used[family] = true
		case !recorded[name]:
			t.Errorf("%s: nsviz serves no %s, and no rule records it", what, name)
		}
	}
	return used
}

func TestOnlyServedMetricsAreUsed(t *testing.T) {
	for _, file := range slices.Concat(ruleFiles(), ruleTests()) {
		usedFamilies(t, file, read(t, file))
	}
	var panels strings.Builder
	for _, file := range dashboards(t) {
		panels.WriteString(read(t, file))
	}
	used := usedFamilies(t, "the dashboards", panels.String())
	for _, f := range metrics.Families() {
		if !used[f.Name] {
			t.Errorf("no panel shows %s", f.Name)
		}
	}
}
