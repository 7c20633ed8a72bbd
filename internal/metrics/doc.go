// Package metrics turns snapshots of the model into Prometheus metrics.
//
// A Collector turns one model.Snapshot into samples at each scrape and keeps nothing between
// scrapes. What it serves is listed by Families and described in docs/METRICS.md; names and labels
// are a contract, and a test compares the two.
//
// Unknown is absent, never 0: a container whose memory could not be read has no memory sample.
// Only live containers have gauges. Counters outlive containers as long as the model keeps these.
package metrics
