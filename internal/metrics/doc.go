// Package metrics serves the model as Prometheus metrics.
//
// A Collector turns one isolation.Snapshot into samples at each scrape and keeps nothing between
// scrapes. What it serves is listed by Families and described in docs/METRICS.md; names and labels
// are a contract, a test holds the two together.
//
// Unknown is absent, never 0: a container whose memory could not be read has no memory sample.
// Gauges tell of live containers only, counters outlive them as long as the model keeps them.
//
// Listen opens the addresses and a Server answers on them, so that a port in use is known before
// anything else starts:
//
//	listeners, err := metrics.Listen(addresses)
//	server, err := metrics.NewServer(config)
//	err = server.Serve(ctx, listeners)
package metrics
