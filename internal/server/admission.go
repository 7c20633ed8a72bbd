package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"

	"github.com/nsviz/nsviz/internal/webui"
)

// What clients on other hosts may ask for, as --web.remote has it.
const (
	// RemoteAll gives them what clients on this host get.
	RemoteAll = "all"
	// RemoteMetrics gives them the metrics and the checks of health alone.
	RemoteMetrics = "metrics"
)

// admission says who may ask for what, beside the passwords of the web configuration. It does not hold for the checks of health, which tell
// nothing of the host.
type admission struct {
	hosts       *webui.Hosts // accepted while open
	open        func() bool  // whether the server asks for neither a password nor TLS
	metricsPath string
	// metricsOnly is for clients on other hosts.
	metricsOnly bool
}

// newAdmission reads the flags.
func newAdmission(cfg Config, open func() bool) (*admission, error) {
	hosts, err := webui.ParseHosts(cfg.Hosts, os.Hostname)
	if err != nil {
		return nil, fmt.Errorf("--web.host %w", err)
	}
	return &admission{hosts: hosts, open: open, metricsPath: cfg.MetricsPath, metricsOnly: cfg.Remote == RemoteMetrics}, nil
}

// guard wraps the handler of all paths. The metrics are answered under any name: a Prometheus asks for them by names of services that nsviz cannot
// know, an upgrade must not end that, and they have the names of containers but no process and no command line.
func (a *admission) guard(all http.Handler) http.Handler {
	anyName, named := webui.Guard(all, nil), webui.Guard(all, a.hosts)
	data := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.open() {
			named.ServeHTTP(w, r)
		} else {
			anyName.ServeHTTP(w, r)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api := strings.HasPrefix(r.URL.Path, "/api/")
		switch {
		case a.metricsOnly && r.URL.Path != a.metricsPath && !isLocal(r):
			const text = "this nsviz gives other hosts its metrics alone (--web.remote=metrics): ask it on its own host at the loopback address, or through kubectl port-forward or ssh -L"
			if api {
				reply(w, http.StatusForbidden, Refusal{Error: text})
				return
			}
			say(w, http.StatusForbidden, text+"\n")
		case api, r.URL.Path == "/", strings.HasPrefix(r.URL.Path, webui.DataPath):
			data.ServeHTTP(w, r)
		default:
			all.ServeHTTP(w, r)
		}
	})
}

// isLocal reports whether a request came in on a loopback address or a UNIX socket.
func isLocal(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	switch {
	case local == nil:
		return false
	case local.Network() == "unix":
		return true
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}
