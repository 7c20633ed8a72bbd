package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
)

// once looks at the host a single time. What could not be learned is printed on stderr and is not a failure.
func (o *options) once(ctx context.Context, s *streams) (*model.Snapshot, error) {
	snapshot, notes, err := o.look(ctx, o.quiet(s.err))
	for _, note := range notes {
		fmt.Fprintln(s.err, "nsviz:", note)
	}
	return snapshot, err
}

// look looks at the host a single time. The notes say what could not be learned.
func (o *options) look(ctx context.Context, log *slog.Logger) (snapshot *model.Snapshot, notes []string, err error) {
	p, err := o.pipeline(log)
	if err != nil {
		return nil, nil, err
	}
	if snapshot, err = p.Once(ctx); err != nil {
		return nil, nil, err
	}
	for _, e := range snapshot.Engines {
		if note := report.MissingNames(e, snapshot, pipeline.OncePatience); note != "" {
			notes = append(notes, foreign.Prose(note))
		}
	}
	return snapshot, notes, nil
}
