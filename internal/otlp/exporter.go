package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/sink"
)

// The bounds of what waits for the receiver: some minutes of a storm.
const (
	waitingFacts = 1 << 14
	waitingBytes = 16 << 20
)

// The names of the queues in metrics.
const (
	logsSink   = "otlp"
	tracesSink = "otlp_traces"
)

// Config configures an Exporter.
type Config struct {
	Target *Target
	// Accept chooses the events that become log records, beside reports of losses; nil is all.
	Accept func(*event.Event) bool
	// Version is nsviz's own.
	Version string
	// Mishaps keeps a mistake about one event from ending the process; nil does not.
	Mishaps *mishap.Counter
	// HostID identifies the host; "" is unknown.
	HostID string
	Log    *slog.Logger
}

// Source is what an Exporter sends beside the facts.
type Source struct {
	// Snapshot returns the state of the host.
	Snapshot func() *model.Snapshot
	// Metrics are sent at the Target's interval.
	Metrics prometheus.Gatherer
}

// Exporter sends facts to a receiver of OTLP.
type Exporter struct {
	cfg    Config
	client *client
	report *reporter
	counts map[Signal]*counts
	starts starts
	hostID string

	// closing and stop are as in sender.
	closing chan struct{}
	stop    context.Context
	cancel  context.CancelCauseFunc
	once    sync.Once // closes all of it
	running sync.WaitGroup
	logs    *queue[fact.Fact, sdklog.Record]
	traces  *queue[fact.Fact, *tracepb.Span]
}

// New returns an Exporter that takes facts at once, and begins to send with Run. It must be closed.
func New(cfg Config) (*Exporter, error) {
	c, err := newClient(context.Background(), cfg.Target)
	if err != nil {
		return nil, fmt.Errorf("prepare the export: %w", err)
	}
	x := &Exporter{
		cfg: cfg, client: c, report: newReporter(cfg.Log, time.Now), closing: make(chan struct{}), counts: map[Signal]*counts{}, hostID: cfg.HostID,
	}
	x.stop, x.cancel = context.WithCancelCause(context.Background())
	for s := range cfg.Target.Endpoints {
		x.counts[s] = &counts{}
	}
	size := func(f fact.Fact) int { return f.Size() }
	if c.logs != nil {
		x.logs = newQueue[fact.Fact, sdklog.Record](x.sender(Logs), sink.Config[fact.Fact]{
			Name: logsSink, Values: waitingFacts, Bytes: waitingBytes, Size: size, Keep: losses.Keep,
			Missed: func(n uint64, last fact.Fact, kept []fact.Fact) []fact.Fact {
				if n == 0 {
					return kept
				}
				return append(kept, losses.Of(n, last, event.LostExport))
			},
		})
		x.logs.send, x.logs.size = c.logs, logSize
	}
	if c.traces != nil {
		x.traces = newQueue[fact.Fact, *tracepb.Span](x.sender(Traces), sink.Config[fact.Fact]{
			Name: tracesSink, Values: waitingFacts, Bytes: waitingBytes, Size: size,
		})
		x.traces.size = spanSize
	}
	return x, nil
}

func (x *Exporter) sender(s Signal) *sender {
	return &sender{
		signal: s, endpoint: x.cfg.Target.Endpoints[s], report: x.report, counts: x.counts[s], closing: x.closing, stop: x.stop,
		pause: firstPause, patience: gather, limit: maxRequestBytes, mishaps: x.cfg.Mishaps,
	}
}

// Put takes a fact. It never waits.
func (x *Exporter) Put(f fact.Fact) {
	if traced(&f) {
		x.starts.add(f.Event.Container.ID, newStartID(x.hostID, f.Event.Container.ID, f.BootNS))
	}
	if x.traces != nil && (traced(&f) || failedStart(&f)) {
		x.traces.in.Put(f)
	}
	if e := f.Event; x.logs != nil && e != nil && (e.Lost != nil || x.cfg.Accept == nil || x.cfg.Accept(e)) {
		x.logs.in.Put(f)
	}
}

// Run sends until ctx is done. What waits then is sent by Close.
func (x *Exporter) Run(ctx context.Context, source Source) {
	res := x.resource(source.Snapshot().Host)
	if x.logs != nil {
		recorder := newRecorder(res, x.cfg.Version, &x.starts, time.Now)
		x.logs.convert = func(f fact.Fact) []sdklog.Record { return []sdklog.Record{recorder.record(f)} }
		x.logs.began = true
		x.running.Go(x.logs.run)
	}
	if x.traces != nil {
		tracer := newTracer(res, x.hostID, x.cfg.Version, workloadsOf(source.Snapshot))
		x.traces.convert = tracer.spansOf
		x.traces.send = func(ctx context.Context, spans []*tracepb.Span) error {
			return x.client.traces.UploadTraces(ctx, tracer.request(spans))
		}
		x.traces.began = true
		x.running.Go(x.traces.run)
	}
	if x.client.metrics != nil && source.Metrics != nil {
		ticker := time.NewTicker(x.cfg.Target.Interval)
		defer ticker.Stop()
		x.runMetrics(ctx, res, source.Metrics, ticker.C)
	}
	<-ctx.Done()
}

