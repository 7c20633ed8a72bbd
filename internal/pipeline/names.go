package pipeline

import (
	"context"
	"os"

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

func ownPID() int32 { return int32(os.Getpid()) }
