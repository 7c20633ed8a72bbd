package names

import (
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// askAgain bounds how often engines are asked about a container that they do not know: after so long, and then after
// twice as long each time.
const (
	askAgain       = 500 * time.Millisecond
	longestUnasked = time.Minute
	maxQuestions   = 4096
)

// Questions asks engines about containers that events of the kernel name by their ids alone. It is for one goroutine.
type Questions struct {
	engines   func() []engine.Engine
	directory *container.Directory
	now       func() time.Time
	asked     map[string]question // by id
}

// question is when engines were asked about a container, and for how long they are not asked again.
type question struct {
	at    time.Time
	pause time.Duration
}

// NewQuestions returns questions to the engines that there are at the time, whose answers are kept in the directory.
func NewQuestions(engines func() []engine.Engine, directory *container.Directory, now func() time.Time) *Questions {
	return &Questions{engines: engines, directory: directory, now: now, asked: map[string]question{}}
}

// AskStart asks why a container did not start, if it may be one of an engine's. Any user can make a cgroup that looks like
// one of another runtime.
func (q *Questions) AskStart(c *event.Container) { q.ofItsRuntime(c, engine.Engine.AskStart) }

// AskStarted asks the engine of a container that has started, if something else than an engine has named it: only an engine has its
// labels. nil is no container.
func (q *Questions) AskStarted(c *event.Container) {
	if c == nil {
		return
	}
	if identity, known := q.directory.Get(c.ID); known && identity.Source != container.SourceEngine {
		q.ofItsRuntime(c, engine.Engine.Ask)
	}
}

// AskEnd asks what a container's engine says of its end; nil is no container.
func (q *Questions) AskEnd(c *event.Container) {
	if c != nil {
		q.ofItsRuntime(c, engine.Engine.AskEnd)
	}
}

// ofItsRuntime asks the engines of a container's runtime.
func (q *Questions) ofItsRuntime(c *event.Container, ask func(e engine.Engine, id string)) {
	its := c.Runtime
	if identity, known := q.directory.Get(c.ID); known {
		its = identity.Runtime
	}
	for _, e := range q.engines() {
		if e.Name() == its {
			ask(e, c.ID)
		}
	}
}

// AskNames asks for the containers of an event that have no name yet: their engine's events are late, or were lost.
func (q *Questions) AskNames(e *event.Event) {
	q.AskName(e.Container)
	if e.Cgroup != nil {
		q.AskName(e.Cgroup.Container)
	}
	if e.OOM != nil && e.OOM.Trigger != nil {
		q.AskName(e.OOM.Trigger.Container)
	}
}

// AskName asks for the name of a container that has none; nil is no container. It asks the engines of its runtime and those of
// any, all if that is unknown, and does not wait for the answer.
func (q *Questions) AskName(c *event.Container) {
	if c == nil || c.Name != "" {
		return
	}
	now := q.now()
	last := q.asked[c.ID]
	if now.Before(last.at.Add(last.pause)) {
		return
	}
	if len(q.asked) >= maxQuestions {
		clear(q.asked) // then some are asked about once too often
	}
	q.asked[c.ID] = question{at: now, pause: min(max(2*last.pause, askAgain), longestUnasked)}
	for _, e := range q.engines() {
		if name := e.Name(); c.Runtime == runtime.Unknown || name == c.Runtime || name == runtime.Unknown {
			e.Ask(c.ID)
		}
	}
}
