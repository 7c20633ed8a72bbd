package isolation

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
)

// there is what a snapshot knows to be there, without names: of those a model that has forgotten less may know more.
func there(m *Model) (list []string) {
	s := m.Whole()
	for i := range s.Containers {
		if c := &s.Containers[i]; c.Live() {
			line := fmt.Sprintf("%s %s, PID 1 is %d, in %s:", c.ID[:1], c.State, c.InitPID, c.CgroupPath)
			for _, is := range c.Namespaces {
				line += fmt.Sprintf(" %d", is.ID)
			}
			list = append(list, line)
		}
	}
	slices.Sort(list)
	for i := range s.Cgroups {
		if g := &s.Cgroups[i]; g.Removed.IsZero() {
			limits, _ := json.Marshal(g.Limits)
			list = append(list, fmt.Sprintf("%s %s", g.Path, limits))
		}
	}
	return list
}

// A model that has missed some facts knows after a resync what is there, and what is not any more.
func TestResync(t *testing.T) {
	limits := smallLimits
	limits.Cgroups = 100
	for seed := range uint64(60) {
		random := &story{Rand: rand.New(rand.NewPCG(seed, 6))}
		facts := random.facts(300)
		full, lossy := New(limits), New(limits)
		from := random.IntN(250)
		to := from + random.IntN(50)
		for i, f := range facts {
			full.Apply(f)
			if i < from || i >= to {
				lossy.Apply(f)
			}
			if i != to {
				continue
			}
			data, err := json.Marshal(full.Whole().Resync())
			if err != nil {
				t.Fatal(err)
			}
			var resync []Fact
			if err := json.Unmarshal(data, &resync); err != nil {
				t.Fatal(err)
			}
			for _, f := range resync {
				lossy.Apply(f)
			}
			if diff := cmp.Diff(there(full), there(lossy)); diff != "" {
				t.Fatalf("seed %d, without facts %d to %d (-all +some):\n%s", seed, from, to, diff)
			}
			for id := range lossy.namespaces {
				if full.namespaces[id] == nil {
					t.Fatalf("seed %d, without facts %d to %d: namespace %d is still there", seed, from, to, id)
				}
			}
		}
	}
}

// What was missed shows as such, and what it has ended has not vanished.
func TestResyncInTheHistories(t *testing.T) {
	a, b, c := who("a", "stays"), who("b", "ends"), who("c", "comes")
	full := modelOf(DefaultLimits(), started(1, a, 50), started(1, b, 51), started(3, c, 52), exited(3, b, 51))
	lossy := modelOf(DefaultLimits(), started(1, a, 50), started(1, b, 51), happened(4, event.Event{
		Type: event.EventsLost, Lost: &event.Lost{Count: 2, Reason: event.LostRecording},
	}))
	for _, f := range full.Whole().Resync() {
		f.Time = at(4)
		lossy.Apply(f)
	}
	s := lossy.Snapshot()
	for letter, want := range map[string][]string{"a": {"container_started"}, "b": {"container_started", "gone"}, "c": {"found"}} {
		if diff := cmp.Diff(want, kinds(s.container(t, letter).History)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", letter, diff)
		}
	}
	if s.LostCount() != 2 {
		t.Errorf("%d lost", s.LostCount())
	}
	lossy.Apply(exited(5, b, 51)) // was only late
	if got := lossy.Snapshot().container(t, "b"); got.Exit == nil {
		t.Error("the end that came late is not taken in")
	}
}

// The size of a fact grows with what is in it.
func TestFactSize(t *testing.T) {
	small, large := Fact{}, survey(0, make([]Surveyed, 1000)...)
	if small.Size() <= 0 || large.Size() < small.Size()+1000*50 {
		t.Errorf("%d, %d", small.Size(), large.Size())
	}
}
