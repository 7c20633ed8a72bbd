package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const runbooks = "https://github.com/nsviz/nsviz/blob/main/docs/runbooks/"

func ruleFiles() []string {
	return []string{"prometheus/nsviz.rules.yml", "prometheus/nsviz.fleet.rules.yml"}
}

func ruleTests() []string {
	return []string{"prometheus/nsviz.rules.test.yml", "prometheus/nsviz.fleet.rules.test.yml"}
}

// rule is one rule of a file: an alert or a recording.
type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func rules(t *testing.T) (list []rule) {
	t.Helper()
	for _, file := range ruleFiles() {
		var content struct {
			Groups []struct{ Rules []rule }
		}
		if err := yaml.Unmarshal([]byte(read(t, file)), &content); err != nil {
			t.Fatal(err)
		}
		for _, group := range content.Groups {
			list = append(list, group.Rules...)
		}
	}
	if len(list) == 0 {
		t.Fatal("no rules")
	}
	return list
}

func recordedNames(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, r := range rules(t) {
		if r.Record != "" {
			names[r.Record] = true
		}
	}
	return names
}

func TestRules(t *testing.T) {
	for _, file := range ruleFiles() {
		promtool(t, "check", "rules", "--lint=all", "--lint-fatal", file)
	}
	for _, file := range ruleTests() {
		promtool(t, "test", "rules", file)
	}
}

// A rule without a test of its own may be wrong for years before it should have fired.
func TestEveryRuleIsTested(t *testing.T) {
	var tests strings.Builder
	for _, file := range ruleTests() {
		tests.WriteString(read(t, file))
	}
	all := rules(t)
	for _, r := range all {
		if r.Record != "" {
			// Those of what happened within 10 minutes are the expressions of alerts.
			if !regexp.MustCompile(`- expr: [^#\n]*`+r.Record).MatchString(tests.String()) && !usedByAlert(all, r.Record) {
				t.Errorf("no test asks for %s", r.Record)
			}
			continue
		}
		fires := regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+eval_time: \w+\n\s+exp_alerts:`)
		silent := regexp.MustCompile(`alertname: ` + r.Alert + `\n\s+eval_time: \w+\n(\s+- alertname|\n)`)
		if !fires.MatchString(tests.String()) {
			t.Errorf("no test makes %s fire", r.Alert)
		}
		if !silent.MatchString(tests.String()) {
			t.Errorf("no test keeps %s silent", r.Alert)
		}
	}
}

// usedByAlert reports whether an alert asks for a recorded name, or for one that is made of it.
func usedByAlert(all []rule, name string) bool {
	return slices.ContainsFunc(all, func(r rule) bool {
		return strings.Contains(r.Expr, name) && (r.Alert != "" || usedByAlert(all, r.Record))
	})
}

// LEVEL:METRIC:OPERATION, where the level names the labels that are left.
func TestRecordedNames(t *testing.T) {
	level := regexp.MustCompile(`^[a-z]+(_[a-z]+)*:nsviz_[a-z_]+:[a-z0-9_]+$`)
	by := regexp.MustCompile(`\bby \(([a-z, ]+)\)`)
	for name := range recordedNames(t) {
		if !level.MatchString(name) {
			t.Errorf("%s is not LEVEL:METRIC:OPERATION", name)
		}
	}
	for _, r := range rules(t) {
		if r.Record == "" {
			continue
		}
		labels, _, _ := strings.Cut(r.Record, ":")
		found := by.FindStringSubmatch(r.Expr)
		if found == nil {
			t.Errorf("%s does not say by which labels", r.Record)
			continue
		}
		all := strings.ReplaceAll(found[1], ", ", "_")
		if labels != all && labels != strings.TrimPrefix(all, "job_") {
			t.Errorf("%s is by %s", r.Record, found[1])
		}
	}
}

// Each alert says how bad it is, what happened, and where the page is that tells what to do.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	pages := make(map[string]bool)
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		if s := r.Labels["severity"]; s != "critical" && s != "warning" && s != "info" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s has no summary or no description", r.Alert)
		}
		if want := runbooks + r.Alert + ".md"; r.Annotations["runbook_url"] != want {
			t.Errorf("%s has the runbook %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		name := r.Alert + ".md"
		pages[name] = true
		page := read(t, "../docs/runbooks/"+name)
		if !strings.HasPrefix(page, "# "+r.Alert+"\n") {
			t.Errorf("%s has another title", name)
		}
		at := 0
		for _, heading := range []string{"\n## What it means\n", "\n## What to look at\n", "\n## How to mend it\n"} {
			i := strings.Index(page, heading)
			if i < at {
				t.Errorf("%s has no %q in its place", name, strings.TrimSpace(heading))
			}
			at = i
		}
		if !strings.Contains(read(t, "../docs/runbooks/README.md"), "]("+name+")") {
			t.Errorf("the list of runbooks does not have %s", name)
		}
	}
	files, err := filepath.Glob("../docs/runbooks/Nsviz*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !pages[filepath.Base(file)] {
			t.Errorf("%s is of no alert", file)
		}
	}
}

// What goes on to the Prometheus of a whole fleet is what its dashboards ask for, and nothing by container.
func TestFederation(t *testing.T) {
	block := regexp.MustCompile("(?s)```yaml\n(scrape_configs:.*?)```").FindStringSubmatch(read(t, "../docs/FLEET.md"))
	if block == nil {
		t.Fatal("FLEET.md shows no federation")
	}
	config := filepath.Join(t.TempDir(), "prometheus.yml")
	if err := os.WriteFile(config, []byte(block[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "config", config)
	match := regexp.MustCompile(`__name__=~"([^"]+)"`).FindStringSubmatch(block[1])
	if match == nil {
		t.Fatalf("nothing goes on by its name:\n%s", block[1])
	}
	taken := regexp.MustCompile("^(?:" + match[1] + ")$")
	var panels strings.Builder
	for _, file := range dashboards(t) {
		if strings.Contains(file, "fleet") {
			panels.WriteString(read(t, file))
		}
	}
	for name := range recordedNames(t) {
		switch {
		case strings.HasPrefix(name, "instance_container"):
			if taken.MatchString(name) {
				t.Errorf("%s goes on", name)
			}
		case !taken.MatchString(name) && strings.Contains(panels.String(), name):
			t.Errorf("%s does not go on", name)
		}
	}
}
