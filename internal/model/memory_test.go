package model

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func instantAt(seconds float64) instant { return new(clock).at(at(seconds)) }

// seen lists what of the points is known or killed, by how many seconds ago.
func seen(points []MemoryPoint) map[int]MemoryPoint {
	m := map[int]MemoryPoint{}
	for i, p := range points {
		if p != (MemoryPoint{}) {
			m[len(points)-1-i] = p
		}
	}
	return m
}

func TestHistory(t *testing.T) {
	type fact struct {
		second float64
		bytes  uint64 // 0 is a kill
	}
	known := func(bytes uint64) MemoryPoint { return MemoryPoint{MaxBytes: bytes, Known: true} }
	tests := []struct {
		name  string
		facts []fact
		now   float64
		want  map[int]MemoryPoint
	}{
		{"nothing", nil, 0, map[int]MemoryPoint{}},
		{"now", []fact{{0, 7}}, 0, map[int]MemoryPoint{0: known(7)}},
		{"the highest of each second", []fact{{0, 7}, {0.4, 9}, {0.9, 8}, {1, 5}}, 1, map[int]MemoryPoint{1: known(9), 0: known(5)}},
		{"a gap is unknown", []fact{{0, 7}, {5, 8}}, 5, map[int]MemoryPoint{5: known(7), 0: known(8)}},
		{"time passes", []fact{{0, 7}}, 30, map[int]MemoryPoint{30: known(7)}},
		{"the last of a minute", []fact{{0, 7}, {1, 8}}, 59, map[int]MemoryPoint{59: known(7), 58: known(8)}},
		{"a minute is over", []fact{{0, 7}, {1, 8}}, 60, map[int]MemoryPoint{59: known(8)}},
		{"a long silence", []fact{{0, 7}}, 3600, map[int]MemoryPoint{}},
		{"after a long silence", []fact{{0, 7}, {3600, 8}}, 3600, map[int]MemoryPoint{0: known(8)}},
		{"silence of just the ring's length", []fact{{0, 7}, {60, 8}}, 60, map[int]MemoryPoint{0: known(8)}},
		{"silence of one less", []fact{{0, 7}, {59, 8}}, 59, map[int]MemoryPoint{59: known(7), 0: known(8)}},
		{"late", []fact{{10, 7}, {5, 8}}, 10, map[int]MemoryPoint{5: known(8), 0: known(7)}},
		{"the latest that is not too late", []fact{{100, 7}, {41, 8}}, 100, map[int]MemoryPoint{59: known(8), 0: known(7)}},
		{"too late", []fact{{100, 7}, {40, 8}, {0, 9}}, 100, map[int]MemoryPoint{0: known(7)}},
		{"a kill without a reading", []fact{{3, 0}, {3, 0}}, 5, map[int]MemoryPoint{2: {Kills: 2}}},
		{"a kill and a reading", []fact{{3, 0}, {3, 9}}, 3, map[int]MemoryPoint{0: {MaxBytes: 9, Known: true, Kills: 1}}},
		{"newer than now", []fact{{5, 7}}, 3, map[int]MemoryPoint{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h memoryHistory
			for _, f := range test.facts {
				if f.bytes == 0 {
					h.kill(instantAt(f.second))
				} else {
					h.usage(instantAt(f.second), f.bytes)
				}
			}
			points := h.series(instantAt(test.now)).Points()
			if diff := cmp.Diff(test.want, seen(points)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if points != nil && len(points) != HistoryLength {
				t.Errorf("%d points", len(points))
			}
		})
	}
}

// Minute after minute the ring holds the latest one.
func TestHistoryWraps(t *testing.T) {
	var h memoryHistory
	for second := range 1000 {
		h.usage(instantAt(float64(second)), uint64(second+1))
		points := h.series(instantAt(float64(second))).Points()
		for i, p := range points {
			want := max(second+1-(HistoryLength-1-i), 0)
			if p.MaxBytes != uint64(want) || p.Known != (want > 0) {
				t.Fatalf("second %d, point %d: %+v, want %d", second, i, p, want)
			}
		}
	}
}

// A recording may hold any time at all.
func TestHistoryAtAnyTime(t *testing.T) {
	times := []time.Time{
		{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(-30, 0), time.Unix(30, 0), time.Unix(59, 0), time.Unix(0, math.MaxInt64), time.Unix(0, math.MinInt64),
		time.Unix(math.MaxInt64/4, 0), t0, t0.AddDate(5000, 0, 0),
	}
	for _, first := range times {
		for _, second := range times {
			var h memoryHistory
			h.usage(new(clock).at(first), 1)
			h.kill(new(clock).at(second))
			for _, now := range times {
				if n := len(h.series(new(clock).at(now)).Points()); n != 0 && n != HistoryLength {
					t.Errorf("%d points", n)
				}
			}
		}
	}
}
