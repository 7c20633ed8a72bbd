package pipeline

import (
	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/fact"
)

// newNames returns what follows the engine.
func (p *Pipeline) newNames() *names.Follower {
	return names.New(names.Config{Engine: p.cfg.Engine, Directory: p.directory, Now: p.now, Loop: engineLoop{p.loop}})
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
