package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/model"
)

// The pause between two full snapshots, as a multiple of the time that the last one took: making one blocks the model for
// that long, and any user of this host may ask.
const (
	snapshotPause = 24 // times as long
	minPause      = 20 * time.Millisecond
	maxPause      = 2 * time.Second
)

// snapshots shares full snapshots among requests. Requests that arrive at the same time share one, which is made after
// all of them have arrived. No snapshot is kept while no request waits for one.
type snapshots struct {
	full    func() *model.Snapshot
	turn    chan struct{} // held while a snapshot is made or the fields below are read
	backoff func(took time.Duration) time.Duration

	latest  *model.Snapshot
	begun   time.Time // when latest was begun
	next    time.Time // when the next one may be made
	waiting atomic.Int32
}

func newSnapshots(full func() *model.Snapshot) *snapshots {
	return &snapshots{
		full: full, turn: make(chan struct{}, 1),
		backoff: backoff,
	}
}

// backoff returns the pause after something that took so long.
func backoff(took time.Duration) time.Duration {
	return min(max(snapshotPause*took, minPause), maxPause)
}

// get returns a snapshot that was made after the call; nil if there is none yet. It fails when ctx is done.
func (s *snapshots) get(ctx context.Context) (*model.Snapshot, error) {
	asked := time.Now()
	s.waiting.Add(1)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		s.waiting.Add(-1) // the current or the next holder of the turn drops the snapshot
		return nil, ctx.Err()
	}
	defer func() {
		if s.waiting.Add(-1) == 0 {
			s.latest = nil // it may be large, and no request waits for it
		}
		<-s.turn
	}()
	if s.latest == nil || s.begun.Before(asked) {
		pause := time.NewTimer(time.Until(s.next))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		s.begun = time.Now()
		s.latest = s.full()
		s.next = time.Now().Add(s.backoff(time.Since(s.begun)))
	}
	return s.latest, nil
}
