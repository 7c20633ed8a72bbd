package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// once looks at the host a single time. What could not be learned is said on stderr, and is no failure.
func (o *options) once(ctx context.Context, s *streams) (*isolation.Snapshot, error) {
	p, err := o.pipeline(o.quiet(s.err))
	if err != nil {
		return nil, err
	}
	snapshot, err := p.Once(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range snapshot.Engines {
		if note := missingNames(e, snapshot); note != "" {
			fmt.Fprintln(s.err, "nsviz:", foreign.Prose(note))
		}
	}
	return snapshot, nil
}

// missingNames says that names are missing since an engine did not give them; "" where none are. That there is no engine
// matters only where there are containers of one.
func missingNames(e fact.Engine, s *isolation.Snapshot) string {
	why := e.Detail
	switch e.State {
	case fact.EngineConnected:
		return ""
	case fact.EngineConnecting:
		why = fmt.Sprintf("no answer within %v", pipeline.OncePatience)
	case fact.EngineAbsent:
		nameless := false
		for i := range s.Containers {
			c := &s.Containers[i]
			nameless = nameless || !c.Named && c.Runtime == e.Name
		}
		if !nameless {
			return ""
		}
	}
	if rest, ok := strings.CutPrefix(why, "does not answer "); ok {
		return fmt.Sprintf("%s does not answer %s: names are missing", e.Name, rest)
	}
	return fmt.Sprintf("%s does not answer (%s): names are missing", e.Name, why)
}
