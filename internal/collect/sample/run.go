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
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/model"
)

// The pace of the readings. Where a reading takes long, the next one comes later, by collect.Backoff.
const (
	// Interval is the time between two readings while somebody looks.
	Interval = 500 * time.Millisecond
	// slowInterval is Interval while nobody looks. Where somebody looks at what does not change, a reading comes when he looks, and after
	// slowInterval at the latest.
	slowInterval    = 2 * time.Second
	longestInterval = 5 * time.Second
	// calmReadings is how many readings in a row must be idle for the next one to wait until somebody looks. Each container's CPU time is
	// among them.
	calmReadings = fullEvery
	// settledReadings is the same for a reading to be Idle: the model compares counts of kills with those of two readings before.
	settledReadings = 3
)

// Audience is for whom is read.
type Audience int

const (
	// Nobody looks.
	Nobody Audience = iota
	// Looking is somebody who looks again and again, as a screen does, and wakes the sampler by that.
	Looking
	// Listening is somebody who gets every reading.
	Listening
)

// Loop says which containers to read, and takes what was read.
type Loop interface {
	// Watched returns the live containers, whether writes to their limits are reported, and for whom is read.
	Watched() (live []model.Watched, writesReported bool, audience Audience)
	// Wake is signalled when a reading is due that may not come for a while: something has changed what a container uses or
	// which there are, somebody begins to look, or looks while the readings rest.
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
	// Idle is set if all containers use what they used at the three readings before: the same memory, and no CPU time.
	Idle bool
	// Rests is set if that has been so for a while, and the next reading waits until somebody looks.
	Rests bool
}

// Config says where to read, and for whom.
type Config struct {
	Proc      *procfs.Reader
	Resources *resources.Reader
	Net       *netfs.Reader
	Layout    cgroupfs.Layout
	Now       func() time.Time
	Log       *slog.Logger
	// Mishaps keeps a mistake about one container from ending the process; nil does not.
	Mishaps *mishap.Counter
	Loop    Loop
	// Recount is signalled when OOM kills may not have been reported: the next reading reads their count of containers at rest, too. Nil is never.
	Recount <-chan struct{}
}

// Run reads all live containers again and again until ctx is done: less often while nobody looks, and not at all while there are
// none.
func Run(ctx context.Context, c Config) {
	s := newSampler(c)
	defer s.close()
	calm := 0 // how many readings in a row were idle
	for latest := c.Now(); ; {
		began := c.Now()
		s.passed = int(began.Sub(latest).Round(Interval) / Interval)
		latest = began
		live, writesReported, audience := c.Loop.Watched()
		// What a host's services use is read when somebody asks for it ([Once]): there are many.
		live = slices.DeleteFunc(live, func(w model.Watched) bool { return w.Quiet })
		s.slow = audience == Nobody
		select {
		case <-c.Recount:
			s.recounts = true
		default:
			s.recounts = false
		}
		list, gone := s.readings(live, writesReported)
		if calm++; !s.idle || len(gone) > 0 {
			calm = 0
		}
		rests := audience == Looking && calm >= calmReadings
		if now := c.Now(); len(live) > 0 || !s.slow {
			c.Loop.Take(Readings{Time: now, List: list, Gone: gone, Idle: calm >= settledReadings, Rests: rests})
		}
		wait := collect.Backoff(c.Now().Sub(began), Interval, longestInterval)
		if (s.slow || rests) && !s.urgent {
			waiting := c.Now()
			if !awaitWake(ctx, c.Loop.Wake(), wait+slowInterval-Interval, len(live) > 0 || !s.slow) {
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
