package grafana

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the dashboards anew")

// What is committed is what the source makes.
func TestFiles(t *testing.T) {
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range files {
		if *update {
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(committed, content) {
			t.Errorf("%s is not what the source makes, go test ./deploy/grafana -update writes it: %v", path, err)
		}
	}
	there, err := filepath.Glob("*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if made := slices.Sorted(maps.Keys(files)); !slices.Equal(there, made) {
		t.Errorf("there are %q, the source makes %q", there, made)
	}
}

func (a position) overlaps(b position) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

func TestIdentities(t *testing.T) {
	uids := make(map[string]bool)
	for _, b := range boards() {
		uids[b.UID] = true
		ids := make(map[int]string)
		for _, p := range b.Panels {
			if other, taken := ids[p.ID]; taken {
				t.Errorf("%s: panels %q and %q have the id %d", b.UID, other, p.Title, p.ID)
			}
			ids[p.ID] = p.Title
		}
	}
	// Links of users end in /d/nsviz.
	if !maps.Equal(uids, map[string]bool{"nsviz-fleet": true, "nsviz": true, "nsviz-workload": true}) {
		t.Errorf("the dashboards are %v", uids)
	}
}

func TestLayout(t *testing.T) {
	for _, b := range boards() {
		for i, p := range b.Panels {
			if g := p.GridPos; g.X < 0 || g.W <= 0 || g.H <= 0 || g.X+g.W > 24 {
				t.Errorf("%s: %q leaves the grid of 24 columns: %+v", b.UID, p.Title, g)
			}
			for _, q := range b.Panels[:i] {
				if p.GridPos.overlaps(q.GridPos) {
					t.Errorf("%s: %q lies over %q", b.UID, p.Title, q.Title)
				}
			}
		}
	}
}

func TestEveryPanelTeaches(t *testing.T) {
	for _, b := range boards() {
		for _, p := range b.Panels {
			if p.Type == "row" {
				continue
			}
			what := b.UID + ": " + p.Title
			if p.Description == "" {
				t.Errorf("%q has no description", what)
			}
			if len(p.Targets) == 0 {
				t.Errorf("%q has no query", what)
			}
			if (p.Type == "timeseries" || p.Type == "stat") && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%q has no unit", what)
			}
			refs := make(map[string]bool)
			for _, target := range p.Targets {
				if refs[target.RefID] || target.Instant == target.Range {
					t.Errorf("%q, query %s: %+v", what, target.RefID, target)
				}
				refs[target.RefID] = true
				if !regexp.MustCompile(`instance=~"\$instance|namespace=~"\$namespace|^sum by \(version\)`).MatchString(target.Expr) {
					t.Errorf("%q, query %s does not follow what is chosen", what, target.RefID)
				}
			}
		}
	}
}

