package model

import (
	"maps"

	"github.com/nsviz/nsviz/internal/event"
)

// tally holds what is counted under one label, but for CPU time.
type tally struct {
	kills          map[event.Scope]uint64
	exits          map[event.Cause]uint64
	unobservedEver uint64 // kills that no event reported, over all starts
	refusedEver    uint64 // processes and threads that were refused while nsviz watched
	entries        uint64 // how often somebody ran a program in it from outside
}

func newTally() tally { return tally{kills: map[event.Scope]uint64{}, exits: map[event.Cause]uint64{}} }

func (t *tally) add(other *tally) {
	for scope, n := range other.kills {
		t.kills[scope] += n
	}
	for cause, n := range other.exits {
		t.exits[cause] += n
	}
	t.unobservedEver += other.unobservedEver
	t.refusedEver += other.refusedEver
	t.entries += other.entries
}

// copyTally returns a tally that shares nothing with another one.
func copyTally(t *tally) tally {
	to := *t
	to.kills, to.exits = maps.Clone(t.kills), maps.Clone(t.exits)
	return to
}

func (t *tally) isZero() bool {
	return len(t.kills)+len(t.exits) == 0 && t.unobservedEver+t.refusedEver+t.entries == 0
}
