package model

import "github.com/nsviz/nsviz/internal/fact"

// SpentKind is one kind of what a container takes and the kernel counts.
type SpentKind uint8

// The kinds; times are in microseconds. Waiting is the time in which some task waited for a resource, stalled the time in which all did.
const (
	SpentCPU SpentKind = iota
	SpentThrottled
	SpentPeriods
	SpentThrottledPeriods
	SpentWaitingCPU
	SpentWaitingMemory
	SpentWaitingIO
	SpentStalledCPU
	SpentStalledMemory
	SpentStalledIO

	SpentKinds // how many there are
)

// Spent holds what was taken while nsviz watched. It is immutable once a snapshot has it.
type Spent struct {
	values [SpentKinds]uint64
	known  [SpentKinds]bool
}

// Of returns the count of a kind. It returns false if that is unknown; s may be nil, of which nothing is known.
func (s *Spent) Of(k SpentKind) (n uint64, known bool) {
	if s == nil {
		return 0, false
	}
	return s.values[k], s.known[k]
}

// Plus returns the sum of both; what only one of them knows is that one's. Either may be nil.
func (s *Spent) Plus(other *Spent) *Spent {
	switch {
	case s == nil:
		return other
	case other == nil:
		return s
	}
	sum := *s
	sum.add(other)
	return &sum
}

// Equal reports whether two have the same counts; either may be nil.
func (s *Spent) Equal(other *Spent) bool {
	if s == nil || other == nil {
		return s == other
	}
	return *s == *other
}

func (s *Spent) add(other *Spent) {
	for k := range other.values {
		s.values[k] += other.values[k]
		s.known[k] = s.known[k] || other.known[k]
	}
}

// SpentOf returns counts, for tests and benchmarks; a kind that is not listed is unknown.
func SpentOf(values map[SpentKind]uint64) *Spent {
	s := &Spent{}
	for k, n := range values {
		s.values[k], s.known[k] = n, true
	}
	return s
}

// spending counts what a container takes, over all of its runs.
type spending struct {
	ever Spent
	// read holds the kernel's own counts as last read in the present run; valid where begun is set.
	read  [SpentKinds]uint64
	begun [SpentKinds]bool
	// shown is what snapshots share: replaced, never changed. nil is none, or that ever has changed.
	shown *Spent
}

// take takes a reading. The kernel's counts begin with the cgroup: what it has counted by the first reading happened while nsviz watched
// only if nsviz saw the creation of the cgroup. A count that fell is of another cgroup, and only its later increases count.
func (s *spending) take(use *fact.Use, createdSeen bool) {
	if use == nil {
		return
	}
	for k, n := range [SpentKinds]*uint64{
		SpentCPU: use.CPUMicros, SpentThrottled: use.ThrottledMicros, SpentPeriods: use.Periods, SpentThrottledPeriods: use.ThrottledPeriods,
		SpentWaitingCPU: use.CPUWait.SomeMicros, SpentWaitingMemory: use.MemoryWait.SomeMicros, SpentWaitingIO: use.IOWait.SomeMicros,
		SpentStalledCPU: use.CPUWait.FullMicros, SpentStalledMemory: use.MemoryWait.FullMicros, SpentStalledIO: use.IOWait.FullMicros,
	} {
		if n == nil {
			continue
		}
		before := *n
		switch {
		case s.begun[k]:
			before = min(s.read[k], *n)
		case createdSeen:
			before = 0
		}
		if *n > before || !s.ever.known[k] {
			s.shown = nil
		}
		s.ever.values[k] += *n - before
		s.ever.known[k] = true
		s.read[k], s.begun[k] = *n, true
	}
}

// restart begins a run in a new cgroup, whose counts begin at 0.
func (s *spending) restart() { s.read, s.begun = [SpentKinds]uint64{}, [SpentKinds]bool{} }

// add adds the counts of a container that gives up the same label.
func (s *spending) add(gone *spending) {
	s.ever.add(&gone.ever)
	s.shown = nil
}

// forget gives up the counts, which another container has taken over.
func (s *spending) forget() { s.ever, s.shown = Spent{}, nil }

// presented returns the counts for snapshots; nil is unknown.
func (s *spending) presented() *Spent {
	if s.shown == nil && s.ever != (Spent{}) {
		s.shown = new(s.ever)
	}
	return s.shown
}
