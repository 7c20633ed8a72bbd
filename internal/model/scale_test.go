package model

import (
	"fmt"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// many are histories of n containers, as a recording of a large host has them.
func many() map[string]func(n int) []fact.Fact {
	container := func(i int) event.Container {
		return event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprintf("service-%d", i), Runtime: "docker"}
	}
	start := func(i int, c event.Container, ids ...uint64) []fact.Fact {
		second := float64(i) / 100
		return []fact.Fact{created(second, c), started(second, c, int32(i+2), ids...)}
	}
	return map[string]func(n int) []fact.Fact{
		"live": func(n int) (facts []fact.Fact) {
			for i := range n {
				facts = append(facts, start(i, container(i), namespacesOf(i, false)...)...)
			}
			return facts
		},
		// One after the other, as `docker run --rm --name job` makes them.
		"same name": func(n int) (facts []fact.Fact) {
			for i := range n {
				c := container(i)
				c.Name = "job"
				facts = append(facts, start(i, c)...)
				facts = append(facts, exited(float64(i)/100, c, int32(i+2)), removed(float64(i)/100, c))
			}
			return facts
		},
		// Each ends while all others are there, in one net namespace.
		"one pod": func(n int) (facts []fact.Fact) {
			for i := range n {
				facts = append(facts, start(i, container(i), namespacesOf(i, true)...)...)
			}
			for i := range n {
				facts = append(facts, exited(float64(n)/100, container(n-1-i), int32(n-1-i+2)))
			}
			return facts
		},
		// The cgroup is removed before the kill is reported.
		"killed": func(n int) (facts []fact.Fact) {
			for i := range n {
				c := container(i)
				facts = append(facts, start(i, c)...)
				kill := decided(killed(float64(i)/100, &c, int32(i+2)), uint64(i+1))
				facts = append(facts, exited(float64(i)/100, c, int32(i+2)), removed(float64(i)/100, c), kill)
			}
			return facts
		},
		// It is restarted again and again while many have ended.
		"restarted": func(n int) (facts []fact.Fact) {
			for i := range n {
				c := container(i)
				facts = append(facts, start(i, c)...)
				facts = append(facts, exited(float64(i)/100, c, int32(i+2)), removed(float64(i)/100, c))
				loop := container(0)
				facts = append(facts, start(i, loop)...)
				facts = append(facts, exited(float64(i)/100, loop, int32(i+2)), removed(float64(i)/100, loop))
			}
			return facts
		},
	}
}

// BenchmarkHistoryOfMany applies a recording about many containers to a model. The time for each should not depend on how many
// there are.
func BenchmarkHistoryOfMany(b *testing.B) {
	for name, history := range many() {
		for _, n := range []int{2500, 5000, 10_000, 20_000} {
			facts := history(n)
			b.Run(fmt.Sprintf("%s/containers=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					m := New(RecordingLimits())
					for _, f := range facts {
						m.Apply(f)
					}
					m.Full()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/container")
			})
		}
	}
}
