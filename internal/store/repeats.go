package store

import (
	"reflect"

	"github.com/nsviz/nsviz/internal/fact"
)

// repeat says which readings of a fact are left out where it is packed, since the fact with readings before it has the same: most
// containers use most of the time what they used.
type repeat struct {
	fact int // its index
	left []bool
}

// sizeOfRepeats returns how many bytes they take, roughly.
func sizeOfRepeats(list []repeat) int {
	const each = 32
	size := 0
	for _, r := range list {
		size += each + len(r.left)
	}
	return size
}

// leaveOut returns facts without the readings that repeat others, and which these are.
func leaveOut(facts []fact.Fact) (short []fact.Fact, repeats []repeat) {
	short = make([]fact.Fact, len(facts))
	var before []fact.Reading
	for i, f := range facts {
		short[i] = f
		if f.Memory == nil {
			continue
		}
		if len(before) == len(f.Memory) {
			r := repeat{i, make([]bool, len(f.Memory))}
			kept := make([]fact.Reading, 0, len(f.Memory))
			for j := range f.Memory {
				if r.left[j] = sameReading(before[j], f.Memory[j]); !r.left[j] {
					kept = append(kept, f.Memory[j])
				}
			}
			if len(kept) < len(f.Memory) {
				short[i].Memory, repeats = kept, append(repeats, r)
			}
		}
		before = f.Memory
	}
	return short, repeats
}

// putBack adds to facts, in place, the readings that leaveOut has left out.
func putBack(facts []fact.Fact, repeats []repeat) {
	var before []fact.Reading
	for i := range facts {
		f := &facts[i]
		if len(repeats) > 0 && repeats[0].fact == i {
			all := make([]fact.Reading, len(repeats[0].left))
			for j, left := range repeats[0].left {
				if left {
					all[j] = before[j]
				} else {
					all[j], f.Memory = f.Memory[0], f.Memory[1:]
				}
			}
			f.Memory, repeats = all, repeats[1:]
		}
		if f.Memory != nil {
			before = f.Memory
		}
	}
}

// sameReading reports whether two readings are equal.
func sameReading(a, b fact.Reading) bool {
	if !samePointed(a.UsageBytes, b.UsageBytes) || !samePointed(a.OOMKills, b.OOMKills) || !samePointed(a.LimitBytes, b.LimitBytes) ||
		!samePointed(a.WorkingSetBytes, b.WorkingSetBytes) || !samePointed(a.Processes, b.Processes) ||
		!samePointed(a.PIDsRefused, b.PIDsRefused) || !samePointed(a.StuckAt, b.StuckAt) {
		return false
	}
	for _, r := range []*fact.Reading{&a, &b} {
		r.UsageBytes, r.OOMKills, r.LimitBytes, r.WorkingSetBytes, r.Processes, r.PIDsRefused, r.StuckAt = nil, nil, nil, nil, nil, nil, nil
	}
	return a == b || reflect.DeepEqual(a, b) // which is slow, and most readings have nothing else
}

func samePointed[T comparable](a, b *T) bool { return a == b || a != nil && b != nil && *a == *b }
