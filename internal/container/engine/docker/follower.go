package docker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/fact"
)

// Follower follows one Docker engine, and asks it: it is an engine.Engine.
type Follower struct {
	host host
	cfg  Config
	asks *asks
	// failed are containers whose start has failed, to be asked about. unasked counts those that had no room there.
	failed  chan string
	unasked atomic.Uint64

	synced     chan struct{}
	syncedOnce sync.Once

	// The fields below belong to Run.

	// unstarted are the containers that were created and not started, maxUnstarted at most, and when it was last asked why.
	unstarted map[string]time.Time
	// since is the time up to which the engine's events are known; zero before the first session.
	since time.Time
	// unlisted counts the sessions in a row that ended because the list did not come in time.
	unlisted int
}

// New makes a follower. It does not connect. It fails if the host, or the environment's settings
// of TLS, cannot be parsed.
func New(cfg Config) (*Follower, error) {
	h, err := parseHost(cfg.Host)
	if err != nil {
		return nil, err
	}
	cli, err := h.client(wallClock{}, nil)
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	return &Follower{
		host: h, cfg: cfg.withDefaults(), asks: newAsks(), synced: make(chan struct{}),
		failed: make(chan string, maxStarts), unstarted: map[string]time.Time{},
	}, nil
}

// Name implements engine.Engine.
func (f *Follower) Name() string { return runtime.Docker }

// Address implements engine.Engine.
func (f *Follower) Address() string { return f.host.url }

// User implements engine.Engine.
func (f *Follower) User() uint32 { return f.cfg.User }

// Ask implements engine.Engine.
func (f *Follower) Ask(id string) {
	if validID(id) {
		f.asks.add(id)
	}
}

// AskStart implements engine.Engine. It comes after the questions about what the engine itself reported.
func (f *Follower) AskStart(id string) {
	if !validID(id) {
		return
	}
	select {
	case f.failed <- id:
	default:
		f.unasked.Add(1)
	}
}

// Synced implements engine.Engine.
func (f *Follower) Synced() <-chan struct{} { return f.synced }

func (f *Follower) markSynced() { f.syncedOnce.Do(func() { close(f.synced) }) }

// Run implements engine.Engine.
func (f *Follower) Run(ctx context.Context, sink engine.Sink) error {
	defer f.markSynced()
	s := &status{sink: sink, address: f.host.url, log: f.cfg.Log.With("engine", runtime.Docker, "host", f.host.url)}
	s.set(fact.EngineConnecting, "")
	pause := f.cfg.Backoff.Min
	for {
		steady, problem := f.session(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.set(problem.state, problem.detail)
		f.markSynced()
		if steady {
			pause = f.cfg.Backoff.Min
		}
		over, stop := alarm(f.cfg.Clock, pause)
		select {
		case <-over:
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
		pause = min(2*pause, f.cfg.Backoff.Max)
	}
}

// status passes changes of the engine's state on, and nothing else.
type status struct {
	sink    engine.Sink
	log     *slog.Logger
	address string
	state  fact.EngineState
	detail string
}

func (s *status) set(state fact.EngineState, detail string) {
	if s.state == state && s.detail == detail {
		return
	}
	level := slog.LevelInfo
	switch {
	case s.state == state || s.state == "":
		// Only the detail changed, or nothing happened yet.
		level = slog.LevelDebug
	case state == fact.EngineFailing:
		level = slog.LevelWarn
	}
	s.state, s.detail = state, detail
	s.log.Log(context.Background(), level, "container engine "+string(state), "detail", detail)
	s.sink.EngineState(fact.Engine{Name: runtime.Docker, Address: s.address, State: state, Detail: detail})
}
