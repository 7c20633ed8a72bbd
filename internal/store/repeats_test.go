package store

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
)

// readingsOf returns facts with readings of n containers: of each fact a share has moved since the one before.
func readingsOf(random *rand.Rand, facts, n int, moves float64) []fact.Fact {
	at := time.Unix(1_700_000_000, 0).UTC()
	list := make([]fact.Reading, n)
	for i := range list {
		list[i] = fact.Reading{ID: "c" + strconv.Itoa(i), UsageBytes: new(uint64(i)), Use: &fact.Use{CPUMicros: new(uint64(i))}}
	}
	var out []fact.Fact
	for i := range facts {
		next := append([]fact.Reading{}, list...)
		for j := range next {
			if random.Float64() < moves {
				next[j].UsageBytes = new(random.Uint64())
			}
		}
		out = append(out, fact.Fact{Time: at.Add(time.Duration(i) * time.Second), Memory: next})
		list = next
	}
	return out
}

// What is packed and unpacked is what it was, whatever repeats: nothing, all, some, and where the containers are others than before.
func TestPackedFactsAreWhatTheyWere(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, moves := range []float64{0, 0.2, 1} {
		facts := readingsOf(random, 20, 5, moves)
		facts = append(facts, readingsOf(random, 3, 5, 0)...) // the same containers as before
		facts = append(facts, readingsOf(random, 3, 7, 0.5)...)
		facts = append(facts, fact.Fact{Time: facts[0].Time}, fact.Fact{Time: facts[0].Time, Gone: &fact.Gone{ID: "c1"}})
		facts = append(facts, readingsOf(random, 3, 7, 0.5)...)
		facts = append(facts, newHost(3, 5).facts(200)...)
		packed, repeats, err := pack(facts)
		if err != nil {
			t.Fatal(err)
		}
		if (len(repeats) > 15) != (moves < 1) {
			t.Errorf("moves %v: of %d facts readings are left out", moves, len(repeats))
		}
		got := stretch{packed: packed, repeats: repeats}.unpack()
		if diff := cmp.Diff(facts, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("moves %v: (-want +got)\n%s", moves, diff)
		}
	}
}

// BenchmarkPack packs five minutes of readings of 50 containers, most of which rest.
func BenchmarkPack(b *testing.B) {
	facts := readingsOf(rand.New(rand.NewPCG(1, 2)), 300, 50, 0.01)
	b.ReportAllocs()
	for b.Loop() {
		packed, repeats, err := pack(facts)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(packed)+sizeOfRepeats(repeats))/float64(len(facts)), "packed-B/fact")
	}
}
