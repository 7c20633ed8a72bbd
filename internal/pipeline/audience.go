package pipeline

import (
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/collect/sample"
)

// audience notes who looks at snapshots, by which the sampler paces its readings.
type audience struct {
	// always is whether somebody gets every fact.
	always bool

	mu    sync.Mutex
	looks [2]time.Time // the latest two times at which somebody looked, the latest one last
	// rests is when the latest reading was if the next one waits until somebody looks; else zero.
	rests time.Time
}

// look notes that somebody looks. It reports whether a reading is due: that makes the audience one that looks again and again, or the
// latest reading rests, and is older than readings are otherwise.
func (a *audience) look(now time.Time) (due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	due = !a.rests.IsZero() && now.Sub(a.rests) >= sample.Interval
	if now.Sub(a.looks[1]) <= onceInterval {
		return due
	}
	before := a.looking(now)
	a.looks[0], a.looks[1] = a.looks[1], now
	return due || !before && a.looking(now)
}

// take notes a reading.
func (a *audience) take(r sample.Readings) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rests = time.Time{}
	if r.Rests {
		a.rests = r.Time
	}
}

// current returns for whom is read.
func (a *audience) current(now time.Time) sample.Audience {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.always:
		return sample.Listening
	case a.looking(now):
		return sample.Looking
	}
	return sample.Nobody
}

// looking is for who holds mu.
func (a *audience) looking(now time.Time) bool {
	return a.always || now.Sub(a.looks[1]) <= watchInterval && a.looks[1].Sub(a.looks[0]) <= watchInterval
}
