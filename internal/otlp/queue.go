package otlp

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/pause"
	"github.com/nsviz/nsviz/internal/sink"
)

const (
	// maxBatch bounds the items of a request; maxRequestBytes its size.
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
	// limit bounds a request in bytes. It becomes less if the receiver says that one is too large.
	limit   int
	mishaps *mishap.Counter // may be nil
}

// learn makes later requests smaller, since the receiver takes none of so many bytes.
func (s *sender) learn(bytes int) { s.limit = min(s.limit, max(bytes/2, leastRequestBytes)) }

// deliver sends n items in one request, as often as it takes, until they are accepted, the receiver refuses them, or ctx is done. It returns false,
// and has not counted the items, if the receiver does not take so large a request and there are several items, which may be sent apart.
func (s *sender) deliver(ctx context.Context, n int, attempt func(context.Context) error) (fits bool) {
	pauses := pause.NewDoubling(s.pause, maxPause).Spread()
	for {
		a, err := s.try(ctx, attempt)
		f := judge(a, err, s.signal, s.endpoint)
		if f == nil {
			refused := min(uint64(max(rejected(a.partial), 0)), uint64(n))
			s.counts.delivered.Add(uint64(n) - refused)
			s.counts.rejected.Add(refused)
			s.report.accepted(s.signal, refused, a.partial)
			return true
		}
		s.counts.failures.Add(1)
		if f.tooLarge && n > 1 && ctx.Err() == nil {
			return false
		}
		if ctx.Err() == nil {
			s.report.failed(s.signal, s.endpoint, f)
		}
		if !f.again || !s.wait(ctx, max(pauses.Next(), min(f.wait, longestPause))) {
			s.counts.rejected.Add(uint64(n))
			return true
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
	// convert returns the items for one value, size how many bytes one takes in a request; send sends them once.
	convert func(T) []I
	size    func(I) int
	send    func(context.Context, []I) error
	// pending are items that did not fit into the last request. Each fits into one of its own.
	pending []I
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
	for q.next() {
		q.deliverAll(q.batch())
	}
	q.counts.rejected.Add(uint64(len(q.pending))) // the queue was stopped
}

// next waits until something is pending. It returns false when nothing more will be, or when the queue is stopped.
func (q *queue[T, I]) next() bool {
	for len(q.pending) == 0 {
		select {
		case v := <-q.items:
			q.add(v)
		case <-q.drained:
			return false
		case <-q.stop.Done():
			return false
		}
	}
	return q.stop.Err() == nil
}

// add converts a value. An item that would be too large even alone is dropped, counted and reported; a value that cannot be converted is counted.
func (q *queue[T, I]) add(v T) {
	var items []I
	if err := q.mishaps.Do(mishap.Export, string(q.signal), func() error {
		items = q.convert(v)
		return nil
	}); err != nil {
		q.counts.rejected.Add(1)
	}
	for _, item := range items {
		if n := q.size(item); n > maxRequestBytes {
			q.counts.rejected.Add(1)
			q.report.failed(q.signal, q.endpoint, &failure{reason: strconv.Itoa(n) + " bytes in one item", advice: oversized})
			continue
		}
		q.pending = append(q.pending, item)
	}
}

// batch returns the items of one request: what is pending, and what comes soon after it.
func (q *queue[T, I]) batch() []I {
	var items []I
	bytes := 0
	t := time.NewTimer(q.patience)
	defer t.Stop()
	for {
		for len(q.pending) > 0 {
			n := q.size(q.pending[0])
			if len(items) == maxBatch || len(items) > 0 && bytes+n > q.limit {
				return items
			}
			items, bytes, q.pending = append(items, q.pending[0]), bytes+n, q.pending[1:]
		}
		if len(items) == maxBatch {
			return items
		}
		select {
		case v := <-q.items:
			q.add(v)
		case <-t.C:
			return items
		case <-q.drained:
			return items
		case <-q.stop.Done():
			return items
		}
	}
}

// deliverAll delivers items in one request or, if the receiver does not take so large a one, in several.
func (q *queue[T, I]) deliverAll(items []I) {
	if q.deliver(q.stop, len(items), func(ctx context.Context) error { return q.send(ctx, items) }) {
		return
	}
	bytes := 0
	for _, item := range items {
		bytes += q.size(item)
	}
	q.learn(bytes)
	half := len(items) / 2
	q.deliverAll(items[:half])
	q.deliverAll(items[half:])
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
