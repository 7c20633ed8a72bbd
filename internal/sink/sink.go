package sink

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Config configures a Sink.
type Config[T any] struct {
	// Name is the sink's name in metrics.
	Name string
	// Values and Bytes bound the queue. A value that is larger than Bytes is queued if the queue is empty.
	Values, Bytes int
	// Size returns roughly how many bytes of memory a value takes.
	Size func(T) int
	// Write writes a value; it may block. An error ends the sink.
	Write func(T) error
	// Keep, if set, is called before a value is dropped. If the value must not be lost, Keep adds it to kept and returns that and
	// true; the value then does not count as dropped. kept holds the values that it added before. Keep may change them, and has
	// to bound their number. The sink is locked while it runs.
	Keep func(kept []T, v T) ([]T, bool)
	// Missed, if set, returns the values to write in place of n dropped values and those in kept; last is the last one of all of
	// them. It is called by Put or by the sink's own goroutine.
	Missed func(n uint64, last T, kept []T) []T
}

// Sink is a bounded queue with a goroutine that writes its values.
type Sink[T any] struct {
	cfg    Config[T]
	failed chan struct{} // closed when Write has failed
	ended  chan struct{} // closed when the goroutine has ended

	mu        sync.Mutex // guards the fields below
	changed   sync.Cond  // the goroutine has something to do
	queue     []T
	bytes     int  // in queue
	writing   bool // a value has left queue and is not written yet
	full      bool // values are dropped until half of the room is free again
	missed    uint64
	kept      []T
	last      T // of the missed and kept values
	closed    bool
	abandoned bool // nobody waits for the goroutine any more
	err       error
	written   uint64
	dropped   uint64
}

// Stats counts the values of a sink.
type Stats struct {
	Name string
	// Written and Dropped count values, Waiting those that are neither yet.
	Written, Dropped, Waiting uint64
}

// Delivery counts what became of values that left a sink for a receiver.
type Delivery struct {
	// What names the kind of values.
	What string
	// Delivered counts those that the receiver accepted, Rejected those that it did not or that could not be sent, Failures the
	// requests that failed, some of which were sent again.
	Delivered, Rejected, Failures uint64
}

// UnwrittenError reports that a sink was closed before its consumer took all values.
type UnwrittenError struct{ Count uint64 }

func (e *UnwrittenError) Error() string { return fmt.Sprintf("%d not written", e.Count) }

// New starts a sink. It must be closed.
func New[T any](cfg Config[T]) *Sink[T] {
	s := &Sink[T]{cfg: cfg, failed: make(chan struct{}), ended: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// Put queues a value. It never waits for the consumer: if the queue is full it drops the value.
func (s *Sink[T]) Put(v T) {
	size := s.cfg.Size(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.err != nil {
		s.dropped++
		return
	}
	values, bytes := s.cfg.Values, s.cfg.Bytes
	if s.full {
		values, bytes = values/2, bytes/2
	}
	if n := len(s.queue); n > 0 && (n >= values || s.bytes+size > bytes) {
		s.full = true
		s.last = v
		if s.cfg.Keep != nil {
			var keeps bool
			if s.kept, keeps = s.cfg.Keep(s.kept, v); keeps {
				return
			}
		}
		s.dropped++
		s.missed++
		return
	}
	s.full = false
	for _, m := range append(s.takeMissed(), v) {
		s.queue = append(s.queue, m)
		s.bytes += s.cfg.Size(m)
	}
	s.changed.Signal()
}

// takeMissed returns the values that replace the dropped ones. s.mu is held, except while Missed is called.
func (s *Sink[T]) takeMissed() []T {
	if !s.misses() {
		return nil
	}
	var none T
	n, last, kept := s.missed, s.last, s.kept
	s.missed, s.last, s.kept = 0, none, nil
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.cfg.Missed(n, last, kept)
}

// misses reports whether the consumer has to learn of values that were dropped or kept. s.mu is held.
func (s *Sink[T]) misses() bool { return s.cfg.Missed != nil && (s.missed > 0 || len(s.kept) > 0) }

// run writes until the sink is closed and nothing waits, or until Write fails.
func (s *Sink[T]) run() {
	defer close(s.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.wait() {
		var none T
		v := s.queue[0]
		s.queue[0] = none // for the garbage collector; append moves the others in time
		s.queue = s.queue[1:]
		s.bytes -= s.cfg.Size(v)
		s.writing = true
		s.mu.Unlock()
		err := s.cfg.Write(v)
		s.mu.Lock()
		s.writing = false
		if err != nil {
			s.err = err
			s.dropped += 1 + uint64(len(s.queue))
			s.queue, s.bytes = nil, 0
			close(s.failed)
			return
		}
		s.written++
	}
}

// wait waits until there is something in the queue. It returns false at the end. s.mu is held.
func (s *Sink[T]) wait() bool {
	for {
		switch {
		case s.abandoned:
			return false
		case len(s.queue) > 0:
			return true
		case s.misses():
			// The consumer has caught up, and the next value may be far off.
			missed := s.takeMissed()
			for _, m := range missed {
				s.bytes += s.cfg.Size(m)
			}
			s.queue = slices.Concat(missed, s.queue) // values that came meanwhile follow
		case s.closed:
			return false
		default:
			s.changed.Wait()
		}
	}
}

// Failed returns a channel that is closed when writing has failed. Err returns the reason.
func (s *Sink[T]) Failed() <-chan struct{} { return s.failed }

// Err returns why writing has failed, or nil.
func (s *Sink[T]) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Stats returns the counts so far.
func (s *Sink[T]) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Name: s.cfg.Name, Written: s.written, Dropped: s.dropped, Waiting: s.waiting()}
}

func (s *Sink[T]) waiting() uint64 {
	n := uint64(len(s.queue) + len(s.kept))
	if s.writing {
		n++
	}
	return n
}

// Close stops accepting values, and waits until those in the queue are written or ctx is done. If ctx is done first it returns an
// UnwrittenError, and does not wait for a Write that is under way. If Write failed it returns that error. Close may be called
// more than once.
func (s *Sink[T]) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.changed.Signal()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.abandoned = true
	s.changed.Signal()
	if s.err != nil {
		return s.err
	}
	// Dropped values count as unwritten until something was written in their place.
	if n := s.waiting() + s.missed; n > 0 {
		return &UnwrittenError{Count: n}
	}
	return nil
}
