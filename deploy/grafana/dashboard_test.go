package grafana

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

type rect struct{ X, Y, W, H int }

func (a rect) overlaps(b rect) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	GridPos     rect
	Datasource  struct{ UID string }
	Targets     []struct {
		RefID      string
		Expr       string
		Datasource struct{ UID string }
	}
	FieldConfig struct {
		Defaults struct{ Unit string }
	}
}

func dashboard(t *testing.T) (d struct {
	UID           string
	SchemaVersion int
	Panels        []panel
	Templating    struct {
		List []struct{ Name, Definition string }
	}
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(dashboardJSON), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardIdentity(t *testing.T) {
	d := dashboard(t)
	if d.UID != "nsviz" {
		t.Errorf("uid %q, want nsviz: links end in /d/nsviz", d.UID)
	}
	ids := make(map[int]string)
	for _, p := range d.Panels {
		if other, taken := ids[p.ID]; taken {
			t.Errorf("panels %q and %q have the id %d", other, p.Title, p.ID)
		}
		ids[p.ID] = p.Title
	}
}

func TestDashboardLayout(t *testing.T) {
	panels := dashboard(t).Panels
	for i, p := range panels {
		if g := p.GridPos; g.X < 0 || g.W <= 0 || g.H <= 0 || g.X+g.W > 24 {
			t.Errorf("%q leaves the grid of 24 columns: %+v", p.Title, g)
		}
		for _, q := range panels[:i] {
			if p.GridPos.overlaps(q.GridPos) {
				t.Errorf("%q lies over %q", p.Title, q.Title)
			}
		}
	}
}

func TestEveryPanelTeaches(t *testing.T) {
	for _, p := range dashboard(t).Panels {
		if p.Type == "row" {
			continue
		}
		if p.Description == "" {
			t.Errorf("%q has no description", p.Title)
		}
		if len(p.Targets) == 0 {
			t.Errorf("%q has no query", p.Title)
		}
		if (p.Type == "timeseries" || p.Type == "stat") && p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("%q has no unit", p.Title)
		}
		if p.Datasource.UID != "${datasource}" {
			t.Errorf("%q is bound to the data source %q", p.Title, p.Datasource.UID)
		}
		refs := make(map[string]bool)
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%q, query %s is bound to the data source %q", p.Title, target.RefID, target.Datasource.UID)
			}
			if refs[target.RefID] {
				t.Errorf("%q has two queries %s", p.Title, target.RefID)
			}
			refs[target.RefID] = true
			if !strings.Contains(target.Expr, `instance=~"$instance"`) {
				t.Errorf("%q, query %s does not follow the choice of the host", p.Title, target.RefID)
			}
		}
	}
}

// Every variable that a query uses is one that the dashboard offers, and the other way round.
func TestVariables(t *testing.T) {
	d := dashboard(t)
	for _, v := range d.Templating.List {
		if !strings.Contains(dashboardJSON, "$"+v.Name) && !strings.Contains(dashboardJSON, "${"+v.Name+"}") {
			t.Errorf("nothing uses the variable %s", v.Name)
		}
	}
	offered := map[string]bool{"__rate_interval": true, "__range": true}
	for _, v := range d.Templating.List {
		offered[v.Name] = true
	}
	for _, used := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(dashboardJSON, -1) {
		// $__all is not a variable but the value that means all of them.
		if used[1] != "__all" && !offered[used[1]] {
			t.Errorf("the variable %s is not offered", used[1])
		}
	}
}

func TestQueries(t *testing.T) {
	queries, err := Queries()
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, p := range dashboard(t).Panels {
		want += len(p.Targets)
	}
	if len(queries) != want || want == 0 {
		t.Errorf("%d queries, want %d", len(queries), want)
	}
	for _, q := range queries {
		if q.Panel == "" || q.RefID == "" || q.Expr == "" || strings.Contains(q.Expr, "$") {
			t.Errorf("incomplete: %+v", q)
		}
	}
}

// Where the provisioning looks for dashboards is where the README mounts them.
func TestProvisionedPath(t *testing.T) {
	provider, err := os.ReadFile("provisioning/dashboards/dashboards.yml")
	if err != nil {
		t.Fatal(err)
	}
	path := regexp.MustCompile(`(?m)^\s+path: (\S+)$`).FindSubmatch(provider)
	if path == nil {
		t.Fatal("dashboards.yml names no path")
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if mount := "deploy/grafana/dashboards:" + string(path[1]) + ":ro"; !strings.Contains(string(readme), mount) {
		t.Errorf("the README does not mount %s", mount)
	}
}
