// Package pause says how long to wait before something is done again, and waits.
package pause

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Doubling are the pauses between attempts that fail.
type Doubling struct{ pauses backoff.ExponentialBackOff }

// NewDoubling returns pauses of which the first is as long as first and each other twice as long as the one before, up to most.
func NewDoubling(first, most time.Duration) *Doubling {
	return &Doubling{backoff.ExponentialBackOff{InitialInterval: first, Multiplier: 2, MaxInterval: max(first, most)}}
}

// Spread makes each pause up to a fifth shorter or longer, by chance: many hosts that have lost the same receiver do not all come back at once.
func (d *Doubling) Spread() *Doubling {
	d.pauses.RandomizationFactor = 0.2
	return d
}

// Next returns the next pause.
func (d *Doubling) Next() time.Duration { return d.pauses.NextBackOff() }

// Reset begins with the first pause again, after an attempt that did not fail.
func (d *Doubling) Reset() { d.pauses.Reset() }

// Pace bounds how much of a CPU work takes that others have done as often as they like.
type Pace struct {
	// Factor is for how many times as long as the work took there is none after it.
	Factor int
	// Least and Most bound that pause.
	Least, Most time.Duration
}

// After returns the pause after work that took so long.
func (p Pace) After(took time.Duration) time.Duration {
	return min(max(time.Duration(p.Factor)*took, p.Least), p.Most)
}

// Wait waits for a time. It returns false when ctx is done.
func Wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
