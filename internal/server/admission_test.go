package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestAdmission asks all kinds of paths on a loopback address, on one of a network and at a UNIX socket.
func TestAdmission(t *testing.T) {
	const remote, loopback, socket = "192.0.2.1:10064", "127.0.0.1:10064", "/run/nsviz.sock"
	const ok, refused, misdirected = http.StatusOK, http.StatusForbidden, http.StatusMisdirectedRequest
	own, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	password, all, metrics := "testdata/web-config.yml", Config{}, Config{Remote: RemoteMetrics}
	locked := Config{Remote: RemoteMetrics, WebConfigFile: password}
	named := Config{Hosts: []string{"nsviz", "*.example.com"}}
	for _, tt := range []struct {
		cfg               Config
		local, host, path string
		want              int
	}{
		{all, remote, "192.0.2.1:10064", "/", ok},
		{all, remote, "192.0.2.1:10064", WorkloadsPath, ok},
		{all, remote, "172.17.0.2", "/ui/state", ok},
		{all, remote, own, WorkloadsPath, ok},
		{all, remote, "nsviz.monitoring.svc:10064", WorkloadsPath, misdirected},
		{all, remote, "nsviz.monitoring.svc:10064", "/", misdirected},
		{all, remote, "nsviz.monitoring.svc:10064", "/ui/stream", misdirected},
		{all, remote, "nsviz.monitoring.svc:10064", MetricsPath, ok},
		{all, loopback, "rebound.example", MetricsPath, ok},
		{all, loopback, "rebound.example", WorkloadsPath, misdirected},
		{all, socket, "localhost", WorkloadsPath, ok},
		{named, remote, "nsviz:10064", WorkloadsPath, ok},
		{named, remote, "a.example.com", "/", ok},
		{named, remote, "rebound.example", "/", misdirected},
		{Config{WebConfigFile: password}, remote, "rebound.example", WorkloadsPath, ok}, // a password is asked for elsewhere
		{metrics, remote, "192.0.2.1:10064", MetricsPath, ok},
		{metrics, remote, "192.0.2.1:10064", "/", refused},
		{metrics, remote, "192.0.2.1:10064", "/ui/state", refused},
		{metrics, remote, "192.0.2.1:10064", "/ui/main.js", refused},
		{metrics, remote, "192.0.2.1:10064", WorkloadsPath, refused},
		{metrics, remote, "192.0.2.1:10064", "//api/v1/ps", refused},
		{metrics, remote, "localhost", "/nothing", refused},
		{metrics, loopback, "127.0.0.1:10064", "/", ok},
		{metrics, loopback, "localhost:8080", WorkloadsPath, ok},
		{metrics, loopback, "rebound.example", WorkloadsPath, misdirected},
		{metrics, "[::1]:10064", "[::1]:10064", WorkloadsPath, ok},
		{metrics, "[::ffff:127.0.0.1]:10064", "localhost", WorkloadsPath, ok},
		{metrics, socket, "localhost", WorkloadsPath, ok},
		{metrics, "", "localhost", WorkloadsPath, refused},
		{locked, remote, "192.0.2.1:10064", WorkloadsPath, refused},
	} {
		cfg := testConfig(tt.cfg.WebConfigFile)
		cfg.Hosts, cfg.Remote, cfg.UI = tt.cfg.Hosts, tt.cfg.Remote, false
		server, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		switch {
		case strings.HasPrefix(tt.local, "/"):
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: tt.local, Net: "unix"}))
		case tt.local != "":
			local, err := net.ResolveTCPAddr("tcp", tt.local)
			if err != nil {
				t.Fatal(err)
			}
			ctx = context.WithValue(ctx, http.LocalAddrContextKey, net.Addr(local))
		}
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, tt.path, nil)
		request.Host = tt.host
		answer := httptest.NewRecorder()
		server.handler.ServeHTTP(answer, request)
		got := answer.Code
		if got == http.StatusNotFound && strings.HasPrefix(tt.path, "/ui/") {
			got = ok // without a page there is nothing, but it was let through
		}
		if got != tt.want {
			t.Errorf("%s at %q as %q with %q, %q: %d, want %d", tt.path, tt.local, tt.host, tt.cfg.Hosts, tt.cfg.Remote, got, tt.want)
		}
		text := answer.Body.String()
		if got == misdirected && !strings.Contains(text, "--web.host") || got == refused && !strings.Contains(text, "--web.remote=metrics") {
			t.Errorf("%s does not say what to do: %s", tt.path, text)
		}
	}
}

func TestWrongHostOfTheServer(t *testing.T) {
	cfg := testConfig("")
	cfg.Hosts = []string{"http://nsviz.example:80"}
	if _, err := New(cfg); err == nil || !strings.HasPrefix(err.Error(), "--web.host ") {
		t.Error(err)
	}
	cfg.Hosts = []string{"*"}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "password") {
		t.Error(err)
	}
}
