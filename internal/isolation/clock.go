package isolation

import (
	"math"
	"time"
)

// instant is a time for ages and orders: nanoseconds of the kernel's clock (CLOCK_BOOTTIME), which nobody sets. In
// recordings that lack it, it is that of the wall clock.
type instant int64

// never is before every other instant: that of a time that is unknown.
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

// clock converts wall-clock times to instants. Every history refers to the clock of its model.
type clock struct {
	ahead int64 // by how many nanoseconds the wall clock was ahead of the kernel's in the latest fact
}

// at returns the instant of a time in the latest fact; never for the zero time.
func (c *clock) at(t time.Time) instant {
	if t.IsZero() {
		return never
	}
	return instant(t.UnixNano() - c.ahead)
}

// advance sets the model's time to that of a fact. A late fact does not turn it back.
func (m *Model) advance(f *Fact) {
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
