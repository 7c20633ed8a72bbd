package names

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/sink"
)

// Remembered is how many identities of containers are kept for names, those of the dead included.
const Remembered = 8192

const (
	// maxFacts and maxBytes bound what an engine reports and waits for the loop.
	maxFacts = 8192
	maxBytes = 8 << 20

	// A user's own engine may report userRate facts a second in the long run, and userBurst at once: it can make them up.
	userRate  = 100
	userBurst = 2048
)

// Loop takes what an engine reports.
type Loop interface {
	// EngineReported takes one fact after the other. An event among them says what was lost.
	EngineReported(fact.Fact)
}

// Config says whom to follow.
type Config struct {
	Engine    engine.Engine
	Directory *container.Directory
	Now       func() time.Time
	Loop      Loop
}

// Follower follows one engine.
type Follower struct {
	cfg       Config
	connected atomic.Bool
	// stated is set once the engine has a state.
	stated atomic.Bool
	// forgotten is set where Run is to end because the engine is gone.
	forgotten atomic.Bool
}

// New returns a follower that has not begun.
func New(c Config) *Follower { return &Follower{cfg: c} }

// Connected reports whether the engine answered of late, or needs no connection. What the follower has learned before that need not
// have come to the loop.
func (f *Follower) Connected() bool { return f.cfg.Engine.Address() == "" || f.connected.Load() }

// Run follows the engine until ctx ends, and then hands over what waits. It is called once.
func (f *Follower) Run(ctx context.Context) error {
	r := newReports(f.cfg, f)
	err := f.cfg.Engine.Run(ctx, r)
	if ctx.Err() != nil && f.forgotten.Load() {
		r.EngineState(fact.Engine{Name: f.cfg.Engine.Name(), Address: f.cfg.Engine.Address(), User: f.cfg.Engine.User(), State: fact.EngineForgotten})
	}
	_ = r.facts.Close(context.WithoutCancel(ctx)) // it cannot fail, since the loop takes all
	return err
}

// reports is an engine.Sink that never waits for the loop: an engine drops the events that are not read in time, and behind them are
// the names that the loop needs. Where there is no room for more, the engine's latest state and the names are kept all the same,
// since neither is reported again.
type reports struct {
	directory *container.Directory
	now       func() time.Time
	user      uint32 // whose engine it is; 0 is the host's
	// rate bounds the facts of a user's engine; nil is no bound.
	rate  *rate.Limiter
	facts *sink.Sink[report]
	late  map[string]bool // the containers among what keep has kept
	of    *Follower
}

// report is something that the engine reported. Of a late one the name is in the directory, and the fact has the id alone.
type report struct {
	fact.Fact

	late bool
}

// newReports returns reports whose facts a goroutine of its own hands to the loop, one after the other.
func newReports(cfg Config, of *Follower) *reports {
	r := &reports{directory: cfg.Directory, now: cfg.Now, user: cfg.Engine.User(), late: map[string]bool{}, of: of}
	if r.user != 0 {
		r.rate = rate.NewLimiter(userRate, userBurst)
	}
	r.facts = sink.New(sink.Config[report]{
		Name: "engine", Values: maxFacts, Bytes: maxBytes,
		Size: func(f report) int { return nameBytes(f.Identity) },
		Write: func(f report) error {
			if f.late {
				identity, ok := r.directory.Get(f.Identity.ID)
				if !ok {
					f = r.lost(1)
				} else {
					f.Identity = asEvent(identity)
				}
			}
			cfg.Loop.EngineReported(f.Fact)
			return nil
		},
		Keep: r.keep,
		Missed: func(n uint64, _ report, kept []report) []report {
			if n > 0 {
				kept = addLoss(kept, r.lost(n))
			}
			return kept
		},
	})
	return r
}

