package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// crowd returns a host with many containers, as Docker makes them: five namespaces of their own, the others
// the host's. Every tenth shares its net namespace with the one before. As many have ended.
func crowd(n int) *Model {
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4, 5, 6, 7, 8))
	survey := &fact.Survey{}
	for i := range 2 * n {
		c := event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("service-%d", i), Runtime: "docker"}
		first := uint64(10 + 5*i)
		ids := []uint64{first, first + 1, first + 2, first + 3, first + 4, 6, 7, 8}
		if i%10 == 9 {
			ids[2] -= 5
		}
		second := float64(i) / 1000
		m.Apply(created(second, c))
		m.Apply(started(second, c, int32(i+1), ids...))
		if i%2 == 0 {
			m.Apply(killed(second, &c, 5))
			m.Apply(exited(second, c, int32(i+1)))
			continue
		}
		m.Apply(memory(second, c, 1<<20))
		for j, id := range ids[:5] {
			survey.Namespaces = append(survey.Namespaces, fact.Namespace{Type: event.NamespaceType(j), ID: id, Processes: []int32{int32(i)}})
		}
	}
	m.Apply(fact.Fact{Time: m.now, Namespaces: survey})
	return m
}

func BenchmarkSnapshot(b *testing.B) {
	for _, n := range []int{50, 1000} {
		m := crowd(n)
		c := event.Container{ID: strings.Repeat("f", 64), Name: "new"}
		b.Run(fmt.Sprintf("containers=%d/after=memory", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Apply(memory(60, c, 1))
				m.Snapshot()
			}
		})
		b.Run(fmt.Sprintf("containers=%d/after=kill", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Apply(killed(60, nil, 5))
				m.Snapshot()
			}
		})
		b.Run(fmt.Sprintf("containers=%d/after=start", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Apply(created(60, c))
				m.Snapshot()
				m.Apply(started(60, c, 5, 6, 7, 8, 6, 7, 6, 7, 8))
				m.Snapshot()
				m.Apply(exited(60, c, 5))
				m.Snapshot()
			}
		})
	}
}

// BenchmarkSnapshotAfterStart is one snapshot after one more container has started, which is what a dashboard
// and every reading of memory take.
func BenchmarkSnapshotAfterStart(b *testing.B) {
	for _, n := range []int{1000, 4000} {
		for _, shared := range []bool{false, true} {
			name := "own"
			if shared {
				name = "one"
			}
			b.Run(fmt.Sprintf("containers=%d/net=%s", n, name), func(b *testing.B) {
				m := housing(n, shared)
				c := event.Container{ID: strings.Repeat("f", 64), Name: "new", Runtime: "docker"}
				ids := namespacesOf(n, shared)
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					m.Apply(created(60, c))
					m.Snapshot()
					b.StartTimer()
					m.Apply(started(61, c, 5, ids...))
					m.Snapshot()
					b.StopTimer()
					m.Apply(exited(62, c, 5))
					b.StartTimer()
				}
			})
		}
	}
}

// namespacesOf returns those of a container as Docker makes it, the host's cgroup, user and time namespaces among them. Where
// net is shared, it is in the net namespace that all are in.
func namespacesOf(i int, shared bool) []uint64 {
	first := uint64(10 + 5*i)
	ids := []uint64{first, first + 1, first + 2, first + 3, first + 4, 6, 7, 8}
	if shared {
		ids[event.Net] = 9
	}
	return ids
}

// housing returns a host with n live containers and their namespaces.
func housing(n int, shared bool) *Model {
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3, 4, 5, 6, 7, 8))
	survey := &fact.Survey{}
	for i := range n {
		c := event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("service-%d", i), Runtime: "docker"}
		ids := namespacesOf(i, shared)
		m.Apply(created(float64(i)/1000, c))
		m.Apply(started(float64(i)/1000, c, int32(i+1), ids...))
		for t, id := range ids[:5] {
			survey.Namespaces = append(survey.Namespaces, fact.Namespace{Type: event.NamespaceType(t), ID: id, Processes: []int32{int32(i)}})
		}
	}
	m.Apply(fact.Fact{Time: m.now, Namespaces: survey})
	for second := range HistoryLength {
		var readings []fact.Reading
		for i := range n {
			readings = append(readings, fact.Reading{ID: fmt.Sprintf("%064x", i), UsageBytes: new(uint64(1 << 20)), Unlimited: true, Processes: new(2)})
		}
		m.Apply(fact.Fact{Time: at(float64(second)), Memory: readings})
	}
	return m
}

func BenchmarkApply(b *testing.B) {
	m := crowd(1000)
	c := event.Container{ID: fmt.Sprintf("%064x", 1), Name: "service-1"}
	for name, f := range map[string]fact.Fact{
		"kill":   killed(60, &c, 5),
		"joined": happened(60, event.Event{Type: event.NamespaceJoined, Namespace: &event.Namespace{Type: event.Net, ID: 3}}),
		"cgroup": createdAt(60, c, path(c)+"/below"),
		"memory": memory(60, c, 1),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Apply(f)
			}
		})
	}
}

// Many containers are named at once when the engine answers at last.
func BenchmarkName(b *testing.B) {
	for b.Loop() {
		m := New(DefaultLimits())
		for i := range 1000 {
			m.Apply(named(0, event.Container{ID: fmt.Sprint(i), Name: fmt.Sprint("name ", i)}))
			m.Apply(found(0, event.Container{ID: fmt.Sprint(i), Name: fmt.Sprint("name ", i)}, 5))
		}
	}
}
