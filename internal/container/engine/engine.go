package engine

import (
	"context"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
)

// An Engine follows one container engine and asks it. The engine may be absent, slow, hung or restarted.
type Engine interface {
	// Name returns the name of its row in the table of runtimes.
	Name() string
	// Run follows the engine until ctx ends, whatever the engine does, and returns ctx's error. It is called once. When it returns, all
	// its goroutines and connections are gone.
	Run(ctx context.Context, sink Sink) error
	// Synced is closed once the containers that exist were reported to the Sink, or once the engine could not be asked for the first
	// time: whoever wants names before they start need wait no longer.
	Synced() <-chan struct{}
	// Ask asks who a container is; the answer goes to Sink.Identify if the engine knows it. It never waits and may be called from any
	// goroutine. What is no container id is ignored.
	Ask(id string)
	// AskStart asks why a container did not start; the answer goes to Sink.Ended if the engine knows it. It never waits and may be
	// called from any goroutine. Of too many at a time the answers stay unknown, which is logged.
	AskStart(id string)
	// Settings asks what the engine was told about a container. It returns within a few seconds.
	Settings(ctx context.Context, id string) (*fact.Settings, error)
	// Inits asks for the PID 1 of each running container that is not known otherwise, by id. It returns within a few seconds what it has
	// learned by then, and nothing where the engine may be on another host.
	Inits(ctx context.Context, known func(id string) bool) (map[string]Init, error)
}

// A Sink takes what an Engine learns. Its methods are called one at a time, by the goroutine that is in Run, and hold up the engine's
// follower for as long as they take.
type Sink interface {
	// Identify tells of every container that is found, created or renamed. The same identity may
	// be told again; the last one counts.
	Identify(container.Identity)
	// Ended tells of every container that died, and of those that could not be started, what the engine says of that.
	Ended(fact.EngineReport)
	// Did tells what the engine did with a container. fact.ActionCreate comes after Identify, also for containers that were there and
	// have never been started; its Container has an id and a runtime.
	Did(fact.EngineEvent)
	// Lost tells that so many ends of containers of which the engine told will have no Ended: more came than it can be asked about.
	Lost(n uint64)
	// EngineState tells a change: the engine's version where it is connected, otherwise a short
	// reason.
	EngineState(fact.Engine)
}

// Init is the PID 1 of a container, as its engine has it.
type Init struct {
	// PID is as the engine's host counts.
	PID int32
	// Started is when the engine says that it started it; zero is unknown.
	Started time.Time
}
