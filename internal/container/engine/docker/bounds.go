package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
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
	// maxEntry is how much of one entry of that list, and of one event, is decoded. Labels may have any size. The entry's own
	// members come after them and may have maxRest more; other members that do not fit are left out.
	maxEntry = 1 << 20
	maxRest  = 64 << 10
	// maxWhole is the size of an entry or event, including what is left out.
	maxWhole = 16 << 20
	// maxEntries is how many entries that list may have.
	maxEntries = 1 << 16
	// maxHeader is the size of the header of an answer.
	maxHeader = 64 << 10
	// maxAnswerTime is how long the body of an answer may take. Requests have shorter bounds of their own.
	maxAnswerTime = time.Minute
	// maxEventTime is how long an event may take from its first byte to its last one.
	maxEventTime = DefaultTimeout

	// Events are read at up to eventRate a second in the long run, and eventBurst at once. An event counts once more for
	// each KiB of its size.
	eventRate  = 2000
	eventBurst = 16384

	// A user's own engine may keep nsviz less busy: this is the size of its list, and how many events it may send.
	maxUserList    = 1 << 20
	userEventRate  = 100
	userEventBurst = 2048
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
	notes *streamNotes // nil if they are not wanted
	// ofUser is set for a user's own engine.
	ofUser bool
}

// streamNotes holds what the reader of the event stream noticed.
type streamNotes struct {
	wake chan struct{} // holds a token while there is something new
	// hurried is set when the engine has sent events faster than they are read. It then may have dropped some.
	hurried atomic.Bool
	// cut counts the events that were left out in part.
	cut atomic.Uint64
}

func (n *streamNotes) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
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
		events := rate.NewLimiter(eventRate, eventBurst)
		if t.ofUser {
			events = rate.NewLimiter(userEventRate, userEventBurst)
		}
		answer.Body = &eventBody{
			boundedBody: body, clock: t.clock, notes: t.notes,
			values: valueFilter{bounds: entryBounds(), what: "an event"}, rate: events,
		}
		return answer, nil
	case expectList:
		body.limit = maxList
		if t.ofUser {
			body.limit = maxUserList
		}
	}
	body.stop = t.clock.AfterFunc(maxAnswerTime, func() { cancel(errSlow) })
	answer.Body = body
	return answer, nil
}

// expectation is a kind of answer that has bounds of its own.
type expectation int

const (
	expectValue  expectation = iota // decoded as one value
	expectList                      // decoded entry by entry
	expectEvents                    // an endless stream
)

type expectationKey struct{}

// expect returns a context for a request with that kind of answer.
func expect(ctx context.Context, e expectation) context.Context {
	return context.WithValue(ctx, expectationKey{}, e)
}

func expected(ctx context.Context) expectation {
	e, _ := ctx.Value(expectationKey{}).(expectation)
	return e
}

// boundedBody reads at most limit bytes of a body; 0 is no limit.
type boundedBody struct {
	body   io.ReadCloser
	ctx    context.Context //nolint:containedctx // of the request that this answers
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

	clock  Clock
	notes  *streamNotes
	values valueFilter
	rate   *rate.Limiter
	began  time.Time // when the current event began; zero between two
	unpaid int       // bytes that throttle has not counted yet
}

func (b *eventBody) Read(p []byte) (int, error) { return b.values.read(p, b.fill) }

// fill reads the next part of the stream into the filter; p is room for it.
func (b *eventBody) fill(p []byte) error {
	if !b.began.IsZero() {
		left := maxEventTime - b.clock.Now().Sub(b.began)
		defer b.clock.AfterFunc(max(left, 0), func() { b.cancel(errSlow) })()
	}
	n, err := b.boundedBody.Read(p)
	ended, tooLarge := b.values.scan(p[:n])
	if tooLarge != nil {
		return tooLarge
	}
	if cuts := b.values.takeCuts(); len(cuts) > 0 && b.notes != nil {
		b.notes.cut.Add(uint64(len(cuts)))
		b.notes.signal()
	}
	if b.unpaid += n; ended > 0 {
		b.began = time.Time{}
		b.throttle(ended + b.unpaid>>10)
		b.unpaid &= 1<<10 - 1
	}
	if b.values.open() && b.began.IsZero() {
		b.began = b.clock.Now()
	}
	return err
}

// throttle waits until that much more may be read.
func (b *eventBody) throttle(cost int) {
	now := b.clock.Now()
	wait := b.rate.ReserveN(now, min(cost, eventBurst)).DelayFrom(now)
	if wait <= 0 {
		return
	}
	if b.notes != nil {
		b.notes.hurried.Store(true)
		b.notes.signal()
	}
	over, stop := alarm(b.clock, wait)
	defer stop()
	select {
	case <-over:
	case <-b.ctx.Done():
	}
}

// valueBounds are bounds on a value, in bytes.
type valueBounds struct {
	limit int64 // of what is passed on, without its own members
	rest  int64 // how much more its own members may have
	whole int64 // including what is left out
}

func entryBounds() valueBounds { return valueBounds{limit: maxEntry, rest: maxRest, whole: maxWhole} }

