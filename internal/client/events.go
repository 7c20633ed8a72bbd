package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/server"
)

// Events asks a source for its events since a time, and passes each on. It returns from when on they are complete: later than since if what
// is older is not kept.
func Events(ctx context.Context, from Source, since time.Time, take func(event.Event) error) (complete time.Time, err error) {
	if path := from.recording(); path != "" {
		return since, recordedEvents(path, since, take)
	}
	var list report.EventList
	query := url.Values{"since": {since.Format(time.RFC3339Nano)}}
	if err := served(ctx, from, server.EventsPath, query, func(body []byte) bool { return json.Unmarshal(body, &list) == nil && list.Events != nil }); err != nil {
		return since, err
	}
	for _, e := range list.Events {
		if err := take(e); err != nil {
			return list.Since, err
		}
	}
	return list.Since, nil
}

func recordedEvents(path string, since time.Time, take func(event.Event) error) error {
	reader, file, err := record.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	for {
		f, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w, %w", path, err, ErrIncomplete)
		}
		if f.Event != nil && !f.Event.Time.Before(since) {
			if err := take(*f.Event); err != nil {
				return err
			}
		}
	}
}

// Now returns what is now for a source: the time of the latest fact of a recording, the present for an nsviz that is running.
func Now(from Source) (now time.Time, err error) {
	path := from.recording()
	if path == "" {
		return time.Now(), nil
	}
	reader, file, err := record.Open(path)
	if err != nil {
		return now, err
	}
	defer func() { _ = file.Close() }()
	for {
		f, err := reader.Next()
		if err != nil {
			return now, nil // a recording that is cut short has an end, too
		}
		if f.Time.After(now) {
			now = f.Time
		}
	}
}
