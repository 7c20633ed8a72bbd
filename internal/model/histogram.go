package model

import (
	"maps"
	"math"
	"slices"
)

// Histogram counts durations in two ways, as Prometheus does: in the cumulative buckets of StartBuckets, and in fine buckets whose bounds
// grow exponentially.
type Histogram struct {
	// Counts[i] is the number of durations of at most StartBuckets[i] seconds.
	Counts []uint64
	// Fine[i] is the number of durations of at most 2^(i/2^FineSchema) seconds and more than the bound before. Only those that have
	// counted are there, and their number is bounded.
	Fine  map[int]uint64
	Count uint64
	Sum   float64 // seconds
}

// FineSchema says how fine Histogram.Fine is, as the schema of Prometheus's native histograms: bounds grow by 9 %.
const FineSchema = 3

// The durations that Histogram.Fine tells apart: shorter and longer ones are counted in the first and the last bucket.
const shortestFine, longestFine = 100e-6, 1e5 // seconds

// StartBuckets returns the upper bounds of the buckets of Totals.Starts, in seconds.
func StartBuckets() []float64 {
	return []float64{0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30}
}

func newHistogram() Histogram {
	return Histogram{Counts: make([]uint64, len(StartBuckets())), Fine: map[int]uint64{}}
}

func (h *Histogram) observe(seconds float64) {
	for i, bound := range StartBuckets() {
		if seconds <= bound {
			h.Counts[i]++
		}
	}
	h.Fine[fineBucket(seconds)]++
	h.Count++
	h.Sum += seconds
}

func fineBucket(seconds float64) int {
	return int(math.Ceil(math.Log2(min(max(seconds, shortestFine), longestFine)) * (1 << FineSchema)))
}

func (h *Histogram) copy() Histogram {
	to := *h
	to.Counts, to.Fine = slices.Clone(h.Counts), maps.Clone(h.Fine)
	return to
}
