package pipeline

import (
	"context"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/fact"
)

// followEngine hands over what the engine reports, until ctx ends.
func (p *Pipeline) followEngine(ctx context.Context) error {
	return names.Follow(ctx, names.Config{Engine: p.cfg.Engine, Directory: p.directory, Now: p.now, Loop: engineLoop{p.loop}})
}

// engineLoop is the loop as the engine's follower knows it.
type engineLoop struct{ *loop }

func (l engineLoop) EngineReported(f fact.Fact) { l.send(engineReported(f)) }

// engineReported is what the engine reported, or an event that says what of that was lost.
type engineReported fact.Fact

func (m engineReported) handle(l *loop) {
	if m.Event != nil {
		l.applyEvent(*m.Event)
		return
	}
	l.apply(fact.Fact(m))
}
