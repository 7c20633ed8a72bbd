package server

import (
	"context"
	"io"
	"net"
	"net/http"

	"github.com/nsviz/nsviz/internal/foreign"
)

// The paths that say how nsviz is, for orchestrators and load balancers: as Prometheus itself has them, and as Kubernetes is used to.
const (
	healthyPath     = "/-/healthy"
	readyPath       = "/-/ready"
	kubeHealthyPath = "/healthz"
	kubeReadyPath   = "/readyz"
)

// health answers whether nsviz serves, and whether what it serves describes the host.
type health struct {
	ready func() error // nil is always
}

func (h health) paths() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		healthyPath: h.serveHealthy, kubeHealthyPath: h.serveHealthy, readyPath: h.serveReady, kubeReadyPath: h.serveReady,
	}
}

func (h health) serveHealthy(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusOK, "nsviz is healthy.\n")
}

func (h health) serveReady(w http.ResponseWriter, _ *http.Request) {
	if h.ready != nil {
		if err := h.ready(); err != nil {
			say(w, http.StatusServiceUnavailable, "nsviz is not ready: "+foreign.Prose(err.Error())+".\n")
			return
		}
	}
	say(w, http.StatusOK, "nsviz is ready.\n")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // a client that has gone does not matter
}

// inFront returns a handler that answers these paths itself, and leaves all others to next. What asks for them has no password: a kubelet
// cannot be given one without showing it. They tell nothing of the host.
func (h health) inFront(next http.Handler) http.Handler {
	paths := h.paths()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := paths[r.URL.Path]
		switch {
		case answer == nil:
			next.ServeHTTP(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			say(w, http.StatusMethodNotAllowed, "want GET or HEAD\n")
		default:
			answer(w, r)
		}
	})
}

// exempt has a server answer these paths before it asks for a password. exporter-toolkit puts its check of passwords in front of the server's
// handler, and then calls Serve; that calls BaseContext before it accepts the first connection, which is the time to go in front of both.
// TLS, and what it says of clients' certificates, holds for these paths, too.
func (h health) exempt(server *http.Server) {
	server.BaseContext = func(net.Listener) context.Context {
		server.Handler = h.inFront(server.Handler)
		return context.Background()
	}
}
