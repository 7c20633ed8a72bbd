package otlp

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/mishap"
)

// TestSizes compares the sizes with those of the messages that are sent: they are not less, and not many times more.
func TestSizes(t *testing.T) {
	r := newReceiver()
	s := httptest.NewServer(r)
	defer s.Close()
	target, err := Parse("otlp="+s.URL, variables(onlyLogs...))
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	recorder := newRecorder(resource.Empty(), "1.2", &starts{}, time.Now)
	events, _ := examples(t)
	for i := range events {
		record := recorder.record(fact.Fact{Time: time.Unix(1000, 0), Event: &events[i]})
		if err := c.logs(t.Context(), []sdklog.Record{record}); err != nil {
			t.Fatal(err)
		}
		sent := proto.Size(r.records[len(r.records)-1])
		if size := logSize(record); size < sent || size > 4*sent {
			t.Errorf("%s: %d bytes, counted as %d", events[i].Type, sent, size)
		}
	}
	for _, stop := range c.close {
		_ = stop(t.Context())
	}
	if len(events) < 10 {
		t.Errorf("%d examples", len(events))
	}
}

// gathered returns metrics of all kinds as they are sent, with that many series of each.
func gathered(t *testing.T, series int) []metricdata.ScopeMetrics {
	t.Helper()
	registry := prometheus.NewRegistry()
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "nsviz_test", Help: "A gauge."}, []string{"container"})
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "nsviz_test_total"}, []string{"container"})
	histogram := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nsviz_test_seconds"}, []string{"container"})
	native := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "nsviz_test_native", NativeHistogramBucketFactor: 1.1}, []string{"container"})
	summary := prometheus.NewSummaryVec(prometheus.SummaryOpts{Name: "nsviz_test_summary", Objectives: map[float64]float64{0.5: 0.1, 0.9: 0.1}}, []string{"container"})
	registry.MustRegister(gauge, counter, histogram, native, summary)
	for i := range series {
		name := "shop/cart-" + strconv.Itoa(i) + "/hog"
		gauge.WithLabelValues(name).Set(1)
		counter.WithLabelValues(name).(prometheus.ExemplarAdder).AddWithExemplar(1, prometheus.Labels{"kill_id": "kill:9f2c4e1ab37d0f55"})
		for v := range 10 {
			histogram.WithLabelValues(name).Observe(float64(v))
			native.WithLabelValues(name).Observe(float64(v))
		}
		summary.WithLabelValues(name).Observe(1)
	}
	scopes, err := bridge.NewMetricProducer(bridge.WithGatherer(registry)).Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return scopes
}

// No part of the metrics is larger than the limit, as they are sent, and together they have every point once, in order.
func TestParts(t *testing.T) {
	scopes := gathered(t, 100)
	all := parts(scopes, maxRequestBytes)
	if len(all) != 1 || pointsOf(all[0]) != pointsOf(scopes) || pointsOf(scopes) != 500 {
		t.Fatalf("%d parts, %d points", len(all), pointsOf(scopes))
	}
	const limit = 10_000
	list := parts(scopes, limit)
	names := func(parts ...[]metricdata.ScopeMetrics) (out []string) {
		for _, part := range parts {
			for _, scope := range part {
				for _, m := range scope.Metrics {
					for i := range points(m.Data) {
						out = append(out, m.Name+strconv.Itoa(pointSize(m.Data, i)))
					}
				}
			}
		}
		return out
	}
	if !slices.Equal(names(scopes), names(list...)) {
		t.Error("not the same points")
	}
	sizes := make(chan int, len(list))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sizes <- len(body)
		reply(w, &collectormetrics.ExportMetricsServiceResponse{})
	}))
	defer s.Close()
	target, err := Parse("otlp="+s.URL, variables())
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range list {
		if err := c.metrics.Export(t.Context(), &metricdata.ResourceMetrics{Resource: resource.Empty(), ScopeMetrics: part}); err != nil {
			t.Fatal(err)
		}
		if size := <-sizes; size > limit || size < limit/4 && i < len(list)-1 {
			t.Errorf("a part of %d bytes", size)
		}
	}
	for _, stop := range c.close {
		_ = stop(context.Background())
	}
	if single := parts(scopes, 1); len(single) != 500 || len(parts(nil, limit)) != 0 {
		t.Errorf("%d parts of one point", len(single))
	}
}

