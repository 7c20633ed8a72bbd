package model

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// differ returns what two snapshots have different; "" is nothing.
func differ(a, b *Snapshot) string {
	return difference(a, b, cmpopts.EquateEmpty())
}

// difference returns what cmp.Diff returns. That takes a hundred times as long as it takes to find that nothing differs.
func difference[T any](a, b T, options ...cmp.Option) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b, options...)
}

// A copy goes on as a model does that was given the same facts, and nothing that happens to one shows in the other.
func TestCopyGoesOnAlone(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		facts := (&story{Rand: rand.New(rand.NewPCG(seed, 2))}).facts(400)
		limits := []Limits{smallLimits, DefaultLimits()}[seed%2]
		original, cut := New(limits), 100+int(seed)*5
		for i, f := range facts[:cut] {
			original.Apply(f)
			if i%3 == 0 {
				original.Snapshot() // which shares what the model has
			}
		}
		kept := original.Copy()
		if kept.CopySize() <= 0 {
			t.Error("a copy takes nothing")
		}
		for i, f := range facts[cut:] {
			original.Apply(f)
			if i%3 == 0 {
				original.Snapshot()
			}
		}
		if problem := differ(modelOf(limits, facts[:cut]...).Full(), kept.Copy().Full()); problem != "" {
			t.Fatalf("seed %d: the copy is not as it was (-want +got):\n%s", seed, problem)
		}
		// A copy that goes another way.
		astray := kept.Copy()
		for _, f := range (&story{Rand: rand.New(rand.NewPCG(seed, 3)), now: 1000}).facts(200) {
			astray.Apply(f)
			astray.Full()
		}
		again := kept.Copy()
		for _, f := range facts[cut:] {
			again.Apply(f)
		}
		want := modelOf(limits, facts...).Full()
		if problem := differ(want, again.Full()); problem != "" {
			t.Fatalf("seed %d: the copy goes on differently (-want +got):\n%s", seed, problem)
		}
		if problem := differ(want, original.Full()); problem != "" {
			t.Fatalf("seed %d: the original goes on differently (-want +got):\n%s", seed, problem)
		}
	}
}

// Under the race detector this shows whether copying changes what is copied.
func TestCopiesAreMadeAtTheSameTime(t *testing.T) {
	t.Parallel()
	facts := (&story{Rand: rand.New(rand.NewPCG(1, 4))}).facts(300)
	original := modelOf(DefaultLimits(), facts...)
	kept := original.Copy()
	want := kept.Copy().Full()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			again := kept.Copy()
			if problem := differ(want, again.Full()); problem != "" {
				t.Error(problem)
			}
			again.Apply(passed(5000))
		})
	}
	original.Apply(passed(5000))
	original.Full()
	readers.Wait()
}

// Who adds a map or a slice to the model says here what a copy does with it.
func TestCopyKnowsEveryMapAndSlice(t *testing.T) {
	known := map[string]string{
		"Model":     "probes engines containers live ended unstarted madeOrder labels namespaces within cgroups removedAtPath listed vms events kills decisions engineRestarts",
		"container": "labels formerNames phases madeFor within former entrants",
		"cgroup":    "", "namespace": "processes pinnedBy", "roster": "list", "timeline": "entries spans",
		"joins": "namespaces", "waiting": "facts order arrived", "lastMinute": "past", "room": "points", "limits": "",
		"counters": "events namespacesCreated namespacesJoined hostKills unknownKills lost bpfErrors savings", "tally": "kills exits",
	}
	for _, v := range []any{Model{}, container{}, cgroup{}, namespace{}, roster{}, timeline{}, joins{}, waiting{}, lastMinute{}, room{}, limits{}, counters{}, tally{}} {
		typ, fields := reflect.TypeOf(v), []string{}
		for i := range typ.NumField() {
			switch f := typ.Field(i); f.Type.Kind() {
			case reflect.Map, reflect.Slice:
				fields = append(fields, f.Name)
			}
		}
		if got := strings.Join(fields, " "); got != known[typ.Name()] {
			t.Errorf("%s has %q, and Copy was made for %q: see whether it must copy more", typ.Name(), got, known[typ.Name()])
		}
	}
}

func BenchmarkCopy(b *testing.B) {
	for _, n := range []int{50, 1000} {
		m := crowd(n)
		b.Run(fmt.Sprintf("containers=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Copy()
			}
			b.ReportMetric(float64(m.CopySize()), "estimated-B/op")
		})
	}
}
