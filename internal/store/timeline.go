package store

import (
	"slices"
	"sort"
	"sync"
	"time"
	"unsafe"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Timeline keeps the past of a Live: copies of its model (keyframes), and the facts that came after each. A state of the past is a copy of
// the latest keyframe before it to which those facts are applied again. It is bounded by bytes: the oldest keyframe is dropped with its
// facts. It is safe for use by several goroutines.
//
// A state is named by the number of facts that were applied to the model until then, as Snapshot.Facts.
type Timeline struct {
	mu       sync.Mutex    // guards what follows
	usual    int           // bytes
	limit    int           // as of now
	segments []*segment    // oldest first
	bytes    int           // that they take, roughly
	dropped  uint64        // events
	sealed   chan struct{} // signalled where a segment gets no more facts
}

// segment is a keyframe with the facts up to the next one.
type segment struct {
	from    uint64       // how many facts were applied to the keyframe
	key     *model.Model // copied, never changed
	facts   []fact.Fact  // nil once they are packed
	packed  []byte       // the same, as a recording without the readings that repeats says
	repeats []repeat
	stamps  []model.Stamp // the time of the model after each fact
	events  []uint64      // the states right after each event
	// keyBytes is what the keyframe takes, factBytes the facts, bytes all of it.
	keyBytes, factBytes, bytes int
}

// The least that lies between two keyframes. Where a keyframe is large there is more, so that most of the memory is for facts.
const (
	segmentBytes = 1 << 20
	segmentFacts = 4096
	// keyPerFact is how many bytes of a keyframe make up for one fact. It bounds what copying costs in a flood of facts.
	keyPerFact = 64
	// keyShare is how many times larger than its facts a keyframe may be where the limit is low.
	keyShare = 4
)

// DefaultPast is how many bytes the past of a live host takes: for 50 containers a quarter of an hour or more.
const DefaultPast = 32 << 20

// NewTimeline returns a Timeline that takes about so many bytes.
func NewTimeline(limit int) *Timeline {
	return &Timeline{usual: limit, limit: limit, sealed: make(chan struct{}, 1)}
}

// Save sets how much is kept at a step of saving memory.
func (t *Timeline) Save(step fact.Saving) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch step {
	case fact.SavesPast:
		t.limit = t.usual / 8
	case fact.SavesSearches:
		t.limit = t.usual / 64
	default:
		t.limit = t.usual
	}
	t.trim()
}

// prepare makes a keyframe of a model, to which a fact is about to be applied, if one is due.
func (t *Timeline) prepare(m *model.Model) {
	t.mu.Lock()
	due := len(t.segments) == 0 || t.segments[len(t.segments)-1].full(t.limit)
	t.mu.Unlock()
	if !due {
		return
	}
	s := &segment{from: m.Applied(), key: m.Copy()}
	s.keyBytes = s.key.CopySize()
	s.bytes = s.keyBytes
	t.mu.Lock()
	defer t.mu.Unlock()
	t.segments, t.bytes = append(t.segments, s), t.bytes+s.bytes
	t.trim()
	select {
	case t.sealed <- struct{}{}:
	default:
	}
}

// full reports whether the facts are so many that a keyframe is due.
func (s *segment) full(limit int) bool {
	if s.bytes >= limit/2 && s.factBytes >= s.keyBytes/keyShare { // a keyframe that is larger than that is not due with every fact
		return true
	}
	return s.factBytes >= max(segmentBytes, s.keyBytes) || len(s.stamps) >= max(segmentFacts, s.keyBytes/keyPerFact)
}

// append adds a fact that was applied, and the time of the model since.
func (t *Timeline) append(f fact.Fact, stamp model.Stamp) {
	const perFact = int(unsafe.Sizeof(model.Stamp{}))
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.segments[len(t.segments)-1]
	s.facts, s.stamps = append(s.facts, f), append(s.stamps, stamp)
	if f.Event != nil {
		s.events = append(s.events, s.until())
	}
	size := f.Size()
	s.factBytes += size
	s.bytes += size + perFact
	t.bytes += size + perFact
	t.trim()
}

