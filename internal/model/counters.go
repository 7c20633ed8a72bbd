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
	folded      uint64 // how many they are
	foldedTally tally
	foldedSpent Spent
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
		foldedTally:       newTally(),
	}
}

// fold adds the counts of a forgotten container to those of FoldedLabel.
func (c *counters) fold(gone *container) {
	c.folded++
	c.foldedTally.add(&gone.tally)
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
	count := func(label string, of *tally) {
		for scope, n := range of.kills {
			t.kills[KillKey{label, scope}] += n
		}
		for cause, n := range of.exits {
			t.exits[ExitKey{label, cause}] += n
		}
		for _, of := range []struct {
			to map[string]uint64
			n  uint64
		}{{t.unobserved, of.unobservedEver}, {t.refused, of.refusedEver}, {t.entries, of.entries}} {
			if of.n > 0 {
				of.to[label] += of.n
			}
		}
	}
	known := func(label string, at time.Time) {
		if since, ok := t.known[label]; !ok || at.Before(since) {
			t.known[label] = at
		}
	}
	count("", &tally{kills: m.counters.hostKills})
	count(UnknownLabel, &tally{kills: m.counters.unknownKills})
	count(FoldedLabel, &m.counters.foldedTally)
	if m.counters.foldedSpent != (Spent{}) {
		t.spent[FoldedLabel] = new(m.counters.foldedSpent)
	}
	for _, c := range m.containers {
		if c.quiet() { // there is nothing to count
			continue
		}
		label := c.label()
		if c.refused != nil { // else it is unknown
			t.refused[label] += 0
		}
		if spent := c.spent.presented(); spent != nil && !c.live() {
			t.spent[label] = t.spent[label].Plus(spent)
		}
		count(label, &c.tally)
		known(label, c.knownSince)
		for i := range c.former {
			f := &c.former[i]
			count(f.label, &f.tally)
			known(f.label, f.knownSince)
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
