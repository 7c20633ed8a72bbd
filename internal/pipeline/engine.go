package pipeline

import (
	"context"
	"errors"
	"sync"

	"github.com/nsviz/nsviz/internal/collect/names"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/fact"
)

// followEngines sets up what follows the engines, and what asks them.
func (p *Pipeline) followEngines() {
	p.engines = names.NewEngines(names.EnginesConfig{
		Engines: p.cfg.Engines, Find: p.cfg.FindEngines, Directory: p.directory, Now: p.now, Log: p.cfg.Log,
		Loop: func(e engine.Engine) names.Loop { return engineLoop{p.loop, e.User()} },
	})
	p.questions = names.NewQuestions(p.engines.All, p.directory, p.now)
}

// AwaitEngines waits until each engine has reported its containers or could not be asked, or until ctx ends. It returns how many of them
// have a state; the snapshot may get it later.
func (p *Pipeline) AwaitEngines(ctx context.Context) int {
	p.engines.AwaitSynced(ctx)
	return len(p.engines.Stated())
}

// ErrNoEngine is that there is no engine to ask about a container.
var ErrNoEngine = errors.New("no engine of its runtime is known")

// Settings asks the engines of a runtime for their settings of a container, all at once. The first answer counts. What is of any runtime
// is asked where there is no other answer. It is for after Once.
func (p *Pipeline) Settings(ctx context.Context, its, id string) (*fact.Settings, error) {
	return p.settingsOf(ctx, its, id, func(user uint32) bool { return p.tracker.IsOf(id, user) })
}

// HostSettings is Settings of the host's engines, without those of users. It may be called at any time.
func (p *Pipeline) HostSettings(ctx context.Context, its, id string) (*fact.Settings, error) {
	return p.settingsOf(ctx, its, id, func(uint32) bool { return false })
}

// settingsOf is Settings; isOf reports whether the container is a user's.
func (p *Pipeline) settingsOf(ctx context.Context, its, id string, isOf func(user uint32) bool) (*fact.Settings, error) {
	settings, err := p.settings(ctx, its, id, isOf)
	if err != nil {
		if other, e := p.settings(ctx, runtime.Unknown, id, isOf); e == nil {
			return other, nil
		}
	}
	return settings, err
}

// settings is settingsOf for the engines of one name.
func (p *Pipeline) settings(ctx context.Context, name, id string, isOf func(user uint32) bool) (*fact.Settings, error) {
	type answer struct {
		settings *fact.Settings
		err      error
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answers := make(chan answer, names.MaxEngines)
	open := 0
	for _, e := range p.engines.All() {
		if e.Name() != name || e.User() != 0 && !isOf(e.User()) {
			continue
		}
		open++
		asking.Go(func() {
			settings, err := e.Settings(ctx, id)
			answers <- answer{settings, err}
		})
	}
	failed := ErrNoEngine
	for ; open > 0; open-- {
		a := <-answers
		if a.err == nil {
			return a.settings, nil
		}
		failed = a.err
	}
	return nil, failed
}

// engineLoop is the loop as the follower of an engine knows it.
type engineLoop struct {
	*loop

	user uint32 // whose engine it is; 0 is the host's
}

func (l engineLoop) EngineReported(f fact.Fact) { l.send(engineReported{f, l.user}) }

// engineReported is what an engine reported, or an event that says what of that was lost.
type engineReported struct {
	fact.Fact

	user uint32
}

func (m engineReported) handle(l *loop) {
	switch {
	case m.Event != nil:
		l.applyEvent(*m.Event)
	case m.user != 0 && !l.mayReport(m):
	default:
		if m.Identity != nil {
			if id := l.tracker.CurrentID(m.Identity.ID); id != m.Identity.ID {
				m.Identity = new(*m.Identity)
				m.Identity.ID = id
			}
		}
		l.apply(m.Fact)
	}
}

// mayReport reports whether a user's engine is believed: about itself, and about containers in the user's own slice. A name that comes
// before its container is in the directory.
func (l *loop) mayReport(m engineReported) bool {
	switch {
	case m.Identity != nil:
		return l.tracker.IsOf(m.Identity.ID, m.user)
	case m.EngineReport != nil:
		return l.tracker.IsOf(m.EngineReport.ID, m.user)
	case m.EngineEvent != nil:
		return l.tracker.IsOf(m.EngineEvent.ID, m.user)
	}
	return true
}
