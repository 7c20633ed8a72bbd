package pipeline

import (
	"context"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/docker"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

const (
	// maxEngineFacts and maxEngineBytes bound what of the engine's words waits for the loop.
	maxEngineFacts = 8192
	maxEngineBytes = 8 << 20
)

// followEngine follows the engine until ctx ends, and then hands over what waits.
func (p *Pipeline) followEngine(ctx context.Context) error {
	sink := newNameSink(p.directory, p.now)
	ended := make(chan struct{})
	var err error
	go func() {
		defer close(ended)
		err = p.names.Run(ctx, sink)
	}()
	for over := false; !over; {
		select {
		case <-sink.wake:
		case <-ended:
			over = true
		}
		facts, dropped := sink.take()
		if len(facts) == 0 && dropped == 0 {
			continue
		}
		p.do(func() {
			for _, f := range facts {
				p.tell(f)
			}
			if dropped > 0 {
				p.tellEvent(event.Event{Time: p.now(), Type: event.EventsLost, Lost: &event.Lost{Count: dropped, Reason: event.LostEngine}})
			}
		})
	}
	return err
}

// nameSink takes what the engine says. It never waits for the loop: an engine whose events are not taken in time drops
// them, and behind them are the names that the loop needs.
type nameSink struct {
	directory *container.Directory
	now       func() time.Time
	wake      chan struct{} // holds a token while there is something to take

	mu      sync.Mutex // guards the rest
	facts   []fact.Fact
	bytes   int // of the names and images in facts
	dropped uint64
	// state is the latest state of the engine, where there was no room for it in facts. It is never dropped: the follower
	// reports a state once.
	state *fact.Fact
	// late are the containers for whose names there was no room in facts, oldest first. The directory has these names, and it
	// will not call them news again.
	late   []string
	isLate map[string]struct{}
}

func newNameSink(directory *container.Directory, now func() time.Time) *nameSink {
	return &nameSink{directory: directory, now: now, wake: make(chan struct{}, 1), isLate: map[string]struct{}{}}
}

// put queues a fact, with the time at which it came.
func (s *nameSink) put(f fact.Fact) {
	f.Time = s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	size := nameBytes(f.Identity)
	switch {
	case len(s.facts) < maxEngineFacts && s.bytes+size <= maxEngineBytes:
		s.facts = append(s.facts, f)
		s.bytes += size
	case f.Engine != nil:
		s.state = &f
	case f.Identity != nil:
		s.putLate(f.Identity.ID)
	default:
		s.dropped++
	}
	s.signal()
}

// putLate keeps in mind that a name waits in the directory. Beyond what the directory holds, the oldest one is dropped. The
// caller holds the lock.
func (s *nameSink) putLate(id string) {
	if _, known := s.isLate[id]; known {
		return
	}
	if len(s.late) == rememberedNames {
		delete(s.isLate, s.late[0])
		s.late = s.late[1:]
		s.dropped++
	}
	s.late = append(s.late, id)
	s.isLate[id] = struct{}{}
}

// take returns what has come, in its order but for what there was no room for, and how much was dropped. What still does not
// fit, the next take returns.
func (s *nameSink) take() (facts []fact.Fact, dropped uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	facts = s.facts
	for size := s.bytes; len(s.late) > 0; s.late = s.late[1:] {
		id := s.late[0]
		identity, ok := s.directory.Get(id)
		if !ok {
			s.dropped++
			delete(s.isLate, id)
			continue
		}
		c := asEvent(identity)
		if size += nameBytes(c); size > maxEngineBytes && len(facts) > 0 {
			s.signal()
			break
		}
		facts = append(facts, fact.Fact{Time: s.now(), Identity: c})
		delete(s.isLate, id)
	}
	if s.state != nil {
		facts = append(facts, *s.state)
	}
	dropped = s.dropped
	s.facts, s.bytes, s.dropped, s.state = nil, 0, 0, nil
	return facts, dropped
}

// signal puts the token in; the caller holds the lock.
func (s *nameSink) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
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

// Forget does nothing: names outlive their containers, and the directory is bounded.
func (s *nameSink) Forget(string) {}

// Ended passes on what the engine says of a container's end.
func (s *nameSink) Ended(v container.Verdict) {
	s.put(fact.Fact{EngineReport: &fact.EngineReport{ID: v.ID, ExitCode: v.ExitCode, OOMKilled: v.OOMKilled, Removed: v.Removed, StartError: v.StartError}})
}

// Did passes on what the engine tells that it did.
func (s *nameSink) Did(id, action string, at time.Time) {
	said := &fact.EngineEvent{ID: id, Action: action, At: plain(at)}
	if action == "create" {
		said.Container = &event.Container{ID: id, Runtime: docker.Runtime}
		if identity, ok := s.directory.Get(id); ok {
			said.Container.Name, said.Container.Image = identity.Name, identity.Image
		}
	}
	s.put(fact.Fact{EngineEvent: said})
}

// Lost counts what the engine cannot be asked about any more.
func (s *nameSink) Lost(n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += n
	s.signal()
}

// EngineState passes on whether the engine answers.
func (s *nameSink) EngineState(state docker.State, detail string) {
	s.put(fact.Fact{Engine: &fact.Engine{Name: "docker", State: fact.EngineState(state), Detail: detail}})
}

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
	if told || c.Runtime == docker.Runtime {
		p.names.AskStart(c.ID)
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
	p.names.Ask(c.ID)
}
