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

// protection is what a web configuration asks of clients. Such a file may set headers alone.
type protection struct {
	file      string // "" is none
	encrypted bool   // a certificate is of one name
}

// readProtection reads a web configuration as it is at the start: TLS stays as it was then.
func readProtection(webConfigFile string) (protection, error) {
	p := protection{file: webConfigFile}
	if webConfigFile == "" {
		return p, nil
	}
	config, err := p.read()
	if err != nil {
		return p, err
	}
	// Other settings of TLS alone leave the server without it.
	p.encrypted = slices.ContainsFunc([]string{"cert", "cert_file", "key", "key_file", "client_ca", "client_ca_file", "client_auth_type"}, func(key string) bool {
		_, set := config.TLS[key]
		return set
	})
	return p, nil
}

// isOpen reports whether there is neither TLS nor a password now: passwords are read anew for each request.
func (p protection) isOpen() bool {
	if p.encrypted {
		return false
	}
	if p.file == "" {
		return true
	}
	config, err := p.read()
	return err != nil || len(config.Users) == 0
}

// webConfig is what matters of a web configuration here.
type webConfig struct {
	TLS   map[string]any `yaml:"tls_server_config"`
	Users map[string]any `yaml:"basic_auth_users"`
}

func (p protection) read() (config webConfig, err error) {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return config, err
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return config, fmt.Errorf("looking for a password: %w", err)
	}
	return config, nil
}
