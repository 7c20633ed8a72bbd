package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// The bounds of a request in bytes. A receiver of gRPC takes 4 MiB by default; the rest is room for the resource, which the sizes below do not count.
const (
	maxRequestBytes = 3 << 20
	// leastRequestBytes is what nsviz expects of a receiver that takes less.
	leastRequestBytes = 64 << 10
)

// fieldBytes is at least what a field of a message takes beside its text: its tag and length, and those of the messages that it is in.
const fieldBytes = 16

// logSize returns roughly how many bytes a record takes in a request, and not less than that.
func logSize(r sdklog.Record) int {
	n := 8*fieldBytes + len(r.EventName()) + len(r.SeverityText()) + valueSize(r.Body())
	r.WalkAttributes(func(kv attribute.KeyValue) bool {
		n += fieldBytes + len(kv.Key) + valueSize(kv.Value)
		return true
	})
	return n
}

// valueSize is logSize for a value.
func valueSize(v attribute.Value) int {
	switch v.Type() {
	case attribute.STRING:
		return fieldBytes + len(v.AsString())
	case attribute.BYTESLICE:
		return fieldBytes + len(v.AsByteSlice())
	case attribute.SLICE:
		n := fieldBytes
		for _, e := range v.AsSlice() {
			n += fieldBytes + valueSize(e)
		}
		return n
	case attribute.STRINGSLICE:
		n := fieldBytes
		for _, s := range v.AsStringSlice() {
			n += 2*fieldBytes + len(s)
		}
		return n
	case attribute.MAP:
		n := fieldBytes
		for _, kv := range v.AsMap() {
			n += 2*fieldBytes + len(kv.Key) + valueSize(kv.Value)
		}
		return n
	}
	return fieldBytes
}

// spanSize returns how many bytes a span takes in a request.
func spanSize(s *tracepb.Span) int { return fieldBytes + proto.Size(s) }

// parts splits metrics so that each part takes roughly limit bytes in a request, or has one data point. It returns no part for no points.
func parts(scopes []metricdata.ScopeMetrics, limit int) (list [][]metricdata.ScopeMetrics) {
	var part []metricdata.ScopeMetrics
	left := limit
	for _, scope := range scopes {
		for _, m := range scope.Metrics {
			about := 4*fieldBytes + len(m.Name) + len(m.Description) + len(m.Unit) + len(scope.Scope.Name) + len(scope.Scope.Version)
			for at, n := 0, points(m.Data); at < n; {
				size, end := about, at
				for end < n && (end == at || size+pointSize(m.Data, end) <= left) {
					size += pointSize(m.Data, end)
					end++
				}
				if size > left && len(part) > 0 {
					list, part, left = append(list, part), nil, limit
					continue // with the whole room
				}
				some := m
				some.Data = slice(m.Data, at, end)
				if last := len(part) - 1; last >= 0 && part[last].Scope == scope.Scope {
					part[last].Metrics = append(part[last].Metrics, some)
				} else {
					part = append(part, metricdata.ScopeMetrics{Scope: scope.Scope, Metrics: []metricdata.Metrics{some}})
				}
				left -= size
				at = end
			}
		}
	}
	if len(part) > 0 {
		list = append(list, part)
	}
	return list
}

// pointsOf returns the number of data points of metrics.
func pointsOf(scopes []metricdata.ScopeMetrics) (n int) {
	for _, scope := range scopes {
		for _, m := range scope.Metrics {
			n += points(m.Data)
		}
	}
	return n
}

// points returns the number of data points of a metric.
func points(data metricdata.Aggregation) int {
	switch d := data.(type) {
	case metricdata.Gauge[float64]:
		return len(d.DataPoints)
	case metricdata.Sum[float64]:
		return len(d.DataPoints)
	case metricdata.Histogram[float64]:
		return len(d.DataPoints)
	case metricdata.ExponentialHistogram[float64]:
		return len(d.DataPoints)
	case metricdata.Summary:
		return len(d.DataPoints)
	}
	return 0
}

// slice returns a metric with some of its data points.
func slice(data metricdata.Aggregation, from, to int) metricdata.Aggregation {
	switch d := data.(type) {
	case metricdata.Gauge[float64]:
		d.DataPoints = d.DataPoints[from:to]
		return d
	case metricdata.Sum[float64]:
		d.DataPoints = d.DataPoints[from:to]
		return d
	case metricdata.Histogram[float64]:
		d.DataPoints = d.DataPoints[from:to]
		return d
	case metricdata.ExponentialHistogram[float64]:
		d.DataPoints = d.DataPoints[from:to]
		return d
	case metricdata.Summary:
		d.DataPoints = d.DataPoints[from:to]
		return d
	}
	return data
}

// pointSize returns roughly how many bytes a data point takes in a request, and not less than that.
func pointSize(data metricdata.Aggregation, i int) int {
	var labels attribute.Set
	var exemplars, numbers int
	switch d := data.(type) {
	case metricdata.Gauge[float64]:
		labels, exemplars = d.DataPoints[i].Attributes, len(d.DataPoints[i].Exemplars)
	case metricdata.Sum[float64]:
		labels, exemplars = d.DataPoints[i].Attributes, len(d.DataPoints[i].Exemplars)
	case metricdata.Histogram[float64]:
		p := d.DataPoints[i]
		labels, exemplars, numbers = p.Attributes, len(p.Exemplars), len(p.Bounds)+len(p.BucketCounts)
	case metricdata.ExponentialHistogram[float64]:
		p := d.DataPoints[i]
		labels, exemplars, numbers = p.Attributes, len(p.Exemplars), len(p.PositiveBucket.Counts)+len(p.NegativeBucket.Counts)
	case metricdata.Summary:
		labels, numbers = d.DataPoints[i].Attributes, 2*len(d.DataPoints[i].QuantileValues)
	}
	n := 6*fieldBytes + 10*numbers + 256*exemplars
	for at := labels.Iter(); at.Next(); {
		kv := at.Attribute()
		n += fieldBytes + len(kv.Key) + len(kv.Value.AsString())
	}
	return n
}
