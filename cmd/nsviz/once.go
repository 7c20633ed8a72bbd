package main

import (
	"context"
	"fmt"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
)

// once looks at the host a single time. What could not be learned is printed on stderr and is not a failure. The engines may be asked
// afterwards.
func (o *options) once(ctx context.Context, s *streams) (*model.Snapshot, *pipeline.Pipeline, error) {
	p, err := o.pipeline(o.quiet(s.err))
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := p.Once(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range snapshot.Engines {
		if note := report.MissingNames(e, snapshot, pipeline.OncePatience); note != "" {
			fmt.Fprintln(s.err, "nsviz:", foreign.Prose(note))
		}
	}
	return snapshot, p, nil
}
