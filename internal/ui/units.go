package ui

import (
	"strconv"
	"time"

	"github.com/nsviz/nsviz/internal/story"
)

func count(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatUint(n, 10) + " " + many
}

// clockIn is a time of day in the zone of the screen, which is that of now.
func clockIn(t, now time.Time) string { return story.Clock(t, now.Location()) }

// milliIn is clockIn to the millisecond.
func milliIn(t, now time.Time) string { return story.ClockMillis(t, now.Location()) }
