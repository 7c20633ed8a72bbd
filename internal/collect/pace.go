package collect

import (
	"context"
	"time"

	"github.com/nsviz/nsviz/internal/pause"
)

// BackoffFactor bounds what periodic work takes: after work that took time t, the next work begins no earlier than BackoffFactor × t
// later, so that it takes at most a twenty-fifth of one CPU, unless that is longer than the longest pause.
const BackoffFactor = 24

// Backoff returns how long to wait after work that took so long and is due every interval; at most longest.
func Backoff(took, interval, longest time.Duration) time.Duration {
	return min(max(interval-took, BackoffFactor*took), longest)
}

// Pause waits. It returns false when ctx is done.
func Pause(ctx context.Context, wait time.Duration) bool {
	return pause.Wait(ctx, wait)
}

// PauseUntil waits until it is woken, but no shorter than shortest, and no longer than longest. It returns false when ctx is done.
func PauseUntil(ctx context.Context, wake <-chan struct{}, shortest, longest time.Duration) bool {
	began := time.Now()
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		case <-wake:
			wake = nil
			timer.Reset(max(shortest-time.Since(began), 0))
		}
	}
}
