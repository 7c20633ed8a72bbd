package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
)

// when is a time of the past as a flag has it; "" is none. What it means depends on what is now for the source that is asked.
type when string

const whenWords = "a time such as 14:03:10, '2026-03-01 14:03:10' or 2026-03-01T14:03:10Z, or how long ago, such as 10m"

// flag adds a flag.
func (w *when) flag(cmd *cobra.Command, s *streams, name, usage string) {
	cmd.Flags().Var(newChecked(w, "", "time", func(text string) (when, error) {
		_, err := when(text).time(time.Now(), s.zone)
		return when(text), err
	}), name, usage)
}

// of returns the time for a source; zero is none.
func (w when) of(from client.Source, zone *time.Location) (t time.Time, err error) {
	if w == "" {
		return t, nil
	}
	now, err := client.Now(from)
	if err != nil {
		return t, err
	}
	return w.time(now, zone)
}

// time returns the time, of which there is none after now.
func (w when) time(now time.Time, zone *time.Location) (time.Time, error) {
	text := string(w)
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{time.TimeOnly, "15:04"} { // of today, or of yesterday
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		year, month, day := now.In(zone).Date()
		at := func(day int) time.Time {
			return time.Date(year, month, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone)
		}
		if today := at(day); !today.After(now) {
			return today, nil
		}
		return at(day - 1), nil
	}
	return time.Time{}, errors.New("want " + whenWords)
}
