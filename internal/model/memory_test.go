package model

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/fact"
)

func instantAt(seconds float64) instant { return new(clock).at(at(seconds)) }

// seen lists what of the points is known or killed, by how many seconds ago.
func seen(points []Point) map[int]Point {
	m := map[int]Point{}
	for i, p := range points {
		if p != (Point{}) {
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
	known := func(bytes uint64) Point { return Point{MaxBytes: bytes, Known: true} }
	tests := []struct {
		name  string
		facts []fact
		now   float64
		want  map[int]Point
	}{
		{"nothing", nil, 0, map[int]Point{}},
		{"now", []fact{{0, 7}}, 0, map[int]Point{0: known(7)}},
		{"the highest of each second", []fact{{0, 7}, {0.4, 9}, {0.9, 8}, {1, 5}}, 1, map[int]Point{1: known(9), 0: known(5)}},
		{"a gap is unknown", []fact{{0, 7}, {5, 8}}, 5, map[int]Point{5: known(7), 0: known(8)}},
		{"time passes", []fact{{0, 7}}, 30, map[int]Point{30: known(7)}},
		{"the last of a minute", []fact{{0, 7}, {1, 8}}, 59, map[int]Point{59: known(7), 58: known(8)}},
		{"a minute is over", []fact{{0, 7}, {1, 8}}, 60, map[int]Point{59: known(8)}},
		{"a long silence", []fact{{0, 7}}, 3600, map[int]Point{}},
		{"after a long silence", []fact{{0, 7}, {3600, 8}}, 3600, map[int]Point{0: known(8)}},
		{"silence of just the ring's length", []fact{{0, 7}, {60, 8}}, 60, map[int]Point{0: known(8)}},
		{"silence of one less", []fact{{0, 7}, {59, 8}}, 59, map[int]Point{59: known(7), 0: known(8)}},
		{"late", []fact{{10, 7}, {5, 8}}, 10, map[int]Point{5: known(8), 0: known(7)}},
		{"the latest that is not too late", []fact{{100, 7}, {41, 8}}, 100, map[int]Point{59: known(8), 0: known(7)}},
		{"too late", []fact{{100, 7}, {40, 8}, {0, 9}}, 100, map[int]Point{0: known(7)}},
		{"a kill without a reading", []fact{{3, 0}, {3, 0}}, 5, map[int]Point{2: {Kills: 2}}},
		{"a kill and a reading", []fact{{3, 0}, {3, 9}}, 3, map[int]Point{0: {MaxBytes: 9, Known: true, Kills: 1}}},
		{"newer than now", []fact{{5, 7}}, 3, map[int]Point{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h lastMinute
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

// What does not change is read less often than every second, and known all the time. What has changed was something unknown meanwhile.
func TestHistoryOfWhatRests(t *testing.T) {
	known := func(bytes uint64) Point { return Point{MaxBytes: bytes, Known: true} }
	for _, test := range []struct {
		name   string
		second float64 // of the second reading
		bytes  uint64
		want   map[int]Point
	}{
		{"the same", 3.2, 7, map[int]Point{0: known(7), 1: known(7), 2: known(7), 3: known(9)}},
		{"another", 3.2, 8, map[int]Point{0: known(8), 3: known(9)}},
		{"the same after a long time", 7, 7, map[int]Point{0: known(7), 7: known(9)}},
	} {
		m := New(DefaultLimits())
		c := who("c", "")
		m.Apply(started(0, c, 100))
		for _, r := range []struct {
			second float64
			bytes  uint64
		}{{0.1, 9}, {0.6, 7}, {test.second, test.bytes}} {
			m.Apply(fact.Fact{Time: at(r.second), Memory: []fact.Reading{{ID: c.ID, UsageBytes: &r.bytes}}})
		}
		if diff := cmp.Diff(test.want, seen(m.Snapshot().Containers[0].Memory.History.Points())); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", test.name, diff)
		}
	}
}

// Minute after minute the ring holds the latest one.
func TestHistoryWraps(t *testing.T) {
	var h lastMinute
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
			var h lastMinute
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

// The pace of the CPU time is that of all seconds between two readings, and of no others.
func TestCPUOfTheLastMinute(t *testing.T) {
	var h lastMinute
	at := func(s float64) instant { return instant(s * 1e9) }
	h.usage(at(100), 7)
	h.cpu(at(100.2), at(103.7), 40, true)
	h.cpu(at(103.7), at(104.1), 90, false)
	got := map[int]float32{}
	for i, p := range h.series(at(104.5)).Points() {
		if p.CPUKnown {
			got[HistoryLength-1-i] = p.CPUPercent
		}
		if back := HistoryLength - 1 - i; p.Throttled != (back >= 1 && back <= 3) {
			t.Errorf("%d s ago: throttled is %t", back, p.Throttled)
		}
	}
	if diff := cmp.Diff(map[int]float32{0: 90, 1: 40, 2: 40, 3: 40}, got); diff != "" {
		t.Error(diff)
	}
	before := h.series(at(104.5)).Points()
	h.cpu(at(60), at(104.6), 100, false) // since before all that is kept
	if after := h.series(at(104.6)).Points(); after[HistoryLength-3].CPUPercent != 100 || before[HistoryLength-3].CPUPercent != 40 {
		t.Error("a snapshot changed, or the past did not")
	}
}
