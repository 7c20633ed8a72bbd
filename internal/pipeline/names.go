package pipeline

import (
	"context"
	"slices"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/sink"
)

const (
	// maxEngineFacts and maxEngineBytes bound what of the engine's words waits for the loop.
	maxEngineFacts = 8192
	maxEngineBytes = 8 << 20
)

// followEngine follows the engine until ctx ends, and then hands over what waits.
func (p *Pipeline) followEngine(ctx context.Context) error {
	s := newNameSink(p.directory, p.now, func(f fact.Fact) {
		p.send(call(func(*Pipeline) {
			if f.Event != nil {
				p.tellEvent(*f.Event)
			} else {
				p.tell(f)
			}
		}))
	})
	err := p.cfg.Engine.Run(ctx, s)
	_ = s.facts.Close(context.WithoutCancel(ctx)) // it cannot fail, since the loop takes all
	return err
}

// nameSink takes what the engine says. It never waits for the loop: an engine whose events are not taken in time drops
// them, and behind them are the names that the loop needs. Where there is no room for more, the engine's latest state and the
// names wait all the same, since neither is said again.
type nameSink struct {
	directory *container.Directory
	now       func() time.Time
	facts     *sink.Sink[engineFact]
	late      map[string]bool // the containers among what keep has kept
}

// engineFact is something that the engine said. Of a late one the name waits in the directory, and the fact has the id alone.
type engineFact struct {
	fact.Fact

	late bool
}

// newNameSink returns a nameSink that has all facts taken by take, one after the other, by a goroutine of its own.
func newNameSink(directory *container.Directory, now func() time.Time, take func(fact.Fact)) *nameSink {
	s := &nameSink{directory: directory, now: now, late: map[string]bool{}}
	s.facts = sink.New(sink.Config[engineFact]{
		Name: "engine", Values: maxEngineFacts, Bytes: maxEngineBytes,
		Size: func(f engineFact) int { return nameBytes(f.Identity) },
		Write: func(f engineFact) error {
			if f.late {
				identity, ok := s.directory.Get(f.Identity.ID)
				if !ok {
					f = s.lost(1)
				} else {
					f.Identity = asEvent(identity)
				}
			}
			take(f.Fact)
			return nil
		},
		Keep: s.keep,
		Missed: func(n uint64, _ engineFact, kept []engineFact) []engineFact {
			if n > 0 {
				kept = addEngineLoss(kept, s.lost(n))
			}
			return kept
		},
	})
	return s
}

// put queues a fact, with the time at which it came.
func (s *nameSink) put(f fact.Fact) {
	f.Time = s.now()
	s.facts.Put(engineFact{Fact: f})
}

// keep is sink.Config.Keep. It keeps the latest state, one name for each container, and the sum of what was lost before. Beyond as
// many names as the directory holds the oldest one is lost.
func (s *nameSink) keep(kept []engineFact, f engineFact) ([]engineFact, bool) {
	if len(kept) == 0 {
		clear(s.late)
	}
	switch {
	case f.Engine != nil:
		kept = slices.DeleteFunc(kept, func(k engineFact) bool { return k.Engine != nil })
		return append(kept, f), true
	case f.Event != nil:
		return addEngineLoss(kept, f), true
	case f.Identity == nil:
		return kept, false
	case s.late[f.Identity.ID]:
		return kept, true
	}
	if len(s.late) == rememberedNames {
		oldest := slices.IndexFunc(kept, func(k engineFact) bool { return k.late }) // before it are a state and a loss at most
		delete(s.late, kept[oldest].Identity.ID)
		copy(kept[1:oldest+1], kept[:oldest])
		kept = addEngineLoss(kept[1:], s.lost(1))
	}
	s.late[f.Identity.ID] = true
	return append(kept, engineFact{fact.Fact{Time: f.Time, Identity: &event.Container{ID: f.Identity.ID}}, true}), true
}

