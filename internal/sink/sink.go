package sink

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Config says what a sink writes and how much may wait for it.
type Config[T any] struct {
	// Name is what metrics call the sink.
	Name string
	// Values and Bytes bound what waits to be written. A value that is larger than Bytes waits alone.
	Values, Bytes int
	// Size returns roughly how many bytes of memory a value takes.
	Size func(T) int
	// Write writes a value; it may block. An error ends the sink.
	Write func(T) error
	// Missed, if set, returns what is written in the place of n values that were dropped, of which last was the last one.
	// It is called by Put or by the sink's own goroutine.
	Missed func(n uint64, last T) []T
}

// Sink is a bounded queue and the goroutine that writes what is in it.
type Sink[T any] struct {
	cfg    Config[T]
	failed chan struct{} // closed when Write has failed
	ended  chan struct{} // closed when the goroutine has ended

	mu        sync.Mutex // guards what follows
	changed   sync.Cond  // there is something to do for the goroutine
	queue     []T
	bytes     int  // in queue
	writing   bool // a value is neither in queue nor written
	full      bool // values are dropped until half of the room is free again
	missed    uint64
	last      T // of those missed
	closed    bool
	abandoned bool // nobody waits for the goroutine any more
	err       error
	written   uint64
	dropped   uint64
}

// Stats counts what became of the values of a sink.
type Stats struct {
	Name string
	// Written and Dropped are values, Waiting those that are neither yet.
	Written, Dropped, Waiting uint64
}

// UnwrittenError says that a sink was closed before all was written, since its consumer took nothing any more.
type UnwrittenError struct{ Count uint64 }

func (e *UnwrittenError) Error() string { return fmt.Sprintf("%d not written", e.Count) }

// New starts a sink. It must be closed.
func New[T any](cfg Config[T]) *Sink[T] {
	s := &Sink[T]{cfg: cfg, failed: make(chan struct{}), ended: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// Put hands over a value. It never waits for the consumer: where there is no room the value is dropped.
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
		s.dropped++
		s.missed++
		s.last = v
		return
	}
	s.full = false
	for _, m := range append(s.takeMissed(), v) {
		s.queue = append(s.queue, m)
		s.bytes += s.cfg.Size(m)
	}
	s.changed.Signal()
}

// takeMissed returns what takes the place of the values that were dropped. s.mu is held, but not while Missed is called.
func (s *Sink[T]) takeMissed() []T {
	if s.missed == 0 || s.cfg.Missed == nil {
		return nil
	}
	var none T
	n, last := s.missed, s.last
	s.missed, s.last = 0, none
	s.mu.Unlock()
	defer s.mu.Lock()
	return s.cfg.Missed(n, last)
}

// run writes until the sink is closed and nothing waits, or Write fails.
func (s *Sink[T]) run() {
	defer close(s.ended)
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.wait() {
		var none T
		v := s.queue[0]
		s.queue[0] = none // for the collector; append moves the rest in time
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
		case s.missed > 0 && s.cfg.Missed != nil:
			// The consumer has caught up, and nothing new may come for long.
			missed := s.takeMissed()
			for _, m := range missed {
				s.bytes += s.cfg.Size(m)
			}
			s.queue = slices.Concat(missed, s.queue) // what has come meanwhile comes after
		case s.closed:
			return false
		default:
			s.changed.Wait()
		}
	}
}

// Failed is closed when writing has failed. Err says why.
func (s *Sink[T]) Failed() <-chan struct{} { return s.failed }

// Err returns why writing has failed, nil while it has not.
func (s *Sink[T]) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Stats returns what became of the values so far.
func (s *Sink[T]) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Name: s.cfg.Name, Written: s.written, Dropped: s.dropped, Waiting: s.waiting()}
}

func (s *Sink[T]) waiting() uint64 {
	n := uint64(len(s.queue))
	if s.writing {
		n++
	}
	return n
}

// Close takes no more values and waits until those that wait are written, or ctx is done. Then it fails with an
// UnwrittenError, and leaves a Write that does not return to itself. It may be called more than once. Where writing has
// failed, it fails for the same reason.
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
	// Those that were dropped and of which the consumer has not learned have not been written either.
	if n := s.waiting() + s.missed; n > 0 {
		return &UnwrittenError{Count: n}
	}
	return nil
}