// put queues a fact, with the time at which it came.
func (r *reports) put(f fact.Fact) {
	f.Time = r.now()
	if r.rate != nil && f.Engine == nil && !r.rate.AllowN(f.Time, 1) {
		r.facts.Put(r.lost(1))
		return
	}
	r.facts.Put(report{Fact: f})
}

// keep is sink.Config.Keep. It keeps the latest state, one name for each container, and the sum of what was lost before. Beyond as
// many names as the directory holds the oldest one is lost.
func (r *reports) keep(kept []report, f report) ([]report, bool) {
	if len(kept) == 0 {
		clear(r.late)
	}
	switch {
	case f.Engine != nil:
		kept = slices.DeleteFunc(kept, func(k report) bool { return k.Engine != nil })
		return append(kept, f), true
	case f.Event != nil:
		return addLoss(kept, f), true
	case f.Identity == nil:
		return kept, false
	case r.late[f.Identity.ID]:
		return kept, true
	}
	if len(r.late) == Remembered {
		oldest := slices.IndexFunc(kept, func(k report) bool { return k.late }) // before it are a state and a loss at most
		delete(r.late, kept[oldest].Identity.ID)
		copy(kept[1:oldest+1], kept[:oldest])
		kept = addLoss(kept[1:], r.lost(1))
	}
	r.late[f.Identity.ID] = true
	return append(kept, report{fact.Fact{Time: f.Time, Identity: &event.Container{ID: f.Identity.ID}}, true}), true
}

// addLoss adds a loss to the one that is kept, if there is one.
func addLoss(kept []report, f report) []report {
	i := slices.IndexFunc(kept, func(k report) bool { return k.Event != nil })
	if i < 0 {
		return append(kept, f)
	}
	kept[i].Event.Lost.Count += f.Event.Lost.Count
	return kept
}

// lost returns the event that says how much of what the engine reported was lost.
func (r *reports) lost(n uint64) report {
	at := r.now()
	return report{Fact: fact.Fact{Time: at, Event: &event.Event{
		Time: at, Type: event.EventsLost, Lost: &event.Lost{Count: n, Reason: event.LostEngine},
	}}}
}

// nameBytes is how much text an identity has.
func nameBytes(c *event.Container) int {
	if c == nil {
		return 0
	}
	n := len(c.Name) + len(c.Image)
	if g := c.Group; g != nil {
		n += len(g.Name) + len(g.Namespace) + len(g.Member)
	}
	for key, value := range c.Labels {
		n += len(key) + len(value)
	}
	return n
}

// asEvent is an identity as events have it.
func asEvent(id container.Identity) *event.Container {
	return &event.Container{ID: id.ID, Name: id.Name, Image: id.Image, Runtime: id.Runtime, Kind: id.Kind, Group: id.Group, Labels: id.Labels}
}

// Identify keeps an identity at once, so that an event that is taken a moment later has its name.
func (r *reports) Identify(id container.Identity) {
	id.User = r.user
	if !r.directory.Put(id) {
		return
	}
	if known, ok := r.directory.Get(id.ID); ok { // with what others have said
		r.put(fact.Fact{Identity: asEvent(known)})
	}
}

// Ended passes on what the engine reports about a container's end.
func (r *reports) Ended(report fact.EngineReport) {
	r.put(fact.Fact{EngineReport: &report})
}

// Did passes on an action of the engine.
func (r *reports) Did(e fact.EngineEvent) {
	e.At = fact.Plain(e.At)
	if e.Container != nil {
		if identity, ok := r.directory.Get(e.ID); ok {
			e.Container = asEvent(identity)
		}
	}
	r.put(fact.Fact{EngineEvent: &e})
}

// Lost reports how many ends the engine cannot be asked about any more.
func (r *reports) Lost(n uint64) { r.facts.Put(r.lost(n)) }

// EngineState passes on whether the engine answers.
func (r *reports) EngineState(e fact.Engine) {
	r.of.connected.Store(e.State == fact.EngineConnected)
	r.of.stated.Store(true)
	r.put(fact.Fact{Engine: &e})
}
