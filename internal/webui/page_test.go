package webui

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/webui/webuitest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// page returns a Page of a snapshot; nil is none yet.
func page(t *testing.T, s *model.Snapshot, inspect func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)) *Page {
	t.Helper()
	p, err := New(Config{Snapshot: func() *model.Snapshot { return s }, Inspect: inspect, Version: "1.2", Metrics: "/metrics"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func get(t *testing.T, p http.Handler, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	p.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return answer
}

// Whatever is asked for, the answer forbids the browser all but the page's own files.
func TestHeaders(t *testing.T) {
	p := page(t, webuitest.Busy(noon), nil)
	paths := []string{"/", "/ui/none", "/ui/state", "/ui/map.svg", "/ui/namespaces", "/ui/select?filter=web", "/ui/workload?key=" + webuitest.ID(9), "/ui/sharing.svg"}
	files, err := fs.ReadDir(assets, "assets")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "index.html" {
			paths = append(paths, "/ui/"+f.Name())
		}
	}
	for _, path := range paths {
		answer := get(t, p, path)
		if want := http.StatusOK; path != "/ui/none" && answer.Code != want {
			t.Errorf("%s: %d: %s", path, answer.Code, answer.Body)
		}
		h := answer.Header()
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: no %s in %s", path, want, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || strings.Contains(csp, "*") || strings.Contains(csp, "http") {
			t.Errorf("%s: %s", path, csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if path != "/ui/none" && h.Get("Content-Type") == "" {
			t.Errorf("%s has no type", path)
		}
	}
}

// What the policy forbids does not stand in the files either, and nothing there parses HTML or names another host.
func TestFilesNeedNoExceptions(t *testing.T) {
	inline := regexp.MustCompile(`<script>|<style|style=|\son[a-z]+=|javascript:`)
	parses := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|text/html`)
	elsewhere := regexp.MustCompile(`(https?:)?//[a-z0-9-]+\.[a-z]`)
	files, err := files()
	if err != nil {
		t.Fatal(err)
	}
	for name, file := range files {
		if len(file) == 0 {
			t.Errorf("%s is empty", name)
		}
		content := strings.ReplaceAll(string(file), "http://www.w3.org/2000/svg", "") // a name, and no place
		for what, pattern := range map[string]*regexp.Regexp{"another host": elsewhere, "what parses HTML": parses} {
			if found := pattern.FindString(content); found != "" {
				t.Errorf("%s has %s: %s", name, what, found)
			}
		}
		if filepath.Ext(name) == ".html" {
			if found := inline.FindString(content); found != "" {
				t.Errorf("%s has %s", name, found)
			}
		}
	}
}

func TestFilesAreKept(t *testing.T) {
	p := page(t, nil, nil)
	first := get(t, p, "/ui/page.css")
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ui/page.css", nil)
	request.Header.Set("If-None-Match", first.Header().Get("ETag"))
	again := httptest.NewRecorder()
	p.ServeHTTP(again, request)
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("%d, %d bytes", again.Code, again.Body.Len())
	}
}

func TestNothingSeenYet(t *testing.T) {
	p := page(t, nil, nil)
	for _, path := range []string{"/ui/state", "/ui/map.svg", "/ui/namespaces", "/ui/select?filter=web", "/ui/workload?key=x", "/ui/sharing.dot"} {
		answer := get(t, p, path)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" || !strings.Contains(answer.Body.String(), "nothing yet") {
			t.Errorf("%s: %d: %s", path, answer.Code, answer.Body)
		}
	}
	if answer := get(t, p, "/"); answer.Code != http.StatusOK {
		t.Errorf("the page: %d", answer.Code)
	}
}

// Without scripts the page is a table.
func TestFirstPage(t *testing.T) {
	answer := get(t, page(t, webuitest.Busy(noon), nil), "/").Body.String()
	for _, want := range []string{"<h1", "node-1", `<th scope="row">hog</th>`, "63.9 of 64 MiB", "Up 45 seconds", `<th scope="row">lesson</th>`, "stress-ng-vm", "9 running, 13 OOM kills", `lang="en"`} {
		if !strings.Contains(answer, want) {
			t.Errorf("no %q in\n%s", want, answer)
		}
	}
}

// A name is text, wherever it stands.
func TestHostileNames(t *testing.T) {
	p := page(t, webuitest.Rude(noon), nil)
	paths := []string{"/", "/ui/map.svg", "/ui/map.svg?alone=1", "/ui/state", "/ui/namespaces", "/ui/workload?key=vm-31007"}
	for n := range 12 {
		paths = append(paths, "/ui/workload?key="+webuitest.ID(n))
	}
	for _, path := range paths {
		answer := get(t, p, path)
		body := answer.Body.String()
		switch kind := answer.Header().Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/html"):
			if strings.Contains(body, "<script>document") || strings.Contains(body, "<img src=x") {
				t.Errorf("%s: a name is an element", path)
			}
		case kind == "image/svg+xml":
			wellFormed(t, path, body)
		default:
			var v any
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			eachText(v, func(s string) {
				if strings.ContainsAny(s, "\x1b\x00\u202e\u2066") {
					t.Errorf("%s: %.80q", path, s)
				}
			})
		}
	}
	if size := get(t, p, "/ui/state").Body.Len(); size > 200<<10 {
		t.Errorf("the state has %d bytes", size)
	}
}

