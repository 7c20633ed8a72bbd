package story

import (
	"fmt"
	"testing"
	"time"
)

func TestUnits(t *testing.T) {
	for _, tt := range []struct {
		d                time.Duration
		up, start, since string
	}{
		{-time.Second, "0:00", "0 ms", "just now"},
		{411600 * time.Microsecond, "0:00", "412 ms", "just now"},
		{7 * time.Second, "0:07", "7000 ms", "7 s ago"},
		{62 * time.Second, "1:02", "62.0 s", "1 min ago"},
		{2*time.Hour + 3*time.Minute + 4*time.Second, "2:03:04", "7384.0 s", "2 h ago"},
		{14*time.Hour + 5*time.Minute, "14h 05m", "50700.0 s", "14 h ago"},
		{76 * time.Hour, "3d 04h", "273600.0 s", "3 days ago"},
		{261*24*time.Hour + 2*time.Hour, "261d", "22557600.0 s", "261 days ago"},
	} {
		if got := fmt.Sprint(Uptime(tt.d), ", ", StartDuration(tt.d), ", ", Ago(tt.d)); got != tt.up+", "+tt.start+", "+tt.since {
			t.Errorf("%v: %s", tt.d, got)
		}
	}
}

func TestMillis(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 ms", time.Microsecond: "<0.01 ms", 670 * time.Microsecond: "0.67 ms", 9994 * time.Microsecond: "9.99 ms",
		9995 * time.Microsecond: "10.0 ms", 21 * time.Millisecond: "21.0 ms", 99960 * time.Microsecond: "100 ms",
		9999 * time.Millisecond: "9999 ms", 11072 * time.Millisecond: "11.1 s",
	} {
		if got := Millis(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestClocksShowTheZone(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	at := time.Date(2026, 3, 14, 23, 26, 14, 871e6, time.UTC)
	if got := fmt.Sprint(Clock(at, tokyo), ", ", ClockMillis(at, tokyo), ", ", Minute(at, tokyo)); got != "08:26:14, 08:26:14.871, 2026-03-15 08:26" {
		t.Error(got)
	}
	if got := fmt.Sprint(Clock(time.Time{}, tokyo), ClockMillis(time.Time{}, tokyo), Minute(time.Time{}, tokyo)); got != "???" {
		t.Error(got)
	}
}

func TestRecent(t *testing.T) {
	tokyo := time.FixedZone("Asia/Tokyo", 9*60*60)
	now := time.Date(2026, 3, 14, 23, 0, 0, 0, time.UTC).In(tokyo) // the 15th there
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(-time.Hour).UTC(), "07:00:00.000"},
		{now.Add(-8*time.Hour - time.Millisecond).UTC(), "Mar 14 23:59"},
		{now.Add(-12 * 24 * time.Hour), "Mar  3 08:00"},
		{now.AddDate(-1, 0, 0), "2025-03-15"},
		{time.Time{}, "?"},
	} {
		if got := Recent(tt.at, now); got != tt.want {
			t.Errorf("%v: %q, want %q", tt.at, got, tt.want)
		}
	}
}
