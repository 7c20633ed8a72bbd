package store

import (
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Source is what a view draws: the latest state of a host, watched or played from a recording.
type Source interface {
	// Snapshot returns the state as it is now; it is immutable.
	Snapshot() *model.Snapshot
	// Changed is signalled after changes. Several changes may become one signal.
	Changed() <-chan struct{}
}

// Live is a Source of the facts that were applied so far. It is safe for use by several goroutines.
type Live struct {
	changed chan struct{}
	urgent  chan struct{}

	past *Timeline // nil if none is kept

	mu       sync.Mutex // guards what follows
	model    *model.Model
	applied  time.Time       // when the latest fact was applied
	snapshot *model.Snapshot // of the model as it is; nil until somebody asks
	full     *model.Snapshot // likewise
}

// NewLive returns a Live whose model keeps as much as the limits allow.
func NewLive(limits model.Limits) *Live {
	return &Live{model: model.New(limits), changed: make(chan struct{}, 1), urgent: make(chan struct{}, 1)}
}

// NewLiveWithPast returns a Live that also keeps its past.
func NewLiveWithPast(limits model.Limits, past *Timeline) *Live {
	l := NewLive(limits)
	l.past = past
	return l
}

// Apply applies a fact. now is the time by the clock of this process, which Refresh compares; the fact has a time of its own.
func (l *Live) Apply(f fact.Fact, now time.Time) {
	l.ApplyUnseen(f, now)
	if f.Event != nil && f.Event.OOM != nil {
		signal(l.urgent)
	}
	signal(l.changed)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // somebody has not looked since the last one
	}
}

// ApplyUnseen is Apply for a fact that nobody needs to see at once. It signals no change.
func (l *Live) ApplyUnseen(f fact.Fact, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apply(f, now)
}

// apply is for who holds mu.
func (l *Live) apply(f fact.Fact, now time.Time) {
	if l.past != nil {
		l.past.prepare(l.model)
	}
	l.model.Apply(f)
	if l.past != nil {
		l.past.append(f, l.model.Stamp())
	}
	l.snapshot, l.full = nil, nil
	l.applied = now
}

// Save sets how much of the past is kept at a step of saving memory.
func (l *Live) Save(step fact.Saving) {
	if l.past != nil {
		l.past.Save(step)
	}
}

// Complete fills in what the event of a fact needs from the model, in place, as [model.Model.Complete].
func (l *Live) Complete(f fact.Fact) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.model.Complete(f.Event)
}

// Refresh applies a fact, which says what time it is, if none was applied for longer than age. It signals no change.
func (l *Live) Refresh(f fact.Fact, now time.Time, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.applied) > age {
		l.apply(f, now)
	}
}

// Snapshot returns the model as it is now, with the latest of what has ended.
func (l *Live) Snapshot() *model.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.snapshot == nil {
		l.snapshot = l.model.Snapshot()
	}
	return l.snapshot
}

// Full returns the model as it is now, with everything that has ended and is kept.
func (l *Live) Full() *model.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full == nil {
		l.full = l.model.Full()
	}
	return l.full
}

// Changed is signalled after Apply.
func (l *Live) Changed() <-chan struct{} { return l.changed }

// Urgent is signalled after Apply where that should be seen at once: after OOM kills.
func (l *Live) Urgent() <-chan struct{} { return l.urgent }

// Resync returns facts that describe what exists, for a recording that missed some. They have no times.
func (l *Live) Resync() []fact.Fact {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.model.Resync()
}

// Watched returns the live containers, and whether writes to their limits are reported.
func (l *Live) Watched() (live []model.Watched, writesReported bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.model.Watched(), l.model.WatchesWrites()
}
