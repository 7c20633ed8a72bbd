package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/nsviz/nsviz/internal/model"
)

// bothHistogram is a histogram with classic buckets, which all formats have, and native ones, which only protobuf has. A Prometheus with
// native histograms asks for the latter.
type bothHistogram struct {
	classic, native prometheus.Metric
}

func (h bothHistogram) Desc() *prometheus.Desc { return h.classic.Desc() }

// Write adds the native buckets to what the classic histogram has.
func (h bothHistogram) Write(to *dto.Metric) error {
	var native dto.Metric
	if err := h.native.Write(&native); err != nil {
		return err
	}
	if err := h.classic.Write(to); err != nil {
		return err
	}
	from := native.GetHistogram()
	to.Histogram.Schema, to.Histogram.ZeroThreshold, to.Histogram.ZeroCount = from.Schema, from.ZeroThreshold, from.ZeroCount
	to.Histogram.PositiveSpan, to.Histogram.PositiveDelta = from.PositiveSpan, from.PositiveDelta
	return nil
}

func (c *Collector) collectStarts(ch chan<- prometheus.Metric, t *model.Totals) {
	h := &t.Starts
	bounds := model.StartBuckets()
	buckets := make(map[float64]uint64, len(bounds))
	for i, bound := range bounds {
		buckets[bound] = 0 // a model without a start may have no counts yet
		if i < len(h.Counts) {
			buckets[bound] = h.Counts[i]
		}
	}
	if t.Since.IsZero() {
		ch <- prometheus.MustNewConstHistogram(c.descs[containerStart], h.Count, h.Sum, buckets)
		return
	}
	classic := prometheus.MustNewConstHistogramWithCreatedTimestamp(c.descs[containerStart], h.Count, h.Sum, buckets, t.Since)
	fine := make(map[int]int64, len(h.Fine))
	for i, n := range h.Fine {
		fine[i] = int64(n)
	}
	native, err := prometheus.NewConstNativeHistogram(c.descs[containerStart], h.Count, h.Sum, fine, nil, 0, model.FineSchema, 0, t.Since)
	if err != nil { // the two do not agree: then the classic one is what there is
		ch <- classic
		return
	}
	ch <- bothHistogram{classic, native}
}
