package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// collectTotals sends the counters. Where the labels are known beforehand a counter starts at 0,
// because increase() cannot see the step from absent to 1. Each has the time of its creation.
func (c *Collector) collectTotals(ch chan<- prometheus.Metric, s *model.Snapshot, live []labelled) {
	t, latest := &s.Totals, newExemplars(s)
	for _, typ := range event.Types() {
		c.countKills(ch, events, latest.ofType(typ), t.Events[typ], t.Since, string(typ))
	}
	c.collectNamespaceTotals(ch, t)
	c.collectContainerTotals(ch, t, live, &latest)
	c.collectStarts(ch, t)

	lost := merge(t.Lost, itself)
	for _, reason := range event.LostReasons() {
		lost[reason] += 0
	}
	for reason, n := range lost {
		c.count(ch, eventsLost, n, t.Since, reason)
	}
	for place, n := range t.BPFErrors {
		c.count(ch, bpfErrors, n, t.Since, string(place))
	}
}

func (c *Collector) collectNamespaceTotals(ch chan<- prometheus.Metric, t *model.Totals) {
	created := merge(t.NamespacesCreated, func(k model.NamespaceKey) [2]string {
		return [2]string{k.Type.String(), string(k.Via)}
	})
	for _, typ := range event.NamespaceTypes() {
		for _, via := range []event.Via{event.ViaClone, event.ViaUnshare, event.ViaReconcile} {
			created[[2]string{typ.String(), string(via)}] += 0
		}
		c.count(ch, namespaceJoined, t.NamespacesJoined[typ], t.Since, typ.String())
	}
	for labels, n := range created {
		c.count(ch, namespaceCreated, n, t.Since, labels[:]...)
	}
}

// collectContainerTotals starts the counters of each live container, the host and unknown places at 0. It
// leaves out those that an ended container has not counted.
func (c *Collector) collectContainerTotals(ch chan<- prometheus.Metric, t *model.Totals, live []labelled, latest *exemplars) {
	since := knownSince(t)
	kills := merge(t.OOMKills, func(k model.KillKey) [2]string {
		return [2]string{k.Container, string(k.Scope)}
	})
	unobserved := merge(t.OOMKillsUnobserved, itself)
	for label, n := range t.PIDsRefused {
		c.count(ch, pidsRefused, n, since(label), label)
	}
	entries := merge(t.Entries, itself)
	exits := merge(t.Exits, func(k model.ExitKey) [2]string {
		return [2]string{k.Container, string(k.Cause)}
	})
	for _, scope := range event.Scopes() {
		kills[[2]string{"", string(scope)}] += 0
		kills[[2]string{model.UnknownLabel, string(scope)}] += 0
	}
	for _, l := range live {
		for _, scope := range event.Scopes() {
			kills[[2]string{l.label, string(scope)}] += 0
		}
		for _, cause := range event.Causes() {
			exits[[2]string{l.label, string(cause)}] += 0
		}
		entries[l.label] += 0
		if l.OOMKillsUnobserved != nil { // else the kernel's count cannot be read, and whether it is 0 is unknown
			unobserved[l.label] += 0
		}
	}
	for labels, n := range kills {
		key := model.KillKey{Container: labels[0], Scope: event.Scope(labels[1])}
		c.countKills(ch, oomKills, latest.byKey[key], n, since(labels[0]), labels[:]...)
	}
	for label, n := range unobserved {
		c.count(ch, oomKillsUnobserved, n, since(label), label)
	}
	for label, n := range entries {
		c.count(ch, containerEntries, n, since(label), label)
	}
	for labels, n := range exits {
		c.count(ch, containerExits, n, since(labels[0]), labels[:]...)
	}
	c.count(ch, containersFolded, t.FoldedContainers, t.Since)
}

// knownSince returns when the counters of a container, by its label, began to count.
func knownSince(t *model.Totals) func(label string) time.Time {
	return func(label string) time.Time {
		if at, ok := t.Known[label]; ok {
			return at
		}
		return t.Since // the host's, and those of containers that were folded away
	}
}

// collectSelf sends counters of what nsviz itself dropped or refused.
func (c *Collector) collectSelf(ch chan<- prometheus.Metric) {
	if c.cfg.Sinks != nil {
		for _, s := range c.cfg.Sinks() {
			c.count(ch, sinkDropped, s.Dropped, c.created, s.Name)
		}
	}
	if c.cfg.Deliveries != nil {
		for _, d := range c.cfg.Deliveries() {
			c.count(ch, exportDelivered, d.Delivered, c.created, d.What)
			c.count(ch, exportRejected, d.Rejected, c.created, d.What)
			c.count(ch, exportFailures, d.Failures, c.created, d.What)
		}
	}
	for work, n := range c.cfg.Mishaps.Counts() {
		c.count(ch, panics, n, c.created, string(work))
	}
	var dropped DroppedConnections
	if c.cfg.DroppedConnections != nil {
		dropped = c.cfg.DroppedConnections()
	}
	c.count(ch, connectionsDropped, dropped.Idle, c.created, "idle")
	c.count(ch, connectionsDropped, dropped.Refused, c.created, "refused")
}
