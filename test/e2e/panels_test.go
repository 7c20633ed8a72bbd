//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/event"
)

// truth holds what happened while Prometheus watched nsviz, from other sources.
type truth struct {
	// kills is the cgroup's own count of OOM kills in panelHog.
	kills float64
	// all counts what `nsviz events` has reported since nsviz serve began to count.
	all tally
	// served is the tally of nsviz serve.
	served map[string]string
	// made and started are when panelSharer was made and started, as its engine says: Unix time in seconds.
	made, started float64
}

// tally counts events. Events that nsviz finds by reading the host from time to time differ between two nsviz and are left out.
type tally struct {
	kills, starts float64
	made          map[event.NamespaceType]float64
}

func (s *stream) tally() tally {
	c := tally{made: map[event.NamespaceType]float64{}}
	for _, e := range s.all(func(*event.Event) bool { return true }) {
		switch {
		case e.Type == event.OOMKill:
			c.kills++
		case e.Type == event.ContainerStarted:
			c.starts++
		case e.Type == event.NamespaceCreated && e.Namespace.Via != event.ViaReconcile:
			c.made[e.Namespace.Type]++
		}
	}
	return c
}

// servedTally returns the same from the metrics.
func servedTally(t *testing.T, m map[string]string) tally {
	t.Helper()
	c := tally{made: map[event.NamespaceType]float64{}}
	for name, text := range m {
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch {
		case name == `nsviz_events_total{type="oom_kill"}`:
			c.kills = value
		case name == `nsviz_events_total{type="container_started"}`:
			c.starts = value
		case strings.HasPrefix(name, "nsviz_namespace_created_total{") && !strings.Contains(name, `via="reconcile"`):
			for _, typ := range event.NamespaceTypes() {
				if strings.Contains(name, fmt.Sprintf("type=%q", typ)) && value > 0 {
					c.made[typ] += value
				}
			}
		}
	}
	return c
}

func (c tally) minus(before tally) tally {
	d := tally{kills: c.kills - before.kills, starts: c.starts - before.starts, made: maps.Clone(c.made)}
	for typ, n := range before.made {
		d.made[typ] -= n
	}
	maps.DeleteFunc(d.made, func(_ event.NamespaceType, n float64) bool { return n == 0 })
	return d
}

func (c tally) equal(o tally) bool {
	return c.kills == o.kills && c.starts == o.starts && maps.Equal(c.made, o.made)
}

// expectation returns what is wrong with a panel's data, or "".
type expectation func(truth, []series) string

// may is for data that need not exist on a host.
func may(truth, []series) string { return "" }

func none(_ truth, list []series) string {
	if len(list) != 0 {
		return "want nothing"
	}
	return ""
}

// value wants a single series whose last value passes check.
func value(check func(truth, float64) bool) expectation {
	return func(happened truth, list []series) string {
		if len(list) != 1 || !check(happened, list[0].last()) {
			return "want one good value"
		}
		return ""
	}
}

// exactly wants a single series with this value.
func exactly(want func(truth) float64) expectation {
	return value(func(happened truth, v float64) bool { return v == want(happened) })
}

func atLeast(n float64) expectation {
	return value(func(_ truth, v float64) bool { return v >= n })
}

// some wants a series for each of the given labels, with its highest value in the range.
func some(least, most float64, labels ...string) expectation {
	return func(_ truth, list []series) string {
		if !slices.ContainsFunc(list, func(s series) bool {
			return s.has(labels...) && s.highest() >= least && s.highest() <= most
		}) {
			return fmt.Sprintf("want some %v between %v and %v", labels, least, most)
		}
		return ""
	}
}

// had wants a series with the given labels that had each of these values at some time.
func had(values []float64, labels ...string) expectation {
	return func(_ truth, list []series) string {
		for _, s := range list {
			if !s.has(labels...) {
				continue
			}
			if !slices.ContainsFunc(values, func(v float64) bool {
				return !slices.ContainsFunc(s.samples, func(at sample) bool { return at.value == v })
			}) {
				return ""
			}
		}
		return fmt.Sprintf("want some %v that had each of %v", labels, values)
	}
}

// about wants a single series whose last value is at most a tenth, or half a unit, off: increase() extrapolates.
func about(want func(truth) float64) expectation {
	return value(func(happened truth, v float64) bool { return math.Abs(v-want(happened)) <= max(0.5, want(happened)/10) })
}

func (s series) has(labels ...string) bool {
	for i := 0; i < len(labels); i += 2 {
		if s.labels[labels[i]] != labels[i+1] {
			return false
		}
	}
	return true
}

func each(all ...expectation) expectation {
	return func(happened truth, list []series) string {
		for _, e := range all {
			if problem := e(happened, list); problem != "" {
				return problem
			}
		}
		return ""
	}
}

// servedSum adds up the samples of nsviz serve with a name.
func servedSum(metric string) func(truth) float64 {
	return func(happened truth) float64 {
		sum := 0.0
		for name, text := range happened.served {
			if n, err := strconv.ParseFloat(text, 64); err == nil && strings.HasPrefix(name, metric+"{") {
				sum += n
			}
		}
		return sum
	}
}
