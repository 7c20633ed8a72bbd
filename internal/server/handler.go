package server

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/webui"
)

// maxScrapes bounds the scrapes answered at the same time; further ones get a 503.
const maxScrapes = 40

// newRegistry returns a registry with the Collector and nsviz's own usage (process_* and go_*): a bounded number
// of series that show the cost of watching.
func newRegistry(c *metrics.Collector) (*prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	for _, collector := range []prometheus.Collector{
		c,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(collector); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return registry, nil
}

// newHandler returns the handler of all paths but those of health: metrics, API and page; a nil page is the landing page.
func newHandler(
	registry *prometheus.Registry, metricsPath string, h health, q *questions, page http.Handler, build metrics.BuildInfo, logger *slog.Logger,
) (http.Handler, error) {
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        "nsviz",
		Description: "Container isolation as the kernel makes it: namespaces, cgroups, OOM kills.",
		Version:     build.Version,
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: metricsPath, Text: "Metrics"},
			{Address: healthyPath, Text: "Health"},
			{Address: readyPath, Text: "Ready"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the landing page: %w", err)
	}
	mux := http.NewServeMux()
	if page != nil {
		mux.Handle("GET "+webui.RootPath, page)
		mux.Handle("GET "+webui.DataPath, page)
	} else {
		mux.Handle("GET /{$}", landing)
	}
	mux.Handle("/api/", q.api())
	serve := onAbort(promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelError),
		// One bad family must not hide the others. The registry counts what went wrong, as
		// promhttp_metric_handler_errors_total.
		ErrorHandling:       promhttp.ContinueOnError,
		Registry:            registry,
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
		// The time of each counter's creation, so that one that appears with a value has a step to it.
		EnableOpenMetricsTextCreatedSamples: true,
	}), logger)
	if err := mountMetrics(mux, h, metricsPath, serve); err != nil {
		return nil, err
	}
	return mux, nil
}
