package sample

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/host/cgroupfs"
	"github.com/nsviz/nsviz/internal/host/netfs"
	"github.com/nsviz/nsviz/internal/host/procfs"
	"github.com/nsviz/nsviz/internal/host/resources"
	"github.com/nsviz/nsviz/internal/model"
)

// The pace of the readings. Where a reading takes long, the next one comes later, by collect.Backoff.
const (
	// Interval is the time between two readings while somebody looks.
	Interval = 500 * time.Millisecond
	// slowInterval is Interval while nobody looks.
	slowInterval    = 2 * time.Second
	longestInterval = 5 * time.Second
)

// Loop says which containers to read, and takes what was read.
type Loop interface {
	// Watched returns the live containers, whether writes to their limits are reported, and whether nobody looks.
	Watched() (live []model.Watched, writesReported, unseen bool)
	// Wake is signalled when a reading is due that may not come for a while: something has changed what a container uses or
	// which there are, or somebody begins to look.
	Wake() <-chan struct{}
	// Take takes what was read.
	Take(Readings)
}

// Readings are what one reading of all live containers has found.
type Readings struct {
	Time time.Time
	List []fact.Reading
	// Gone are the IDs of the containers whose cgroup is found no more.
	Gone []string
	// Idle is set if all containers use what they used at the reading before: the same memory, and no CPU time.
	Idle bool
}

// Config says where to read, and for whom.
type Config struct {
	Proc      *procfs.Reader
	Resources *resources.Reader
	Net       *netfs.Reader
	Layout    cgroupfs.Layout
	Now       func() time.Time
	Log       *slog.Logger
	Loop      Loop
}

// Run reads all live containers again and again until ctx is done: less often while nobody looks, and not at all while there are
// none.
func Run(ctx context.Context, c Config) {
	s := newSampler(c)
	defer s.close()
	for {
		began := c.Now()
		live, writesReported, unseen := c.Loop.Watched()
		// What a host's services use is read when somebody asks for it ([Once]): there are many.
		live = slices.DeleteFunc(live, func(w model.Watched) bool { return w.Quiet })
		s.slow = unseen
		list, gone := s.readings(live, writesReported)
		if now := c.Now(); len(live) > 0 || !s.slow {
			c.Loop.Take(Readings{Time: now, List: list, Gone: gone, Idle: s.idle && len(gone) == 0})
		}
		wait := collect.Backoff(c.Now().Sub(began), Interval, longestInterval)
		if s.slow && !s.urgent {
			waiting := c.Now()
			if !awaitWake(ctx, c.Loop.Wake(), wait+slowInterval-Interval, len(live) > 0) {
				return
			}
			wait -= c.Now().Sub(waiting)
		}
		if wait > 0 && !collect.Pause(ctx, wait) {
			return
		}
	}
}

// Once reads all live containers a single time.
func Once(c Config) {
	s := newSampler(c)
	defer s.close()
	live, writesReported, _ := c.Loop.Watched()
	list, gone := s.readings(live, writesReported)
	c.Loop.Take(Readings{Time: c.Now(), List: list, Gone: gone})
}

// awaitWake waits for a signal on wake or, if limited, for some time at most. It returns false when ctx is done.
func awaitWake(ctx context.Context, wake <-chan struct{}, longest time.Duration, limited bool) bool {
	var over <-chan time.Time
	if limited {
		timer := time.NewTimer(longest)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-over:
	case <-wake:
	}
	return true
}
