package pipeline

import (
	"sync"
	"time"
)

// audience notes who looks at snapshots, by which the sampler paces its readings.
type audience struct {
	// always is whether somebody gets every fact.
	always bool

	mu    sync.Mutex
	looks [2]time.Time // the latest two times at which somebody looked, the latest one last
}

// look notes that somebody looks. It reports whether that makes the audience one that looks again and again.
func (a *audience) look(now time.Time) (begins bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.looks[1]) <= onceInterval {
		return false
	}
	before := a.looking(now)
	a.looks[0], a.looks[1] = a.looks[1], now
	return !before && a.looking(now)
}

// isLooking reports whether somebody looks again and again, or gets every fact.
func (a *audience) isLooking(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.looking(now)
}

// looking is for who holds mu.
func (a *audience) looking(now time.Time) bool {
	return a.always || now.Sub(a.looks[1]) <= watchInterval && a.looks[1].Sub(a.looks[0]) <= watchInterval
}
