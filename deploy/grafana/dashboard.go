// Package grafana holds the Grafana dashboard of nsviz and gives its queries to tests, which run
// them against a real Prometheus.
package grafana

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed dashboards/nsviz.json
var dashboardJSON string

// Query is one query of the dashboard.
type Query struct {
	Panel string // the panel's title
	RefID string
	// Expr is PromQL: Grafana's variables are replaced by what they are with everything selected, a
	// scrape interval of 5 s and the last hour shown.
	Expr string
	// Instant tells a query of one moment from one over the range shown.
	Instant bool
}

// Queries lists the dashboard's queries in the order of its panels.
func Queries() ([]Query, error) {
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				RefID   string `json:"refId"`
				Expr    string `json:"expr"`
				Instant bool   `json:"instant"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal([]byte(dashboardJSON), &dashboard); err != nil {
		return nil, fmt.Errorf("reading the dashboard: %w", err)
	}
	variables := strings.NewReplacer(
		"$__rate_interval", "20s",
		"$__range", "1h",
		"$instance", ".*",
		"$container", ".*",
	)
	var queries []Query
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expr := variables.Replace(target.Expr)
			if strings.Contains(expr, "$") {
				return nil, fmt.Errorf("panel %q, query %s: a variable is unknown in %s", panel.Title, target.RefID, expr)
			}
			queries = append(queries, Query{panel.Title, target.RefID, expr, target.Instant})
		}
	}
	return queries, nil
}
