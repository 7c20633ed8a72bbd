package otlp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/pause"
	"github.com/nsviz/nsviz/internal/sink"
)

// The bounds of a request: what a collector accepts by default, with room to spare.
const (
	maxBatch = 512
	// gather is how long the first item of a request waits for others.
	gather = 250 * time.Millisecond
)

// The pauses between two attempts to send the same data.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
	// longestPause bounds what a receiver asks for: a mistaken answer must not end the export for years.
	longestPause = 5 * time.Minute
)

// counts counts the items of a signal. It may be read at any time.
type counts struct {
	delivered, rejected, failures atomic.Uint64
}

// sender delivers the data of one signal, for one goroutine at a time.
type sender struct {
	signal   Signal
	endpoint Endpoint
	report   *reporter
	counts   *counts
	// closing is closed when nsviz ends: then nothing waits. stop is done when nothing may take any more time.
	closing <-chan struct{}
	stop    context.Context
	// pause is the first pause between two attempts, patience how long the first item of a request waits for others.
	pause, patience time.Duration
}

// deliver sends n items, as often as it takes, until they are accepted, the receiver refuses them, or ctx is done.
func (s *sender) deliver(ctx context.Context, n int, attempt func(context.Context) error) {
	pauses := pause.NewDoubling(s.pause, maxPause).Spread()
	for {
		a, err := s.try(ctx, attempt)
		f := judge(a, err, s.signal, s.endpoint)
		if f == nil {
			refused := min(uint64(max(rejected(a.partial), 0)), uint64(n))
			s.counts.delivered.Add(uint64(n) - refused)
			s.counts.rejected.Add(refused)
			s.report.accepted(s.signal, refused, a.partial)
			return
		}
		s.counts.failures.Add(1)
		if ctx.Err() == nil {
			s.report.failed(s.signal, s.endpoint, f)
		}
		if !f.again || !s.wait(ctx, max(pauses.Next(), min(f.wait, longestPause))) {
			s.counts.rejected.Add(uint64(n))
			return
		}
	}
}

// try makes one attempt.
func (s *sender) try(ctx context.Context, attempt func(context.Context) error) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.endpoint.Timeout)
	defer cancel()
	ctx, a := observed(ctx)
	return a, attempt(ctx)
}

// wait reports whether there is to be another attempt. When nsviz ends the one that waits is the last.
func (s *sender) wait(ctx context.Context, wait time.Duration) bool {
	select {
	case <-s.closing:
		return false
	default:
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.closing:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// queue is a bounded queue of facts with a goroutine that sends them in batches, as items of a signal.
type queue[T, I any] struct {
	*sender

	in *sink.Sink[T]
	// items carries what has left the sink. drained is closed when there will be no more.
	items   chan T
	drained chan struct{}
	ended   chan struct{}
	began   bool // run was called
	// convert returns the items for one value; send sends them once.
	convert func(T) []I
	send    func(context.Context, []I) error
}

// newQueue returns a queue that takes values, and sends none before run is called.
func newQueue[T, I any](s *sender, cfg sink.Config[T]) *queue[T, I] {
	q := &queue[T, I]{sender: s, items: make(chan T), drained: make(chan struct{}), ended: make(chan struct{})}
	cfg.Write = func(v T) error {
		select {
		case q.items <- v:
			return nil
		case <-s.stop.Done():
			return context.Cause(s.stop)
		}
	}
	q.in = sink.New(cfg)
	return q
}

// run sends until the queue is drained, or stopped.
func (q *queue[T, I]) run() {
	defer close(q.ended)
	for {
		select {
		case v := <-q.items:
			batch := q.batch(v)
			if len(batch) == 0 {
				continue
			}
			q.deliver(q.stop, len(batch), func(ctx context.Context) error { return q.send(ctx, batch) })
		case <-q.drained:
			return
		case <-q.stop.Done():
			return
		}
	}
}

// batch returns the items for a value and for those that come soon after it.
func (q *queue[T, I]) batch(v T) []I {
	items := q.convert(v)
	t := time.NewTimer(q.patience)
	defer t.Stop()
	for len(items) < maxBatch {
		select {
		case v := <-q.items:
			items = append(items, q.convert(v)...)
		case <-t.C:
			return items
		case <-q.drained:
			return items
		case <-q.stop.Done():
			return items
		}
	}
	return items
}

// close sends what waits, until ctx is done, and returns how many values it could not send.
func (q *queue[T, I]) close(ctx context.Context) uint64 {
	err := q.in.Close(ctx)
	close(q.drained)
	if q.began {
		select {
		case <-q.ended:
		case <-ctx.Done():
		}
	}
	if n := (*sink.UnwrittenError)(nil); errors.As(err, &n) {
		return n.Count
	}
	return 0
}
