//go:build root

package probes

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nsviz/nsviz/internal/event"
)

// agree checks that all ways have reported the same since a cgroup was made.
func (w *watch) agree(begin cgroup) {
	w.t.Helper()
	end := w.mark()
	first := inWords(between(w.t, w.streams[0], begin, end))
	for _, s := range w.streams[1:] {
		if diff := cmp.Diff(first, inWords(between(w.t, s, begin, end))); diff != "" {
			w.t.Errorf("by pid, from %s on and from %s on (-first +second):\n%s", w.streams[0].way, s.way, diff)
		}
	}
}

// between returns the events from the creation of one cgroup to that of another.
func between(t *testing.T, s *stream, begin, end cgroup) []event.Event {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	made := func(c cgroup) int {
		return slices.IndexFunc(s.events, func(e event.Event) bool { return e.Type == event.CgroupCreated && e.Cgroup.ID == c.id })
	}
	from, to := made(begin), made(end)
	if from < 0 || to < from {
		t.Fatalf("from %s on: the marks are at %d and %d of %d events", s.way, from, to, len(s.events))
	}
	return slices.Clone(s.events[from : to+1])
}

// inWords puts events into words by acting process, without what must differ between two ways to hook: the
// nanosecond, and whether ends of namespaces are reported. Decisions are numbered anew; values that are measured at
// different times of one kill are left out, since others free memory in between.
func inWords(events []event.Event) map[int32][]string {
	words := map[int32][]string{}
	decisions := map[uint64]uint64{}
	for _, e := range events {
		if e.Type == event.NamespaceFreed {
			continue
		}
		at := e.Time
		e.Time = time.Time{}
		if e.Namespace != nil && e.Namespace.TookMS != nil {
			namespace := *e.Namespace
			namespace.TookMS = new(0.0)
			e.Namespace = &namespace
		}
		if e.Start != nil {
			start := *e.Start
			start.DurationMS = nil
			start.Phases = slices.Clone(start.Phases)
			for i := range start.Phases {
				start.Phases[i].AtMS = 0
				if start.Phases[i].TookMS != nil {
					start.Phases[i].TookMS = new(0.0)
				}
			}
			e.Start = &start
		}
		if e.Exit != nil && e.Exit.EarlierSignal != nil {
			exit, earlier := *e.Exit, *e.Exit.EarlierSignal
			earlier.Time = time.Time{}
			exit.EarlierSignal = &earlier
			e.Exit = &exit
		}
		if e.OOM != nil {
			oom := *e.OOM
			if _, known := decisions[oom.Decision]; !known {
				decisions[oom.Decision] = uint64(len(decisions) + 1)
			}
			oom.Decision, oom.UsageBytes = decisions[oom.Decision], nil
			e.OOM = &oom
		}
		text, err := json.Marshal(e)
		if err != nil {
			text = fmt.Appendf(nil, "%v at %v", err, at)
		}
		words[e.PID] = append(words[e.PID], strings.Join([]string{string(text), fmt.Sprint("in cgroup ", e.CgroupID)}, " "))
	}
	return words
}
