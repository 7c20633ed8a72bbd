package docker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/container"
)

// State says what the engine is for us.
type State string

// The states of an engine.
const (
	Connected  State = "connected"
	Connecting State = "connecting" // not asked yet, or being asked again
	Absent     State = "absent"     // nothing listens there
	Failing    State = "failing"    // it is there and does not answer as it should
)

// Sink takes what a Follower learns. Its methods are called one at a time, by the goroutine that
// is in Run, and hold up the follower for as long as they take.
type Sink interface {
	// Identify tells of every container that is found, created or renamed. The same identity may
	// be told again; the last one counts.
	Identify(container.Identity)
	// Ended tells of every container that died, and of those that could not be started, what the engine says of that.
	Ended(container.Verdict)
	// Did tells what the engine did with a container, in its own word, such as "start" or "exec_start", and when
	// by its own clock. "create" comes after Identify, also for containers that were there and have never been started.
	Did(id, action string, at time.Time)
	// Lost tells that so many ends of containers of which the engine told will have no Ended: more came than it can be asked about.
	Lost(n uint64)
	// EngineState tells a change: the engine's version where it is connected, otherwise a short
	// reason.
	EngineState(state State, detail string)
}

// Follower follows one engine.
type Follower struct {
	host host
	cfg  Config
	asks *asks
	// failed are containers whose start has failed, to be asked about. unasked counts those for which there was no room.
	failed  chan string
	unasked atomic.Uint64

	synced     chan struct{}
	syncedOnce sync.Once

	// The rest belongs to Run.

	// unstarted are the containers that were created and not started, maxUnstarted at most, and when it was last asked why.
	unstarted map[string]time.Time
	// since is up to when the engine's events are known; zero before the first session.
	since time.Time
	// unlisted counts the sessions in a row that ended because the list did not come in time.
	unlisted int
}

// New makes a follower. It does not connect; it fails where the host, or what the environment says
// about TLS, cannot be understood.
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

// Ask asks who a container is; the answer goes to Sink.Identify where the engine knows. It never
// waits and may be called from any goroutine. What is no container id is ignored.
func (f *Follower) Ask(id string) {
	if validID(id) {
		f.asks.add(id)
	}
}

// AskStart asks why a container did not start; the answer goes to Sink.Ended where the engine knows. It never waits and
// may be called from any goroutine. Of too many at a time the answers stay unknown, which the log says. It comes after the
// questions about what the engine itself told of.
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

// Synced is closed once the containers that exist were told to the Sink, or once the engine could
// not be asked for the first time: whoever wants names before they start need wait no longer.
func (f *Follower) Synced() <-chan struct{} { return f.synced }

func (f *Follower) markSynced() { f.syncedOnce.Do(func() { close(f.synced) }) }

// Run follows the engine until ctx ends, whatever the engine does, and returns ctx's error. It is
// called once. When it returns, all its goroutines and connections are gone.
func (f *Follower) Run(ctx context.Context, sink Sink) error {
	defer f.markSynced()
	s := &status{sink: sink, log: f.cfg.Log.With("engine", "docker", "host", f.host.url)}
	s.set(Connecting, "")
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
	sink   Sink
	log    *slog.Logger
	state  State
	detail string
}

func (s *status) set(state State, detail string) {
	if s.state == state && s.detail == detail {
		return
	}
	level := slog.LevelInfo
	switch {
	case s.state == state || s.state == "":
		// Only the words changed, or nothing happened yet.
		level = slog.LevelDebug
	case state == Failing:
		level = slog.LevelWarn
	}
	s.state, s.detail = state, detail
	s.log.Log(context.Background(), level, "container engine "+string(state), "detail", detail)
	s.sink.EngineState(state, detail)
}
