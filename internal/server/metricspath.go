package server

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// MetricsPath is where the metrics are by default.
const MetricsPath = "/metrics"

// checkMetricsPath returns why the metrics cannot be at a path.
func checkMetricsPath(at string) error {
	switch {
	case !strings.HasPrefix(at, "/"):
		return fmt.Errorf("%q: want a path that begins with a slash, such as %s", at, MetricsPath)
	case at == "/":
		return fmt.Errorf("/ is the page of nsviz: want another path, such as %s", MetricsPath)
	case path.Clean(at) != at || (&url.URL{Path: at}).EscapedPath() != at || strings.ContainsAny(at, "{}"):
		return fmt.Errorf("%q: want a plain path such as %s: without a slash at its end, dots, blanks and signs that have a meaning in addresses", at, MetricsPath)
	}
	return nil
}

// mountMetrics adds the handler of the metrics to a mux that has all others.
func mountMetrics(mux *http.ServeMux, h health, at string, metrics http.Handler) error {
	if err := checkMetricsPath(at); err != nil {
		return fmt.Errorf("--web.telemetry-path %w", err)
	}
	_, taken := mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}, Host: "nsviz"})
	if taken != "" || h.paths()[at] != nil {
		return fmt.Errorf("--web.telemetry-path %s is taken by something else that nsviz serves: choose another, such as %s", at, MetricsPath)
	}
	mux.Handle(http.MethodGet+" "+at, metrics)
	return nil
}
