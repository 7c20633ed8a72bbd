package isolation

import (
	"math"
	"time"
)

// instant is a time by which ages and orders are reckoned: nanoseconds of the kernel's clock (CLOCK_BOOTTIME), which
// nobody sets. Of recordings that do not have it, it is the wall clock's.
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

// clock turns wall-clock times into instants. Whoever has a history of the model's refers to its clock.
type clock struct {
	ahead int64 // by how many nanoseconds the wall clock was ahead of the kernel's in the latest fact
}

// at returns the instant of a time that the latest fact tells of.
func (c *clock) at(t time.Time) instant {
	if t.IsZero() {
		return never
	}
	return instant(t.UnixNano() - c.ahead)
}

// advance takes over the time of a fact. One that is late does not turn the time back.
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
