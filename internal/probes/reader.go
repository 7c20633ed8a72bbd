package probes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/gen"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// drainInterval is how long an ordinary event waits in its ring at most. OOM kills and deaths do
// not wait: they wake the reader. So does the first event after the rings have been empty for that long.
const drainInterval = 50 * time.Millisecond

// errorsInterval is the least time between two readings of the counters of errors, if they change.
const errorsInterval = time.Second

// skew is the most by which the times of a ring's records run backwards: two CPUs may reserve
// their places in the ring in one order and read the clock in the other.
const skew = time.Millisecond

// Batch holds the events of one drain, in the order in which they happened.
type Batch struct {
	Events []event.Event
	// Until is the time up to which all events are delivered with this batch, by the clock of its events: those of
	// later batches are later. The final batch may hold later ones, too.
	Until time.Time
	// Errors are the totals of failures in the BPF programs, by place; nil if they have
	// not changed since the last batch.
	Errors map[fact.ErrorPlace]uint64
}

// places names the error counters of bpf/event.h, as they appear in metrics.
func places() map[gen.NsvizErrorPlace]fact.ErrorPlace {
	return map[gen.NsvizErrorPlace]fact.ErrorPlace{
		gen.NsvizErrorPlaceERROR_RING_EVENTS:    fact.ErrorRingEvents,
		gen.NsvizErrorPlaceERROR_RING_LIFECYCLE: fact.ErrorRingLifecycle,
		gen.NsvizErrorPlaceERROR_RING_URGENT:    fact.ErrorRingUrgent,
		gen.NsvizErrorPlaceERROR_MAP_CALLS:      fact.ErrorMapCalls,
		gen.NsvizErrorPlaceERROR_MAP_FRESH:      fact.ErrorMapFreshCgroups,
		gen.NsvizErrorPlaceERROR_MAP_INITS:      fact.ErrorMapInits,
		gen.NsvizErrorPlaceERROR_MAP_OOM:        fact.ErrorMapOOM,
		gen.NsvizErrorPlaceERROR_READ:           fact.ErrorRead,
		gen.NsvizErrorPlaceERROR_PATH:           fact.ErrorPath,
		gen.NsvizErrorPlaceERROR_THROTTLED:      fact.ErrorThrottled,
		gen.NsvizErrorPlaceERROR_CMDLINE:        fact.ErrorCommandLine,
	}
}

// stamped is an event with its boot time, which does not change when the wall clock is set.
type stamped struct {
	bootNS uint64
	event  event.Event
}

// rings are the maps that the reader reads.
type rings struct {
	events, lifecycle, urgent *ebpf.Map // of type RingBuf
	// errors counts by place, calls are those under way.
	errors, calls *ebpf.Map
	state         *ebpf.Map   // shared by the programs and the reader
	throttled     []*ebpf.Map // the sources of events, a map for each throttled ring
}

// reader reads all rings in one goroutine, so that the events of all of them come in one order.
type reader struct {
	rings  []*ringbuf.Reader
	maps   rings
	inCall func(tid int32) bool // see Config
	// interval is drainInterval, except in tests.
	interval time.Duration
	decoder  *decoder
	clock    Clock
	poller   *poller
	shared   sharedState
	wake     int // an eventfd that ends the wait

	// running is held by run, so that close frees nothing that run uses.
	running  sync.Mutex
	stopping atomic.Bool // asks run to end

	mu      sync.Mutex // guards closed, and with it the descriptors' numbers, waiting and ended
	closed  bool
	waiting []chan struct{} // each closed when everything from before its addition is delivered
	ended   bool            // run has returned

	// For run alone.
	record      ringbuf.Record
	held        []stamped // read already, but later than the time up to which the other rings were read
	quiet       bool      // the latest drain found nothing
	noticed     uint32    // the notices up to which the counters were read
	counted     map[gen.NsvizErrorPlace]uint64
	throttled   map[throttledSource]uint64 // events by source, as reported up to now
	nextErrors  uint64                     // boot time
	nextSweep   uint64                     // likewise, for the calls under way
	missedCalls uint64                     // calls whose entries were removed
	// callsUnderWay is whether there were any at the last sweep.
	callsUnderWay bool
	placeNames    map[gen.NsvizErrorPlace]fact.ErrorPlace
	lossReasons   map[gen.NsvizErrorPlace]string
}

func newReader(maps rings, clock Clock) (r *reader, err error) {
	r = &reader{
		interval: drainInterval, maps: maps, decoder: newDecoder(), clock: clock, wake: -1,
		counted: map[gen.NsvizErrorPlace]uint64{}, placeNames: places(), lossReasons: losses(),
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open the rings: %w", err), r.close())
		}
	}()
	ringMaps := []*ebpf.Map{maps.urgent, maps.lifecycle, maps.events}
	for _, m := range ringMaps {
		ring, err := ringbuf.NewReader(m)
		if err != nil {
			return r, err
		}
		// With a deadline in the past Read returns what is there and does not wait: the wait is
		// here, for all rings at once.
		ring.SetDeadline(time.Unix(1, 0))
		r.rings = append(r.rings, ring)
	}
	if r.shared, err = mapState(maps.state); err != nil {
		return r, err
	}
	if r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return r, err
	}
	fds := []int{r.wake}
	for _, m := range ringMaps {
		fds = append(fds, m.FD())
	}
	r.poller, err = newPoller(fds)
	return r, err
}

