package isolation

import (
	"maps"

	"github.com/nsviz/nsviz/internal/event"
)

// counters are what the model counts besides what each container counts for itself.
type counters struct {
	events            map[event.Type]uint64
	namespacesCreated map[NamespaceKey]uint64
	namespacesJoined  map[event.NamespaceType]uint64
	hostKills         map[event.Scope]uint64
	lost              map[string]uint64
	bpfErrors         map[string]uint64
	savings           map[Saving]uint64
	starts            Histogram

	// What forgotten containers have counted.
	foldedKills map[event.Scope]uint64
	foldedExits map[event.Cause]uint64
	folded      uint64
	// foldedUnobserved are their kills that no event told of.
	foldedUnobserved uint64
}

func newCounters() counters {
	return counters{
		events:            map[event.Type]uint64{},
		namespacesCreated: map[NamespaceKey]uint64{},
		namespacesJoined:  map[event.NamespaceType]uint64{},
		hostKills:         map[event.Scope]uint64{},
		lost:              map[string]uint64{},
		savings:           map[Saving]uint64{},
		starts:            Histogram{Counts: make([]uint64, len(StartBuckets()))},
		foldedKills:       map[event.Scope]uint64{},
		foldedExits:       map[event.Cause]uint64{},
	}
}

// fold adds the counts of a container that is forgotten to those under FoldedLabel.
func (c *counters) fold(gone *container) {
	c.folded++
	for scope, n := range gone.kills {
		c.foldedKills[scope] += n
	}
	for cause, n := range gone.exits {
		c.foldedExits[cause] += n
	}
	c.foldedUnobserved += gone.unobservedEver
}

func (h *Histogram) observe(seconds float64) {
	for i, bound := range StartBuckets() {
		if seconds <= bound {
			h.Counts[i]++
		}
	}
	h.Count++
	h.Sum += seconds
}

// totals adds up, by label: containers that had the same name one after the other are one series,
// so that it does not fall when one of them is forgotten.
func (m *Model) totals() Totals {
	t := Totals{
		Events:             maps.Clone(m.counters.events),
		NamespacesCreated:  maps.Clone(m.counters.namespacesCreated),
		NamespacesJoined:   maps.Clone(m.counters.namespacesJoined),
		OOMKills:           map[KillKey]uint64{},
		OOMKillsUnobserved: map[string]uint64{},
		Exits:              map[ExitKey]uint64{},
		Lost:               maps.Clone(m.counters.lost),
		BPFErrors:          maps.Clone(m.counters.bpfErrors),
		Savings:            maps.Clone(m.counters.savings),
		Starts:             m.counters.starts,
		FoldedContainers:   m.counters.folded,
	}
	t.Starts.Counts = append([]uint64(nil), m.counters.starts.Counts...)
	count := func(label string, kills map[event.Scope]uint64, exits map[event.Cause]uint64, unobserved uint64) {
		if unobserved > 0 {
			t.OOMKillsUnobserved[label] += unobserved
		}
		for scope, n := range kills {
			t.OOMKills[KillKey{label, scope}] += n
		}
		for cause, n := range exits {
			t.Exits[ExitKey{label, cause}] += n
		}
	}
	count("", m.counters.hostKills, nil, 0)
	count(FoldedLabel, m.counters.foldedKills, m.counters.foldedExits, m.counters.foldedUnobserved)
	for _, c := range m.containers {
		count(c.label(), c.kills, c.exits, c.unobservedEver)
	}
	return t
}