// until returns the state after all of the facts.
func (s *segment) until() uint64 { return s.from + uint64(len(s.stamps)) }

// trim drops the oldest segments that are too much. The latest one stays.
func (t *Timeline) trim() {
	for t.bytes > t.limit && len(t.segments) > 1 {
		t.bytes -= t.segments[0].bytes
		t.dropped += uint64(len(t.segments[0].events))
		t.segments[0] = nil // for the collector; append moves the rest in time
		t.segments = t.segments[1:]
	}
}

// Ahead returns how many bytes the states after a state take, roughly.
func (t *Timeline) Ahead(facts uint64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		return 0
	}
	ahead := 0
	for _, s := range t.segments[t.holder(facts)+1:] {
		ahead += s.bytes
	}
	return ahead
}

// Place describes a state among those that are kept.
type Place struct {
	// Facts names the state.
	Facts uint64
	// Event is the number of the latest event before it among the kept Events, from 1; 0 is none.
	Event, Events int
	// Dropped is how many events were dropped before these.
	Dropped uint64
	// First and Last are the times of the oldest and the newest state.
	First, Last model.Stamp
}

// Place returns the place of a state. One that is not kept any more has the Event 0.
func (t *Timeline) Place(facts uint64) Place {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := Place{Facts: facts, Dropped: t.dropped}
	for _, s := range t.segments {
		before, _ := slices.BinarySearch(s.events, facts+1)
		p.Event += before
		p.Events += len(s.events)
	}
	if len(t.segments) > 0 {
		p.First, p.Last = t.first(), t.last()
	}
	return p
}

// first returns the time of the oldest state that is kept, and that has one.
func (t *Timeline) first() model.Stamp {
	s := t.segments[0]
	if stamp := s.key.Stamp(); !stamp.Time.IsZero() || len(s.stamps) == 0 {
		return stamp
	}
	return s.stamps[0]
}

func (t *Timeline) last() model.Stamp {
	s := t.segments[len(t.segments)-1]
	if n := len(s.stamps); n > 0 {
		return s.stamps[n-1]
	}
	return s.key.Stamp()
}

// Move says where to go from a state: by events, by time or, if both are 0, to an end.
type Move struct {
	Events int
	Time   time.Duration
	// Newest is set for the newest state, Oldest for the oldest one that is kept.
	Newest, Oldest bool
}

// Find returns the state to which a move leads: the one right after an event, or the latest one before a time. It stays among the states
// that are kept.
func (t *Timeline) Find(from uint64, m Move) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		return from
	}
	newest := t.segments[len(t.segments)-1].until()
	oldest := min(max(t.segments[0].from, 1), newest) // before the first fact there is nothing to see
	from = min(max(from, oldest), newest)
	switch {
	case m.Oldest:
		return oldest
	case m.Newest:
		return newest
	case m.Events != 0:
		return t.byEvents(from, m.Events, oldest, newest)
	case m.Time != 0:
		return t.byTime(from, m.Time, oldest, newest)
	}
	return from
}

// byEvents returns the state after the event that is n events from a state. Before the first event that is kept is the state just before it,
// and before that none: of a host on which nothing has happened, the oldest state is one in which nsviz had not looked yet.
func (t *Timeline) byEvents(from uint64, n int, oldest, newest uint64) uint64 {
	var all []uint64
	for _, s := range t.segments {
		all = append(all, s.events...)
	}
	i, exact := slices.BinarySearch(all, from)
	if n > 0 && !exact {
		n--
	}
	switch i += n; {
	case i < 0 && len(all) > 0 && from >= all[0]:
		return max(all[0]-1, oldest)
	case i < 0:
		return from
	case i >= len(all):
		return newest
	}
	return all[i]
}

