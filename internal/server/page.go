package server

import (
	"fmt"
	"net/http"
	"os"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/nsviz/nsviz/internal/webui"
)

// newPage returns the page for browsers, and the same as a handler; nil if there is none.
func newPage(cfg Config) (*webui.Page, http.Handler, error) {
	if !cfg.UI {
		return nil, nil, nil
	}
	page, err := webui.New(webui.Config{
		Snapshot: cfg.Snapshot, Inspect: cfg.Inspect, Version: cfg.Build.Version, Metrics: cfg.MetricsPath, Mishaps: cfg.Mishaps,
		// A stream is a connection for as long as its viewer looks. Scrapes and questions need some, too.
		Streams: min(webui.MaxStreams, connectionLimit()/2),
	})
	if err != nil {
		return nil, nil, err
	}
	return page, page, nil
}

// isOpen reports whether a web configuration asks neither for a password nor for TLS, whose certificate is of one name. Such a file may set
// headers alone.
func isOpen(webConfigFile string) (bool, error) {
	if webConfigFile == "" {
		return true, nil
	}
	text, err := os.ReadFile(webConfigFile)
	if err != nil {
		return false, err
	}
	var config struct {
		TLS   map[string]any `yaml:"tls_server_config"`
		Users map[string]any `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return false, fmt.Errorf("looking for a password: %w", err)
	}
	// Other settings of TLS alone leave the server without it.
	encrypted := slices.ContainsFunc([]string{"cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"}, func(key string) bool {
		_, set := config.TLS[key]
		return set
	})
	return !encrypted && len(config.Users) == 0, nil
}
