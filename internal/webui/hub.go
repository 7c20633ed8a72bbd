package webui

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pause"
)

const (
	// leastPause is the time between two states. A kill has to appear within a second, and a person sees no more.
	leastPause = 250 * time.Millisecond
	// mostPause bounds the pause after a state that took long.
	mostPause = 5 * time.Second
	// share is how many times longer than its making the pause after a state is.
	share = 24
	// forgetAfter is for how long the latest state is kept once nobody asks for it.
	forgetAfter = 30 * time.Second
)

var errFull = errors.New("too many viewers are watching: ask /ui/state again and again")

// viewer is a stream to a browser.
type viewer struct {
	news chan struct{} // signalled when there is a new state; holds one signal
	seen uint64        // the number of the state that it was sent last
}

// hub makes states for all viewers. While there are any, one goroutine makes one after the other.
type hub struct {
	snapshot func() *model.Snapshot
	most     int
	// epoch tells the numbers of this hub from those of an earlier nsviz.
	epoch string
	done  chan struct{}

	mu      sync.Mutex // guards what follows
	viewers map[*viewer]struct{}
	// watching is set while watch runs.
	watching, closed bool
	running          sync.WaitGroup

	making  sync.Mutex // guards what follows; held while a state is made
	latest  *frame
	number  uint64
	next    time.Time // when the next state may be made
	forget  *time.Timer
	mishaps *mishap.Counter // may be nil
	frame   func(before *frame, s *model.Snapshot, number uint64, epoch string) *frame
}

func newHub(snapshot func() *model.Snapshot, most int) *hub {
	return &hub{
		snapshot: snapshot, most: most, frame: newFrame, epoch: strconv.FormatInt(time.Now().UnixNano(), 36),
		done: make(chan struct{}), viewers: map[*viewer]struct{}{},
	}
}

// join adds a viewer. It fails if there are as many as there may be.
func (h *hub) join() (*viewer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || len(h.viewers) >= h.most {
		return nil, errFull
	}
	v := &viewer{news: make(chan struct{}, 1)}
	v.news <- struct{}{}
	h.viewers[v] = struct{}{}
	if !h.watching {
		h.watching = true
		h.running.Go(h.watch)
	}
	return v, nil
}

func (h *hub) leave(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
}

// count returns how many viewers there are.
func (h *hub) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers)
}

// watch makes states and tells the viewers, until there are none.
func (h *hub) watch() {
	for {
		f := h.current()
		if !h.announce(f) {
			return
		}
		timer := time.NewTimer(h.pause())
		select {
		case <-timer.C:
		case <-h.done:
			timer.Stop()
			return
		}
	}
}

// announce signals the viewers that have not seen a state. It returns false if there are none: then whoever comes next starts watch.
func (h *hub) announce(f *frame) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.viewers {
		if f == nil {
			continue
		}
		select {
		case v.news <- struct{}{}:
		default: // it has not taken the one before
		}
	}
	h.watching = len(h.viewers) > 0
	return h.watching
}

// pause returns how long it is until the next state may be made.
func (h *hub) pause() time.Duration {
	h.making.Lock()
	defer h.making.Unlock()
	return max(time.Until(h.next), leastPause/8)
}

// current returns the state of the host: the latest one, or a new one if that is old enough. It returns nil while nothing is known.
func (h *hub) current() *frame {
	h.making.Lock()
	defer h.making.Unlock()
	began := time.Now()
	if h.latest != nil && began.Before(h.next) {
		return h.latest
	}
	s := h.snapshot()
	if s == nil {
		return nil
	}
	if h.latest == nil || h.latest.snapshot != s {
		h.number++
		_ = h.mishaps.Do(mishap.State, "", func() error { // else the state before it stays
			h.latest = h.frame(h.latest, s, h.number, h.epoch)
			return nil
		})
	}
	took := time.Since(began)
	h.next = time.Now().Add(pause.Pace{Factor: share, Least: leastPause, Most: mostPause}.After(took))
	if h.forget == nil {
		h.forget = time.AfterFunc(forgetAfter, h.drop)
	} else {
		h.forget.Reset(forgetAfter)
	}
	return h.latest
}

// drop forgets the latest state, which may be large.
func (h *hub) drop() {
	h.making.Lock()
	defer h.making.Unlock()
	h.latest = nil
}

// sinceOf reads the name of a state, as messages have it; 0 is none that this hub knows.
func (h *hub) sinceOf(name string) uint64 {
	epoch, number, _ := strings.Cut(name, ".")
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || epoch != h.epoch {
		return 0
	}
	return n
}

// close ends all streams and waits for watch. It may be called twice.
func (h *hub) close() {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.done)
	}
	h.mu.Unlock()
	h.running.Wait()
	h.making.Lock()
	defer h.making.Unlock()
	if h.forget != nil {
		h.forget.Stop()
	}
}
