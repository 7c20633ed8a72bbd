package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/webui"
)

// pageConfig serves the page, too.
func pageConfig(webConfigFile string) Config {
	cfg := testConfig(webConfigFile)
	cfg.UI = true
	return cfg
}

func TestPageOrLandingPage(t *testing.T) {
	without := start(t, testConfig(""), 1)[0].Addr().String()
	if status, body := get(t, "http://"+without+"/", nil, nil); status != http.StatusOK || strings.Contains(body, "ui/main.js") || !strings.Contains(body, "Metrics") {
		t.Errorf("without: %d: %s", status, body)
	}
	if status, _ := get(t, "http://"+without+"/ui/state", nil, nil); status != http.StatusNotFound {
		t.Errorf("without: %d for its data", status)
	}
	with := start(t, pageConfig(""), 1)[0].Addr().String()
	if status, body := get(t, "http://"+with+"/", nil, nil); status != http.StatusOK || !strings.Contains(body, "ui/main.js") || !strings.Contains(body, "1.2.3") {
		t.Errorf("with: %d: %s", status, body)
	}
	if status, body := get(t, "http://"+with+MetricsPath, nil, nil); status != http.StatusOK || !strings.Contains(body, "nsviz_") {
		t.Errorf("its metrics: %d", status)
	}
}

// The page is behind the same password as the metrics.
func TestPageNeedsThePassword(t *testing.T) {
	file, pool := tlsConfigFile(t)
	config := &tls.Config{RootCAs: pool}
	address := "https://" + start(t, pageConfig(file), 1)[0].Addr().String()
	for _, path := range []string{"/", "/ui/main.js", "/ui/state", "/ui/stream", "/ui/map.svg"} {
		if status, _ := get(t, address+path, config, nil); status != http.StatusUnauthorized {
			t.Errorf("%s without a password: %d", path, status)
		}
	}
	if status, body := get(t, address+"/ui/state", config, &[2]string{"alice", "open sesame"}); status != http.StatusOK || !strings.Contains(body, `"rows"`) {
		t.Errorf("with it: %d: %s", status, body)
	}
	// All streams of a browser share a connection, as HTTP/2 has it.
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := 0
	for range 2 * webui.MaxStreams {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/ui/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("alice", "open sesame")
		answer, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.ProtoMajor != 2 {
			t.Fatalf("it is %s", answer.Proto)
		}
		if answer.StatusCode == http.StatusOK {
			open++
		}
	}
	if want := min(webui.MaxStreams, connectionLimit()/2); open != want {
		t.Errorf("%d streams on a connection, want %d", open, want)
	}
}

// A name that leads to this host is no reason to answer a page of somebody else, also where a web configuration has neither password nor TLS.
// Metrics are answered under any name: they tell less.
func TestPageOfAnotherName(t *testing.T) {
	headers := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(headers, []byte("http_server_config:\n  headers:\n    X-Frame-Options: deny\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"", headers} {
		refusesOtherNames(t, start(t, pageConfig(file), 1)[0].Addr().String())
	}
}

func refusesOtherNames(t *testing.T, address string) {
	t.Helper()
	for path, want := range map[string]int{"/": http.StatusMisdirectedRequest, "/ui/state": http.StatusMisdirectedRequest, WorkloadsPath: http.StatusMisdirectedRequest, MetricsPath: http.StatusOK} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "rebound.example"
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, answer.Status, want)
		}
	}
}

// 500 streams of one browser: as many as there may be get one, and the others are told. Scrapes go on, and the end of the server ends the streams.
func TestManyStreams(t *testing.T) {
	server, err := New(pageConfig(""))
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listeners) }()
	address := "http://" + listeners[0].Addr().String()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var open []io.Reader
	for i := range 500 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/ui/stream", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatalf("stream %d: %v", i, err)
		}
		defer answer.Body.Close()
		switch {
		case answer.StatusCode == http.StatusOK:
			open = append(open, answer.Body)
		case answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "":
			t.Errorf("stream %d: %s", i, answer.Status)
		default:
			_ = answer.Body.Close()
		}
	}
	if want := min(webui.MaxStreams, connectionLimit()/2); len(open) != want {
		t.Errorf("%d streams are open, want %d", len(open), want)
	}
	if status, _ := get(t, address+MetricsPath, nil, nil); status != http.StatusOK {
		t.Errorf("a scrape beside them: %d", status)
	}
	for _, stream := range open {
		if line, err := bufio.NewReader(stream).ReadString('\n'); err != nil || !strings.HasPrefix(line, "retry:") {
			t.Errorf("%q, %v", line, err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, stream := range open {
		if _, err := io.Copy(io.Discard, stream); err != nil {
			t.Errorf("a stream was cut off, and did not end: %v", err)
		}
	}
}