// long returns an OOM kill with a command line.
func long(pid int32, bytes int) fact.Fact {
	f := kill(pid)
	f.Event.OOM.Victim.CommandLine = strings.Repeat("a", bytes)
	return f
}

// A receiver that takes less than usual gets smaller requests, by either protocol, and soon no others. What is too large for it alone is
// counted, and the log says what to do.
func TestSmallReceiver(t *testing.T) {
	const limit, records = 1 << 20, 60 // of 64 KiB
	byHTTP, asCollector, byGRPC := newReceiver(), newReceiver(), newReceiver()
	put := map[*receiver]chan struct{}{byHTTP: make(chan struct{}), asCollector: make(chan struct{}), byGRPC: make(chan struct{})} // closed when all records are: then many wait
	small := func(to *receiver, status int, text string) *httptest.Server {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-put[to]
			if r.ContentLength > limit {
				http.Error(w, text, status)
				return
			}
			to.ServeHTTP(w, r)
		}))
		t.Cleanup(h.Close)
		return h
	}
	h, c := small(byHTTP, http.StatusRequestEntityTooLarge, ""), small(asCollector, http.StatusBadRequest, "http: request body too large")
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(limit), grpc.UnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			<-put[byGRPC]
			return handle(ctx, request)
		}))
	collectorlogs.RegisterLogsServiceServer(g, grpcLogs{r: byGRPC})
	go func() { _ = g.Serve(l) }()
	defer g.Stop()
	for url, r := range map[string]*receiver{h.URL: byHTTP, c.URL: asCollector, "grpc://" + l.Addr().String(): byGRPC} {
		x := start(t, "otlp="+url, onlyLogs...)
		x.Put(long(1, 2<<20))
		for pid := range int32(records) {
			x.Put(long(pid+2, 64<<10))
		}
		close(put[r])
		r.await(t, "all records", func() bool { return len(r.records) == records })
		x.end()
		if n, rejected, failures := x.delivery(Logs); n != records || rejected != 1 || failures == 0 || failures > 12 {
			t.Errorf("%s: %d delivered, %d rejected, %d failures", url, n, rejected, failures)
		}
		if !strings.Contains(x.log.String(), "takes no request of that size") {
			t.Error(x.log)
		}
		if x.logs.limit == maxRequestBytes || x.logs.limit < leastRequestBytes {
			t.Errorf("requests of %d bytes", x.logs.limit)
		}
	}
}

// A mistake about one event costs that one.
func TestMistakeInOneEvent(t *testing.T) {
	log := &buffer{}
	mishaps := mishap.New(testLog(log))
	q := &queue[int, int]{sender: &sender{signal: Logs, counts: &counts{}, mishaps: mishaps}, size: func(int) int { return 1 }}
	q.convert = func(v int) []int {
		if v == 2 {
			panic("a test")
		}
		return []int{v}
	}
	for v := range 4 {
		q.add(v)
	}
	if !slices.Equal(q.pending, []int{0, 1, 3}) || q.counts.rejected.Load() != 1 || mishaps.Counts()[mishap.Export] != 1 || !strings.Contains(log.String(), "a test") {
		t.Errorf("%v, %d rejected, %v\n%s", q.pending, q.counts.rejected.Load(), mishaps.Counts(), log)
	}
}

// What is pending when nsviz ends at once is counted.
func TestPendingAtTheEnd(t *testing.T) {
	silent := listening(t, nil)
	x := start(t, "otlp=http://"+silent, append(onlyLogs, "OTEL_EXPORTER_OTLP_TIMEOUT=86400000")...)
	const put = 400
	for pid := range int32(put) {
		x.Put(long(pid+1, 32<<10))
	}
	x.stopRun()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x.Close(ctx)
	_, rejected, _ := x.delivery(Logs)
	if stats := x.Sinks()[0]; stats.Dropped+rejected != put {
		t.Errorf("%d dropped, %d rejected, of %d", stats.Dropped, rejected, put)
	}
}
