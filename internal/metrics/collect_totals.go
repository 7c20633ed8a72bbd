package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// collectTotals sends the counters. Where the labels are known beforehand a counter starts at 0,
// because increase() cannot see the step from absent to 1.
func (c *Collector) collectTotals(ch chan<- prometheus.Metric, t *isolation.Totals, live []labelled) {
	for _, typ := range event.Types() {
		c.send(ch, events, float64(t.Events[typ]), string(typ))
	}
	c.collectNamespaceTotals(ch, t)
	c.collectContainerTotals(ch, t, live)
	c.collectStarts(ch, &t.Starts)

	for reason, n := range merge(t.Lost, clean) {
		c.send(ch, eventsLost, float64(n), reason)
	}
	for place, n := range merge(t.BPFErrors, clean) {
		c.send(ch, bpfErrors, float64(n), place)
	}
}

func (c *Collector) collectNamespaceTotals(ch chan<- prometheus.Metric, t *isolation.Totals) {
	created := merge(t.NamespacesCreated, func(k isolation.NamespaceKey) [2]string {
		return [2]string{k.Type.String(), clean(string(k.Via))}
	})
	for _, typ := range event.NamespaceTypes() {
		for _, via := range []event.Via{event.ViaClone, event.ViaUnshare} {
			created[[2]string{typ.String(), string(via)}] += 0
		}
		c.send(ch, namespaceJoined, float64(t.NamespacesJoined[typ]), typ.String())
	}
	for labels, n := range created {
		c.send(ch, namespaceCreated, float64(n), labels[:]...)
	}
}

func (c *Collector) collectContainerTotals(ch chan<- prometheus.Metric, t *isolation.Totals, live []labelled) {
	kills := merge(t.OOMKills, func(k isolation.KillKey) [2]string {
		return [2]string{clean(k.Container), clean(string(k.Scope))}
	})
	for _, l := range live {
		kills[[2]string{l.label, string(event.ScopeCgroup)}] += 0
	}
	for labels, n := range kills {
		c.send(ch, oomKills, float64(n), labels[:]...)
	}
	unobserved := merge(t.OOMKillsUnobserved, clean)
	for _, l := range live {
		if l.OOMKillsUnobserved != nil { // else the kernel's count is not to be read, and that it is 0 nobody knows
			unobserved[l.label] += 0
		}
	}
	for label, n := range unobserved {
		c.send(ch, oomKillsUnobserved, float64(n), label)
	}
	exits := merge(t.Exits, func(k isolation.ExitKey) [2]string {
		return [2]string{clean(k.Container), clean(string(k.Cause))}
	})
	for labels, n := range exits {
		c.send(ch, containerExits, float64(n), labels[:]...)
	}
	c.send(ch, containersFolded, float64(t.FoldedContainers))
}

func (c *Collector) collectStarts(ch chan<- prometheus.Metric, h *isolation.Histogram) {
	bounds := isolation.StartBuckets()
	buckets := make(map[float64]uint64, len(bounds))
	for i, bound := range bounds {
		buckets[bound] = 0 // a model that saw no start yet need not have made its counts
		if i < len(h.Counts) {
			buckets[bound] = h.Counts[i]
		}
	}
	ch <- prometheus.MustNewConstHistogram(c.descs[containerStart], h.Count, h.Sum, buckets)
}
