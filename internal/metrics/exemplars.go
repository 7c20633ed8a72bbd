package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// killLabel is the label of an exemplar that has the id of an OOM kill, of which `nsviz why` tells more.
const killLabel = "kill_id"

// exemplars holds the latest OOM kill behind each counter of kills.
type exemplars struct {
	latest *model.Kill // nil is none
	byKey  map[model.KillKey]*model.Kill
}

// newExemplars picks the kills of a snapshot that have ids. Kills in recordings of earlier versions have none.
func newExemplars(s *model.Snapshot) exemplars {
	e := exemplars{byKey: map[model.KillKey]*model.Kill{}}
	var known map[string]*model.Container // by id
	for i := range s.Kills {
		k := &s.Kills[i]
		if k.Event.OOM == nil || k.Event.OOM.ID == "" {
			continue
		}
		if known == nil {
			known = make(map[string]*model.Container, len(s.Containers))
			for j := range s.Containers {
				known[s.Containers[j].ID] = &s.Containers[j]
			}
		}
		e.latest = k // they are in the order of time
		e.byKey[model.KillKey{Container: placeOf(k, known), Scope: k.Event.OOM.Scope}] = k
	}
	return e
}

// placeOf returns the label under which a kill is counted.
func placeOf(k *model.Kill, known map[string]*model.Container) string {
	switch v := &k.Event.OOM.Victim; {
	case v.Container != nil:
		if c := known[v.Container.ID]; c != nil { // it may have a name by now, or another one
			for i := range c.FormerNames {
				if f := &c.FormerNames[i]; f.Until.After(k.Event.Time) {
					return f.Name
				}
			}
			return c.Label
		}
		return v.Container.Label()
	case v.ContainerUnknown:
		return model.UnknownLabel
	}
	return ""
}

// attach returns the metric with the kill as its exemplar; nil is none. The text format leaves exemplars out, OpenMetrics and protobuf have them.
func attach(m prometheus.Metric, k *model.Kill) prometheus.Metric {
	if k == nil {
		return m
	}
	with, err := prometheus.NewMetricWithExemplars(m, prometheus.Exemplar{
		Value: 1, Labels: prometheus.Labels{killLabel: k.Event.OOM.ID}, Timestamp: k.Event.Time,
	})
	if err != nil { // an id from a strange recording is too long, or no UTF-8
		return m
	}
	return with
}

// ofType returns the exemplar of the count of events of a type.
func (e *exemplars) ofType(t event.Type) *model.Kill {
	if t != event.OOMKill {
		return nil
	}
	return e.latest
}

// countKills sends one sample of a counter of OOM kills with an exemplar.
func (c *Collector) countKills(ch chan<- prometheus.Metric, f family, latest *model.Kill, n uint64, since time.Time, labels ...string) {
	if n == 0 {
		latest = nil
	}
	ch <- attach(c.counter(f, n, since, labels...), latest)
}
