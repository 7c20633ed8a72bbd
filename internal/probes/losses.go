package probes

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// losses are the places where an error means that an event is missing, with the reason to report.
func losses() map[gen.NsvizErrorPlace]string {
	return map[gen.NsvizErrorPlace]string{
		gen.NsvizErrorPlaceERROR_RING_EVENTS:    event.LostRing,
		gen.NsvizErrorPlaceERROR_RING_LIFECYCLE: event.LostLifecycle,
		gen.NsvizErrorPlaceERROR_RING_URGENT:    event.LostUrgent,
		gen.NsvizErrorPlaceERROR_MAP_CALLS:      event.LostCall,
	}
}

func (r *reader) lost(now, count uint64, reason string) event.Event {
	return event.Event{
		Time: r.decoder.wall(now), BootNS: now, Type: event.EventsLost, Lost: &event.Lost{Count: count, Reason: reason},
	}
}

// countErrors reads the error counters and adds the events that were lost since the last time to b.
func (r *reader) countErrors(now uint64, b *Batch) error {
	r.noticed = r.shared.notices() // later counts and calls are looked at again
	if err := r.removeStaleCalls(now); err != nil {
		return fmt.Errorf("remove calls that have ended: %w", err)
	}
	changed := len(r.counted) == 0 // at first, so that all places are reported, with 0
	for place := range gen.NsvizErrorPlaceERROR_PLACES {
		var perCPU []uint64
		if err := r.maps.errors.Lookup(uint32(place), &perCPU); err != nil {
			return fmt.Errorf("read the counters of errors: %w", err)
		}
		var sum uint64
		for _, n := range perCPU {
			sum += n
		}
		if place == gen.NsvizErrorPlaceERROR_MAP_CALLS {
			sum += r.missedCalls
		}
		more := sum - r.counted[place]
		r.counted[place] = sum
		if more == 0 {
			continue
		}
		changed = true
		if reason, ok := r.lossReasons[place]; ok {
			b.Events = append(b.Events, r.lost(now, more, reason))
		}
		if place == gen.NsvizErrorPlaceERROR_THROTTLED {
			if err := r.addThrottled(now, more, b); err != nil {
				return fmt.Errorf("read who was throttled: %w", err)
			}
		}
	}
	if changed {
		b.Errors = make(map[fact.ErrorPlace]uint64, len(r.counted))
		for place, n := range r.counted {
			b.Errors[r.placeNames[place]] = n
		}
	}
	return nil
}

// throttledSource is a source and the index of its map in rings.throttled.
type throttledSource struct {
	gen.NsvizThrottleSource

	subject int
}

// addThrottled adds one loss per source that was throttled since the last time, more events in all.
func (r *reader) addThrottled(now, more uint64, b *Batch) error {
	counts, complete := map[throttledSource]gen.NsvizThrottleState{}, true
	for subject, m := range r.maps.throttled {
		source := throttledSource{subject: subject}
		var state gen.NsvizThrottleState
		entries := m.Iterate()
		for entries.Next(&source.NsvizThrottleSource, &state) {
			if state.Dropped > 0 {
				counts[source] = state
			}
		}
		// A map that changes faster than it is read is read in part.
		err := entries.Err()
		if err != nil && !errors.Is(err, ebpf.ErrIterationAborted) {
			return err
		}
		complete = complete && err == nil
	}
	r.nameThrottled(now, more, counts, complete, b)
	return nil
}

// nameThrottled adds one loss per source in counts that has dropped events since the last time, more in all. Drops
// of sources that were pushed out of their map since, or were not read now, have no name. complete is whether all were read:
// only then are missing sources forgotten, since one that comes back would be named for all that it ever dropped.
func (r *reader) nameThrottled(now, more uint64, counts map[throttledSource]gen.NsvizThrottleState, complete bool, b *Batch) {
	reported := map[throttledSource]uint64{}
	if !complete {
		maps.Copy(reported, r.throttled)
	}
	for _, source := range slices.SortedFunc(maps.Keys(counts), compareSources) {
		before, state := r.throttled[source], counts[source]
		if before > state.Dropped { // it was pushed out, and is back with a new count
			before = 0
		}
		n := min(state.Dropped-before, more) // the map may be ahead of the total
		reported[source] = before + n
		if n == 0 {
			continue
		}
		more -= n
		e := r.lost(now, n, event.LostThrottled)
		e.CgroupID, e.Lost.UID = state.CgroupId, new(source.Uid)
		b.Events = append(b.Events, e)
	}
	r.throttled = reported
	if more > 0 {
		b.Events = append(b.Events, r.lost(now, more, event.LostThrottled))
	}
}

func compareSources(a, b throttledSource) int {
	return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.CgroupId, b.CgroupId), cmp.Compare(a.Uid, b.Uid),
		cmp.Compare(a.UserNs, b.UserNs))
}

const (
	// youngCall is the age up to which the entry of an unshare or setns is left alone: its return may be on its way.
	youngCall = time.Second
	// longestCall is the time after which its return counts as missed if it is unknown whether the thread is still in it.
	longestCall = time.Minute
	// sweepShare limits the time for looking through entries to one part in that many.
	sweepShare = 50
)

// removeStaleCalls removes the entries of calls whose return was missed, and counts them: the kernel misses returns at a
// kretprobe while more threads are in the function than it has room for, twice the number of CPUs or ten. If it is unknown
// which threads are still in their call, it removes only old entries, and only if room runs short.
func (r *reader) removeStaleCalls(now uint64) error {
	if now < r.nextSweep {
		r.callsUnderWay = true // or there may be
		return nil
	}
	began := time.Now()
	r.callsUnderWay = false
	defer func() { r.nextSweep = now + uint64(max(time.Since(began)*sweepShare, errorsInterval/2)) }()
	old := map[uint32]uint64{} // when they were entered, by thread
	var tid uint32
	var call gen.NsvizNamespaceCall
	n := 0
	entries := r.maps.calls.Iterate()
	for entries.Next(&tid, &call) {
		n++
		r.callsUnderWay = true
		if age := time.Duration(now - min(now, call.EnteredNs)); age > youngCall {
			old[tid] = call.EnteredNs
		}
	}
	switch err := entries.Err(); {
	case errors.Is(err, ebpf.ErrIterationAborted): // by others that came and went
		r.callsUnderWay = true
	case err != nil:
		return err
	}
	for tid, entered := range old {
		age := time.Duration(now - min(now, entered))
		if r.inCall != nil && r.inCall(int32(tid)) || r.inCall == nil && (age <= longestCall || 2*n < int(r.maps.calls.MaxEntries())) {
			continue
		}
		// The call may have ended, and the thread's next one have begun.
		if err := r.maps.calls.Lookup(tid, &call); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return err
		} else if err != nil || call.EnteredNs != entered {
			continue
		}
		switch err := r.maps.calls.Delete(tid); {
		case err == nil:
			r.missedCalls++
		case !errors.Is(err, ebpf.ErrKeyNotExist):
			return err
		}
	}
	return nil
}
