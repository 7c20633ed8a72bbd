package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// receiver takes logs, by the protocol's own messages. A handler may answer in its place.
type receiver struct {
	mu      sync.Mutex
	records []*logspb.LogRecord
	spans   int
	points  int
	changed chan struct{} // has a value after each request
}

func newReceiver() *receiver { return &receiver{changed: make(chan struct{}, 1000)} }

func (r *receiver) take(m proto.Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch m := m.(type) {
	case *collectorlogs.ExportLogsServiceRequest:
		for _, l := range m.ResourceLogs {
			for _, s := range l.ScopeLogs {
				r.records = append(r.records, s.LogRecords...)
			}
		}
	case *collectortraces.ExportTraceServiceRequest:
		for _, l := range m.ResourceSpans {
			for _, s := range l.ScopeSpans {
				r.spans += len(s.Spans)
			}
		}
	case *collectormetrics.ExportMetricsServiceRequest:
		for _, l := range m.ResourceMetrics {
			for _, s := range l.ScopeMetrics {
				r.points += len(s.Metrics)
			}
		}
	}
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// await waits until a condition holds that requests make true.
func (r *receiver) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		ok := holds()
		r.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-r.changed:
		case <-deadline:
			t.Fatalf("%s did not come", what)
		}
	}
}

// ServeHTTP takes a request as the specification of OTLP has it.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var m, answer proto.Message
	switch req.URL.Path {
	case "/v1/logs":
		m, answer = &collectorlogs.ExportLogsServiceRequest{}, &collectorlogs.ExportLogsServiceResponse{}
	case "/v1/traces":
		m, answer = &collectortraces.ExportTraceServiceRequest{}, &collectortraces.ExportTraceServiceResponse{}
	case "/v1/metrics":
		m, answer = &collectormetrics.ExportMetricsServiceRequest{}, &collectormetrics.ExportMetricsServiceResponse{}
	default:
		http.NotFound(w, req)
		return
	}
	var from io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		from, _ = gzip.NewReader(req.Body)
	}
	body, err := io.ReadAll(from)
	if err == nil {
		err = proto.Unmarshal(body, m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.take(m)
	reply(w, answer)
}

func reply(w http.ResponseWriter, m proto.Message) {
	b, _ := proto.Marshal(m)
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(b)
}

// grpcLogs is a LogsService.
type grpcLogs struct {
	collectorlogs.UnimplementedLogsServiceServer
	r *receiver
	// answer, if it is set, is asked first.
	answer func() (*collectorlogs.ExportLogsServiceResponse, error)
}

func (g grpcLogs) Export(_ context.Context, m *collectorlogs.ExportLogsServiceRequest) (*collectorlogs.ExportLogsServiceResponse, error) {
	if g.answer != nil {
		if resp, err := g.answer(); err != nil || resp != nil {
			g.r.changed <- struct{}{}
			return resp, err
		}
	}
	g.r.take(m)
	return &collectorlogs.ExportLogsServiceResponse{}, nil
}

// serveGRPC serves logs alone, and returns the address.
func serveGRPC(t *testing.T, r *receiver, answer func() (*collectorlogs.ExportLogsServiceResponse, error)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	collectorlogs.RegisterLogsServiceServer(s, grpcLogs{r: r, answer: answer})
	ended := make(chan error)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wrote chan struct{} // has a value after a write; nil is for nobody
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case b.wrote <- struct{}{}:
	default:
	}
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// exporting is an Exporter that runs.
type exporting struct {
	*Exporter
	log *buffer
	// stopRun ends Run; end closes the Exporter, too.
	stopRun, end func()
}

// start runs an Exporter to an address with variables of the environment. It makes its pauses short.
func start(t *testing.T, value string, env ...string) *exporting {
	t.Helper()
	target, err := Parse(value, variables(env...))
	if err != nil {
		t.Fatal(err)
	}
	e := &exporting{log: &buffer{wrote: make(chan struct{}, 1)}}
	if e.Exporter, err = New(Config{Target: target, Version: "1.2", HostID: "h1", Log: testLog(e.log)}); err != nil {
		t.Fatal(err)
	}
	if e.logs != nil {
		e.logs.pause, e.logs.patience = time.Millisecond, time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	registry := prometheus.NewRegistry()
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "nsviz_test"})
	registry.MustRegister(gauge)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.Run(ctx, Source{Metrics: registry, Snapshot: func() *model.Snapshot { return &model.Snapshot{Host: fact.Host{Name: "node1", Kernel: "6.18"}} }})
	}()
	e.stopRun = func() {
		cancel()
		<-ended
	}
	e.end = func() {
		e.stopRun()
		limit, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		e.Close(limit)
	}
	t.Cleanup(e.end)
	return e
}

// kill returns the fact of an OOM kill.
func kill(pid int32) fact.Fact {
	return fact.Fact{Time: time.Unix(1000, int64(pid)), Event: &event.Event{Type: event.OOMKill, PID: pid, Comm: "hog", OOM: &event.OOM{Victim: event.Victim{PID: pid}}}}
}

