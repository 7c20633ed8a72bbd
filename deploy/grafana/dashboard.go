// Package grafana makes the Grafana dashboards of nsviz, for provisioning and for import, and gives their queries to tests,
// which run them against a real Prometheus.
package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

func newBoard(uid, title, description string, variables []variable, marks annotations) *board {
	others := link{Title: "nsviz", Type: "dashboards", Icon: "external link", Tags: []string{"nsviz"}, IncludeVars: true, KeepTime: true}
	return &board{
		UID: uid, Title: title, Description: description, Tags: []string{"nsviz", "containers"},
		Schema: 39, Version: 1, Editable: true, Tooltip: 1, Time: timeRange{"now-1h", "now"}, Refresh: "10s", Timezone: "browser",
		Links: []link{others}, Annotations: marks, Templating: templating{variables},
	}
}

func boards() []*board { return []*board{fleetBoard(), hostBoard(), workloadBoard()} }

// Files returns the dashboards by the path of their file in this folder: those of dashboards/ are for provisioning, those of import/ are the same for
// an import by hand, where Grafana asks for the data source.
func Files() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, b := range boards() {
		provisioned, err := encode(b)
		if err != nil {
			return nil, fmt.Errorf("writing the dashboard %s: %w", b.UID, err)
		}
		files["dashboards/"+b.UID+".json"] = provisioned
		b.forImport()
		imported, err := encode(b)
		if err != nil {
			return nil, fmt.Errorf("writing the dashboard %s for import: %w", b.UID, err)
		}
		files["import/"+b.UID+".json"] = imported
	}
	return files, nil
}

func encode(b *board) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // for people who read the queries
	encoder.SetIndent("", "  ")
	err := encoder.Encode(b)
	return out.Bytes(), err
}

// forImport has Grafana ask for the data source, which then is what the variable begins with.
func (b *board) forImport() {
	const name = "DS_PROMETHEUS"
	b.Inputs = []input{{
		Name: name, Label: "Prometheus", Description: "The Prometheus that scrapes nsviz", Type: "datasource",
		PluginID: "prometheus", PluginName: "Prometheus",
	}}
	b.Requires = []required{
		{"grafana", "grafana", "Grafana", "11.0.0"},
		{"datasource", "prometheus", "Prometheus", "1.0.0"},
	}
	seen := make(map[string]bool)
	for _, p := range b.Panels {
		if p.Type != "row" && !seen[p.Type] {
			seen[p.Type] = true
			b.Requires = append(b.Requires, required{"panel", p.Type, p.Type, ""})
		}
	}
	for i := range b.Templating.List {
		if v := &b.Templating.List[i]; v.Type == "datasource" {
			v.Current = map[string]any{"selected": false, "text": "${" + name + "}", "value": "${" + name + "}"}
		}
	}
}

// Query is one query of a dashboard.
type Query struct {
	Dashboard string // fleet, host or workload
	// Of is what asks: the panel's title, "annotation NAME" or "variable NAME".
	Of    string
	RefID string
	// Expr is PromQL: Grafana's variables are replaced by what they are with everything selected, a
	// scrape interval of 5 s and the last hour shown.
	Expr string
	// Instant tells a query of one moment from one over the range shown.
	Instant bool
	// Label is the label whose values a variable offers.
	Label string
}

// Queries lists the queries of all dashboards: of panels, annotations and variables.
func Queries() ([]Query, error) {
	var queries []Query
	for _, b := range boards() {
		name := strings.TrimPrefix(b.Title, "nsviz: ")
		for _, p := range b.Panels {
			for _, t := range p.Targets {
				queries = append(queries, Query{Dashboard: name, Of: p.Title, RefID: t.RefID, Expr: t.Expr, Instant: t.Instant})
			}
		}
		for _, a := range b.Annotations.List {
			if a.Expr != "" {
				queries = append(queries, Query{Dashboard: name, Of: "annotation " + a.Name, Expr: a.Expr})
			}
		}
		for _, v := range b.Templating.List {
			if v.Type != "query" {
				continue
			}
			expr, label, err := values(v)
			if err != nil {
				return nil, fmt.Errorf("dashboard %s, variable %s: %w", b.UID, v.Name, err)
			}
			queries = append(queries, Query{Dashboard: name, Of: "variable " + v.Name, Expr: expr, Label: label, Instant: true})
		}
	}
	for i := range queries {
		q := &queries[i]
		q.Expr = withEverything(q.Expr)
		if strings.Contains(q.Expr, "$") {
			return nil, fmt.Errorf("%s, %s, query %s: a variable is unknown in %s", q.Dashboard, q.Of, q.RefID, q.Expr)
		}
	}
	return queries, nil
}

// values returns the query that a variable's definition makes, and the label that is taken of its result.
func values(v variable) (expr, label string, err error) {
	if m := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition); m != nil {
		return m[1], m[2], nil
	}
	if m := regexp.MustCompile(`^query_result\((.+)\)$`).FindStringSubmatch(v.Definition); m != nil {
		if label := regexp.MustCompile(`^/(\w+)="`).FindStringSubmatch(v.Regex); label != nil {
			return m[1], label[1], nil
		}
	}
	return "", "", fmt.Errorf("neither label_values nor query_result of one label: %s", v.Definition)
}

// withEverything replaces variables by what they are with everything selected. That names each workload, and so is not the host.
func withEverything(expr string) string {
	return strings.NewReplacer(
		"$__rate_interval", "20s",
		"$__range_s", "3600",
		"$__range", "1h",
		"$__from", "0",
		"$instance", ".*",
		"$runtime", ".*",
		"$namespace", ".*",
		"$pod", ".*",
		"$project", ".*",
		"$container", ".+",
	).Replace(expr)
}