// byTime returns the latest state that is at most so much later, or earlier, than another one.
func (t *Timeline) byTime(from uint64, by time.Duration, oldest, newest uint64) uint64 {
	now := t.stamp(from)
	to := t.latest(func(s model.Stamp) bool { return s.Sub(now) <= by })
	if by < 0 { // it moves at all, whatever time that is
		to = min(to, max(from, oldest+1)-1)
	} else {
		to = max(to, from+1)
	}
	return min(max(to, oldest), newest)
}

// stamp returns the time of a state that is kept.
func (t *Timeline) stamp(facts uint64) model.Stamp {
	s := t.segments[t.holder(facts)]
	if facts == s.from {
		return s.key.Stamp()
	}
	return s.stamps[facts-s.from-1]
}

// holder returns the index of the segment with a state that is kept.
func (t *Timeline) holder(facts uint64) int {
	return max(sort.Search(len(t.segments), func(i int) bool { return t.segments[i].from >= facts })-1, 0)
}

// latest returns the latest state whose time is early enough; 0 if none is.
func (t *Timeline) latest(early func(model.Stamp) bool) uint64 {
	for _, s := range slices.Backward(t.segments) {
		for i, stamp := range slices.Backward(s.stamps) {
			if early(stamp) {
				return s.from + uint64(i) + 1
			}
		}
		if early(s.key.Stamp()) {
			return s.from
		}
	}
	return 0
}

// At returns the latest state at a time of the wall clock. It returns false if that is before all that is kept; the state is the oldest
// one then.
func (t *Timeline) At(at time.Time) (facts uint64, kept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		return 0, false
	}
	facts = t.latest(func(s model.Stamp) bool { return !s.Time.IsZero() && !s.Time.After(at) })
	return max(facts, t.segments[0].from), facts > 0
}

// Events returns the events that are kept, from a time of the wall clock on, in the order in which they were applied: the latest ones, if
// there are more than most, or they take more than about so many bytes of memory. It returns from when on they are complete: the time that
// was asked for or, if older ones are not kept or are too many, a later one.
func (t *Timeline) Events(since time.Time, most, bytes int) (list []event.Event, from time.Time) {
	t.mu.Lock()
	kept := make([]stretch, len(t.segments))
	for i, s := range t.segments {
		kept[i] = s.stretch()
	}
	from = since
	if len(kept) > 0 && t.first().Time.After(from) {
		from = t.first().Time
	}
	t.mu.Unlock()
	var sizes []int
	all := 0
	for _, s := range kept {
		if s.last.Time.Before(since.Add(-mostLate)) {
			continue
		}
		for _, f := range s.unpack() {
			if f.Event != nil && !f.Event.Time.Before(since) {
				list, sizes = append(list, *f.Event), append(sizes, f.Size())
				all += f.Size()
			}
		}
		less := 0
		for ; len(list)-less > most || all > bytes && less < len(list)-1; less++ {
			all -= sizes[less]
		}
		if less > 0 {
			list, sizes = slices.Clone(list[less:]), slices.Clone(sizes[less:])
			from = list[0].Time
		}
	}
	return list, from
}

// mostLate is more than an event is late by, so that a segment that ends before it is not unpacked.
const mostLate = time.Minute

// Full returns the full snapshot of a state, as Live.Full. If the state is not kept it is the nearest one; nil if nothing is kept.
func (t *Timeline) Full(facts uint64) *model.Snapshot {
	if m := NewCursor(t).model(facts); m != nil {
		return m.Full()
	}
	return nil
}

// at returns the segment with a state, or with the nearest one that is kept, and that state. It returns false if none is.
func (t *Timeline) at(facts uint64) (s stretch, nearest uint64, kept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.segments) == 0 {
		return s, 0, false
	}
	facts = min(max(facts, t.segments[0].from), t.segments[len(t.segments)-1].until())
	return t.segments[t.holder(facts)].stretch(), facts, true
}
