package store

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nsviz/nsviz/internal/event"
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
		short := 0
		for _, r := range repeats {
			if r.readings != nil {
				short++
			}
		}
		if (short > 15) != (moves < 1) {
			t.Errorf("moves %v: of %d facts readings are left out", moves, short)
		}
		got := stretch{packed: packed, repeats: repeats}.unpack()
		if diff := cmp.Diff(facts, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
			t.Errorf("moves %v: (-want +got)\n%s", moves, diff)
		}
	}
}

// Of a recording that breaks off, what comes before is what it was, and the rest says nothing.
func TestPackedFactsThatBreakOff(t *testing.T) {
	facts := readingsOf(rand.New(rand.NewPCG(1, 2)), 200, 20, 0.5)
	packed, repeats, err := pack(facts)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, len(packed) / 2, len(packed) - 1} {
		got := stretch{packed: packed[:size], repeats: repeats, count: len(facts)}.unpack()
		if len(got) != len(facts) {
			t.Fatalf("%d bytes: %d facts of %d", size, len(got), len(facts))
		}
		whole := slices.IndexFunc(got, func(f fact.Fact) bool { return f.Memory == nil })
		if whole < 0 {
			whole = len(got)
		}
		if whole == 0 && size > 1 || whole == len(got) && size < len(packed)-1 {
			t.Errorf("%d bytes of %d: %d facts are whole", size, len(packed), whole)
		}
		if diff := cmp.Diff(facts[:whole], got[:whole]); diff != "" {
			t.Errorf("%d bytes: (-want +got)\n%s", size, diff)
		}
		if rest := got[whole:]; slices.ContainsFunc(rest, func(f fact.Fact) bool { return !reflect.DeepEqual(f, fact.Fact{}) }) {
			t.Errorf("%d bytes: the rest is %v", size, rest)
		}
	}
}

// surveysOf returns surveys of a host whose namespaces come, go and change their processes.
func surveysOf(random *rand.Rand, surveys, n int, moves float64) []fact.Fact {
	list := make([]fact.Namespace, n)
	next := uint64(1)
	for i := range list {
		list[i] = fact.Namespace{Type: event.Net, ID: next, Owner: 1, Processes: []int32{int32(i)}, PinnedBy: []string{"/run/netns/a"}}
		next++
	}
	var out []fact.Fact
	for i := range surveys {
		var now []fact.Namespace
		for _, n := range list {
			switch {
			case random.Float64() >= moves:
			case random.IntN(2) == 0:
				continue
			default:
				n.Processes = append(slices.Clone(n.Processes), int32(i))
			}
			now = append(now, n)
		}
		for random.Float64() < moves {
			now = append(now, fact.Namespace{Type: event.PID, ID: next, Contained: true})
			next++
		}
		out = append(out, fact.Fact{Time: time.Unix(1_700_000_000+int64(i), 0).UTC(), Namespaces: &fact.Survey{Namespaces: now, Unseen: &fact.Unseen{Processes: i}}})
		list = now
	}
	return out
}

// packedSize returns how many bytes facts take once they are packed.
func packedSize(t *testing.T, facts []fact.Fact) int {
	t.Helper()
	packed, repeats, err := pack(facts)
	if err != nil {
		t.Fatal(err)
	}
	return len(packed) + sizeOfRepeats(repeats)
}

// A survey that finds what the one before has found takes next to nothing, and each is what it was.
func TestPackedSurveysAreWhatTheyWere(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const surveys, namespaces = 30, 400
	sizes := map[float64]int{}
	for _, moves := range []float64{0, 0.02, 0.3, 0.9} {
		facts := surveysOf(random, surveys, namespaces, moves)
		sizes[moves] = packedSize(t, facts)
		packed, repeats, err := pack(facts)
		if err != nil {
			t.Fatal(err)
		}
		got := stretch{packed: packed, repeats: repeats}.unpack()
		if diff := cmp.Diff(facts, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("moves %v: (-want +got)\n%s", moves, diff)
		}
	}
	if once := packedSize(t, surveysOf(random, 1, namespaces, 0)); sizes[0] > 3*once {
		t.Errorf("%d equal surveys take %d bytes, one takes %d", surveys, sizes[0], once)
	}
}

// BenchmarkPackSurveys packs a quarter of an hour of surveys of a host on which little changes.
func BenchmarkPackSurveys(b *testing.B) {
	benchmarkPack(b, surveysOf(rand.New(rand.NewPCG(1, 2)), 300, 500, 0.001))
}

// BenchmarkPack packs five minutes of readings of 50 containers, most of which rest.
func BenchmarkPack(b *testing.B) {
	benchmarkPack(b, readingsOf(rand.New(rand.NewPCG(1, 2)), 300, 50, 0.01))
}

func benchmarkPack(b *testing.B, facts []fact.Fact) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		packed, repeats, err := pack(facts)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(packed)+sizeOfRepeats(repeats))/float64(len(facts)), "packed-B/fact")
	}
}
