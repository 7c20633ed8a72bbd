package probes

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/gen"
)

// A source is named for its drops since it was last read, however many readings have missed it.
func TestThrottledSourcesAreRemembered(t *testing.T) {
	const unnamed = ^uint32(0)
	type counts map[uint32]uint64 // by user
	for _, test := range []struct {
		name     string
		complete bool // whether the reading that misses the first source is complete
		again    uint64
		want     counts
	}{
		{"it was not reached", false, 1005, counts{1: 5, unnamed: 45}},
		{"it was pushed out", true, 7, counts{1: 7, unnamed: 43}}, // its count begins anew
	} {
		t.Run(test.name, func(t *testing.T) {
			r := &reader{decoder: newDecoder()}
			r.decoder.batch(fixedClock)
			read := func(more uint64, complete bool, now, want counts) {
				t.Helper()
				states := map[throttledSource]gen.NsvizThrottleState{}
				for uid, dropped := range now {
					states[throttledSource{NsvizThrottleSource: gen.NsvizThrottleSource{Uid: uid}}] = gen.NsvizThrottleState{Dropped: dropped}
				}
				var b Batch
				r.nameThrottled(0, more, states, complete, &b)
				named := counts{}
				for _, e := range b.Events {
					uid := unnamed
					if e.Lost.UID != nil {
						uid = *e.Lost.UID
					}
					named[uid] += e.Lost.Count
				}
				if diff := cmp.Diff(want, named); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
			read(1000, true, counts{1: 1000}, counts{1: 1000})
			read(7, test.complete, counts{2: 3}, counts{2: 3, unnamed: 4})
			read(50, true, counts{1: test.again, 2: 3}, test.want)
		})
	}
}
