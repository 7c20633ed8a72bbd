package pipeline

import (
	"context"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/docker"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// nameSink takes what the engine says. It is called by the follower's goroutine.
type nameSink struct {
	p   *Pipeline
	ctx context.Context
}

// Identify keeps an identity at once, so that an event that is taken a moment later has its name.
func (s *nameSink) Identify(id container.Identity) {
	if !s.p.directory.Put(id) {
		return
	}
	s.p.do(func() {
		s.p.tell(isolation.Fact{Identity: &event.Container{
			ID: id.ID, Name: id.Name, Image: id.Image, Runtime: id.Runtime,
		}})
	})
}

// Forget does nothing: names outlive their containers, and the directory is bounded.
func (s *nameSink) Forget(string) {}

// Ended passes on what the engine says of a container's end.
func (s *nameSink) Ended(v container.Verdict) {
	s.p.do(func() {
		s.p.tell(isolation.Fact{Verdict: &isolation.Verdict{
			ID: v.ID, ExitCode: v.ExitCode, OOMKilled: v.OOMKilled, Removed: v.Removed,
		}})
	})
}

// Did passes on what the engine tells that it did.
func (s *nameSink) Did(id, action string, at time.Time) {
	now, at := s.p.now(), plain(at)
	s.p.do(func() {
		s.p.tell(isolation.Fact{Time: now, Said: &isolation.EngineEvent{ID: id, Action: action, At: at}})
	})
}

// EngineState passes on whether the engine answers.
func (s *nameSink) EngineState(state docker.State, detail string) {
	s.p.do(func() {
		s.p.tell(isolation.Fact{Engine: &isolation.Engine{
			Name: "docker", State: isolation.EngineState(state), Detail: detail,
		}})
	})
}

// askName asks the engine for a container that it has not told of.
func (p *Pipeline) askName(c *event.Container) {
	if c == nil || c.Name != "" {
		return
	}
	p.names.Ask(c.ID)
}
