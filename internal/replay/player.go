package replay

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/store"
)

// Player applies the facts of a recording to a model at the pace at which they happened. It is a store.Source.
type Player struct {
	reader *record.Reader
	speed  float64
	after  func(time.Duration) <-chan time.Time
	live   *store.Live
}

// longestPause limits a pause: a night in which nothing happened is skipped. Pauses shorter than shortestPause are added up
// until they reach it: a timer for each of a thousand events in a burst would take longer than the burst itself.
const (
	longestPause  = 3 * time.Second
	shortestPause = 10 * time.Millisecond
)

// New returns a Player that plays at speed times the pace of the recording; 0 is as fast as possible. after is time.After or, in tests, a
// replacement.
func New(reader *record.Reader, speed float64, after func(time.Duration) <-chan time.Time) *Player {
	return &Player{
		reader: reader, speed: speed, after: after,
		live: store.NewLive(model.DefaultLimits()),
	}
}

// Run plays until the recording ends (nil), breaks off (record.ErrCutShort) or ctx is done.
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

// between returns the time from one fact to another, by the kernel's clock if both have it: setting the wall clock must not
// change the pace.
func between(one, other fact.Fact) time.Duration {
	if one.BootNS != 0 && other.BootNS != 0 {
		return time.Duration(other.BootNS - one.BootNS)
	}
	return other.Time.Sub(one.Time)
}

// Snapshot returns the model up to the position of the replay.
func (p *Player) Snapshot() *model.Snapshot { return p.live.Snapshot() }

// Changed signals changes of the model.
func (p *Player) Changed() <-chan struct{} { return p.live.Changed() }
