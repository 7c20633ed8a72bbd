package server

import (
	"net/http"
	"strings"

	"github.com/nsviz/nsviz/internal/webui"
)

// newPage returns the page for browsers, and the same as a handler; nil if there is none.
func newPage(cfg Config) (*webui.Page, http.Handler, error) {
	if !cfg.UI {
		return nil, nil, nil
	}
	page, err := webui.New(webui.Config{
		Snapshot: cfg.Snapshot, Inspect: cfg.Inspect, Version: cfg.Build.Version, Metrics: cfg.MetricsPath,
		// A stream is a connection for as long as its viewer looks. Scrapes and questions need some, too.
		Streams: min(webui.MaxStreams, connectionLimit()/2),
	})
	if err != nil {
		return nil, nil, err
	}
	return page, page, nil
}

// guarded refuses requests for the page and the API that a browser makes for another site. Metrics and health checks, which tell of no
// process, are asked for by programs under many names.
func guarded(all http.Handler, open bool) http.Handler {
	data := webui.Guard(all, open)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" || strings.HasPrefix(r.URL.Path, webui.DataPath) || strings.HasPrefix(r.URL.Path, "/api/") {
			data.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}
