package ui

import (
	"fmt"
	"strconv"
	"time"
)

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

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

// clockIn writes a time of day in the zone of the screen, which is that of now.
func clockIn(t, now time.Time) string { return stamp(t, now.Location(), "15:04:05") }

// milliIn is clockIn to the millisecond.
func milliIn(t, now time.Time) string { return stamp(t, now.Location(), "15:04:05.000") }

func stamp(t time.Time, zone *time.Location, layout string) string {
	if t.IsZero() {
		return "?"
	}
	return t.In(zone).Format(layout)
}
