package cri

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/pause"
)

// maxAsked bounds the questions about ends that wait for Run.
const maxAsked = 1024

// Follower follows one engine, and asks it: it is an engine.Engine.
type Follower struct {
	cfg    Config
	socket string
	name   atomic.Pointer[string]
	// wake holds a token while the list is asked for.
	wake  chan struct{}
	asked chan question
	// serving is set while there is a session; unasked counts the ends that had no room in asked meanwhile.
	serving atomic.Bool
	unasked atomic.Uint64

	synced     chan struct{}
	syncedOnce sync.Once

	// The fields below belong to Run.

	// answered is set once the engine has answered as one.
	answered bool
	open     questions
	// listed and before are what the latest list and the one before it had: by id whether it is a sandbox.
	listed, before map[string]bool
	images         map[string]string // names of images by their ids
}

// New makes a follower. It does not connect. It fails if the endpoint cannot be parsed.
func New(c Config) (*Follower, error) {
	socket, err := socketOf(c.Endpoint)
	if err != nil {
		return nil, err
	}
	silence()
	f := &Follower{
		cfg: c.withDefaults(), socket: socket, wake: make(chan struct{}, 1), asked: make(chan question, maxAsked), synced: make(chan struct{}),
		images: map[string]string{},
	}
	f.name.Store(new(guess(c.Runtime, socket)))
	return f, nil
}

// Name implements [engine.Engine].
func (f *Follower) Name() string { return *f.name.Load() }

// Address implements [engine.Engine].
func (f *Follower) Address() string { return f.cfg.Endpoint }

// User implements [engine.Engine]: the API is served by root alone.
func (f *Follower) User() uint32 { return 0 }

// Synced implements [engine.Engine].
func (f *Follower) Synced() <-chan struct{} { return f.synced }

func (f *Follower) markSynced() { f.syncedOnce.Do(func() { close(f.synced) }) }

// Ask implements [engine.Engine], by the list of all containers.
func (f *Follower) Ask(id string) {
	if !container.IsHash(id) {
		return
	}
	select {
	case f.wake <- struct{}{}:
	default: // it is asked for
	}
}

// AskStart implements [engine.Engine].
func (f *Follower) AskStart(id string) { f.ask(question{id: id, start: true}) }

// AskEnd implements [engine.Engine].
func (f *Follower) AskEnd(id string) { f.ask(question{id: id}) }

func (f *Follower) ask(q question) {
	if !container.IsHash(q.id) {
		return
	}
	select {
	case f.asked <- q:
	default:
		if f.serving.Load() && !q.start {
			f.unasked.Add(1)
		}
	}
}

// Settings implements [engine.Engine]. What the API has beyond its own words for a container is the bundle, which is on the disk.
func (f *Follower) Settings(context.Context, string) (*fact.Settings, error) {
	return nil, errors.New("the CRI API has no settings of containers; they are in its bundle")
}

// Inits implements [engine.Engine]. The API does not have the PID 1 of a container; the runtime's state on the disk does.
func (f *Follower) Inits(context.Context, func(string) bool) (map[string]engine.Init, error) {
	return nil, nil
}

// Run implements [engine.Engine].
func (f *Follower) Run(ctx context.Context, sink engine.Sink) error {
	defer f.markSynced()
	st := &engine.Status{Sink: sink, Of: f, Log: f.cfg.Log.With("engine", f.cfg.Endpoint)}
	if !f.cfg.Found {
		st.Set(fact.EngineConnecting, "")
	}
	pauses := pause.NewDoubling(f.cfg.retryMin, f.cfg.retryMax)
	for {
		steady, p := f.session(ctx, st)
		f.serving.Store(false)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f.answered || !f.cfg.Found || errors.Is(p, context.DeadlineExceeded) {
			st.Set(p.State, p.Detail)
		} else {
			st.Log.Debug("no engine with the CRI API answers", "detail", p.Detail)
		}
		f.markSynced()
		if steady {
			pauses.Reset()
		}
		wait := pauses.Next()
		if errors.Is(p, errNoAPI) {
			wait = f.cfg.noAPI
		}
		if !pause.Wait(ctx, wait) {
			return ctx.Err()
		}
	}
}

// dial connects to the socket.
func (f *Follower) dial(ctx context.Context) (*connection, *engine.Problem) {
	ctx, cancel := context.WithTimeout(ctx, f.cfg.timeout)
	defer cancel()
	var conn net.Conn
	conn, err := f.cfg.Connect(ctx, f.socket)
	if err == nil {
		c, err := connect(conn)
		if err != nil {
			return nil, engine.NewProblem(fact.EngineFailing, engine.Brief(err.Error()), err)
		}
		return c, nil
	}
	if state, detail := engine.SocketState(f.socket, err); state != "" {
		return nil, engine.NewProblem(state, detail, err)
	}
	return nil, engine.NewProblem(fact.EngineFailing, "connection: "+engine.Brief(err.Error()), err)
}

// guess returns what an engine is taken for: that name, or the runtime that has a socket of that name.
func guess(name, socket string) string {
	if name != "" {
		return name
	}
	for _, r := range runtime.All() {
		if slices.Contains(r.Files.Sockets, filepath.Base(socket)) {
			return r.Name
		}
	}
	return runtime.Containerd
}