// addEngineLoss adds a loss to the one that is kept, if there is one.
func addEngineLoss(kept []engineFact, f engineFact) []engineFact {
	i := slices.IndexFunc(kept, func(k engineFact) bool { return k.Event != nil })
	if i < 0 {
		return append(kept, f)
	}
	kept[i].Event.Lost.Count += f.Event.Lost.Count
	return kept
}

// lost returns the event that says that so much of what the engine said was lost.
func (s *nameSink) lost(n uint64) engineFact {
	at := s.now()
	return engineFact{Fact: fact.Fact{Time: at, Event: &event.Event{
		Time: at, Type: event.EventsLost, Lost: &event.Lost{Count: n, Reason: event.LostEngine},
	}}}
}

// nameBytes is how much text a name has.
func nameBytes(c *event.Container) int {
	if c == nil {
		return 0
	}
	return len(c.Name) + len(c.Image)
}

// asEvent is an identity as events have it.
func asEvent(id container.Identity) *event.Container {
	return &event.Container{ID: id.ID, Name: id.Name, Image: id.Image, Runtime: id.Runtime}
}

// Identify keeps an identity at once, so that an event that is taken a moment later has its name.
func (s *nameSink) Identify(id container.Identity) {
	if s.directory.Put(id) {
		s.put(fact.Fact{Identity: asEvent(id)})
	}
}

// Ended passes on what the engine says of a container's end.
func (s *nameSink) Ended(report fact.EngineReport) {
	s.put(fact.Fact{EngineReport: &report})
}

// Did passes on what the engine did.
func (s *nameSink) Did(e fact.EngineEvent) {
	e.At = plain(e.At)
	if e.Container != nil {
		if identity, ok := s.directory.Get(e.ID); ok {
			e.Container.Name, e.Container.Image = identity.Name, identity.Image
		}
	}
	s.put(fact.Fact{EngineEvent: &e})
}

// Lost reports how many ends the engine cannot be asked about any more.
func (s *nameSink) Lost(n uint64) { s.facts.Put(s.lost(n)) }

// EngineState passes on whether the engine answers.
func (s *nameSink) EngineState(e fact.Engine) { s.put(fact.Fact{Engine: &e}) }

// askAgain bounds how often the engine is asked about a container that it does not know: after so long, and then after
// twice as long each time.
const (
	askAgain       = 500 * time.Millisecond
	longestUnasked = time.Minute
	maxQuestions   = 4096
)

// question is when the engine was asked about a container, and for how long it is not asked again.
type question struct {
	asked time.Time
	pause time.Duration
}

// askStart asks the engine why a container did not start, if it may be one of its own. Any user can make a cgroup that looks like
// one of another runtime.
func (p *Pipeline) askStart(c *event.Container) {
	_, told := p.directory.Get(c.ID)
	if told || c.Runtime == p.cfg.Engine.Name() {
		p.cfg.Engine.AskStart(c.ID)
	}
}

// askNames asks the engine for the containers of an event that have no name yet, and of which the engine should have
// told: its events are late, or were lost.
func (p *Pipeline) askNames(e *event.Event) {
	p.askName(e.Container)
	if e.Cgroup != nil {
		p.askName(e.Cgroup.Container)
	}
	if e.OOM != nil && e.OOM.Trigger != nil {
		p.askName(e.OOM.Trigger.Container)
	}
}

// askName asks the engine for a container that it has not told of. It does not wait for the answer.
func (p *Pipeline) askName(c *event.Container) {
	if c == nil || c.Name != "" {
		return
	}
	now := p.now()
	q := p.questions[c.ID]
	if now.Before(q.asked.Add(q.pause)) {
		return
	}
	if len(p.questions) >= maxQuestions {
		clear(p.questions) // then some are asked about once too often
	}
	p.questions[c.ID] = question{asked: now, pause: min(max(2*q.pause, askAgain), longestUnasked)}
	p.cfg.Engine.Ask(c.ID)
}
