package ui

import (
	"time"

	"github.com/nsviz/nsviz/internal/story"
)

// clockIn returns a time of day in the zone of the screen, which is that of now.
func clockIn(t, now time.Time) string { return story.Clock(t, now.Location()) }

// milliIn is clockIn to the millisecond.
func milliIn(t, now time.Time) string { return story.ClockMillis(t, now.Location()) }
