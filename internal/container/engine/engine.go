package engine

import (
	"context"
	"errors"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/fact"
)

// An Engine follows one container engine and asks it. The engine may be absent, slow, hung or restarted.
type Engine interface {
	// Name returns the name of its row in the table of runtimes. It may change when the engine answers for the first time: until
	// then it is a guess by its address. runtime.Unknown is a source of containers of any runtime.
	Name() string
	// Address returns what tells it apart from other engines: unix:///path or tcp://host:port; "" is a source that needs no connection,
	// and has no state. It never changes.
	Address() string
	// User returns the uid of the user whose engine it is; 0 is the host's, or one that the user of nsviz chose. A user's engine is
	// believed about containers in the user's own slice alone.
	User() uint32
	// Run follows the engine until ctx ends, whatever the engine does, and returns ctx's error. It is called once. When it returns, all
	// its goroutines and connections are gone.
	Run(ctx context.Context, sink Sink) error
	// Synced is closed once the containers that exist were reported to the Sink, or once the engine could not be asked for the first
	// time: callers that want names before they start need wait no longer.
	Synced() <-chan struct{}
	// Ask asks who a container is; the answer goes to Sink.Identify if the engine knows it. It never waits and may be called from any
	// goroutine. Anything but a container id is ignored.
	Ask(id string)
	// AskStart asks why a container did not start; the answer goes to Sink.Ended if the engine knows it. It never waits and may be
	// called from any goroutine. If there are too many at a time, their answers stay unknown, which is logged.
	AskStart(id string)
	// AskEnd tells an engine that a container has ended, as the kernel reports it; what the engine says of that goes to Sink.Ended, if
	// it knows the container. It never waits and may be called from any goroutine. An engine whose own events report ends ignores it.
	AskEnd(id string)
	// Settings asks for the engine's settings of a container. It returns within a few seconds.
	Settings(ctx context.Context, id string) (*fact.Settings, error)
	// Inits asks for the PID 1 of running containers, by id, if it is not known otherwise. It returns within a few seconds what it has
	// learned by then, and nothing if the engine may be on another host. A user's engine may name any process.
	Inits(ctx context.Context, known func(id string) bool) (map[string]Init, error)
}

// A Sink takes what an Engine learns. Its methods are called one at a time, by the goroutine that is in Run, and hold up the engine's
// follower for as long as they take.
type Sink interface {
	// Identify reports every container that is found, created or renamed. The same identity may
	// be reported again; the last one counts.
	Identify(container.Identity)
	// Ended reports what the engine says of every container that died or could not be started, and how often it has restarted those
	// that ran before.
	Ended(fact.EngineReport)
	// Did reports what the engine did with a container. fact.ActionCreate comes after Identify, also for existing containers that
	// have never been started; its Container has an id and a runtime.
	Did(fact.EngineEvent)
	// Lost reports how many ends of containers, reported by the engine, will have no Ended: there were too many to ask about.
	Lost(n uint64)
	// EngineState reports a change, with the engine's version if it is connected, otherwise a short
	// reason.
	EngineState(fact.Engine)
}

// ErrNotRunning is that nothing but systemd listens on the socket of an engine: whoever connects has systemd start it. Whoever only
// watches does not.
var ErrNotRunning = errors.New("socket held by systemd, not running")

// Init is the PID 1 of a container, as its engine has it.
type Init struct {
	// PID is the number on the engine's host.
	PID int32
	// Started is the start time by the engine; zero is unknown.
	Started time.Time
	// Runtime is the name of the engine.
	Runtime string
}