func eachText(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, e := range v {
			eachText(e, do)
		}
	case map[string]any:
		for k, e := range v {
			do(k)
			eachText(e, do)
		}
	}
}

// wellFormed checks a picture: elements that it may have, and no others.
func wellFormed(t *testing.T, path, body string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg g a rect line text title style ", " "+e.Name.Local+" ") {
			t.Errorf("%s has an element %s", path, e.Name.Local)
		}
	}
}

func TestMapGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		path string
	}{
		{"map_busy", webuitest.Busy(noon), "/ui/map.svg?w=124&h=28"},
		{"map_phone", webuitest.Busy(noon), "/ui/map.svg?w=32&h=24"},
		{"../../../docs/pictures/web-map", webuitest.Busy(noon), "/ui/map.svg?alone=1&w=100&h=24"}, // the picture of docs/WEB.md
		{"map_empty", webuitest.Crowd(noon, 0, 0), "/ui/map.svg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answer := get(t, page(t, tt.s, nil), tt.path)
			wellFormed(t, tt.path, answer.Body.String())
			golden := filepath.Join("testdata", tt.name+".svg")
			if *update {
				if err := os.WriteFile(golden, answer.Body.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(answer.Body.Bytes(), want) {
				t.Errorf("the map is another one than %s; if that is meant, run the test with -update and look at it", golden)
			}
		})
	}
}

// However large a floor is asked for, what is drawn is bounded, and all rooms are on it.
func TestMapSizes(t *testing.T) {
	p := page(t, webuitest.Crowd(noon, 500, 0), nil)
	for _, query := range []string{"", "?w=-1&h=-1", "?w=999999999999&h=9999999999999999999999", "?w=x&h=", "?w=1e9"} {
		body := get(t, p, "/ui/map.svg"+query).Body.String()
		if n := strings.Count(body, `class="room"`); n != 500 {
			t.Errorf("%s: %d rooms", query, n)
		}
		if len(body) > 2<<20 {
			t.Errorf("%s: %d bytes", query, len(body))
		}
	}
}

func TestSelection(t *testing.T) {
	p := page(t, webuitest.Busy(noon), nil)
	for _, tt := range []struct{ filter, want string }{
		{"oom>0 && status=running", `{"keys":["` + webuitest.ID(9) + `"]}`},
		{"zebra", `{"keys":[]}`},
		{"kind=vm", `{"keys":["vm-31007"]}`},
		{"imgae~web", `"from":0`},
		{"oom>0 && (", `"error":`},
		{strings.Repeat("a", 600), `too long`},
		{"", `"error":`},
	} {
		answer := get(t, p, "/ui/select?filter="+url.QueryEscape(tt.filter))
		body := answer.Body.String()
		if tt.want == `"from":0` {
			tt.want = `"length":5` // at the beginning, which JSON leaves out
		}
		if answer.Code != http.StatusOK || !strings.Contains(body, tt.want) {
			t.Errorf("%q: %d %s, want %s", tt.filter, answer.Code, body, tt.want)
		}
	}
}