// valueFilter bounds the size of each object and array in a stream of JSON: it leaves out the members that do not fit, at any
// depth. It looks only at brackets, commas and quotes: the decoder checks whether it is JSON.
type valueFilter struct {
	bounds valueBounds
	// depth is how deep the bounded values lie: 0 is a stream of them, 1 the elements of an array.
	depth int
	what  string

	at              int   // the depth now
	size            int64 // bytes since the end of the latest value
	quoted, escaped bool

	out   []byte // filtered
	taken int    // how much of it has been read
	err   error  // the error that comes after it

	// held is what has come since the latest place at which the value can be cut: a member, or the beginning of one.
	held []byte
	kept int64 // of the value, in out or read from there
	cut  bool  // something was left out of the value
	// leavingOut is set while a member that does not fit is left out. passed is the depth of what was passed on before it; first is set
	// if it is the first member there.
	leavingOut, first bool
	passed            int

	ended int   // how many values have ended
	cuts  []int // see takeCuts
}

// read fills p with filtered data; fill gets more of the stream and scans it, with p as room.
func (f *valueFilter) read(p []byte, fill func(p []byte) error) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for f.taken == len(f.out) && f.err == nil {
		f.out, f.taken = reuse(f.out), 0
		f.err = fill(p)
	}
	if f.taken == len(f.out) {
		return 0, f.err
	}
	n := copy(p, f.out[f.taken:])
	f.taken += n
	return n, nil
}

// reuse empties a buffer; it releases one that has become large.
func reuse(buffer []byte) []byte {
	if cap(buffer) > maxRest {
		return nil
	}
	return buffer[:0]
}

// scan handles the next part of the stream. It returns how many values end in it.
func (f *valueFilter) scan(p []byte) (ended int, err error) {
	before := f.ended
	for len(p) > 0 {
		n := f.plain(p)
		if n > 0 {
			f.size += int64(n)
			f.add(p[:n])
		} else {
			n = 1
			f.size++
			f.take(p[:n])
		}
		p = p[n:]
		most := f.bounds.whole
		if f.at <= f.depth {
			most = f.bounds.limit
		}
		if f.size > most {
			return f.ended - before, &tooLargeError{f.what, most}
		}
	}
	return f.ended - before, nil
}

// takeCuts returns the numbers, from 0, of the values that were left out in part and have ended since the last call.
func (f *valueFilter) takeCuts() []int {
	cuts := f.cuts
	f.cuts = nil
	return cuts
}

// plain returns how many bytes at the start of p have no meaning here.
func (f *valueFilter) plain(p []byte) int {
	if f.escaped {
		return 0
	}
	for i, c := range p {
		switch c {
		case '"':
			return i
		case '\\':
			if f.quoted {
				return i
			}
		case ',', '{', '}', '[', ']':
			if !f.quoted {
				return i
			}
		}
	}
	return len(p)
}

// take handles one byte that is not plain.
func (f *valueFilter) take(c []byte) {
	switch {
	case f.escaped:
		f.escaped = false
	case f.quoted:
		f.escaped = c[0] == '\\'
		f.quoted = f.escaped
	case c[0] == '"':
		f.quoted = true
	case c[0] == ',':
		f.comma(c)
		return
	case c[0] == '{', c[0] == '[':
		f.add(c)
		if f.at++; !f.leavingOut {
			f.flush()
		}
		return
	default:
		f.end(c)
		return
	}
	f.add(c)
}

// add handles a part of a member, or of what surrounds the values.
func (f *valueFilter) add(p []byte) {
	switch {
	case f.at <= f.depth:
		f.out = append(f.out, p...)
		return
	case f.leavingOut:
		return
	}
	most := f.bounds.limit
	if f.at == f.depth+1 {
		most += f.bounds.rest
	}
	if f.kept+int64(len(f.held)+len(p)) <= most {
		f.held = append(f.held, p...)
		return
	}
	begin := p
	if len(f.held) > 0 {
		begin = f.held
	}
	f.leavingOut, f.passed, f.first, f.cut = true, f.at, begin[0] != ',', true
	f.held = f.held[:0]
}

// comma ends a member.
func (f *valueFilter) comma(c []byte) {
	switch {
	case f.leavingOut && f.at == f.passed:
		f.leavingOut = false
		if f.first {
			return // what comes now is the first one
		}
	case !f.leavingOut:
		f.flush()
	}
	f.add(c)
}

// end ends an object or array.
func (f *valueFilter) end(c []byte) {
	if f.at > f.depth && (!f.leavingOut || f.at == f.passed) {
		f.leavingOut = false
		f.held = append(f.held, c...)
		f.flush()
	} else {
		f.add(c)
	}
	if f.at--; f.at != f.depth {
		return
	}
	if f.cut {
		f.cuts = append(f.cuts, f.ended)
	}
	f.ended++
	f.size, f.kept, f.cut = 0, 0, false
	f.held = reuse(f.held)
}

// flush passes on what was held.
func (f *valueFilter) flush() {
	f.out = append(f.out, f.held...)
	f.kept += int64(len(f.held))
	f.held = f.held[:0]
}

// open reports whether a value has begun and not ended.
func (f *valueFilter) open() bool { return f.quoted || f.at > f.depth }
