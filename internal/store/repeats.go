package store

import (
	"reflect"

	"github.com/nsviz/nsviz/internal/fact"
)

// repeat says which readings of a fact, or which namespaces of a survey, are left out where it is packed, since the fact with such ones
// before it has the same: most containers use most of the time what they used, and most namespaces have the processes that they had.
type repeat struct {
	fact                 int   // its index
	readings, namespaces []run // nil is that none is left out
}

// run is a part of a list: n elements that the list before has from an index on, or, if that is kept, n that are not left out.
type run struct{ from, n int32 }

// kept is the place of elements that are not left out.
const kept = -1

// sizeOfRepeats returns how many bytes they take, roughly.
func sizeOfRepeats(list []repeat) int {
	const each, perRun = 56, 8
	size := 0
	for _, r := range list {
		size += each + perRun*(len(r.readings)+len(r.namespaces))
	}
	return size
}

// leaveOut returns facts without what repeats others, and what that is.
func leaveOut(facts []fact.Fact) (short []fact.Fact, repeats []repeat) {
	short = make([]fact.Fact, len(facts))
	var readings []fact.Reading
	var namespaces []fact.Namespace
	for i, f := range facts {
		short[i] = f
		r := repeat{fact: i}
		if f.Memory != nil {
			short[i].Memory, r.readings = without(readings, f.Memory, sameReading)
			readings = f.Memory
		}
		if s := f.Namespaces; s != nil && s.Namespaces != nil {
			rest := *s
			rest.Namespaces, r.namespaces = without(namespaces, s.Namespaces, (*fact.Namespace).Equal)
			short[i].Namespaces = &rest
			namespaces = s.Namespaces
		}
		if r.readings != nil || r.namespaces != nil {
			repeats = append(repeats, r)
		}
	}
	return short, repeats
}

// putBack adds to facts, in place, what leaveOut has left out.
func putBack(facts []fact.Fact, repeats []repeat) {
	var readings []fact.Reading
	var namespaces []fact.Namespace
	for i := range facts {
		f := &facts[i]
		var r repeat
		if len(repeats) > 0 && repeats[0].fact == i {
			r, repeats = repeats[0], repeats[1:]
		}
		if r.readings != nil {
			f.Memory = with(readings, f.Memory, r.readings)
		}
		if r.namespaces != nil {
			f.Namespaces.Namespaces = with(namespaces, f.Namespaces.Namespaces, r.namespaces)
		}
		if f.Memory != nil {
			readings = f.Memory
		}
		if f.Namespaces != nil && f.Namespaces.Namespaces != nil {
			namespaces = f.Namespaces.Namespaces
		}
	}
}

// lookAhead is how many elements that are gone from a list may lie before one that is still there, for that to be left out.
const lookAhead = 64

// without returns a list without the elements that the list before has in the same order, and where these are; nil is that none is left
// out.
func without[T any](before, list []T, same func(a, b *T) bool) (rest []T, runs []run) {
	rest = make([]T, 0, len(list))
	next := 0 // index in before
	for i := range list {
		at := kept
		for j := next; j < min(next+lookAhead, len(before)); j++ {
			if same(&before[j], &list[i]) {
				at, next = j, j+1
				break
			}
		}
		if at == kept {
			rest = append(rest, list[i])
		}
		if last := len(runs) - 1; last >= 0 && (at == kept && runs[last].from == kept || at != kept && runs[last].from != kept && int(runs[last].from+runs[last].n) == at) {
			runs[last].n++
			continue
		}
		runs = append(runs, run{int32(at), 1})
	}
	if len(rest) == len(list) {
		return list, nil
	}
	return rest, runs
}

// with is the inverse of without.
func with[T any](before, rest []T, runs []run) []T {
	var list []T
	for _, r := range runs {
		if r.from == kept {
			list, rest = append(list, rest[:r.n]...), rest[r.n:]
			continue
		}
		list = append(list, before[r.from:r.from+r.n]...)
	}
	return list
}

// sameReading reports whether two readings are equal.
func sameReading(a, b *fact.Reading) bool {
	if a.ID != b.ID || !samePointed(a.UsageBytes, b.UsageBytes) || !samePointed(a.OOMKills, b.OOMKills) || !samePointed(a.LimitBytes, b.LimitBytes) ||
		!samePointed(a.WorkingSetBytes, b.WorkingSetBytes) || !samePointed(a.Processes, b.Processes) ||
		!samePointed(a.PIDsRefused, b.PIDsRefused) || !samePointed(a.StuckAt, b.StuckAt) {
		return false
	}
	x, y := *a, *b
	for _, r := range []*fact.Reading{&x, &y} {
		r.UsageBytes, r.OOMKills, r.LimitBytes, r.WorkingSetBytes, r.Processes, r.PIDsRefused, r.StuckAt = nil, nil, nil, nil, nil, nil, nil
	}
	return x == y || reflect.DeepEqual(x, y) // which is slow, and most readings have nothing else
}

func samePointed[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
