package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
)

func fixed(s *model.Snapshot) func() *model.Snapshot {
	return func() *model.Snapshot { return s }
}

func testConfig(webConfigFile string) Config {
	return Config{
		Snapshot:      fixed(metricstest.Full()),
		Full:          fixed(metricstest.Full()),
		Build:         metrics.BuildInfo{Version: "1.2.3", Revision: "0123abcd", GoVersion: "go1.26"},
		WebConfigFile: webConfigFile,
		Logger:        slog.New(slog.DiscardHandler),
	}
}

// start serves on n loopback ports until the test ends, and checks that the end is clean.
func start(t *testing.T, cfg Config, n int) []net.Listener {
	t.Helper()
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	addresses := make([]string, n)
	for i := range addresses {
		addresses[i] = "127.0.0.1:0"
	}
	listeners, err := Listen(addresses)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listeners) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return listeners
}

// get asks on a connection of its own, so that none stays behind.
func get(t *testing.T, url string, config *tls.Config, user *[2]string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if user != nil {
		req.SetBasicAuth(user[0], user[1])
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestServePaths(t *testing.T) {
	base := "http://" + start(t, testConfig(""), 1)[0].Addr().String()
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/":         {200, `<a href="/metrics">`},
		MetricsPath: {200, "nsviz_oom_kills_total{container=\"gone\",scope=\"cgroup\"} 144\n"},
		healthyPath: {200, "nsviz is healthy.\n"},
		readyPath:   {200, "nsviz is ready.\n"},
		"/debug":    {404, ""},
	} {
		status, body := get(t, base+path, nil, nil)
		if status != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d, want %d with %q in\n%s", path, status, want.status, want.text, body)
		}
	}
}

func TestServeCountsItself(t *testing.T) {
	_, body := get(t, "http://"+start(t, testConfig(""), 1)[0].Addr().String()+MetricsPath, nil, nil)
	for _, name := range []string{"process_resident_memory_bytes ", "go_goroutines ", "nsviz_build_info{"} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// Prometheus asks for OpenMetrics, in which counters have the time of their creation.
func TestServeTimesOfCreation(t *testing.T) {
	server, err := New(testConfig(""))
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, MetricsPath, nil)
	request.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
	answer := httptest.NewRecorder()
	server.handler.ServeHTTP(answer, request)
	if got := answer.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") {
		t.Errorf("Content-Type %s", got)
	}
	if body := answer.Body.String(); !strings.Contains(body, "\nnsviz_web_connections_dropped_created{reason=\"idle\"} ") {
		t.Errorf("no time of creation in\n%s", body)
	}
}

func TestServeBeforeTheFirstSnapshot(t *testing.T) {
	cfg := testConfig("")
	cfg.Snapshot = func() *model.Snapshot { return nil }
	status, body := get(t, "http://"+start(t, cfg, 1)[0].Addr().String()+MetricsPath, nil, nil)
	if status != 200 || !strings.Contains(body, "nsviz_build_info{") {
		t.Errorf("%d\n%s", status, body)
	}
}

// Several listeners with TLS and passwords: under the race detector this also shows that they share
// no http.Server.
func TestServeTLSAndBasicAuthOnTwoListeners(t *testing.T) {
	webConfig, roots := tlsConfigFile(t)
	listeners := start(t, testConfig(webConfig), 2)
	for _, l := range listeners {
		url := "https://" + l.Addr().String() + MetricsPath
		config := &tls.Config{RootCAs: roots}
		if status, _ := get(t, url, config, nil); status != http.StatusUnauthorized {
			t.Errorf("without a password: %d", status)
		}
		if status, _ := get(t, url, config, &[2]string{"alice", "guess"}); status != http.StatusUnauthorized {
			t.Errorf("with a wrong password: %d", status)
		}
		status, body := get(t, url, config, &[2]string{"alice", "open sesame"})
		if status != 200 || !strings.Contains(body, "nsviz_build_info") {
			t.Errorf("with the password: %d\n%s", status, body)
		}
	}
}

func TestServeBasicAuth(t *testing.T) {
	base := "http://" + start(t, testConfig("testdata/web-config.yml"), 1)[0].Addr().String()
	if status, _ := get(t, base+MetricsPath, nil, nil); status != http.StatusUnauthorized {
		t.Errorf("without a password: %d", status)
	}
	if status, _ := get(t, base+MetricsPath, nil, &[2]string{"alice", "open sesame"}); status != 200 {
		t.Errorf("with the password: %d", status)
	}
}

// The file that docs/INSTALL.md shows is accepted with a certificate and the hash of a password in it.
func TestDocumentedWebConfig(t *testing.T) {
	page, err := os.ReadFile("../../docs/INSTALL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(page), "# /etc/nsviz/web.yml\n")
	shown, _, closed := strings.Cut(shown, "```")
	if !found || !closed {
		t.Fatal("docs/INSTALL.md shows no web.yml")
	}
	valid, _ := tlsConfigFile(t)
	dir := filepath.Dir(valid)
	const hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"
	shown = strings.NewReplacer("/etc/nsviz/tls.crt", dir+"/cert.pem", "/etc/nsviz/tls.key", dir+"/key.pem", "BCRYPT_HASH", hash).Replace(shown)
	file := filepath.Join(dir, "shown.yml")
	if err := os.WriteFile(file, []byte(shown), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(testConfig(file)); err != nil {
		t.Errorf("%v\n%s", err, shown)
	}
	if !strings.Contains(shown, hash) || !strings.Contains(shown, dir+"/key.pem") {
		t.Errorf("no password or no key:\n%s", shown)
	}
}

// A request that is under way when nsviz has to stop is answered; after that the port is closed.
func TestServeCancelFinishesRequests(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	cfg := testConfig("")
	cfg.Snapshot = func() *model.Snapshot {
		close(asked)
		<-answer
		return metricstest.Full()
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	address := listeners[0].Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listeners) }()

	var status int
	got := make(chan struct{})
	go func() {
		defer close(got)
		status, _ = get(t, "http://"+address+MetricsPath, nil, nil)
	}()
	<-asked
	cancel()
	close(answer)
	if err := <-done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	<-got
	if status != 200 {
		t.Errorf("status %d, want 200", status)
	}
	if conn, err := net.Dial("tcp", address); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
}

func TestServeCancelledBefore(t *testing.T) {
	server, err := New(testConfig(""))
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := Listen([]string{"127.0.0.1:0", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := server.Serve(ctx, listeners); err != nil {
		t.Error(err)
	}
	if err := server.Serve(ctx, nil); err != nil {
		t.Errorf("without listeners: %v", err)
	}
}

// A listener that fails stops the others, and Serve says which it was.
func TestServeOneFails(t *testing.T) {
	server, err := New(testConfig(""))
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := Listen([]string{"127.0.0.1:0", "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	listeners[1].Close()
	err = server.Serve(t.Context(), listeners)
	if want := "serving metrics on " + listeners[1].Addr().String(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q in it", err, want)
	}
	if conn, err := net.Dial("tcp", listeners[0].Addr().String()); err == nil {
		conn.Close()
		t.Error("the other listener is still open")
	}
}

// tlsConfigFile writes a web configuration with a fresh certificate of 127.0.0.1 and alice's
// password, and returns it with the pool that trusts the certificate.
func tlsConfigFile(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	users, err := os.ReadFile("testdata/web-config.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	certFile := write("cert.pem", certPEM)
	keyFile := write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return write("web.yml", fmt.Appendf(nil, "tls_server_config:\n  cert_file: %s\n  key_file: %s\n%s",
		certFile, keyFile, users)), roots
}
