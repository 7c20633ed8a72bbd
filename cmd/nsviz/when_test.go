package main

import (
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 3, 1, 14, 3, 10, 0, zone)
	for text, want := range map[string]time.Time{
		"10m":                     now.Add(-10 * time.Minute),
		"0s":                      now,
		"14:03:10":                now,
		"14:03:09.5":              now.Add(-500 * time.Millisecond),
		"14:03":                   now.Add(-10 * time.Second),
		"14:04":                   now.AddDate(0, 0, -1).Add(50 * time.Second),
		"2026-02-28 14:03:10":     now.AddDate(0, 0, -1),
		"2026-02-28T14:03:10":     now.AddDate(0, 0, -1),
		"2026-02-28 14:03":        now.AddDate(0, 0, -1).Add(-10 * time.Second),
		"2026-03-01T13:03:10Z":    now,
		"2026-03-01T13:03:10.25Z": now.Add(250 * time.Millisecond),
	} {
		got, err := when(text).time(now, zone)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s is %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-10m", "noon", "25:00", "2026-02-30 14:03:10"} {
		if got, err := when(text).time(now, zone); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}
