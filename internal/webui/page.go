package webui

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/diagram"
	"github.com/nsviz/nsviz/internal/drawing"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/turns"
)

//go:embed assets
var assets embed.FS

// Paths are the patterns of what a Page answers, for http.ServeMux.
const (
	RootPath = "/{$}"
	DataPath = "/ui/"
)

// Config configures a Page.
type Config struct {
	// Snapshot returns the model's current state; nil while there is none yet.
	Snapshot func() *model.Snapshot
	// Inspect reads the processes, files and privileges of a live container; nil leaves them out.
	Inspect func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)
	// Version is that of nsviz.
	Version string
	// Metrics is the path of the metrics, for a link; "" is none.
	Metrics string
	// Mishaps keeps a mistake in one state of the page from ending the process; nil does not.
	Mishaps *mishap.Counter
	// Streams bounds the viewers that are sent updates; 0 is MaxStreams. Others ask for them, less often.
	Streams int
}

// MaxStreams is the usual bound of Config.Streams.
const MaxStreams = 32

// Page is an http.Handler that answers RootPath and what is below DataPath.
type Page struct {
	mux      *http.ServeMux
	turns    *turns.Turns // of the answers that are being made
	unsent   *turns.Unsent
	hub      *hub
	readings *readings
	version  string
	metrics  string
	first    *template.Template
}

// New returns a Page. Close ends it.
func New(cfg Config) (*Page, error) {
	if cfg.Streams == 0 {
		cfg.Streams = MaxStreams
	}
	first, err := template.ParseFS(assets, "assets/index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	p := &Page{
		mux: http.NewServeMux(), turns: turns.New(maxAnswers, turns.Quarter(mostPause)), unsent: turns.NewUnsent(maxUnsent), hub: newHub(cfg.Snapshot, cfg.Streams), readings: newReadings(cfg.Inspect), version: cfg.Version, metrics: strings.TrimPrefix(cfg.Metrics, "/"), first: first,
	}
	p.hub.mishaps = cfg.Mishaps
	files, err := files()
	if err != nil {
		return nil, fmt.Errorf("reading the page: %w", err)
	}
	for name, content := range files {
		if name != "index.html" {
			p.serveFile(name, content)
		}
	}
	p.mux.HandleFunc("GET "+RootPath, p.limited(p.serveFirst))
	p.mux.HandleFunc("GET /ui/stream", p.serveStream)
	p.mux.HandleFunc("GET /ui/state", p.limited(p.serveState))
	p.mux.HandleFunc("GET /ui/select", p.limited(p.serveSelection))
	p.mux.HandleFunc("GET /ui/workload", p.serveWorkload)
	p.mux.HandleFunc("GET /ui/namespaces", p.limited(p.serveNamespaces))
	p.mux.HandleFunc("GET /ui/map.svg", p.limited(p.serveMap))
	for _, form := range diagram.Forms() {
		p.mux.HandleFunc("GET /ui/sharing."+form.Ending, p.limited(p.serveDiagram(form.Write)))
	}
	return p, nil
}

// files returns the files of the page by their names.
func files() (map[string][]byte, error) {
	list, err := fs.ReadDir(assets, "assets")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"palette.css": []byte(drawing.Palette), "rooms.css": []byte(drawing.Rooms)}
	for _, f := range list {
		if files[f.Name()], err = assets.ReadFile("assets/" + f.Name()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// Close ends the streams and waits for what the Page has started, except for readings that the kernel does not answer.
func (p *Page) Close() { p.hub.close() }

// policy forbids a browser everything but the page's own files: no script or style in the document, no other origin, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	p.mux.ServeHTTP(w, r)
}

var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
}

// serveFile registers a file of the page, which a browser keeps as long as it is the same.
func (p *Page) serveFile(name string, content []byte) {
	sum := fnv.New64a()
	sum.Write(content)
	tag := `"` + strconv.FormatUint(sum.Sum64(), 36) + `"`
	p.mux.HandleFunc("GET /ui/"+name, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentTypes[path.Ext(name)])
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		if strings.Contains(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = w.Write(content) // a client that has gone does not matter
	})
}

// refusal is the body of an answer that is none.
type refusal struct {
	Error string `json:"error"`
	// From and Length are the bytes of a filter that are wrong.
	From   int `json:"from,omitempty"`
	Length int `json:"length,omitempty"`
}

func reply(w http.ResponseWriter, status int, body any) {
	out, err := json.Marshal(body)
	if err != nil { // plain values, which can be encoded
		status, out = http.StatusInternalServerError, []byte(`{"error":"the answer could not be encoded"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(out)
}

// frame returns the state of the host; if there is none yet it says so, and returns nil.
func (p *Page) frame(w http.ResponseWriter) *frame {
	f := p.hub.current()
	if f == nil {
		w.Header().Set("Retry-After", "1")
		reply(w, http.StatusServiceUnavailable, refusal{Error: "nsviz has seen nothing yet"})
	}
	return f
}

// serveState answers who gets no stream: with what has changed since the state that the client has.
func (p *Page) serveState(w http.ResponseWriter, r *http.Request) {
	f := p.frame(w)
	if f == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(f.message(p.hub.sinceOf(r.URL.Query().Get("since"))))
}

// keepAlive is how often a stream without news shows that it is one: proxies cut silent connections off.
const keepAlive = 15 * time.Second

// writeTimeout is how long a viewer may take for maxPart bytes of a message: a large one takes longer. The server's own is for all of an answer.
const (
	writeTimeout = 10 * time.Second
	maxPart      = 64 << 10
)

// serveStream sends the state whenever it has changed. A viewer that reads slowly misses states in between.
func (p *Page) serveStream(w http.ResponseWriter, r *http.Request) {
	v, err := p.hub.join()
	if err != nil {
		w.Header().Set("Retry-After", "10")
		reply(w, http.StatusServiceUnavailable, refusal{Error: err.Error()})
		return
	}
	defer p.hub.leave(v)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // where there is one, it would end the stream; else there is nothing to do
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	send := func(words ...[]byte) bool {
		for _, b := range words {
			for part := range slices.Chunk(b, maxPart) {
				_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
				if _, err := w.Write(part); err != nil {
					return false
				}
			}
		}
		if control.Flush() != nil {
			return false
		}
		_ = control.SetWriteDeadline(time.Time{}) // HTTP/2 would end the stream then, though nothing is being written
		return true
	}
	if !send([]byte("retry: 2000\n\n")) || r.Method == http.MethodHead {
		return
	}
	for {
		select {
		case <-v.news:
			f := p.hub.current()
			if f == nil || f.number == v.seen {
				continue
			}
			if !send([]byte("data: "), f.message(v.seen), []byte("\n\n")) {
				return
			}
			v.seen = f.number
			alive.Reset(keepAlive)
		case <-alive.C:
			if !send([]byte(": nothing new\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-p.hub.done:
			return
		}
	}
}
