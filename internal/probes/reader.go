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
// not wait: they wake the reader. So does an event that comes when the rings have been empty for that long.
const drainInterval = 50 * time.Millisecond

// errorsInterval is how often the counters of errors are read at most, where they change.
const errorsInterval = time.Second

// skew is by how much, at the most, the times of a ring's records run backwards: two CPUs may take
// their places in the ring in the one order and look at the clock in the other.
const skew = time.Millisecond

// Batch is what was read in one go, in the order in which it happened.
type Batch struct {
	Events []event.Event
	// Until is up to when everything has been delivered with this batch, by the clock of its events: the events of
	// later batches are later. The final batch may hold later ones, too.
	Until time.Time
	// Errors are the totals by place of what the BPF programs could not do; nil where they have
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

// stamped is an event with the boot time of it, which no setting of the wall clock disturbs.
type stamped struct {
	bootNS uint64
	event  event.Event
}

// rings are what the reader reads.
type rings struct {
	events, lifecycle, urgent *ebpf.Map // of type RingBuf
	// errors counts by place, calls are those under way.
	errors, calls *ebpf.Map
	state         *ebpf.Map   // what the programs and the reader tell each other
	throttled     []*ebpf.Map // the sources of events, a map for each subject
}

// reader reads all rings in one goroutine, so that what happened on any of them comes in one order.
type reader struct {
	rings  []*ringbuf.Reader
	maps   rings
	inCall func(tid int32) bool // see Config
	// interval is drainInterval, but in tests.
	interval time.Duration
	decoder  *decoder
	clock    Clock
	poller   *poller
	shared   sharedState
	wake     int // an eventfd that ends the wait

	// running is held by run, so that close frees nothing under its feet.
	running  sync.Mutex
	stopping atomic.Bool // tells run to end

	mu      sync.Mutex // guards closed, and with it the descriptors' numbers, waiting and ended
	closed  bool
	waiting []chan struct{} // closed when what had happened by the time they were added is delivered
	ended   bool            // run has returned

	// For run alone.
	record      ringbuf.Record
	held        []stamped // read already, but later than what the other rings are known to hold
	quiet       bool      // the latest drain found nothing
	noticed     uint32    // the notices up to which the counters were read
	counted     map[gen.NsvizErrorPlace]uint64
	throttled   map[throttledSource]uint64 // events by source, as reported up to now
	nextErrors  uint64                     // boot time
	nextSweep   uint64                     // likewise, of the calls under way
	missedCalls uint64                     // whose entries were removed
	// callsUnderWay is whether there were any when they were looked through.
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
		// With a deadline in the past Read returns what is there and does not wait: the waiting is done
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

// run delivers batches until ctx is done or the reader is closed, and then what is left.
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

// sync waits until what has happened by now is delivered. It returns false where ctx is done before.
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

// releaseAll ends all waits for delivery: there is none any more.
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

// drain takes what has happened until now, oldest first. What the rings get meanwhile is left or
// held for the next time: of two things that happen now the second may be in the ring that is read
// later and the first in the one that has been read. And a flood cannot keep it here.
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

// read takes what is in one ring, up to the first record that is later than until. It also returns
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
		_, _ = unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // full means that a wake-up is due anyway
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
