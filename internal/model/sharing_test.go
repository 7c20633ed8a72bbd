package model

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// matrix writes who shares what: a row per container with a cell per type that is known, own, host, ? or
// the number of the group, and with whom.
func matrix(s *Snapshot) []string {
	var rows []string
	for i := range s.Containers {
		c := &s.Containers[i]
		row := c.Label + ":"
		for t, m := range c.Namespaces {
			if m.ID == 0 {
				continue
			}
			cell := string(m.Relation)
			switch m.Relation {
			case RelationUnknown:
				cell = "?"
			case RelationShared:
				cell = fmt.Sprint(m.Group)
			}
			row += fmt.Sprintf(" %s=%s", event.NamespaceType(t), cell)
			if m.SharedWith.Count() > 0 {
				row += "(" + strings.Join(m.SharedWith.Labels(), ",") + ")"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func TestSharing(t *testing.T) {
	a, b, c, d := who("a", "a"), who("b", "b"), who("c", "c"), who("d", "d")
	// mnt, pid, net
	host := hostIs(1, 2, 3)
	tests := []struct {
		name  string
		facts []fact.Fact
		want  []string
	}{
		{"alone", []fact.Fact{host, started(1, a, 5, 10, 11, 12)}, []string{"a: mnt=own pid=own net=own"}},
		{"not started", []fact.Fact{host, created(1, a)}, []string{"a:"}},
		{"in the host's", []fact.Fact{host, started(1, a, 5, 10, 2, 3)}, []string{"a: mnt=own pid=host net=host"}},
		{
			"in the host's with others", []fact.Fact{host, started(1, a, 5, 10, 2, 3), started(2, b, 6, 20, 21, 3), started(3, c, 6, 30, 31, 3)},
			[]string{"a: mnt=own pid=host net=host(b,c)", "b: mnt=own pid=own net=host(a,c)", "c: mnt=own pid=own net=host(a,b)"},
		},
		{
			"with each other", []fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 21, 12)},
			[]string{"a: mnt=own pid=own net=1(b)", "b: mnt=own pid=own net=1(a)"},
		},
		{
			"the same ones have one number", []fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 11, 12)},
			[]string{"a: mnt=own pid=1(b) net=1(b)", "b: mnt=own pid=1(a) net=1(a)"},
		},
		{
			"others have another",
			[]fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 11, 12), started(3, c, 7, 30, 11, 32)},
			[]string{"a: mnt=own pid=1(b,c) net=2(b)", "b: mnt=own pid=1(a,c) net=2(a)", "c: mnt=own pid=1(a,b) net=own"},
		},
		{
			"the same ones in the host's and in one of theirs",
			[]fact.Fact{host, started(1, a, 5, 10, 2, 12), started(2, b, 6, 20, 2, 12)},
			[]string{"a: mnt=own pid=host(b) net=1(b)", "b: mnt=own pid=host(a) net=1(a)"},
		},
		{
			"numbers in the order of the list",
			[]fact.Fact{host, started(4, d, 8, 40, 41, 22), started(1, a, 5, 10, 11, 12), started(3, b, 6, 20, 21, 12), started(2, c, 7, 30, 31, 22)},
			[]string{"a: mnt=own pid=own net=1(b)", "c: mnt=own pid=own net=2(d)", "b: mnt=own pid=own net=1(a)", "d: mnt=own pid=own net=2(c)"},
		},
		{
			"the host's are not known", []fact.Fact{started(1, a, 5, 10, 11, 3), started(2, b, 6, 20, 21, 3)},
			[]string{"a: mnt=? pid=? net=?(b)", "b: mnt=? pid=? net=?(a)"},
		},
		{
			"one of the host's is not known, which takes no number", []fact.Fact{hostIs(1, 0, 3), started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 11, 12), started(3, c, 7, 30, 11, 32)},
			[]string{"a: mnt=own pid=?(b,c) net=1(b)", "b: mnt=own pid=?(a,c) net=1(a)", "c: mnt=own pid=?(a,b) net=own"},
		},
		{
			"the host's become known", []fact.Fact{started(1, a, 5, 10, 11, 3), host},
			[]string{"a: mnt=own pid=own net=host"},
		},
		{
			"one has ended: what it shared it shared",
			[]fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 21, 12), exited(3, b, 6)},
			[]string{"a: mnt=own pid=own net=own", "b: mnt=own pid=own net=1(a)"},
		},
		{
			"one of three has ended",
			[]fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 21, 12), started(3, c, 7, 30, 31, 12), exited(4, b, 6)},
			[]string{"a: mnt=own pid=own net=1(c)", "c: mnt=own pid=own net=1(a)", "b: mnt=own pid=own net=1(a,c)"},
		},
		{
			"one has ended and its numbers are another's now",
			[]fact.Fact{host, started(1, a, 5, 10, 11, 12), exited(2, a, 5), started(3, b, 6, 10, 11, 12)},
			[]string{"b: mnt=own pid=own net=own", "a: mnt=own pid=own net=own"},
		},
		{
			"one has ended in the host's",
			[]fact.Fact{host, started(1, a, 5, 10, 2, 3), exited(2, a, 5), started(3, b, 6, 20, 21, 3)},
			[]string{"b: mnt=own pid=own net=host", "a: mnt=own pid=host net=host(b)"},
		},
		{
			"one has ended, the host's are not known",
			[]fact.Fact{started(1, a, 5, 10), started(1, b, 6, 10), exited(2, a, 5)}, []string{"b: mnt=?", "a: mnt=?"},
		},
		{
			"names show as soon as they are known",
			[]fact.Fact{host, started(1, who("a", ""), 5, 10, 11, 12), started(2, b, 6, 20, 21, 12), named(3, a)},
			[]string{"a: mnt=own pid=own net=1(b)", "b: mnt=own pid=own net=1(a)"},
		},
		{
			"another start, other namespaces",
			[]fact.Fact{host, started(1, a, 5, 10, 11, 12), started(2, b, 6, 20, 21, 12), created(3, b), started(4, b, 7, 20, 21, 22)},
			[]string{"a: mnt=own pid=own net=own", "b: mnt=own pid=own net=own"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, matrix(snapshotOf(test.facts...))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			// What is kept from one snapshot to the next makes no difference.
			m := New(DefaultLimits())
			var s *Snapshot
			for _, f := range test.facts {
				m.Apply(f)
				s = m.Snapshot()
			}
			if diff := cmp.Diff(test.want, matrix(s)); diff != "" {
				t.Errorf("with a snapshot after each fact (-want +got):\n%s", diff)
			}
		})
	}
}