// run delivers batches until ctx is done or the reader is closed, and then the remaining events.
func (r *reader) run(ctx context.Context, deliver func(Batch)) error {
	r.running.Lock()
	defer r.running.Unlock()
	if r.isClosed() {
		return nil
	}
	stop := context.AfterFunc(ctx, r.interrupt)
	defer stop()
	defer r.releaseAll()
	for {
		done := ctx.Err() != nil || r.stopping.Load()
		if !done {
			if err := r.wait(); err != nil {
				return fmt.Errorf("wait for kernel events: %w", err)
			}
		}
		waiting := r.takeWaiting()
		b, err := r.drain(done)
		if len(b.Events) > 0 || b.Errors != nil || len(waiting) > 0 {
			deliver(b)
		}
		for _, w := range waiting {
			close(w)
		}
		if err != nil {
			return fmt.Errorf("read kernel events: %w", err)
		}
		if done {
			return nil
		}
	}
}

// sync waits until everything that has happened by now is delivered. It returns false if ctx is done before.
func (r *reader) sync(ctx context.Context) bool {
	delivered := make(chan struct{})
	r.mu.Lock()
	if r.ended || r.closed {
		r.mu.Unlock()
		return ctx.Err() == nil
	}
	r.waiting = append(r.waiting, delivered)
	r.mu.Unlock()
	r.interrupt()
	select {
	case <-delivered:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *reader) takeWaiting() []chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := r.waiting
	r.waiting = nil
	return waiting
}

// releaseAll ends all waits for delivery: nothing more is delivered.
func (r *reader) releaseAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for _, w := range r.waiting {
		close(w)
	}
	r.waiting = nil
}

// wait returns when it is time to read the rings: when something urgent has happened or a ring fills up, when drainInterval
// has passed, or, if the latest drain found nothing, when something happens.
func (r *reader) wait() error {
	pause := r.interval
	if r.quiet {
		pause = r.fallAsleep()
		defer r.shared.setAsleep(0)
	}
	return r.poller.wait(time.Now().Add(pause))
}

// drain takes what has happened until now, oldest first. Records that come meanwhile are left or
// held for the next drain: of two of them, the later one may be in a ring that is still to be read and
// the earlier one in a ring that has been read. So a flood cannot keep drain busy, either.
func (r *reader) drain(final bool) (Batch, error) {
	now := BootNow()
	r.decoder.batch(r.clock)
	taken := r.held
	r.held = nil
	malformed := uint64(0)
	var errs []error
	for _, ring := range r.rings {
		more, unread, err := r.read(ring, now+uint64(skew))
		taken = append(taken, more...)
		malformed += unread
		errs = append(errs, err)
	}
	r.quiet = len(taken) == 0 && malformed == 0
	slices.SortStableFunc(taken, func(x, y stamped) int { return cmp.Compare(x.bootNS, y.bootNS) })

	b := Batch{Until: r.decoder.wall(now)}
	for i, s := range taken {
		if s.bootNS > now && !final {
			r.held = slices.Clone(taken[i:])
			break
		}
		b.Events = append(b.Events, s.event)
	}
	if malformed > 0 {
		b.Events = append(b.Events, r.lost(now, malformed, event.LostMalformed))
	}
	if final || now >= r.nextErrors && r.hasToCount() {
		r.nextErrors = now + uint64(errorsInterval)
		errs = append(errs, r.countErrors(now, &b))
	}
	return b, errors.Join(errs...)
}

// read takes the records of one ring, up to the first one that is later than until. It also returns
// how many records could not be decoded.
func (r *reader) read(ring *ringbuf.Reader, until uint64) (taken []stamped, malformed uint64, err error) {
	for ring.AvailableBytes() > 0 {
		if err := ring.ReadInto(&r.record); errors.Is(err, os.ErrDeadlineExceeded) {
			return taken, malformed, nil
		} else if err != nil {
			return taken, malformed, err
		}
		at, events, err := r.decoder.decode(r.record.RawSample)
		if err != nil {
			malformed++
			continue
		}
		for _, e := range events {
			taken = append(taken, stamped{bootNS: at, event: e})
		}
		if at > until {
			break
		}
	}
	return taken, malformed, nil
}

// interrupt ends a wait.
func (r *reader) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed && r.wake >= 0 {
		_, _ = unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // if it is full, a wake-up is due anyway
	}
}

func (r *reader) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// close ends run, waits for it and frees the rings. It may be called more than once.
func (r *reader) close() error {
	r.stopping.Store(true)
	r.interrupt()
	r.running.Lock()
	defer r.running.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil
	}
	r.closed = true
	var errs []error
	for _, ring := range r.rings {
		errs = append(errs, ring.Close())
	}
	if r.poller != nil {
		errs = append(errs, r.poller.close())
	}
	if r.wake >= 0 {
		errs = append(errs, unix.Close(r.wake))
	}
	return errors.Join(append(errs, r.shared.close())...)
}
