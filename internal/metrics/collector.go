package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/sink"
)

// BuildInfo says which nsviz this is; a field that is unknown is empty.
type BuildInfo struct {
	Version   string
	Revision  string
	GoVersion string
}

// Collector serves snapshots of the model. It keeps no state and may be collected concurrently.
type Collector struct {
	snapshot    func() *isolation.Snapshot
	sinks       func() []sink.Stats
	connections func() DroppedConnections
	began       time.Time // when this collector was made
	build       BuildInfo
	families    [familyCount]Family
	descs       [familyCount]*prometheus.Desc
}

// NewCollector returns a Collector that asks snapshot for the model at each scrape. A nil snapshot
// means that there is none yet; then only the build is served.
func NewCollector(snapshot func() *isolation.Snapshot, build BuildInfo) *Collector {
	c := &Collector{
		snapshot: snapshot, began: time.Now(), build: build, families: Families(),
		sinks: func() []sink.Stats { return nil }, connections: func() DroppedConnections { return DroppedConnections{} },
	}
	for f, family := range c.families {
		c.descs[f] = prometheus.NewDesc(family.Name, family.Help, family.Labels, nil)
	}
	return c
}

// Describe sends the description of every family.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		ch <- d
	}
}

// Collect sends the samples of the snapshot of this moment.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	c.send(ch, buildInfo, 1, c.build.Version, c.build.Revision, c.build.GoVersion)
	c.collectSelf(ch)
	s := c.snapshot()
	if s == nil {
		return
	}
	live := liveContainers(s.Containers)
	c.collectProbes(ch, s.Probes)
	c.collectNamespaces(ch, s.Namespaces, s.Unseen)
	c.collectContainers(ch, s, live)
	c.collectVMs(ch, s.VMs, s.Unseen)
	c.collectTotals(ch, &s.Totals, live)
	c.collectOwnMemory(ch, s)
}

// send sends one sample of a gauge.
func (c *Collector) send(ch chan<- prometheus.Metric, f family, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = foreign.Label(l)
	}
	// It panics on a wrong number of labels and on values that are no UTF-8: the former is a mistake
	// here that any test finds, the latter foreign.Label rules out, which
	// keeps different labels different, too.
	ch <- prometheus.MustNewConstMetric(c.descs[f], prometheus.GaugeValue, value, labels...)
}

// count sends one sample of a counter that began to count at a time; zero is unknown.
func (c *Collector) count(ch chan<- prometheus.Metric, f family, n uint64, since time.Time, labels ...string) {
	for i, l := range labels {
		labels[i] = foreign.Label(l)
	}
	if since.IsZero() {
		ch <- prometheus.MustNewConstMetric(c.descs[f], prometheus.CounterValue, float64(n), labels...)
		return
	}
	ch <- prometheus.MustNewConstMetricWithCreatedTimestamp(c.descs[f], prometheus.CounterValue, float64(n), since, labels...)
}
