package metrics

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/model"
)

// The values of the label resource.
const (
	resourceCPU    = "cpu"
	resourceMemory = "memory"
	resourceIO     = "io"
)

// microseconds are in a second.
const microseconds = 1e6

// spentMetric is how a kind of model.Spent is served.
type spentMetric struct {
	family
	unit   float64 // how many are in one of the metric's
	labels []string
}

func spentMetrics() [model.SpentKinds]spentMetric {
	return [model.SpentKinds]spentMetric{
		model.SpentCPU:              {cpuUsage, microseconds, nil},
		model.SpentThrottled:        {cpuThrottled, microseconds, nil},
		model.SpentPeriods:          {cpuPeriods, 1, nil},
		model.SpentThrottledPeriods: {cpuThrottledPeriods, 1, nil},
		model.SpentWaitingCPU:       {pressureWaiting, microseconds, []string{resourceCPU}},
		model.SpentWaitingMemory:    {pressureWaiting, microseconds, []string{resourceMemory}},
		model.SpentWaitingIO:        {pressureWaiting, microseconds, []string{resourceIO}},
		model.SpentStalledCPU:       {pressureStalled, microseconds, []string{resourceCPU}},
		model.SpentStalledMemory:    {pressureStalled, microseconds, []string{resourceMemory}},
		model.SpentStalledIO:        {pressureStalled, microseconds, []string{resourceIO}},
	}
}

// collectSpent sends what containers took: of a live one all that is known, of an ended one what is not 0.
func (c *Collector) collectSpent(ch chan<- prometheus.Metric, ended map[string]*model.Spent, live []labelled) {
	kinds := spentMetrics()
	send := func(label string, s *model.Spent, zeros bool) {
		for k, is := range kinds {
			if n, known := s.Of(model.SpentKind(k)); known && (zeros || n > 0) {
				c.amount(ch, is.family, float64(n)/is.unit, append([]string{label}, is.labels...)...)
			}
		}
	}
	lives := make(map[string]bool, len(live))
	for _, l := range live {
		lives[l.label] = true
		send(l.label, l.Spent.Plus(ended[l.label]), true)
	}
	for label, s := range ended {
		if !lives[label] {
			send(label, s, false)
		}
	}
}

// collectUse sends what a live container uses besides memory, and since when it runs.
func (c *Collector) collectUse(ch chan<- prometheus.Metric, l labelled) {
	if use := l.Use; use != nil {
		if use.SwapBytes != nil {
			c.send(ch, swapUsage, float64(*use.SwapBytes), l.label)
		}
		if use.Tasks != nil {
			c.send(ch, pids, float64(*use.Tasks), l.label)
		}
	}
	if limit := l.Limits.PIDs; limit != nil {
		sendLimit(c, ch, pidsLimit, l.label, limit.Value, limit.Unlimited)
	}
	if !l.Started.IsZero() {
		c.send(ch, startTime, float64(l.Started.UnixMilli())/1000, l.label)
	}
	if n := l.AllRestarts(); n != nil {
		c.send(ch, restarts, float64(*n), l.label)
	}
}

func (c *Collector) collectFindings(ch chan<- prometheus.Metric, l labelled) {
	if c.cfg.Findings == nil {
		return
	}
	for severity, n := range c.cfg.Findings(l.ID) {
		c.send(ch, findings, float64(n), l.label, severity)
	}
}

// sendLimit sends a limit; nil is unknown unless there is none.
func sendLimit[T uint64 | float64](c *Collector, ch chan<- prometheus.Metric, f family, label string, limit *T, unlimited bool) {
	switch {
	case unlimited:
		c.send(ch, f, math.Inf(1), label)
	case limit != nil:
		c.send(ch, f, float64(*limit), label)
	}
}
