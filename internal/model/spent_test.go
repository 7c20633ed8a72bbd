package model

import (
	"math"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// cpu is a reading of the CPU time that a container's cgroup has taken.
func cpu(second float64, letter string, micros uint64) fact.Fact {
	return fact.Fact{Time: at(second), Memory: []fact.Reading{{ID: id(letter), Use: &fact.Use{CPUMicros: &micros}}}}
}

// spentCPU returns what is served of a label: that of the ended ones and of the live one.
func spentCPU(s *Snapshot, label string) (n uint64, known bool) {
	sum := s.Totals.Spent[label]
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Live() && c.Label == label {
			sum = sum.Plus(c.Spent)
		}
	}
	return sum.Of(SpentCPU)
}

// The count of a label never falls, whatever the kernel's own counts do, and has what was taken while nsviz watched.
func TestSpent(t *testing.T) {
	a, b := who("a", "web"), who("b", "web")
	begin := []fact.Fact{created(1, a), started(1, a, 4), cpu(2, "a", 100), cpu(3, "a", 150)}
	end := []fact.Fact{exited(4, a, 4), removed(4, a)}
	again := append(append(append([]fact.Fact{}, begin...), end...), created(5, a), started(5, a, 5))
	for _, test := range []struct {
		name  string
		facts []fact.Fact
		want  uint64
	}{
		{"from the beginning", begin, 150},
		{"found running", []fact.Fact{found(1, a, 4), cpu(2, "a", 1000), cpu(3, "a", 1150)}, 150},
		{"it has ended", append(append([]fact.Fact{}, begin...), end...), 150},
		{"started again, before a reading", again, 150},
		{"started again", append(append([]fact.Fact{}, again...), cpu(6, "a", 20)), 170},
		{"its end was not seen", append(append([]fact.Fact{}, begin...), created(5, a), started(5, a, 5), cpu(6, "a", 20)), 170},
		{"another one of that name", append(append(append([]fact.Fact{}, begin...), end...), created(5, b), started(5, b, 5), cpu(6, "b", 20)), 170},
		{"a count that falls", append(append([]fact.Fact{}, begin...), cpu(4, "a", 30), cpu(5, "a", 40)), 160},
		{"a reading without it", append(append([]fact.Fact{}, begin...), fact.Fact{Time: at(4), Memory: []fact.Reading{{ID: id("a")}}}), 150},
	} {
		m := New(DefaultLimits())
		before := uint64(0)
		for _, f := range test.facts {
			m.Apply(f)
			n, _ := spentCPU(m.Snapshot(), "web")
			if n < before {
				t.Errorf("%s: it falls from %d to %d", test.name, before, n)
			}
			before = n
		}
		if got, known := spentCPU(m.Snapshot(), "web"); got != test.want || !known {
			t.Errorf("%s: %d, %t, want %d", test.name, got, known, test.want)
		}
	}
}

func TestSpentIsUnknownBeforeTheFirstReading(t *testing.T) {
	s := snapshotOf(created(1, who("a", "web")))
	if n, known := spentCPU(s, "web"); known {
		t.Errorf("%d", n)
	}
	if s.Containers[0].Spent != nil {
		t.Errorf("%+v", s.Containers[0].Spent)
	}
}

// A forgotten container's count moves to the folded ones.
func TestSpentIsFolded(t *testing.T) {
	limits := DefaultLimits()
	limits.Retention = time.Minute
	m := New(limits)
	for _, f := range []fact.Fact{created(1, who("a", "web")), started(1, who("a", "web"), 4), cpu(2, "a", 100), exited(3, who("a", "web"), 4), created(100, who("b", "db"))} {
		m.Apply(f)
	}
	s := m.Snapshot()
	if n, _ := spentCPU(s, FoldedLabel); n != 100 {
		t.Errorf("%d are folded, want 100", n)
	}
	if n, known := spentCPU(s, "web"); known {
		t.Errorf("web still has %d", n)
	}
}

// Fine buckets are few, whatever the durations, and each holds what its bounds say.
func TestFineBuckets(t *testing.T) {
	h := newHistogram()
	for _, seconds := range []float64{0, 1e-9, 0.5, 0.51, 1, 3, 1e9, math.Inf(1)} {
		h.observe(seconds)
	}
	if h.Fine[-8] != 1 || h.Fine[0] != 1 || h.Fine[-7] != 1 { // 0.5, 1 and 0.51
		t.Errorf("%v", h.Fine)
	}
	if n := fineBucket(1e9) - fineBucket(0) + 1; n > 300 {
		t.Errorf("there may be %d buckets", n)
	}
}
