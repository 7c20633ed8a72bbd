package otlp

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/story"
)

// scope is the name of the instrumentation in what is sent.
const scope = "github.com/nsviz/nsviz"

// recorder makes log records. It is for one goroutine at a time. The library makes records only in a logger, which hands them to a
// processor: the recorder is both.
type recorder struct {
	logger log.Logger
	latest sdk.Record
	now    func() time.Time
	starts *starts
}

func newRecorder(res *resource.Resource, version string, starts *starts, now func() time.Time) *recorder {
	r := &recorder{starts: starts, now: now}
	provider := sdk.NewLoggerProvider(sdk.WithResource(res), sdk.WithProcessor(r), sdk.WithAttributeCountLimit(-1))
	r.logger = provider.Logger(scope, log.WithInstrumentationVersion(version), log.WithSchemaURL(semconv.SchemaURL))
	return r
}

// OnEmit keeps the record.
func (r *recorder) OnEmit(_ context.Context, record *sdk.Record) error {
	r.latest = record.Clone()
	return nil
}

// Enabled reports true: the events were chosen before.
func (r *recorder) Enabled(context.Context, sdk.EnabledParameters) bool { return true }

// Shutdown does nothing.
func (r *recorder) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (r *recorder) ForceFlush(context.Context) error { return nil }

// record returns the record of an event. One about a container whose start is a trace belongs to that trace.
func (r *recorder) record(f fact.Fact) sdk.Record {
	e := *f.Event
	var l log.Record
	l.SetEventName(prefix + string(e.Type))
	l.SetTimestamp(f.Time)
	l.SetObservedTimestamp(r.now())
	severity := severityOf(&e)
	l.SetSeverity(severity)
	l.SetSeverityText(severity.String())
	l.SetBody(attribute.StringValue(valid(story.Event(&e).For(time.UTC))))
	l.AddAttributes(attributes(&e)...)
	ctx := context.Background()
	if c := e.Subject(); c != nil {
		if id, ok := r.starts.of(c.ID); ok {
			ctx = trace.ContextWithSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
				TraceID: trace.TraceID(id.trace), SpanID: trace.SpanID(id.root), TraceFlags: trace.FlagsSampled,
			}))
		}
	}
	r.logger.Emit(ctx, l)
	return r.latest
}

// severityOf returns how much an event matters.
func severityOf(e *event.Event) log.Severity {
	switch e.Type {
	case event.OOMKill:
		return log.SeverityError
	case event.EventsLost, event.InitMoved:
		return log.SeverityWarn
	case event.ContainerExited:
		if x := e.Exit; x != nil && (x.Cause == event.CauseOOMKill || x.Code != nil && *x.Code != 0 || x.Signal != 0) {
			return log.SeverityWarn
		}
		return log.SeverityInfo
	case event.ContainerStarted, event.ContainerEntered:
		return log.SeverityInfo
	}
	return log.SeverityDebug
}
