package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/sink"
)

// BuildInfo describes the build of nsviz; unknown fields are empty.
type BuildInfo struct {
	Version   string
	Revision  string
	GoVersion string
}

// DroppedConnections counts the connections that a server closed because there were too many.
type DroppedConnections struct {
	// Idle connections were closed to make room for others.
	Idle uint64
	// Refused connections came while all others were busy.
	Refused uint64
}

// Config has the sources of a Collector's numbers. Its functions are called at each scrape.
type Config struct {
	// Snapshot returns the model's current state; nil while there is none yet, and then only nsviz itself is described.
	Snapshot func() *model.Snapshot
	// Sinks returns the counts of this process's sinks; a nil Sinks means that there are none.
	Sinks func() []sink.Stats
	// Deliveries returns what became of what this process exports; a nil Deliveries means that it exports nothing.
	Deliveries func() []sink.Delivery
	// DroppedConnections returns the counts of the server; a nil one means that it has dropped none.
	DroppedConnections func() DroppedConnections
	// Findings returns how many findings of each severity a container has, by its id. It returns nil for a container that was not
	// inspected yet; a nil Findings means that none is.
	Findings func(id string) map[string]int
	// Mishaps counts the panics that ended a piece of work, this collector's included; nil counts none, and recovers from none here.
	Mishaps *mishap.Counter
	// Labels are the keys of the containers' own labels that nsviz_container_info has, each as LabelName has it. Two keys must not have
	// the same name.
	Labels []string
	Build  BuildInfo
}

// Collector serves snapshots of the model. It keeps no state and may be collected concurrently.
type Collector struct {
	cfg     Config
	created time.Time
	descs   [familyCount]*prometheus.Desc
}

// NewCollector returns a Collector.
func NewCollector(cfg Config) *Collector {
	c := &Collector{cfg: cfg, created: time.Now()}
	for f, family := range Families() {
		if f == int(containerInfo) {
			family.Labels = append(family.Labels, labelNames(cfg.Labels)...)
		}
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

// Collect sends the samples of the latest snapshot. If a mistake here ends it, the scrape has what was sent before, and an error.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	err := c.cfg.Mishaps.Do(mishap.Scrape, "", func() error {
		c.collect(ch)
		return nil
	})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(c.descs[panics], err)
	}
}

func (c *Collector) collect(ch chan<- prometheus.Metric) {
	c.send(ch, buildInfo, 1, c.cfg.Build.Version, c.cfg.Build.Revision, c.cfg.Build.GoVersion)
	c.collectSelf(ch)
	s := c.cfg.Snapshot()
	if s == nil {
		return
	}
	live := liveContainers(s.Containers)
	c.collectProbes(ch, s.Probes)
	c.collectNamespaces(ch, s.Namespaces, s.Unseen)
	c.send(ch, sandboxesUnlisted, float64(s.Unlisted))
	c.collectContainers(ch, s, live)
	c.collectVMs(ch, s.VMs, s.Unseen)
	c.collectTotals(ch, s, live)
	c.collectSpent(ch, s.Totals.Spent, live)
	c.collectOwnMemory(ch, s)
}

// send sends one sample of a gauge.
func (c *Collector) send(ch chan<- prometheus.Metric, f family, value float64, labels ...string) {
	for i, l := range labels {
		labels[i] = foreign.Label(l)
	}
	// It panics on a wrong number of labels and on values that are not UTF-8. The former is a mistake
	// here that any test finds; foreign.Label rules out the latter and
	// keeps different labels different.
	ch <- prometheus.MustNewConstMetric(c.descs[f], prometheus.GaugeValue, value, labels...)
}

// amount sends one sample of a counter that is no count of events. It has no time of creation: that would double the number of series
// of what changes all the time.
func (c *Collector) amount(ch chan<- prometheus.Metric, f family, n float64, labels ...string) {
	for i, l := range labels {
		labels[i] = foreign.Label(l)
	}
	ch <- prometheus.MustNewConstMetric(c.descs[f], prometheus.CounterValue, n, labels...)
}

// count sends one sample of a counter that began to count at a time; zero is unknown.
func (c *Collector) count(ch chan<- prometheus.Metric, f family, n uint64, since time.Time, labels ...string) {
	ch <- c.counter(f, n, since, labels...)
}

// counter returns one sample of a counter as count sends it.
func (c *Collector) counter(f family, n uint64, since time.Time, labels ...string) prometheus.Metric {
	for i, l := range labels {
		labels[i] = foreign.Label(l)
	}
	if since.IsZero() {
		return prometheus.MustNewConstMetric(c.descs[f], prometheus.CounterValue, float64(n), labels...)
	}
	return prometheus.MustNewConstMetricWithCreatedTimestamp(c.descs[f], prometheus.CounterValue, float64(n), since, labels...)
}
