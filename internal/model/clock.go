package model

import (
	"math"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// instant is a time for ages and orders: nanoseconds of the kernel's clock (CLOCK_BOOTTIME), which is never set. In
// recordings that lack it, the wall clock takes its place.
type instant int64

// never is the instant of an unknown time. It is before every other instant.
const never = instant(math.MinInt64)

// sub returns the time from other to i.
func (i instant) sub(other instant) time.Duration {
	switch {
	case i == other:
		return 0
	case i == never:
		return math.MinInt64
	case other == never:
		return math.MaxInt64
	}
	return time.Duration(i - other)
}

// Instant is a time for ages and orders, in nanoseconds of a clock that is never set; 0 is unknown.
type Instant int64

// shown returns i for a snapshot.
func (i instant) shown() Instant {
	if i == never {
		return 0
	}
	return Instant(i)
}

// Stamp is a time by the wall clock with its Instant.
type Stamp struct {
	Time time.Time
	At   Instant
}

// Applied returns how many facts were applied to the model.
func (m *Model) Applied() uint64 { return m.applied }

// Stamp returns the time of the model.
func (m *Model) Stamp() Stamp { return Stamp{m.now, m.nowAt.shown()} }

// Before reports whether s is before other, by the instants or, if one is unknown, by the wall clock.
func (s Stamp) Before(other Stamp) bool { return s.Sub(other) < 0 }

// Sub returns the time from other to s, by the same clocks as Before.
func (s Stamp) Sub(other Stamp) time.Duration {
	if s.At == 0 || other.At == 0 {
		return s.Time.Sub(other.Time)
	}
	return time.Duration(s.At - other.At)
}

// clock converts wall-clock times to instants. Every history refers to the clock of its model.
type clock struct {
	ahead int64 // how many nanoseconds the wall clock was ahead of the kernel's in the latest fact
}

// at returns the instant of a time in the latest fact; never for the zero time.
func (c *clock) at(t time.Time) instant {
	if t.IsZero() {
		return never
	}
	return instant(t.UnixNano() - c.ahead)
}

// advance sets the model's time to that of a fact. A late fact does not turn it back.
func (m *Model) advance(f *fact.Fact) {
	if f.BootNS == 0 {
		if f.Time.After(m.now) {
			m.now = f.Time
		}
		m.nowAt = max(m.nowAt, m.clock.at(f.Time))
		return
	}
	m.clock.ahead = f.Time.UnixNano() - int64(f.BootNS)
	if at := instant(f.BootNS); at >= m.nowAt {
		m.nowAt, m.now = at, f.Time // the wall clock may have been set back
	}
}
