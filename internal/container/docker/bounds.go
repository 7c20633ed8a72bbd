package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// The bounds of what an engine may answer. They are far above what engines send, and low enough that no answer
// makes nsviz large: decoded, JSON takes up to some 60 times the memory.
const (
	// maxAnswer is the size of an answer, in bytes, that is decoded as one value.
	maxAnswer = 1 << 20
	// maxList is the size of the list of containers, which is decoded entry by entry.
	maxList = 32 << 20
	// maxEntry is the size of one entry of that list, and of one event.
	maxEntry = 1 << 20
	// maxEntries is how many entries that list may have.
	maxEntries = 1 << 16
	// maxHeader is the size of the header of an answer.
	maxHeader = 64 << 10
	// maxAnswerTime is how long the body of an answer may take. Requests have shorter bounds of their own.
	maxAnswerTime = time.Minute
	// maxEventTime is how long an event may take from its first byte to its last one.
	maxEventTime = DefaultTimeout

	// Events are read at up to eventRate a second in the long run, and eventBurst at once. An event counts once more for
	// each KiB that it has.
	eventRate  = 2000
	eventBurst = 16384
)

// errSlow ends the reading of an answer that takes too long.
var errSlow = errors.New("it comes too slowly")

// errTooMany ends the reading of a list that is too long.
var errTooMany = fmt.Errorf("there are more than %d containers in the answer", maxEntries)

// tooLargeError reports that an engine sent more than it may.
type tooLargeError struct {
	what  string
	limit int64
}

func (e *tooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d MiB", e.what, e.limit>>20)
}

// boundedTransport bounds each answer in size and time. The event stream has no end, so there it bounds each event,
// and how fast events are read.
type boundedTransport struct {
	base  http.RoundTripper
	clock Clock
	// throttled, where there is one, is called when the engine has sent events faster than they are read. It then may
	// have dropped some.
	throttled func()
}

// RoundTrip implements http.RoundTripper.
func (t *boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	answer, err := t.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	body := &boundedBody{body: answer.Body, ctx: ctx, cancel: cancel, limit: maxAnswer}
	switch expected(ctx) {
	case expectEvents:
		body.limit = 0
		answer.Body = &eventBody{
			boundedBody: body, clock: t.clock, throttled: t.throttled,
			values: valueScanner{limit: maxEntry, what: "an event"}, rate: rate.NewLimiter(eventRate, eventBurst),
		}
		return answer, nil
	case expectList:
		body.limit = maxList
	}
	body.stop = t.clock.AfterFunc(maxAnswerTime, func() { cancel(errSlow) })
	answer.Body = body
	return answer, nil
}

// expectation is a kind of answer that has bounds of its own.
type expectation int

const (
	expectValue  expectation = iota // decoded as a whole
	expectList                      // decoded entry by entry
	expectEvents                    // an endless stream
)

type expectationKey struct{}

// expect makes a context for a request that is answered in such a way.
func expect(ctx context.Context, e expectation) context.Context {
	return context.WithValue(ctx, expectationKey{}, e)
}

func expected(ctx context.Context) expectation {
	e, _ := ctx.Value(expectationKey{}).(expectation)
	return e
}

// boundedBody is a body of which no more than limit bytes are read; 0 is no limit.
type boundedBody struct {
	body   io.ReadCloser
	ctx    context.Context //nolint:containedctx // of the request, whose answer this is
	cancel context.CancelCauseFunc
	stop   func() // ends the bound on its time
	limit  int64
	read   int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.read += int64(n)
	switch {
	case b.limit != 0 && b.read > b.limit:
		return 0, &tooLargeError{"the answer", b.limit}
	case err != nil && errors.Is(context.Cause(b.ctx), errSlow):
		return n, errSlow
	}
	return n, err
}

func (b *boundedBody) Close() error {
	if b.stop != nil {
		b.stop()
	}
	b.cancel(nil)
	return b.body.Close()
}

// eventBody is the body of the event stream.
type eventBody struct {
	*boundedBody

	clock     Clock
	throttled func()
	values    valueScanner
	rate      *rate.Limiter
	began     time.Time // when the event began that is being read; zero between two
	unpaid    int       // bytes that throttle has not counted
}

func (b *eventBody) Read(p []byte) (int, error) {
	if !b.began.IsZero() {
		left := maxEventTime - b.clock.Now().Sub(b.began)
		defer b.clock.AfterFunc(max(left, 0), func() { b.cancel(errSlow) })()
	}
	n, err := b.boundedBody.Read(p)
	if ended, tooLarge := b.values.scan(p[:n]); tooLarge != nil {
		return 0, tooLarge
	} else if b.unpaid += n; ended > 0 {
		b.began = time.Time{}
		b.throttle(ended + b.unpaid>>10)
		b.unpaid &= 1<<10 - 1
	}
	if b.values.open() && b.began.IsZero() {
		b.began = b.clock.Now()
	}
	return n, err
}

// throttle waits until so much more may have been read.
func (b *eventBody) throttle(cost int) {
	now := b.clock.Now()
	wait := b.rate.ReserveN(now, min(cost, eventBurst)).DelayFrom(now)
	if wait <= 0 {
		return
	}
	if b.throttled != nil {
		b.throttled()
	}
	over, stop := alarm(b.clock, wait)
	defer stop()
	select {
	case <-over:
	case <-b.ctx.Done():
	}
}

// valueScanner bounds the size of each of the objects and arrays in a stream of JSON. It tells where they end and
// nothing else: whether it is JSON the decoder says.
type valueScanner struct {
	// depth is how deep the bounded values lie: 0 is a stream of them, 1 the elements of an array.
	depth int
	limit int64
	what  string

	at              int   // the depth now
	size            int64 // since the end of the latest value
	quoted, escaped bool
}

// scan looks at the next part of the stream. It returns how many values end in it.
func (s *valueScanner) scan(p []byte) (ended int, err error) {
	for _, c := range p {
		s.size++
		switch {
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.escaped = c == '\\'
			s.quoted = c != '"'
		case c == '"':
			s.quoted = true
		case c == '{', c == '[':
			s.at++
		case c == '}', c == ']':
			if s.at--; s.at == s.depth {
				ended++
				s.size = 0
			}
		}
		if s.size > s.limit {
			return ended, &tooLargeError{s.what, s.limit}
		}
	}
	return ended, nil
}

// open reports whether a value has begun and not ended.
func (s *valueScanner) open() bool { return s.quoted || s.at > s.depth }
