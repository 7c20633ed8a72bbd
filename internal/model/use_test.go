package model

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func using(seconds float64, use *fact.Use) fact.Fact {
	return fact.Fact{Time: at(seconds), Memory: []fact.Reading{{ID: who("a", "").ID, UsageBytes: new(uint64(1)), Use: use}}}
}

func TestUse(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	is := func(n float64) *float64 { return &n }
	c := who("a", "web")
	first := using(10, &fact.Use{
		CPUMicros: n(1e6), Periods: n(10), ThrottledPeriods: n(1), SwapBytes: n(7), Tasks: n(3), ReceivedBytes: n(1000), SentBytes: n(0),
		ReadBytes: n(5), WrittenBytes: n(4096), MemoryPressure: is(0.5),
	})
	for _, test := range []struct {
		name string
		last []fact.Fact
		now  float64
		want *Use
	}{
		{"the first reading has no rate", nil, 10, &Use{SwapBytes: n(7), Tasks: n(3), MemoryPressure: is(0.5)}},
		{
			"rates", []fact.Fact{using(12, &fact.Use{
				CPUMicros: n(1.5e6), Periods: n(30), ThrottledPeriods: n(6), SwapBytes: n(8), Tasks: n(4), ReceivedBytes: n(3000), SentBytes: n(0),
				ReadBytes: n(5), WrittenBytes: n(4296), MemoryPressure: is(1),
			})}, 12, &Use{
				CPUPercent: is(25), ThrottledPercent: is(25), SwapBytes: n(8), Tasks: n(4), ReceivedPerSecond: is(1000), SentPerSecond: is(0),
				ReadPerSecond: is(0), WrittenPerSecond: is(100), MemoryPressure: is(1),
			},
		},
		{
			"nothing wanted to run", []fact.Fact{using(12, &fact.Use{CPUMicros: n(1e6), Periods: n(10), ThrottledPeriods: n(1)})}, 12,
			&Use{CPUPercent: is(0), ThrottledPercent: is(0), SwapBytes: n(7), Tasks: n(3), MemoryPressure: is(0.5)},
		},
		{
			"what is read rarely", []fact.Fact{
				using(12, &fact.Use{CPUMicros: n(1e6)}), using(14, nil), using(18, &fact.Use{CPUMicros: n(1e6), ReceivedBytes: n(9000)}),
			}, 18, &Use{CPUPercent: is(0), SwapBytes: n(7), Tasks: n(3), ReceivedPerSecond: is(1000), MemoryPressure: is(0.5)},
		},
		{
			"a counter that fell", []fact.Fact{using(12, &fact.Use{CPUMicros: n(100), ReceivedBytes: n(1)})}, 12,
			&Use{SwapBytes: n(7), Tasks: n(3), MemoryPressure: is(0.5)},
		},
		{"a reading of long ago", nil, 41, nil},
		{"after its end", []fact.Fact{exited(12, c, 50)}, 12, nil},
		{"of its next run", []fact.Fact{exited(12, c, 50), removed(12, c), created(13, c), started(14, c, 51)}, 14, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New(DefaultLimits())
			for _, f := range append([]fact.Fact{created(1, c), started(2, c, 50), first}, test.last...) {
				m.Apply(f)
			}
			m.Apply(fact.Fact{Time: at(test.now)})
			if diff := cmp.Diff(test.want, m.Snapshot().Containers[0].Use); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Only of a network that nobody else is in it is known who has the traffic.
func TestOwnNetIsNobodyElses(t *testing.T) {
	start := func(id string, net uint64, pid int32) []fact.Fact {
		c := who(id, id)
		s := started(2, c, pid)
		s.Event.Start.Namespaces = event.NamespaceIDs{}
		s.Event.Start.Namespaces[event.Net] = net
		return []fact.Fact{created(1, c), s}
	}
	var host fact.Host
	host.Namespaces[event.Net] = 1
	m := New(DefaultLimits())
	m.Apply(fact.Fact{Time: at(0), Host: &host})
	for id, net := range map[string]uint64{"own": 7, "host": 1, "shared": 8, "sharer": 8, "unknown": 0} {
		for _, f := range start(id, net, int32(50+net)) {
			m.Apply(f)
		}
	}
	for _, w := range m.Watched() {
		if w.OwnNet != (w.Label == "own") || w.InitPID == 0 {
			t.Errorf("%+v", w)
		}
	}
}
