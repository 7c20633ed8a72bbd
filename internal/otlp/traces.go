package otlp

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// tracer makes the traces of starts.
type tracer struct {
	host     string
	resource *resourcepb.Resource
	scope    *common.InstrumentationScope
	// workload returns what is known of a container; nil is nothing.
	workload func(id string) *model.Container
}

func newTracer(res *resource.Resource, host, version string, workload func(string) *model.Container) *tracer {
	return &tracer{
		host: host, workload: workload,
		resource: &resourcepb.Resource{Attributes: protos(res.Attributes())},
		scope:    &common.InstrumentationScope{Name: scope, Version: version},
	}
}

// spansOf returns the spans of the start that a fact is about, or ends; none if it is about no start.
func (t *tracer) spansOf(f fact.Fact) []*tracepb.Span {
	switch e := f.Event; {
	case e != nil && e.Type == event.ContainerStarted:
		return t.started(f)
	case e != nil && e.OOM != nil && e.OOM.Victim.Starting:
		return t.failed(f, e.Subject().ID, "the kernel's OOM killer took a process that was starting it")
	case f.EngineReport != nil && f.EngineReport.StartError != "" && !f.EngineReport.Runs:
		return t.failed(f, f.EngineReport.ID, f.EngineReport.StartError)
	}
	return nil
}

// traced reports whether a start that a fact is about is a trace: it took a time that is known.
func traced(f *fact.Fact) bool {
	e := f.Event
	return e != nil && e.Type == event.ContainerStarted && e.Container != nil && e.Start != nil && e.Start.DurationMS != nil
}

// failedStart reports whether a fact says that a start has failed.
func failedStart(f *fact.Fact) bool {
	if e := f.Event; e != nil {
		return e.OOM != nil && e.OOM.Victim.Starting && e.Subject() != nil
	}
	return f.EngineReport != nil && f.EngineReport.StartError != "" && !f.EngineReport.Runs
}

// started returns the spans of a start: the root, and one for each of its steps.
func (t *tracer) started(f fact.Fact) []*tracepb.Span {
	if !traced(&f) {
		return nil
	}
	c, id := f.Event.Container, newStartID(t.host, f.Event.Container.ID, f.BootNS)
	took := time.Duration(*f.Event.Start.DurationMS * float64(time.Millisecond))
	made := f.Time.Add(-took) // when the cgroup was made
	about := workload(c)
	steps := story.StartSteps(f.Event.Start.Phases)
	from := time.Duration(0)
	if len(steps) > 0 {
		from = steps[0].From
	}
	root := t.span(id, 0, "container start "+c.Label(), made.Add(from), f.Time)
	root.Attributes = protos(append(about, semconv.ProcessPID(int(f.Event.PID)), attribute.String(prefix+"comm", valid(f.Event.Comm))))
	spans := []*tracepb.Span{root}
	for i, s := range steps {
		span := t.span(id, uint64(i+1), s.Label, made.Add(s.From), made.Add(s.To))
		own := []attribute.KeyValue{attribute.String(prefix+"start.by", s.Doer.String()), attribute.String(prefix+"start.step", valid(s.Sentence))}
		if s.Kernel > 0 {
			own = append(own, attribute.Float64(prefix+"start.kernel_ms", float64(s.Kernel)/float64(time.Millisecond)))
		}
		span.Attributes = protos(append(own, about...))
		spans = append(spans, span)
	}
	return spans
}

// failed returns the span of a start that failed.
func (t *tracer) failed(f fact.Fact, container, why string) []*tracepb.Span {
	c := t.workload(container)
	if c == nil {
		c = &model.Container{ID: container, Label: event.ShortID(container)}
	}
	began, ended := beginOf(c, f.Time)
	identity := event.Container{
		ID: c.ID, Image: c.Image, Runtime: c.Runtime, Kind: c.Kind, Group: c.Group, Labels: c.Labels,
	}
	if c.Named {
		identity.Name = c.Label
	}
	root := t.span(newStartID(t.host, container, uint64(began.UnixNano())), 0, "container start "+c.Label, began, ended)
	root.Attributes = protos(workload(&identity))
	root.Status = &tracepb.Status{Code: tracepb.Status_STATUS_CODE_ERROR, Message: valid(why)}
	return []*tracepb.Span{root}
}

// beginOf returns when a start that failed began and ended; now is when nsviz heard of it.
func beginOf(c *model.Container, now time.Time) (began, ended time.Time) {
	ended = now
	if n := c.NeverStarted; n != nil {
		if !n.Failed.IsZero() {
			ended = n.Failed
		}
		began = n.Tried
		if began.IsZero() {
			began = n.Made
		}
	}
	if began.IsZero() && c.Exited.IsZero() {
		began = c.Created
	}
	if began.IsZero() || began.After(ended) {
		began = ended
	}
	return began, ended
}

// span returns the nth span of a trace.
func (t *tracer) span(id startID, n uint64, name string, from, to time.Time) *tracepb.Span {
	own := id.span(n)
	s := &tracepb.Span{
		TraceId: id.trace[:], SpanId: own[:], Name: valid(name), Kind: tracepb.Span_SPAN_KIND_INTERNAL, Flags: 1, // sampled
		StartTimeUnixNano: uint64(from.UnixNano()), EndTimeUnixNano: uint64(to.UnixNano()),
	}
	if n > 0 {
		s.ParentSpanId = id.root[:]
	}
	return s
}

// request returns spans as OTLP sends them.
func (t *tracer) request(spans []*tracepb.Span) []*tracepb.ResourceSpans {
	return []*tracepb.ResourceSpans{{
		Resource: t.resource, SchemaUrl: semconv.SchemaURL,
		ScopeSpans: []*tracepb.ScopeSpans{{Scope: t.scope, SchemaUrl: semconv.SchemaURL, Spans: spans}},
	}}
}

// protos returns attributes as OTLP sends them.
func protos(list []attribute.KeyValue) []*common.KeyValue {
	out := make([]*common.KeyValue, len(list))
	for i, kv := range list {
		out[i] = &common.KeyValue{Key: string(kv.Key), Value: protoValue(kv.Value)}
	}
	return out
}

func protoValue(v attribute.Value) *common.AnyValue {
	switch v.Type() {
	case attribute.BOOL:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: v.AsBool()}}
	case attribute.INT64:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v.AsInt64()}}
	case attribute.FLOAT64:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: v.AsFloat64()}}
	case attribute.STRINGSLICE:
		values := make([]*common.AnyValue, 0, len(v.AsStringSlice()))
		for _, s := range v.AsStringSlice() {
			values = append(values, protoValue(attribute.StringValue(s)))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: values}}}
	}
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v.AsString()}}
}
