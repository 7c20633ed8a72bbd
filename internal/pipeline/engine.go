package pipeline

import (
	"context"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/fact"
)

// followEngine hands over what the engine reports, until ctx ends.
func (p *Pipeline) followEngine(ctx context.Context) error {
	return names.Follow(ctx, names.Config{Engine: p.cfg.Engine, Directory: p.directory, Now: p.now, Loop: engineLoop{p}})
}

// engineLoop is the loop as the engine's follower knows it.
type engineLoop struct{ p *Pipeline }

func (l engineLoop) EngineReported(f fact.Fact) { l.p.send(engineReported(f)) }

// engineReported is what the engine reported, or an event that says what of that was lost.
type engineReported fact.Fact

func (m engineReported) handle(p *Pipeline) {
	if m.Event != nil {
		p.tellEvent(*m.Event)
		return
	}
	p.tell(fact.Fact(m))
}
