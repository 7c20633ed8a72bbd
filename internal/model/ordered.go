package model

import "slices"

// ordered is a set that stays sorted from one listing to the next, so that only what was added since has to be sorted.
type ordered[T any] struct {
	compare func(a, b T) int
	gone    func(T) bool // reports whether a value was removed
	sorted  []T          // as of the latest listing
	added   []T          // since then
}

func (o *ordered[T]) add(v T) {
	// Listings drop removed values; without listings they must not pile up.
	if room := cap(o.added); room > 0 && len(o.added) == room {
		if o.added = slices.DeleteFunc(o.added, o.gone); len(o.added) > room/2 {
			o.added = slices.Grow(o.added, room)
		}
	}
	o.added = append(o.added, v)
}

// list returns the values in order, without removed ones. It is valid until the next call.
func (o *ordered[T]) list() []T {
	o.sorted = slices.DeleteFunc(o.sorted, o.gone)
	added := slices.DeleteFunc(o.added, o.gone)
	slices.SortFunc(added, o.compare)
	// Merging from the back moves each value once.
	i := len(o.sorted) - 1
	o.sorted = append(o.sorted, added...)
	for j, at := len(added)-1, len(o.sorted)-1; j >= 0; at-- {
		if i >= 0 && o.compare(o.sorted[i], added[j]) > 0 {
			o.sorted[at] = o.sorted[i]
			i--
		} else {
			o.sorted[at] = added[j]
			j--
		}
	}
	clear(o.added)
	o.added = o.added[:0]
	return o.sorted
}