func (e *exporting) delivery(s Signal) (delivered, rejected, failures uint64) {
	for _, d := range e.Deliveries() {
		if d.What == string(s) {
			return d.Delivered, d.Rejected, d.Failures
		}
	}
	return 0, 0, 0
}

// onlyLogs switches the other signals off.
var onlyLogs = []string{"OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"}

// All three signals arrive, and what waits at the end, too.
func TestExport(t *testing.T) {
	r := newReceiver()
	s := httptest.NewServer(r)
	defer s.Close()
	x := start(t, "otlp="+s.URL, "OTEL_METRIC_EXPORT_INTERVAL=3600000", "OTEL_EXPORTER_OTLP_COMPRESSION=gzip")
	x.Put(startOf("c1", time.Unix(1000, 0)))
	x.Put(fact.Fact{Memory: []fact.Reading{{}}})
	exit := fact.Fact{Time: time.Unix(1001, 0), Event: &event.Event{Type: event.ContainerExited, Container: &event.Container{ID: "c1", Name: "web"}, Exit: &event.Exit{Code: new(int32(1))}}}
	x.Put(exit)
	x.Put(kill(5))
	x.end()
	if len(r.records) != 3 || r.spans != 1 || r.points != 1 {
		t.Fatalf("%d records, %d spans, %d metrics; log: %s", len(r.records), r.spans, r.points, x.log)
	}
	started, exited, killed := r.records[0], r.records[1], r.records[2]
	if started.EventName != "nsviz.container_started" || started.TimeUnixNano != uint64(time.Unix(1000, 0).UnixNano()) || started.SeverityText != "INFO" ||
		started.Body.GetStringValue() != "web: its own program started (nginx, 7), 30 ms after its cgroup was made." {
		t.Error(started)
	}
	id := newStartID("h1", "c1", uint64(time.Unix(1000, 0).UnixNano()))
	for _, record := range []*logspb.LogRecord{started, exited} {
		if string(record.TraceId) != string(id.trace[:]) || string(record.SpanId) != string(id.root[:]) {
			t.Errorf("%s is not of the trace", record.EventName)
		}
	}
	if killed.SeverityText != "ERROR" || len(killed.TraceId) > 0 || exited.SeverityText != "WARN" {
		t.Error(killed, exited)
	}
	for _, s := range Signals() {
		if n, rejected, failures := x.delivery(s); n == 0 || rejected+failures > 0 {
			t.Errorf("%s: %d delivered, %d rejected, %d failures", s, n, rejected, failures)
		}
	}
	if x.log.String() != "" {
		t.Error(x.log)
	}
}

// Events that the filter leaves out are not sent; losses are whatever it says.
func TestAccept(t *testing.T) {
	r := newReceiver()
	s := httptest.NewServer(r)
	defer s.Close()
	x := start(t, "otlp="+s.URL, onlyLogs...)
	x.cfg.Accept = func(e *event.Event) bool { return e.PID == 2 }
	x.Put(kill(1))
	x.Put(kill(2))
	x.Put(fact.Fact{Event: &event.Event{Type: event.EventsLost, Lost: &event.Lost{Count: 3}}})
	x.end()
	if len(r.records) != 2 || r.records[1].EventName != "nsviz.events_lost" {
		t.Error(r.records)
	}
}

// A receiver that is away or does not answer gets everything when it is back. It is one line in the log, and one at the end.
func TestReceiverThatIsBack(t *testing.T) {
	for name, trouble := range map[string]struct {
		answer func(w http.ResponseWriter)
		want   string
	}{
		"overloaded":    {func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, "asks to wait"},
		"rate limit":    {func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) }, "asks to wait"},
		"cut off":       {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "is the receiver running"},
		"broken answer": {func(w http.ResponseWriter) { w.Header().Set("Content-Length", "9"); w.WriteHeader(200) }, "is the receiver running"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver()
			attempts := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				r.mu.Lock()
				attempts++
				bad := attempts <= 3
				r.mu.Unlock()
				if bad {
					trouble.answer(w)
					return
				}
				r.ServeHTTP(w, req)
			}))
			defer s.Close()
			x := start(t, "otlp="+s.URL, onlyLogs...)
			x.Put(kill(1))
			r.await(t, "the record", func() bool { return len(r.records) == 1 })
			x.end()
			if n, rejected, failures := x.delivery(Logs); n != 1 || rejected != 0 || failures != 3 {
				t.Errorf("%d delivered, %d rejected, %d failures", n, rejected, failures)
			}
			lines := strings.Split(strings.TrimSpace(x.log.String()), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], trouble.want) || !strings.Contains(lines[1], "exporting works again") {
				t.Error(x.log)
			}
		})
	}
}

