package docker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/pause"
)

// Follower follows one engine that speaks the API of Docker, and asks it: it is an engine.Engine.
type Follower struct {
	host host
	cfg  Config
	asks *asks
	// dialect is a guess until the engine has answered for the first time.
	dialect atomic.Pointer[dialect]
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
	// warnedOfPolling is set once it was logged that the engine forbids its events.
	warnedOfPolling bool
}

// New makes a follower. It does not connect. It fails if the host, or the environment's settings
// of TLS, cannot be parsed.
func New(cfg Config) (*Follower, error) {
	h, err := parseHost(cfg.Host)
	if err != nil {
		return nil, err
	}
	h.connect, h.ofUser = cfg.Connect, cfg.User != 0
	cli, err := h.client(wallClock{}, nil)
	if err != nil {
		return nil, err
	}
	defer cli.Close()
	f := &Follower{
		host: h, cfg: cfg.withDefaults(), asks: newAsks(), synced: make(chan struct{}),
		failed: make(chan string, maxStarts), unstarted: map[string]time.Time{},
	}
	f.dialect.Store(new(guess(cfg.Runtime, h.socket)))
	return f, nil
}

// Name implements engine.Engine.
func (f *Follower) Name() string { return f.dialect.Load().runtime }

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

// AskEnd implements engine.Engine: the engine's own events report ends.
func (f *Follower) AskEnd(string) {}

// Synced implements engine.Engine.
func (f *Follower) Synced() <-chan struct{} { return f.synced }

func (f *Follower) markSynced() { f.syncedOnce.Do(func() { close(f.synced) }) }

// Run implements engine.Engine.
func (f *Follower) Run(ctx context.Context, sink engine.Sink) error {
	defer f.markSynced()
	s := &engine.Status{Sink: sink, Of: f, Log: f.cfg.Log.With("engine", f.host.url)}
	s.Set(fact.EngineConnecting, "")
	pauses := pause.NewDoubling(f.cfg.Backoff.Min, f.cfg.Backoff.Max)
	for {
		steady, problem := f.session(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Set(problem.State, problem.Detail)
		f.markSynced()
		if steady {
			pauses.Reset()
		}
		over, stop := alarm(f.cfg.Clock, pauses.Next())
		select {
		case <-over:
		case <-ctx.Done():
			stop()
			return ctx.Err()
		}
	}
}
