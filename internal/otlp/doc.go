// Package otlp sends events, the starts of containers and metrics to a receiver of the OpenTelemetry protocol (OTLP), such as an
// OpenTelemetry collector.
//
// An Exporter takes facts by Put, which never waits. Each signal (logs, traces, metrics) is delivered by a goroutine of its own, so
// that a receiver that refuses one of them does not hold back the others. What is sent is described in docs/OTLP.md.
package otlp