// Each panel leads to the next dashboard, and to alerts: a rule with its page, or all.
func TestEveryPanelLeadsOn(t *testing.T) {
	rules, err := os.ReadFile("../prometheus/nsviz.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	onward := map[string]string{fleetUID: hostUID, hostUID: workloadUID, workloadUID: hostUID}
	for _, b := range boards() {
		for _, p := range b.Panels {
			if p.Type == "row" {
				continue
			}
			var dashboard, alerts bool
			for _, l := range p.Links {
				dashboard = dashboard || strings.HasPrefix(l.URL, "/d/"+onward[b.UID]+"?${datasource:queryparam}")
				alerts = alerts || strings.HasPrefix(l.URL, "/alerting/list?search=")
			}
			if !dashboard || !alerts {
				t.Errorf("%s: %q leads to %+v", b.UID, p.Title, p.Links)
			}
		}
	}
	for path, content := range allFiles(t) {
		for _, alert := range regexp.MustCompile(`\bNsviz[A-Z]\w+`).FindAllString(content, -1) {
			if !strings.Contains(string(rules), "alert: "+alert+"\n") {
				t.Errorf("%s: there is no alert %s", path, alert)
			}
		}
		for _, uid := range regexp.MustCompile(`"/d/([^?"]+)`).FindAllStringSubmatch(content, -1) {
			if onward[uid[1]] == "" {
				t.Errorf("%s: there is no dashboard %s", path, uid[1])
			}
		}
		// What a link gives to another dashboard is a variable there.
		for _, l := range regexp.MustCompile(`"/d/([^?"]+)\?([^"]*)"`).FindAllStringSubmatch(content, -1) {
			for _, v := range regexp.MustCompile(`var-(\w+)=|\$\{(\w+):queryparam\}`).FindAllStringSubmatch(l[2], -1) {
				if name := v[1] + v[2]; !slices.Contains(variableNames(l[1]), name) {
					t.Errorf("%s: %s has no variable %s", path, l[1], name)
				}
			}
		}
	}
}

func allFiles(t *testing.T) map[string]string {
	t.Helper()
	files, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	text := make(map[string]string)
	for path, content := range files {
		text[path] = string(content)
	}
	return text
}

func variableNames(uid string) (names []string) {
	for _, b := range boards() {
		if b.UID == uid {
			for _, v := range b.Templating.List {
				names = append(names, v.Name)
			}
		}
	}
	return names
}

// Every variable that a dashboard uses is one that it offers, and the other way round.
func TestVariables(t *testing.T) {
	for _, b := range boards() {
		encoded, err := encode(b)
		if err != nil {
			t.Fatal(err)
		}
		text := string(encoded)
		offered := map[string]bool{"__rate_interval": true, "__range": true, "__range_s": true, "__from": true}
		for _, v := range b.Templating.List {
			offered[v.Name] = true
			if !strings.Contains(text, "$"+v.Name) && !strings.Contains(text, "${"+v.Name) {
				t.Errorf("%s: nothing uses the variable %s", b.UID, v.Name)
			}
		}
		for _, used := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(text, -1) {
			// $__all is the value that means all of a variable's; links have variables of their own.
			if !offered[used[1]] && !slices.Contains([]string{"__all", "__value", "__data", "__field", "__url_time_range"}, used[1]) {
				t.Errorf("%s: the variable %s is not offered", b.UID, used[1])
			}
		}
	}
}

// A provisioned dashboard begins with Grafana's default, also where a link names a data source that it does not know: nothing else names one. For an
// import each placeholder is asked for.
func TestDataSources(t *testing.T) {
	for path, content := range allFiles(t) {
		var d struct {
			Inputs []struct {
				Name, Type, PluginID string
			} `json:"__inputs"`
			Templating struct {
				List []struct {
					Name, Type string
					Query      any
					Current    struct{ Value any }
				}
			}
		}
		if err := json.Unmarshal([]byte(content), &d); err != nil {
			t.Fatal(err)
		}
		first := d.Templating.List[0]
		if first.Name != "datasource" || first.Type != "datasource" || first.Query != "prometheus" {
			t.Errorf("%s: the first variable is %+v", path, first)
		}
		if strings.HasPrefix(path, "import/") {
			if len(d.Inputs) != 1 || d.Inputs[0].Type != "datasource" || first.Current.Value != "${"+d.Inputs[0].Name+"}" {
				t.Errorf("%s: asks for %+v and begins with %v", path, d.Inputs, first.Current.Value)
			}
		} else if d.Inputs != nil || first.Current.Value != "default" || strings.Contains(content, "DS_PROMETHEUS") {
			t.Errorf("%s: asks for %+v and begins with %v", path, d.Inputs, first.Current.Value)
		}
		for _, uid := range regexp.MustCompile(`"uid": "([^"]*)"\n\s*}`).FindAllStringSubmatch(content, -1) {
			if uid[1] != "${datasource}" && uid[1] != "-- Grafana --" {
				t.Errorf("%s is bound to the data source %q", path, uid[1])
			}
		}
	}
}

func TestQueries(t *testing.T) {
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, b := range boards() {
		for _, p := range b.Panels {
			want += len(p.Targets)
		}
		want += len(b.Annotations.List) - 1 // without Grafana's own
		want += len(b.Templating.List) - 1  // without the data source
	}
	if len(queries) != want || want == 0 {
		t.Errorf("%d queries, want %d", len(queries), want)
	}
	seen := make(map[Query]bool)
	for _, q := range queries {
		key := Query{Dashboard: q.Dashboard, Of: q.Of, RefID: q.RefID, Instant: q.Instant}
		if seen[key] {
			t.Errorf("two queries are called %+v", key)
		}
		seen[key] = true
		if q.Dashboard == "" || q.Of == "" || q.Expr == "" || strings.Contains(q.Expr, "$") {
			t.Errorf("incomplete: %+v", q)
		}
	}
}

// The dashboard of all hosts asks for recorded names only: they have a colon. What it may ask for beside them has a series a host.
func TestFleetTouchesNoContainer(t *testing.T) {
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		if q.Dashboard != "fleet" {
			continue
		}
		for _, name := range regexp.MustCompile(`([\w:]+)\{`).FindAllStringSubmatch(q.Expr, -1) {
			if !strings.Contains(name[1], ":") && name[1] != "up" && name[1] != "ALERTS" {
				t.Errorf("%s, query %s asks for %s", q.Of, q.RefID, name[1])
			}
		}
		if m := regexp.MustCompile(`(^|[^:\w])nsviz_\w+`).FindString(q.Expr); m != "" {
			t.Errorf("%s, query %s asks for %s", q.Of, q.RefID, m)
		}
	}
}

// Where the provisioning looks for dashboards is where the README and the compose file mount them.
func TestProvisionedPath(t *testing.T) {
	provider, err := os.ReadFile("provisioning/dashboards/dashboards.yml")
	if err != nil {
		t.Fatal(err)
	}
	var content struct {
		Providers []struct{ Options struct{ Path string } }
	}
	if err := yaml.Unmarshal(provider, &content); err != nil || len(content.Providers) != 1 {
		t.Fatalf("%d providers: %v", len(content.Providers), err)
	}
	for file, folder := range map[string]string{"README.md": "deploy/grafana/dashboards", "../compose.yaml": "./grafana/dashboards"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if mount := folder + ":" + content.Providers[0].Options.Path + ":ro"; !strings.Contains(string(text), mount) {
			t.Errorf("%s does not mount %s", file, mount)
		}
	}
}
