package names

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
)

// MaxEngines is how many engines are followed. Users may start as many as they like.
const MaxEngines = 16

// EnginesConfig says whom to follow.
type EnginesConfig struct {
	// Engines are followed for as long as Run runs.
	Engines []engine.Engine
	// Find returns the other engines that are there at the time: the same one again for the same engine. It is called by one goroutine
	// at a time. A nil Find is that there are no others.
	Find      func() []engine.Engine
	Directory *container.Directory
	Now       func() time.Time
	Log       *slog.Logger
	// Loop returns what takes the reports of an engine.
	Loop func(engine.Engine) Loop
}

// Engines follows several engines, each at its own pace: none waits for another one. Its methods other than Run may be called by any
// goroutine.
type Engines struct {
	cfg  EnginesConfig
	look chan struct{} // holds a token while Find is to be called
	// all is replaced, never changed.
	all atomic.Pointer[[]*Follower]
	// warned is set once engines were left out.
	warned bool
}

// run is a follower at work.
type run struct {
	stop context.CancelFunc
	done chan struct{} // closed at its end
}

// place is where an engine is. Of sources without an address each user has one.
type place struct {
	address string
	user    uint32
}

// NewEngines returns a follower of engines that has not begun. It has called Find for the first time.
func NewEngines(c EnginesConfig) *Engines {
	e := &Engines{cfg: c, look: make(chan struct{}, 1)}
	list := e.followers(c.Engines)
	if c.Find != nil {
		list = append(list, e.followers(e.room(len(list), c.Find()))...)
	}
	e.all.Store(&list)
	return e
}

func (e *Engines) followers(engines []engine.Engine) []*Follower {
	list := make([]*Follower, len(engines))
	for i, one := range engines {
		list[i] = New(Config{Engine: one, Directory: e.cfg.Directory, Now: e.cfg.Now, Loop: e.cfg.Loop(one)})
	}
	return list
}

// room returns the engines for which there is room beside those that are followed.
func (e *Engines) room(followed int, found []engine.Engine) []engine.Engine {
	most := max(MaxEngines-followed, 0)
	if len(found) <= most {
		return found
	}
	if !e.warned {
		e.warned = true
		e.cfg.Log.Warn("there are more container engines than nsviz follows; --docker-host and --cri-endpoint choose which",
			"followed", MaxEngines, "left_out", len(found)-most)
	}
	return found[:most]
}

// All returns the engines that are followed.
func (e *Engines) All() []engine.Engine {
	return e.that(func(*Follower) bool { return true })
}

// Connected returns the engines that answered of late.
func (e *Engines) Connected() []engine.Engine { return e.that((*Follower).Connected) }

// Stated returns the engines that have reported a state.
func (e *Engines) Stated() []engine.Engine {
	return e.that(func(f *Follower) bool { return f.stated.Load() })
}

func (e *Engines) that(is func(*Follower) bool) []engine.Engine {
	followers := *e.all.Load()
	list := make([]engine.Engine, 0, len(followers))
	for _, f := range followers {
		if is(f) {
			list = append(list, f.cfg.Engine)
		}
	}
	return list
}

// AskFilesForEnd asks the files of runtimes how a container has ended, where no engine that answers reports that. It does not wait for the
// answer.
func (e *Engines) AskFilesForEnd(c *event.Container) {
	connected := e.Connected()
	for _, files := range connected {
		reports := func(other engine.Engine) bool {
			return other.Address() != "" && other.Name() == c.Runtime && other.User() == files.User()
		}
		if files.Address() == "" && !slices.ContainsFunc(connected, reports) {
			files.AskEnd(c.ID)
		}
	}
}

// AwaitSynced waits until all engines have reported their containers or could not be asked, or until ctx ends.
func (e *Engines) AwaitSynced(ctx context.Context) {
	for _, one := range e.All() {
		select {
		case <-one.Synced():
		case <-ctx.Done():
			return
		}
	}
}

// Look has engines that have come since be followed, and those that are gone be forgotten. It does not wait for that.
func (e *Engines) Look() {
	if e.cfg.Find == nil {
		return
	}
	select {
	case e.look <- struct{}{}:
	default: // it is due anyway
	}
}

// Run follows the engines until ctx ends, or until none is followed any more and none can come. It returns the first error of an engine
// that ended before ctx. It is called once.
func (e *Engines) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	runs := map[*Follower]run{}
	latest := map[place]run{}
	follow := func(f *Follower) {
		its, stop := context.WithCancel(ctx)
		at := place{f.cfg.Engine.Address(), f.cfg.Engine.User()}
		before, isAgain := latest[at]
		now := run{stop, make(chan struct{})}
		runs[f], latest[at] = now, now
		running.Go(func() {
			defer close(now.done)
			if isAgain { // what it reports last is not to come after what this one does
				<-before.done
			}
			if err := f.Run(its); err != nil && its.Err() == nil {
				cancel(err)
			}
		})
	}
	for _, f := range *e.all.Load() {
		follow(f)
	}
	for e.cfg.Find != nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case <-e.look:
		}
		come, gone := e.refresh()
		for _, f := range gone {
			f.forgotten.Store(true)
			runs[f].stop()
			delete(runs, f)
		}
		maps.DeleteFunc(latest, func(_ place, r run) bool {
			select {
			case <-r.done:
				return true
			default:
				return false
			}
		})
		for _, f := range come {
			follow(f)
		}
	}
	running.Wait()
	for _, r := range runs {
		r.stop()
	}
	return context.Cause(ctx)
}

// refresh replaces the list of followers by what Find returns, and returns what has changed in it.
func (e *Engines) refresh() (come, gone []*Follower) {
	before := *e.all.Load()
	found := e.cfg.Find()
	var list []*Follower
	for _, f := range before {
		if slices.Contains(e.cfg.Engines, f.cfg.Engine) || slices.Contains(found, f.cfg.Engine) {
			list = append(list, f)
		} else {
			gone = append(gone, f)
		}
	}
	isNew := func(one engine.Engine) bool {
		return !slices.ContainsFunc(list, func(f *Follower) bool { return f.cfg.Engine == one })
	}
	var others []engine.Engine
	for _, one := range found {
		if isNew(one) {
			others = append(others, one)
		}
	}
	come = e.followers(e.room(len(list), others))
	list = append(list, come...)
	e.all.Store(&list)
	return come, gone
}
