package model

import (
	"maps"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// counters holds the model's counts except for those that each container has of its own.
type counters struct {
	events            map[event.Type]uint64
	namespacesCreated map[NamespaceKey]uint64
	namespacesJoined  map[event.NamespaceType]uint64
	hostKills         map[event.Scope]uint64
	unknownKills      map[event.Scope]uint64 // in unknown cgroups
	lost              map[string]uint64
	bpfErrors         map[fact.ErrorPlace]uint64
	savings           map[fact.Saving]uint64
	starts            Histogram

	// The counts of forgotten containers.
	foldedKills map[event.Scope]uint64
	foldedExits map[event.Cause]uint64
	folded      uint64
	// foldedUnobserved counts their kills that no event reported.
	foldedUnobserved uint64
	foldedRefused    uint64
	foldedEntries    uint64
	foldedSpent      Spent
}

func newCounters() counters {
	return counters{
		events:            map[event.Type]uint64{},
		namespacesCreated: map[NamespaceKey]uint64{},
		namespacesJoined:  map[event.NamespaceType]uint64{},
		hostKills:         map[event.Scope]uint64{},
		unknownKills:      map[event.Scope]uint64{},
		lost:              map[string]uint64{},
		savings:           map[fact.Saving]uint64{},
		starts:            newHistogram(),
		foldedKills:       map[event.Scope]uint64{},
		foldedExits:       map[event.Cause]uint64{},
	}
}

// fold adds the counts of a forgotten container to those of FoldedLabel.
func (c *counters) fold(gone *container) {
	c.folded++
	for scope, n := range gone.kills {
		c.foldedKills[scope] += n
	}
	for cause, n := range gone.exits {
		c.foldedExits[cause] += n
	}
	c.foldedUnobserved += gone.unobservedEver
	c.foldedRefused += gone.refusedEver
	c.foldedEntries += gone.entries
	c.foldedSpent.add(&gone.spent.ever)
}

// labelTotals holds totals by container label. It is immutable, since snapshots share it.
type labelTotals struct {
	known      map[string]time.Time
	kills      map[KillKey]uint64
	unobserved map[string]uint64
	exits      map[ExitKey]uint64
	refused    map[string]uint64
	entries    map[string]uint64
	spent      map[string]*Spent // of those that have ended
}

// recount invalidates the totals by label: the next snapshot adds them up again.
func (m *Model) recount() { m.byLabel = nil }

// addUp adds the counts up by label. Containers that had the same name one after the other are one series, which does
// not fall when one of them is forgotten.
func (m *Model) addUp() *labelTotals {
	t := &labelTotals{
		known: make(map[string]time.Time, len(m.labels)), kills: map[KillKey]uint64{}, unobserved: map[string]uint64{}, exits: map[ExitKey]uint64{},
		refused: map[string]uint64{}, entries: map[string]uint64{}, spent: map[string]*Spent{},
	}
	count := func(label string, kills map[event.Scope]uint64, exits map[event.Cause]uint64, unobserved uint64) {
		if unobserved > 0 {
			t.unobserved[label] += unobserved
		}
		for scope, n := range kills {
			t.kills[KillKey{label, scope}] += n
		}
		for cause, n := range exits {
			t.exits[ExitKey{label, cause}] += n
		}
	}
	known := func(label string, at time.Time) {
		if since, ok := t.known[label]; !ok || at.Before(since) {
			t.known[label] = at
		}
	}
	count("", m.counters.hostKills, nil, 0)
	count(UnknownLabel, m.counters.unknownKills, nil, 0)
	count(FoldedLabel, m.counters.foldedKills, m.counters.foldedExits, m.counters.foldedUnobserved)
	if n := m.counters.foldedRefused; n > 0 {
		t.refused[FoldedLabel] = n
	}
	if n := m.counters.foldedEntries; n > 0 {
		t.entries[FoldedLabel] = n
	}
	if m.counters.foldedSpent != (Spent{}) {
		t.spent[FoldedLabel] = new(m.counters.foldedSpent)
	}
	for _, c := range m.containers {
		if c.quiet() { // there is nothing to count
			continue
		}
		label := c.label()
		if c.refused != nil || c.refusedEver > 0 { // else it is unknown
			t.refused[label] += c.refusedEver
		}
		if c.entries > 0 {
			t.entries[label] += c.entries
		}
		if spent := c.spent.presented(); spent != nil && !c.live() {
			t.spent[label] = t.spent[label].Plus(spent)
		}
		count(label, c.kills, c.exits, c.unobservedEver)
		known(label, c.knownSince)
		for i := range c.former {
			f := &c.former[i]
			count(f.label, f.kills, f.exits, f.unobserved)
			known(f.label, f.knownSince)
			if f.refused > 0 {
				t.refused[f.label] += f.refused
			}
			if f.entries > 0 {
				t.entries[f.label] += f.entries
			}
		}
	}
	return t
}

func (m *Model) totals() Totals {
	if m.byLabel == nil {
		m.byLabel = m.addUp()
	}
	t := Totals{
		Since: m.began, Known: m.byLabel.known,
		Events:             maps.Clone(m.counters.events),
		NamespacesCreated:  maps.Clone(m.counters.namespacesCreated),
		NamespacesJoined:   maps.Clone(m.counters.namespacesJoined),
		OOMKills:           m.byLabel.kills,
		OOMKillsUnobserved: m.byLabel.unobserved,
		PIDsRefused:        m.byLabel.refused,
		Entries:            m.byLabel.entries,
		Spent:              m.byLabel.spent,
		Exits:              m.byLabel.exits,
		Lost:               maps.Clone(m.counters.lost),
		BPFErrors:          maps.Clone(m.counters.bpfErrors),
		Savings:            maps.Clone(m.counters.savings),
		Starts:             m.counters.starts.copy(),
		FoldedContainers:   m.counters.folded,
	}
	return t
}
