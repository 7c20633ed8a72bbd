package model

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

const mib = 1 << 20

func TestForecast(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct {
		name  string
		every time.Duration
		n     int
		mib   func(seconds float64) float64
		want  float64 // seconds; negative is none
	}{
		{"steady growth", time.Second, 60, func(s float64) float64 { return s }, (100 - 59) / 1.0},
		{"readings while nobody looks", 2 * time.Second, 30, func(s float64) float64 { return s }, (100 - 58) / 1.0},
		{"growth with noise", time.Second, 60, func(s float64) float64 { return s + random.Float64() }, 41},
		{"outliers", time.Second, 60, func(s float64) float64 {
			if int(s)%10 == 3 {
				return s + 0.9
			}
			return s
		}, 41},
		{"growth that has just begun", time.Second, 60, func(s float64) float64 { return 10 + max(s-50, 0)*5 }, 13}, // the last seconds before it count, too,
		{"growth that speeds up", time.Second, 60, func(s float64) float64 { return s*s/60 + 1 }, 24},
		{"growth that has ended", time.Second, 60, func(s float64) float64 { return min(s, 30) }, -1},
		{"flat", time.Second, 60, func(float64) float64 { return 90 }, -1},
		{"noise", time.Second, 60, func(float64) float64 { return 90 + random.Float64() }, -1},
		{"collected garbage", time.Second, 60, func(s float64) float64 { return 60 + math.Mod(s, 20) }, -1},
		{"falls", time.Second, 60, func(s float64) float64 { return 90 - s }, -1},
		{"far away", time.Second, 60, func(s float64) float64 { return 10 + s/60 }, -1},
		{"just within ten minutes", time.Second, 60, func(s float64) float64 { return 10 + s*0.16 }, (90 - 59*0.16) / 0.16},
		{"too few readings", time.Second, 4, func(s float64) float64 { return 90 + s }, -1},
		{"few readings", time.Second, 5, func(s float64) float64 { return 90 + s }, 6},
		{"past the limit", time.Second, 20, func(s float64) float64 { return 90 + s }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			var points []roomPoint
			for i := range test.n {
				at := time.Duration(i) * test.every
				points = append(points, roomPoint{instant(at), uint64(test.mib(at.Seconds()) * mib)})
			}
			in, pace, soon := forecast(points, 100*mib)
			switch {
			case soon != (test.want >= 0):
				t.Errorf("in %v at %.0f bytes a second, %t", in, pace, soon)
			case soon && math.Abs(in.Seconds()-test.want) > 0.05*test.want+0.5:
				t.Errorf("in %v, want %.0f s", in, test.want)
			}
		})
	}
}

// growing reads a container whose working set grows by a MiB a second below a limit of 100 MiB.
func growing(second float64, c event.Container, room string, kills uint64) fact.Fact {
	f := memory(second, c, 90*mib) // most of it cached files
	f.Memory[0].WorkingSetBytes, f.Memory[0].OOMKills = new(uint64(second*mib)), &kills
	f.Memory[0].Room = &fact.MemoryRoom{Cgroup: room, LimitBytes: 100 * mib, WorkingSetBytes: uint64(second * mib)}
	return f
}

func TestForecastOfContainer(t *testing.T) {
	c := event.Container{ID: "a"}
	m := modelOf(DefaultLimits())
	m.Apply(created(1, c))
	m.Apply(started(1, c, 10))
	forecasts := func(what string, want *Forecast) {
		t.Helper()
		got := m.Snapshot().Containers[0].Forecast
		if got != nil {
			got.In, got.BytesPerSecond = got.In.Round(time.Second), math.Round(got.BytesPerSecond)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	second := 9.0
	read := func(n int, room string, kills uint64) {
		for range n {
			second++
			m.Apply(growing(second, c, room, kills))
		}
	}
	read(forecastPoints-1, "/a", 0)
	forecasts("after too few readings", nil)
	read(36, "/a", 0)
	forecasts("of its own limit", &Forecast{fact.MemoryRoom{Cgroup: "/a", LimitBytes: 100 * mib, WorkingSetBytes: 49 * mib}, 51 * time.Second, mib})
	if got := m.Snapshot().Containers[0].Memory.WorkingSetBytes; got == nil || *got != 49*mib {
		t.Errorf("working set %v", got)
	}
	m.Apply(fact.Fact{Time: at(second + 10)})
	forecasts("ten seconds later", &Forecast{fact.MemoryRoom{Cgroup: "/a", LimitBytes: 100 * mib, WorkingSetBytes: 49 * mib}, 41 * time.Second, mib})
	m.Apply(fact.Fact{Time: at(second + roomTTL.Seconds() + 1)})
	forecasts("without readings", nil)
	if got := m.Snapshot().Containers[0].Memory.WorkingSetBytes; got != nil {
		t.Errorf("working set %d, which is old", *got)
	}
	second += roomTTL.Seconds()
	read(forecastPoints-1, "/pod", 0)
	forecasts("after too few readings of another limit", nil)
	read(1, "/pod", 0)
	forecasts("of its pod's limit", &Forecast{fact.MemoryRoom{Cgroup: "/pod", LimitBytes: 100 * mib, WorkingSetBytes: 84 * mib}, 16 * time.Second, mib})
	read(forecastPoints-1, "/pod", 1)
	forecasts("after a kill", nil)
	read(1, "/pod", 1)
	forecasts("again", &Forecast{fact.MemoryRoom{Cgroup: "/pod", LimitBytes: 100 * mib, WorkingSetBytes: 89 * mib}, 11 * time.Second, mib})
	m.Apply(exited(second+1, c, 10))
	forecasts("of one that has ended", nil)
}

func BenchmarkForecast(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	var points []roomPoint
	for i := range 60 {
		points = append(points, roomPoint{instant(time.Duration(i) * time.Second), uint64(i*mib) + random.Uint64N(mib)})
	}
	b.ReportAllocs()
	for b.Loop() {
		forecast(points, 100*mib)
	}
}

// The usage is read more often than the working set, which follows it.
func TestWorkingSetFollowsTheUsage(t *testing.T) {
	c := event.Container{ID: "a"}
	m := modelOf(DefaultLimits())
	m.Apply(created(1, c))
	m.Apply(started(1, c, 10))
	read := func(second float64, usage uint64, workingSet *uint64, want uint64) {
		t.Helper()
		f := memory(second, c, usage)
		f.Memory[0].WorkingSetBytes = workingSet
		m.Apply(f)
		if got := m.Snapshot().Containers[0].Memory.WorkingSetBytes; got == nil || *got != want {
			t.Errorf("at %v: working set %v, want %d", second, got, want)
		}
	}
	read(11, 60*mib, new(uint64(50*mib)), 50*mib)
	read(12, 64*mib, nil, 54*mib)
	read(13, 8*mib, nil, 0) // after a kill: what was cached is gone, too
	read(14, 8*mib, new(uint64(9*mib)), 8*mib)
	read(15, 16*mib, nil, 16*mib)
}
