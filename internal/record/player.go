package record

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// Player tells a model what a recording holds, at the pace at which it happened.
type Player struct {
	reader *Reader
	speed  float64
	after  func(time.Duration) <-chan time.Time

	mu       sync.Mutex // guards model, snapshot
	model    *model.Model
	snapshot *model.Snapshot
	changed  chan struct{}
}

// longestPause is how long a recording may make people wait: a night in which nothing happened is
// skipped. Pauses shorter than shortestPause gather until they are as long together: a timer for each
// of a thousand events in a burst would take longer than the burst did.
const (
	longestPause  = 3 * time.Second
	shortestPause = 10 * time.Millisecond
)

// NewPlayer plays at speed times the pace of the recording; 0 is as fast as possible. after is
// time.After, or what stands for it in tests.
func NewPlayer(reader *Reader, speed float64, after func(time.Duration) <-chan time.Time) *Player {
	return &Player{
		reader: reader, speed: speed, after: after,
		model: model.New(model.DefaultLimits()), changed: make(chan struct{}, 1),
	}
}

// Run plays until the recording ends (nil), breaks off (ErrCutShort) or ctx is done.
func (p *Player) Run(ctx context.Context) error {
	var last fact.Fact // the latest one
	var due time.Duration
	for {
		f, err := p.reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		past := between(last, f)
		if p.speed > 0 && past > 0 && !last.Time.IsZero() {
			due += time.Duration(min(float64(past)/p.speed, float64(longestPause)))
		}
		if due >= shortestPause {
			select {
			case <-ctx.Done():
				return nil
			case <-p.after(min(due, longestPause)):
			}
			due = 0
		}
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that it is told to end is no failure
		}
		if past > 0 {
			last = f
		}
		p.apply(f)
	}
}

// between is the time from one fact to another, by the kernel's clock where both have that: whoever set the wall clock
// meanwhile made nothing happen sooner or later.
func between(one, other fact.Fact) time.Duration {
	if one.BootNS != 0 && other.BootNS != 0 {
		return time.Duration(other.BootNS - one.BootNS)
	}
	return other.Time.Sub(one.Time)
}

func (p *Player) apply(f fact.Fact) {
	p.mu.Lock()
	p.model.Apply(f)
	p.snapshot = nil
	p.mu.Unlock()
	select {
	case p.changed <- struct{}{}:
	default: // somebody has not looked since the last change
	}
}

// Snapshot is the model as far as the recording was played.
func (p *Player) Snapshot() *model.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.snapshot == nil {
		p.snapshot = p.model.Snapshot()
	}
	return p.snapshot
}

// Changed is signalled after changes.
func (p *Player) Changed() <-chan struct{} { return p.changed }