// workloadsOf returns how to find a container by its id.
func workloadsOf(snapshot func() *model.Snapshot) func(id string) *model.Container {
	return func(id string) *model.Container {
		s := snapshot()
		for i := range s.Containers {
			if s.Containers[i].ID == id {
				return &s.Containers[i]
			}
		}
		return nil
	}
}

// runMetrics sends metrics with each tick, and once more at the end. A receiver that does not take them delays the end for nothing: the last
// attempt is what Close waits for.
func (x *Exporter) runMetrics(ctx context.Context, res *resource.Resource, from prometheus.Gatherer, ticks <-chan time.Time) {
	producer := bridge.NewMetricProducer(bridge.WithGatherer(from))
	s := x.sender(Metrics)
	for {
		select {
		case <-ticks:
			limit, cancel := context.WithTimeout(ctx, x.cfg.Target.Interval) // then there are newer ones
			x.sendMetrics(limit, s, res, producer)
			cancel()
		case <-ctx.Done():
			x.running.Go(func() { x.sendMetrics(x.stop, s, res, producer) })
			return
		}
	}
}

func (x *Exporter) sendMetrics(ctx context.Context, s *sender, res *resource.Resource, producer metric.Producer) {
	scopes, err := producer.Produce(ctx)
	if err != nil {
		x.cfg.Log.Warn("metrics could not be read for the export", "error", err)
	}
	for waiting := parts(scopes, s.limit); len(waiting) > 0; {
		part := waiting[0]
		waiting = waiting[1:]
		n := pointsOf(part)
		size := 0
		for _, scope := range part {
			for _, m := range scope.Metrics {
				for i := range points(m.Data) {
					size += pointSize(m.Data, i)
				}
			}
		}
		fits := s.deliver(ctx, n, func(ctx context.Context) error {
			return x.client.metrics.Export(ctx, &metricdata.ResourceMetrics{Resource: res, ScopeMetrics: part})
		})
		if !fits {
			s.learn(size)
			waiting = append(parts(part, size/2), waiting...)
		}
	}
}

// resource describes nsviz and the host. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before what it finds.
func (x *Exporter) resource(h fact.Host) *resource.Resource {
	list := []attribute.KeyValue{semconv.ServiceName("nsviz"), semconv.ServiceVersion(x.cfg.Version), semconv.OSTypeLinux}
	if h.Name != "" {
		list = append(list, semconv.HostName(valid(h.Name)))
	}
	if h.Kernel != "" {
		list = append(list, semconv.OSDescription("Linux "+valid(h.Kernel)))
	}
	if x.hostID != "" {
		list = append(list, semconv.HostID(x.hostID))
	}
	if instance := cmp.Or(x.hostID, h.Name); instance != "" {
		list = append(list, semconv.ServiceInstanceID(valid(instance)))
	}
	found := resource.NewWithAttributes(semconv.SchemaURL, list...)
	set, err := resource.New(context.Background(), resource.WithFromEnv())
	if err != nil {
		x.cfg.Log.Warn("OTEL_RESOURCE_ATTRIBUTES is not understood: want NAME=VALUE, with a comma between several", "error", err)
	}
	merged, err := resource.Merge(found, set)
	if err != nil { // of different schemas, which only what was found has
		return found
	}
	return merged
}

// Sinks returns the counts of the queues.
func (x *Exporter) Sinks() []sink.Stats {
	var list []sink.Stats
	if x.logs != nil {
		list = append(list, x.logs.in.Stats())
	}
	if x.traces != nil {
		list = append(list, x.traces.in.Stats())
	}
	return list
}

// Deliveries returns what became of what was sent, by signal.
func (x *Exporter) Deliveries() []sink.Delivery {
	var list []sink.Delivery
	for _, s := range Signals() {
		if c, ok := x.counts[s]; ok {
			list = append(list, sink.Delivery{
				What: string(s), Delivered: c.delivered.Load(), Rejected: c.rejected.Load(), Failures: c.failures.Load(),
			})
		}
	}
	return list
}

// Close sends what waits until ctx is done. It reports in the log what it could not send. Run must have returned, or not have been
// called. Close may be called more than once.
func (x *Exporter) Close(ctx context.Context) { x.once.Do(func() { x.close(ctx) }) }

func (x *Exporter) close(ctx context.Context) {
	close(x.closing)
	before := x.rejected()
	var lost [2]uint64
	var closing sync.WaitGroup
	if x.logs != nil {
		closing.Go(func() { lost[0] = x.logs.close(ctx) })
	}
	if x.traces != nil {
		closing.Go(func() { lost[1] = x.traces.close(ctx) })
	}
	closing.Wait()
	ended := make(chan struct{})
	go func() {
		x.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
	x.cancel(errors.New("nsviz ends"))
	<-ended // nothing waits any more
	for _, stop := range x.client.close {
		_ = stop(ctx) // all connections are closed either way
	}
	if n := lost[0] + lost[1] + x.rejected() - before; n > 0 {
		x.cfg.Log.Warn("not all was exported before the end", "lost", n)
	}
}

// rejected returns how many logs and spans were lost after they had left their queue.
func (x *Exporter) rejected() (n uint64) {
	for s, c := range x.counts {
		if s != Metrics {
			n += c.rejected.Load()
		}
	}
	return n
}