// New containers do not change the numbers of those that were there.
func TestGroupNumbersKeepTheirMeaning(t *testing.T) {
	m := modelOf(DefaultLimits(), hostIs(1, 2, 3))
	for i, letter := range strings.Split("a b c d e f", " ") {
		pair := uint64(100 + i/2) // two by two
		m.Apply(started(float64(i), who(letter, letter), int32(5+i), 10, 11, pair))
	}
	groups := func() map[string]int {
		numbers := map[string]int{}
		s := m.Snapshot()
		for i := range s.Containers {
			numbers[s.Containers[i].Label] = s.Containers[i].Namespaces[event.Net].Group
		}
		return numbers
	}
	before := groups()
	m.Apply(started(9, who("9", "g"), 20, 10, 11, 103))
	m.Apply(started(9, who("8", "h"), 21, 10, 11, 103))
	after := groups()
	for label, number := range before {
		if after[label] != number {
			t.Errorf("%s had %d and has %d", label, number, after[label])
		}
	}
	if after["g"] == 0 || after["g"] != after["h"] {
		t.Errorf("the new ones have %d and %d", after["g"], after["h"])
	}
}

// One may be named as the other's id begins. Equal labels hide neither.
func TestSharingWithEqualLabels(t *testing.T) {
	named, unnamed := event.Container{ID: "y", Name: "x"}, event.Container{ID: "x"}
	s := snapshotOf(hostIs(1), started(1, named, 5, 10), started(2, unnamed, 6, 10))
	if diff := cmp.Diff([]string{"x: mnt=1(x)", "x: mnt=1(x)"}, matrix(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A thousand containers in one namespace are a thousand references to one list: a snapshot grows with the containers,
// not with their pairs.
func TestSnapshotGrowsWithTheContainers(t *testing.T) {
	cost := func(n int) (bytes uint64) {
		m := housing(n, true)
		c := who("f", "new")
		m.Apply(created(60, c))
		m.Snapshot()
		m.Apply(started(61, c, 5, namespacesOf(n, true)...))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := m.Snapshot()
		runtime.ReadMemStats(&after)
		if got := s.container(t, "f").Namespaces[event.Net].SharedWith.Count(); got != n {
			t.Errorf("%d others of %d", got, n)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := cost(500), cost(2000)
	if large > 5*small || large > 6<<20 {
		t.Errorf("500 containers take %d bytes, 2000 take %d", small, large)
	}
}

// Snapshots share what a container's memory was: they do not copy it.
func TestSnapshotsShareTheMinute(t *testing.T) {
	a := who("a", "web")
	m := modelOf(DefaultLimits(), started(1, a, 50))
	for second := range 30 {
		m.Apply(memory(float64(2+second), a, uint64(second)))
	}
	first := m.Snapshot().container(t, "a").Memory.History
	m.Apply(passed(32))
	second := m.Snapshot().container(t, "a").Memory.History
	if &first.past[0] != &second.past[0] {
		t.Error("copied")
	}
	before := first.Points()
	m.Apply(memory(3, a, 1<<20)) // late
	m.Apply(killed(33, &a, 51))
	if diff := cmp.Diff(before, first.Points()); diff != "" {
		t.Errorf("a snapshot has changed (-then +now):\n%s", diff)
	}
	if got := m.Snapshot().container(t, "a").Memory.History.Points()[HistoryLength-1-30]; got.MaxBytes != 1<<20 {
		t.Errorf("what came late is not there: %+v", got)
	}
}
