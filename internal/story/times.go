package story

import (
	"fmt"
	"strconv"
	"time"
)

// The layouts of times.
const (
	fullTime   = "2006-01-02 15:04:05.000"
	minuteTime = "2006-01-02 15:04"
	clockTime  = "15:04:05.000"
	secondTime = "15:04:05"
)

// Clock returns a time of day where clocks show the time of a zone; "?" is an unknown one.
func Clock(t time.Time, zone *time.Location) string { return inZone(t, zone, secondTime) }

// ClockMillis is Clock to the millisecond.
func ClockMillis(t time.Time, zone *time.Location) string { return inZone(t, zone, clockTime) }

// Minute returns a day and a time to the minute.
func Minute(t time.Time, zone *time.Location) string { return inZone(t, zone, minuteTime) }

// Recent returns the time of day, to the millisecond, of what happened on the day of now and in its zone; of another day the day and
// the minute, of another year the day. It takes 12 columns at most.
func Recent(t, now time.Time) string {
	local := t.In(now.Location())
	switch {
	case local.Year() == now.Year() && local.YearDay() == now.YearDay():
		return ClockMillis(t, now.Location())
	case local.Year() == now.Year():
		return inZone(t, now.Location(), "Jan _2 15:04")
	}
	return inZone(t, now.Location(), "2006-01-02")
}

func inZone(t time.Time, zone *time.Location, layout string) string {
	if t.IsZero() {
		return "?"
	}
	return t.In(zone).Format(layout)
}

// Uptime returns a duration as a clock that runs: 0:07, 1:02:03, 3d 04h.
func Uptime(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < 10*3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh %02dm", s/3600, s/60%60)
	case s < 100*86400:
		return fmt.Sprintf("%dd %02dh", s/86400, s/3600%24)
	}
	return fmt.Sprintf("%dd", s/86400)
}

// Ago returns how long something is past, in one unit.
func Ago(d time.Duration) string {
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

// StartDuration returns how long a start took: in milliseconds as long as that is readable.
func StartDuration(d time.Duration) string {
	if d = max(d, 0); d < 10*time.Second {
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// Millis returns a time of at least zero in milliseconds, with as many decimals as say something: 0.67 ms, 21.1 ms,
// 412 ms; from 10 s on in seconds.
func Millis(d time.Duration) string {
	v := ms(d)
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case v > 0 && v < 0.005:
		return "<0.01 ms"
	case v == 0 || v >= 99.95:
		return strconv.FormatFloat(v, 'f', 0, 64) + " ms"
	case v >= 9.995:
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.2f ms", v)
}

// duration returns a time between two signals.
func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", max(d, 0).Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
