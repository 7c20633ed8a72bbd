package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/story"
)

// recorded asks a recording, about a time or, if that is zero, about its end.
func recorded[A any](path string, at time.Time, of func(*model.Snapshot) (A, error)) (answer A, err error) {
	reader, file, err := record.Open(path)
	if err != nil {
		return answer, err
	}
	defer func() { _ = file.Close() }()
	snapshot, cut := record.ReadUntil(reader, model.RecordingLimits(), at)
	if !at.IsZero() && snapshot.Facts == 0 && cut == nil {
		return answer, fmt.Errorf("%s: the recording begins after that time", path)
	}
	lacks := errors.Join(cut, leftOut(snapshot.LeftOut))
	answer, err = of(snapshot)
	switch {
	case err != nil && lacks != nil:
		return answer, fmt.Errorf("%s: %s; %w", path, foreign.Prose(err.Error()), lacks)
	case err != nil:
		return answer, fmt.Errorf("%s: %s", path, foreign.Prose(err.Error()))
	case lacks != nil:
		err = fmt.Errorf("%s: %w, %w", path, lacks, ErrIncomplete)
	}
	return answer, err
}

// leftOut says what of a recording was too much to be kept; nil is nothing.
func leftOut(n model.LeftOut) error {
	var list []string
	for _, kind := range []struct {
		n    uint64
		what string
	}{{n.Containers, "ended containers"}, {n.Namespaces, "freed namespaces"}, {n.Cgroups, "cgroups"}, {n.Kills, "OOM kills"}, {n.Unstarted, "containers that never started"}} {
		if kind.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", kind.n, kind.what))
		}
	}
	if list == nil {
		return nil
	}
	return fmt.Errorf("it holds more than can be kept at a time, and the oldest are left out: %s", story.Listed(list))
}
