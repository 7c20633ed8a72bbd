package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/sink"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/webui"
)

// A slow client must not hold a connection for ever; a scrape takes milliseconds.
const (
	readTimeout     = 5 * time.Second
	writeTimeout    = 30 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = time.Second // so that a signal ends nsviz within two
)

// Config configures a Server.
type Config struct {
	// Snapshot returns the model's current state, for the metrics; nil while there is none yet.
	Snapshot func() *model.Snapshot
	// Full returns it with every ended container and freed namespace that the model has kept, for the API.
	Full func() *model.Snapshot
	// Past keeps what was before; nil keeps nothing.
	Past *store.Timeline
	// Ready returns why what is served does not describe the host, or nil if it does; a nil Ready means that it always does.
	Ready func() error
	// Findings are as in metrics.Config.
	Findings func(id string) map[string]int
	// MetricsPath is where the metrics are; "" is the default.
	MetricsPath string
	// Feed has the events as they happen; nil has none.
	Feed *Feed
	// EventLine returns an event as a line of text, for filters; nil is for those who look for none.
	EventLine func(event.Event) string
	// Sinks returns the counts of this process's sinks; a nil Sinks means that there are none.
	Sinks func() []sink.Stats
	// Deliveries is as in metrics.Config.
	Deliveries func() []sink.Delivery
	// Mishaps keeps a mistake in one answer, or in one state of the page, from ending the process; nil does not.
	Mishaps *mishap.Counter
	// Labels are as in metrics.Config.
	Labels []string
	Build  metrics.BuildInfo
	// UI shows the host in browsers; else there is a landing page.
	UI bool
	// Inspect is that of webui.Config.
	Inspect func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)
	// Hosts are names under which the page and the API answer where no password is asked for, beside those that always are this host's.
	Hosts []string
	// Remote is RemoteAll or RemoteMetrics; "" is RemoteAll.
	Remote string
	// WebConfigFile names the exporter-toolkit file with TLS and basic auth; "" means neither.
	WebConfigFile string
	Logger        *slog.Logger
}

// Server answers scrapes and the questions of the API over HTTP.
type Server struct {
	handler       http.Handler
	metrics       prometheus.Gatherer
	health        health
	feed          *Feed
	page          *webui.Page // nil is none
	connections   *connections
	webConfigFile string
	logger        *slog.Logger
}

// New returns a Server. It fails if the web configuration file is not valid.
func New(cfg Config) (*Server, error) {
	if err := web.Validate(cfg.WebConfigFile); err != nil {
		return nil, fmt.Errorf("--web.config.file %s: %w", cfg.WebConfigFile, err)
	}
	protection, err := readProtection(cfg.WebConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--web.config.file %s: %w", cfg.WebConfigFile, err)
	}
	cfg.MetricsPath = cmp.Or(cfg.MetricsPath, MetricsPath)
	admission, err := newAdmission(cfg, protection.isOpen)
	if err != nil {
		return nil, err
	}
	feed := cfg.Feed
	if feed == nil {
		feed = NewFeed()
	}
	open := newConnections(connectionLimit())
	feed.within(connectionLimit())
	registry, err := newRegistry(metrics.NewCollector(metrics.Config{
		Snapshot: cfg.Snapshot, Sinks: withStreams(cfg.Sinks, feed), Deliveries: cfg.Deliveries, DroppedConnections: open.stats, Findings: cfg.Findings, Mishaps: cfg.Mishaps, Labels: cfg.Labels, Build: cfg.Build,
	}))
	if err != nil {
		return nil, err
	}
	page, shown, err := newPage(cfg)
	if err != nil {
		return nil, err
	}
	h := health{cfg.Ready}
	q := newQuestions(cfg.Full, cfg.Past)
	q.feed, q.line, q.version = feed, cfg.EventLine, cfg.Build.Version
	handler, err := newHandler(registry, cfg.MetricsPath, h, q, shown, cfg.Build, cfg.Logger)
	if err != nil {
		return nil, err
	}
	return &Server{
		handler: isolated(admission.guard(handler), cfg.Mishaps), metrics: registry, health: h, page: page, feed: feed, connections: open, webConfigFile: cfg.WebConfigFile,
		logger: cfg.Logger,
	}, nil
}

// Metrics returns what the Server answers to a scrape.
func (s *Server) Metrics() prometheus.Gatherer { return s.metrics }

// Serve answers on the listeners until ctx is cancelled, lets the requests under way finish, and
// returns nil; if one listener fails all stop and its error is returned. Either way the listeners
// are closed. Without listeners it just waits for ctx.
func (s *Server) Serve(ctx context.Context, listeners []net.Listener) error {
	servers := make([]*http.Server, len(listeners))
	ended := make(chan error, len(listeners))
	for i, l := range listeners {
		// Each listener has its own http.Server: web.Serve rewrites the server's handler and TLS
		// configuration, which on a shared one is a data race.
		servers[i] = s.httpServer()
		if s.page != nil {
			servers[i].RegisterOnShutdown(s.page.Close) // a stream would not end by itself
		}
		go func() { ended <- s.serveOne(servers[i], l) }()
	}
	if s.page != nil {
		defer s.page.Close()
	}
	running := len(listeners)
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-ended:
		running--
	}
	s.shutdown(servers)
	for ; running > 0; running-- {
		if err := <-ended; failed == nil {
			failed = err
		}
	}
	return failed
}

// serveOne blocks until the server is shut down, which is no error.
func (s *Server) serveOne(server *http.Server, l net.Listener) error {
	defer l.Close() // web.Serve leaves it open if the configuration has become unreadable
	err := web.Serve(l, server, &web.FlagConfig{WebConfigFile: &s.webConfigFile}, s.logger)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving metrics on %s: %w", l.Addr(), err)
}

func (s *Server) httpServer() *http.Server {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ConnState:         s.connections.state,
		ErrorLog:          serverLog(s.logger),
	}
	s.health.exempt(server)
	return server
}

// shutdown stops the servers, all within one timeout; unfinished requests are cut off then.
func (s *Server) shutdown(servers []*http.Server) {
	s.feed.end() // streams would not end by themselves
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			server.Close()
		}
	}
}
