package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/nsviz/nsviz/internal/model"
)

// Open opens a recording in a file, which the caller closes. Errors name the path.
func Open(path string) (*Reader, io.Closer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read a recording: %w", err)
	}
	reader, err := NewReader(file)
	if err != nil {
		_ = file.Close()
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return reader, file, nil
}

// ReadAll applies all facts of a recording to a model and returns its full snapshot. Snapshot.LeftOut counts what exceeds the
// model's limits. If the recording breaks off, ReadAll returns the snapshot up to there with ErrCutShort.
func ReadAll(r *Reader, limits model.Limits) (*model.Snapshot, error) {
	return ReadUntil(r, limits, time.Time{})
}

// ReadUntil is ReadAll up to the first fact after a time of the wall clock; zero is all.
func ReadUntil(r *Reader, limits model.Limits, until time.Time) (*model.Snapshot, error) {
	m := model.New(limits)
	for {
		f, err := r.Next()
		if err == nil && !until.IsZero() && f.Time.After(until) {
			return m.Full(), nil
		}
		if err == nil {
			m.Apply(f)
			continue
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return m.Full(), err
	}
}
