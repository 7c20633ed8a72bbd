package record

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/store"
)

// Player applies the facts of a recording to a model, at the pace at which they happened. It is a store.Source.
type Player struct {
	reader *Reader
	speed  float64
	after  func(time.Duration) <-chan time.Time
	live   *store.Live
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
		live: store.NewLive(model.DefaultLimits()),
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
		p.live.Apply(f, f.Time)
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

// Snapshot returns the model as far as the recording was played.
func (p *Player) Snapshot() *model.Snapshot { return p.live.Snapshot() }

// Changed is signalled after changes.
func (p *Player) Changed() <-chan struct{} { return p.live.Changed() }
