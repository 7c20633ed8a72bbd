package ui

import (
	"fmt"
	"strconv"
	"time"
)

type unit struct {
	size float64
	name string
}

func unitOf(n uint64) unit {
	size := 1.0
	for _, name := range []string{"B", "KiB", "MiB", "GiB", "TiB"} {
		// What would round up to 1024 of a unit is 1 of the next.
		if float64(n) < size*1023.5 {
			return unit{size, name}
		}
		size *= 1024
	}
	return unit{size, "PiB"}
}

// in writes n in a unit: one decimal under 100, none above.
func (u unit) in(n uint64) string {
	v := float64(n) / u.size
	switch {
	case u.size == 1 || v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case n > 0 && v < 0.05:
		return "<0.1"
	default:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
}

// exact writes n in a unit, without decimals where there are none.
func (u unit) exact(n uint64) string {
	if v := float64(n) / u.size; v == float64(uint64(v)) {
		return strconv.FormatUint(uint64(v), 10)
	}
	return u.in(n)
}

// bytesText is a size with its unit: 60.1 MiB, 64 MiB, 812 KiB.
func bytesText(n uint64) string {
	u := unitOf(n)
	return u.exact(n) + " " + u.name
}

// bytesOf is a size beside its limit, in the limit's unit: 60.1/64 MiB, 60.1 of 64 MiB.
func bytesOf(n uint64, sep string, limit uint64) string {
	u := unitOf(limit)
	return u.in(n) + sep + u.exact(limit) + " " + u.name
}

// uptime is a duration as a clock that runs: 0:07, 1:02:03, 3d 04h.
func uptime(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < 10*3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh %02dm", s/3600, s/60%60)
	default:
		return fmt.Sprintf("%dd %02dh", s/86400, s/3600%24)
	}
}

// startTime is how long a start took: in milliseconds as long as that is readable.
func startTime(d time.Duration) string {
	if d = max(d, 0); d < 10*time.Second {
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// ago is how long something is past, in one unit.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d days ago", d/(24*time.Hour))
	}
}

func ordinal(n uint64) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.FormatUint(n, 10) + suffix
}

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

// clockIn writes a time of day in the zone of the snapshot that is being drawn.
func clockIn(t, now time.Time) string { return stamp(t, now, "15:04:05") }

// milliIn is clockIn to the millisecond.
func milliIn(t, now time.Time) string { return stamp(t, now, "15:04:05.000") }

func stamp(t, now time.Time, layout string) string {
	if t.IsZero() {
		return "?"
	}
	return t.In(now.Location()).Format(layout)
}
