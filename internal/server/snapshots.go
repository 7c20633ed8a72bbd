package server

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pause"
)

// maxPause bounds how long a question waits because others were answered.
const maxPause = 2 * time.Second

// modelPace is that of what blocks the model while it is made, for which any user of this host may ask: full snapshots and what is looked up in
// the past.
var modelPace = pause.Pace{Factor: 24, Least: 20 * time.Millisecond, Most: maxPause}

// snapshots shares full snapshots among requests. Requests that arrive at the same time share one, which is made after
// all of them have arrived. No snapshot is kept while no request waits for one.
type snapshots struct {
	full func() *model.Snapshot
	turn chan struct{} // held while a snapshot is made or the fields below are read
	pace pause.Pace

	latest  *model.Snapshot
	begun   time.Time // when latest was begun
	next    time.Time // when the next one may be made
	waiting atomic.Int32
}

func newSnapshots(full func() *model.Snapshot) *snapshots {
	return &snapshots{full: full, turn: make(chan struct{}, 1), pace: modelPace}
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
		if !pause.Wait(ctx, time.Until(s.next)) {
			return nil, ctx.Err()
		}
		s.begun = time.Now()
		s.latest = s.full()
		s.next = time.Now().Add(s.pace.After(time.Since(s.begun)))
	}
	return s.latest, nil
}
