package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// Health is told without the password that everything else wants, with TLS and without, by GET and HEAD.
func TestHealthWithoutAPassword(t *testing.T) {
	withTLS, roots := tlsConfigFile(t)
	for name, test := range map[string]struct {
		scheme, file string
		client       *tls.Config
	}{"plain": {"http", "testdata/web-config.yml", nil}, "TLS": {"https", withTLS, &tls.Config{RootCAs: roots}}} {
		t.Run(name, func(t *testing.T) {
			var unready atomic.Bool
			cfg := testConfig(test.file)
			cfg.Ready = func() error {
				if unready.Load() {
					return errors.New("the first survey is not \x1bdone yet")
				}
				return nil
			}
			base := test.scheme + "://" + start(t, cfg, 1)[0].Addr().String()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: test.client}}
			status := func(method, path string) int {
				request, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Do(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				return response.StatusCode
			}
			for _, path := range []string{healthyPath, readyPath, kubeHealthyPath, kubeReadyPath} {
				for method, want := range map[string]int{http.MethodGet: 200, http.MethodHead: 200, http.MethodPost: http.StatusMethodNotAllowed} {
					if got := status(method, path); got != want {
						t.Errorf("%s %s: %d, want %d", method, path, got, want)
					}
				}
			}
			for _, path := range []string{MetricsPath, "/", WhyPath, healthyPath + "/", "/-/ready/..//../metrics", "//healthz"} {
				if got := status(http.MethodGet, path); got != http.StatusUnauthorized {
					t.Errorf("%s without a password: %d", path, got)
				}
			}
			unready.Store(true)
			for _, path := range []string{readyPath, kubeReadyPath} {
				if status, body := get(t, base+path, test.client, nil); status != http.StatusServiceUnavailable || body != "nsviz is not ready: the first survey is not \\x1bdone yet.\n" {
					t.Errorf("%s: %d, %q", path, status, body)
				}
			}
			if got := status(http.MethodGet, kubeHealthyPath); got != 200 {
				t.Errorf("not healthy since it is not ready: %d", got)
			}
		})
	}
}

func TestMetricsPath(t *testing.T) {
	for path, says := range map[string]string{
		"": "", "/m": "", "/internal/nsviz/metrics": "", "/-/metrics": "",
		"metrics": "begins with a slash", "/": "page of nsviz", "/metrics/": "plain path", "/a//b": "plain path", "/a/../b": "plain path", "/a b": "plain path",
		"/{x}": "plain path", "/a?b": "plain path", "/a#b": "plain path", "/a\nb": "plain path", "/%2e": "plain path",
		healthyPath: "is taken", kubeReadyPath: "is taken", WhyPath: "is taken", EventsPath: "is taken", KillsPath: "is taken", "/api/metrics": "is taken",
	} {
		cfg := testConfig("")
		cfg.MetricsPath = path
		_, err := New(cfg)
		switch {
		case says != "":
			if err == nil || !strings.HasPrefix(err.Error(), "--web.telemetry-path ") || !strings.Contains(err.Error(), says) {
				t.Errorf("%q: %v, want %q", path, err, says)
			}
		case err != nil:
			t.Errorf("%q: %v", path, err)
		}
	}
	cfg := testConfig("")
	cfg.MetricsPath = "/internal/m"
	base := "http://" + start(t, cfg, 1)[0].Addr().String()
	for path, want := range map[string]int{"/internal/m": 200, MetricsPath: 404, "/": 200} {
		status, body := get(t, base+path, nil, nil)
		if status != want || path == "/" && !strings.Contains(body, `href="/internal/m"`) {
			t.Errorf("%s: %d\n%s", path, status, body)
		}
	}
}

// Scrapes that hang are bounded, and keep nobody from asking how nsviz is.
func TestHealthWhileScrapesHang(t *testing.T) {
	asked, answer := make(chan struct{}, maxScrapes), make(chan struct{})
	cfg := testConfig("")
	cfg.Snapshot = func() *model.Snapshot {
		asked <- struct{}{}
		<-answer
		return nil
	}
	address := start(t, cfg, 1)[0].Addr().String()
	for range maxScrapes {
		if _, err := io.WriteString(dial(t, address), "GET "+MetricsPath+" HTTP/1.1\r\nHost: nsviz\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-asked
	}
	for path, want := range map[string]int{MetricsPath: http.StatusServiceUnavailable, kubeHealthyPath: 200, kubeReadyPath: 200} {
		if status, body := get(t, "http://"+address+path, nil, nil); status != want {
			t.Errorf("%s: %d, want %d\n%s", path, status, want, body)
		}
	}
	close(answer)
}