// What a receiver refuses for good is sent once, counted, and the log says what to do.
func TestRefusals(t *testing.T) {
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<h1>It works!</h1>")
	}
	nonsense := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/x-protobuf")
		io.WriteString(w, "\xff\xff\xff")
	}
	code := func(n int) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(n)
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string
	}{
		"401": {code(401), "OTEL_EXPORTER_OTLP_HEADERS"}, "403": {code(403), "OTEL_EXPORTER_OTLP_HEADERS"}, "404": {code(404), "OTEL_LOGS_EXPORTER=none"},
		"400": {code(400), "does not accept it"}, "500": {code(500), "does not accept it"}, "302": {code(302), "no OTLP receiver"},
		"a web page": {page, "no OTLP receiver"}, "nonsense": {nonsense, "no OTLP receiver"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := make(chan struct{}, 10)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				test.answer(w)
				requests <- struct{}{}
			}))
			defer s.Close()
			x := start(t, "otlp="+s.URL, onlyLogs...)
			x.Put(kill(1))
			<-requests
			x.end()
			if n, rejected, failures := x.delivery(Logs); n != 0 || rejected != 1 || failures != 1 || len(requests) > 0 {
				t.Errorf("%d delivered, %d rejected, %d failures, %d more requests", n, rejected, failures, len(requests))
			}
			if !strings.Contains(x.log.String(), test.want) {
				t.Error(x.log)
			}
		})
	}
}

func TestPartialSuccess(t *testing.T) {
	partial := &collectorlogs.ExportLogsServiceResponse{PartialSuccess: &collectorlogs.ExportLogsPartialSuccess{RejectedLogRecords: 1, ErrorMessage: "too old"}}
	r := newReceiver()
	var requests atomic.Uint64 // of each, one record is rejected
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		reply(w, partial)
	}))
	defer s.Close()
	address := serveGRPC(t, r, func() (*collectorlogs.ExportLogsServiceResponse, error) {
		requests.Add(1)
		return partial, nil
	})
	for _, url := range []string{s.URL, "grpc://" + address} {
		requests.Store(0)
		x := start(t, "otlp="+url, onlyLogs...)
		for pid := range int32(3) {
			x.Put(kill(pid))
		}
		x.end()
		if n, rejected, failures := x.delivery(Logs); n+rejected != 3 || rejected != requests.Swap(0) || rejected == 0 || failures != 0 {
			t.Errorf("%s: %d delivered, %d rejected, %d failures", url, n, rejected, failures)
		}
		if !strings.Contains(x.log.String(), "too old") {
			t.Error(x.log)
		}
	}
}

func TestGRPC(t *testing.T) {
	for name, test := range map[string]struct {
		err      error
		again    bool
		want     string
		failures uint64
	}{
		"fine":               {nil, false, "", 0},
		"unavailable":        {status.Error(codes.Unavailable, "later"), true, "exporting works again", 1},
		"unauthenticated":    {status.Error(codes.Unauthenticated, "who"), false, "OTEL_EXPORTER_OTLP_HEADERS", 1},
		"unimplemented":      {status.Error(codes.Unimplemented, "no"), false, "OTEL_LOGS_EXPORTER=none", 1},
		"exhausted":          {status.Error(codes.ResourceExhausted, "full"), false, "asks to wait", 1},
		"too large for Rust": {status.Error(codes.OutOfRange, "decoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes"), false, "takes no request of that size", 1},
		"invalid":            {status.Error(codes.InvalidArgument, "bad"), false, "does not accept it", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver()
			asked := 0
			address := serveGRPC(t, r, func() (*collectorlogs.ExportLogsServiceResponse, error) {
				asked++
				if asked == 1 {
					return nil, test.err
				}
				return nil, nil
			})
			x := start(t, "otlp=grpc://"+address, onlyLogs...)
			x.Put(kill(1))
			<-r.changed
			if test.again {
				r.await(t, "the record", func() bool { return len(r.records) == 1 })
			}
			x.end()
			n, rejected, failures := x.delivery(Logs)
			if delivered := test.again || test.err == nil; (n == 1) != delivered || (rejected == 1) == delivered || failures != test.failures {
				t.Errorf("%d delivered, %d rejected, %d failures", n, rejected, failures)
			}
			if !strings.Contains(x.log.String(), test.want) {
				t.Error(x.log)
			}
		})
	}
}

func testLog(b *buffer) *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// What the receiver says about when to come again goes before the own pauses, by either protocol.
func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 20, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "Mon, 23 Nov 2026 20:01:00 GMT": time.Minute, "Mon, 23 Nov 2026 19:00:00 GMT": 0, "soon": 0, "-1": 0, "": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()
	busy, err := status.New(codes.ResourceExhausted, "full").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	address := serveGRPC(t, newReceiver(), func() (*collectorlogs.ExportLogsServiceResponse, error) { return nil, busy.Err() })
	for _, url := range []string{s.URL, "grpc://" + address} {
		x := start(t, "otlp="+url, onlyLogs...)
		a, err := x.logs.try(t.Context(), func(ctx context.Context) error { return x.client.logs(ctx, []sdklog.Record{{}}) })
		if f := judge(a, err, Logs, x.cfg.Target.Endpoints[Logs]); f == nil || !f.again || f.wait != 7*time.Second {
			t.Errorf("%s: %+v", url, f)
		}
		x.end()
	}
}
