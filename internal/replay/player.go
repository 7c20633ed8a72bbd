package replay

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/store"
)

// Player leads through the states that the facts of a recording lead to, at the pace at which they happened. It is a store.Source. It reads
// ahead, so that it can also go back and on in steps. It is safe for use by several goroutines.
type Player struct {
	reader   *record.Reader
	after    func(time.Duration) <-chan time.Time
	timeline *store.Timeline
	changed  chan struct{}
	// read is signalled when there is more to play, moved when there may be room to read more, told when somebody pauses, resumes or
	// sets the speed.
	read, moved, told chan struct{}

	mu     sync.Mutex // guards what follows
	live   *store.Live
	cursor *store.Cursor
	speed  float64
	paused bool
	at     uint64 // the state that is shown
	last   fact.Fact
	shown  *model.Snapshot // of that state; nil until somebody asks
	ended  error           // of reading; nil before its end
}

// longestPause limits a pause: a night in which nothing happened is skipped. Pauses shorter than shortestPause are added up
// until they reach it: a timer for each of a thousand events in a burst would take longer than the burst itself.
const (
	longestPause  = 3 * time.Second
	shortestPause = 10 * time.Millisecond
)

// keptBytes bounds what is kept of a recording, half of it ahead of what is shown. That of a host with 50 containers fits for an hour or more.
const keptBytes = 128 << 20

// New returns a Player that plays at speed times the pace of the recording; 0 is as fast as possible. after is time.After or, in tests, a
// replacement.
func New(reader *record.Reader, speed float64, after func(time.Duration) <-chan time.Time) *Player {
	timeline := store.NewTimeline(keptBytes)
	return &Player{
		reader: reader, speed: speed, after: after, timeline: timeline, live: store.NewLiveWithPast(model.DefaultLimits(), timeline),
		cursor: store.NewCursor(timeline), shown: model.New(model.DefaultLimits()).Snapshot(),
		changed: make(chan struct{}, 1), read: make(chan struct{}, 1), moved: make(chan struct{}, 1), told: make(chan struct{}, 1),
	}
}

// raise signals a channel with room for one.
func raise(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Run plays until the recording ends (nil), breaks off (record.ErrCutShort) or ctx is done. After the end it may be called again, to play
// what Resume went back to.
func (p *Player) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() { p.readAhead(ctx) })
	running.Go(func() { _ = p.timeline.Run(ctx) }) // it does not fail
	return p.play(ctx)
}

// readAhead reads the recording, not farther ahead of what is shown than half of what is kept.
func (p *Player) readAhead(ctx context.Context) {
	for ctx.Err() == nil {
		p.mu.Lock()
		at, ended := p.at, p.ended
		p.mu.Unlock()
		if ended != nil {
			return
		}
		if p.timeline.Ahead(at) > keptBytes/2 {
			select {
			case <-ctx.Done():
			case <-p.moved:
			}
			continue
		}
		f, err := p.reader.Next()
		if err != nil {
			p.mu.Lock()
			p.ended = err
			p.mu.Unlock()
		} else {
			p.live.Apply(f, f.Time)
		}
		raise(p.read)
	}
}

// play advances what is shown.
func (p *Player) play(ctx context.Context) error {
	var due time.Duration
	for ctx.Err() == nil {
		n, err := p.next()
		if errors.Is(err, errPaused) || errors.Is(err, errUnread) {
			select {
			case <-ctx.Done():
			case <-p.read:
			case <-p.told:
			}
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n.speed > 0 && n.after > 0 {
			due += time.Duration(min(float64(n.after)/n.speed, float64(longestPause)))
		}
		if due >= shortestPause {
			select {
			case <-ctx.Done():
				return nil
			case <-p.told:
				due = 0
				continue
			case <-p.after(min(due, longestPause)):
			}
			due = 0
		}
		if ctx.Err() == nil {
			p.advance(n)
		}
	}
	return nil
}

var (
	errPaused = errors.New("paused")
	errUnread = errors.New("not read yet")
)

// step leads from one state to the next.
type step struct {
	from  uint64
	fact  fact.Fact
	after time.Duration // since the latest fact that is shown; 0 for the first one
	speed float64
}

// next returns the next step. It fails with errPaused, with errUnread or, behind the latest state, with that by which reading ended.
func (p *Player) next() (n step, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		return n, errPaused
	}
	ended := p.ended // what was read before is there
	n.from, n.speed = p.at, p.speed
	switch f, there := p.cursor.Fact(p.at); {
	case there:
		n.fact = f
	case ended != nil:
		return n, ended
	default:
		return n, errUnread
	}
	if !p.last.Time.IsZero() {
		n.after = later(p.last, n.fact)
	}
	return n, nil
}

// later returns the time from one fact to another, by the kernel's clock if both have it: setting the wall clock must not change the
// pace.
func later(one, other fact.Fact) time.Duration {
	if one.BootNS != 0 && other.BootNS != 0 {
		return time.Duration(other.BootNS - one.BootNS)
	}
	return other.Time.Sub(one.Time)
}

// advance takes a step, unless somebody has paused, or gone elsewhere, since.
func (p *Player) advance(n step) {
	p.mu.Lock()
	if p.paused || p.at != n.from {
		p.mu.Unlock()
		return
	}
	p.at, p.shown = p.at+1, nil
	if p.last.Time.IsZero() || n.after > 0 { // else it is late
		p.last = n.fact
	}
	p.mu.Unlock()
	raise(p.moved)
	raise(p.changed)
}

// Snapshot returns the state that is shown.
func (p *Player) Snapshot() *model.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown == nil {
		p.shown = p.cursor.Snapshot(p.at)
	}
	return p.shown
}

// Changed signals that another state is shown.
func (p *Player) Changed() <-chan struct{} { return p.changed }

// SetSpeed sets the speed, as New.
func (p *Player) SetSpeed(speed float64) {
	p.mu.Lock()
	p.speed = speed
	p.mu.Unlock()
	raise(p.told)
}

// Find pauses, and returns the state to which a move leads, as [store.Timeline.Find].
func (p *Player) Find(from uint64, m store.Move) uint64 {
	p.mu.Lock()
	p.paused = true
	p.mu.Unlock()
	raise(p.told)
	return p.timeline.Find(from, m)
}

// State returns a state and its place among those that are kept.
func (p *Player) State(facts uint64) (*model.Snapshot, store.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cursor.State(facts)
}

// Resume plays on from a state.
func (p *Player) Resume(from uint64) {
	from = p.timeline.Find(from, store.Move{}) // the nearest one that is kept
	p.mu.Lock()
	p.at, p.paused, p.shown, p.last = from, false, nil, fact.Fact{}
	p.mu.Unlock()
	raise(p.told)
	raise(p.moved)
	raise(p.changed)
}

// Resumed waits until something is to be played again, after Run has returned. It returns false if ctx is done.
func (p *Player) Resumed(ctx context.Context) bool {
	for ctx.Err() == nil {
		if _, err := p.next(); err == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-p.told:
		}
	}
	return false
}
