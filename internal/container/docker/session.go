package docker

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	engine "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/nsviz/nsviz/internal/container"
)

const (
	// gather is how long a question waits for others to share its request.
	gather = 10 * time.Millisecond
	// maxTouched is how many containers may change while a list is under way.
	maxTouched = 4096
	// maxPatience is how often the time for the list of all containers doubles.
	maxPatience = 4
)

// hurry is added to the state of an engine whose events are not read as fast as they come.
const hurry = "its events come faster than they are read, so names may be late"

// session is one connection to the engine, from the first ping to the first failure. Everything
// but the requests happens on the goroutine that is in Run.
type session struct {
	*Follower
	status    *status
	client    *connection
	negotiate sync.Once

	messages <-chan events.Message
	ended    <-chan error // why messages ended
	// subscribed is from when on the engine tells. What is not younger was told in an earlier session.
	subscribed time.Time

	workers sync.WaitGroup
	listed  chan listing
	pinged  chan *problem

	// dead are the containers that died and that the engine is to be asked about, oldest first. One is
	// asked about at a time.
	dead      []death
	asking    bool
	inspected chan container.Verdict

	// throttled is signalled when events have come faster than they are read.
	throttled <-chan struct{}

	// touched are the containers that events spoke of while a list is under way, nil while none is.
	// For them the list may be older than what is known.
	touched map[string]struct{}
	// hurried is set where events came too fast since the latest ping.
	hurried bool
	// steady is set once the engine has answered for a while.
	steady bool
}

// listing is the answer to one list request.
type listing struct {
	containers []container.Identity // the newest first
	everyone   bool                 // all containers were asked for
	problem    *problem
}

// session connects and stays until something goes wrong, or until ctx ends. It reports whether the
// engine was well for a while, and what went wrong.
func (f *Follower) session(ctx context.Context, st *status) (steady bool, p *problem) {
	throttled := make(chan struct{}, 1)
	cli, err := f.host.client(f.cfg.Clock, func() {
		select {
		case throttled <- struct{}{}:
		default: // it is noted already
		}
	})
	if err != nil {
		// New could do it; since then a certificate has become unreadable.
		return false, &problem{Failing, brief(err), err}
	}
	defer cli.Close()
	s := &session{
		Follower: f, status: st, client: cli, throttled: throttled,
		listed: make(chan listing, 1), pinged: make(chan *problem, 1), inspected: make(chan container.Verdict, 1),
	}
	defer s.workers.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	version, p := s.greet(ctx)
	if p != nil {
		return false, p
	}
	// Events first, then the list: what changes in between is told by both, and by none never.
	s.subscribe(ctx, cancel)
	if ctx.Err() == nil {
		p = s.follow(ctx, version)
	}
	if ctx.Err() != nil {
		// The stream did not begin in time, or Run ends; what else failed, failed of that.
		p = s.streamProblem(ctx, ctx.Err())
	}
	cancel(nil)
	for range s.ended {
		// The client closes the channel when its goroutine ends.
	}
	return s.steady, p
}

// follow is the session's loop.
func (s *session) follow(ctx context.Context, version string) *problem {
	pingDue, stopPing := alarm(s.cfg.Clock, s.cfg.PingEvery)
	defer func() { stopPing() }()
	var gathered <-chan struct{} // nil while no question waits for others
	stopGather := func() {}
	defer func() { stopGather() }()

	s.asks.addEveryone()
	due := true // questions wait for the list that is under way
	for {
		if due && s.touched == nil {
			due = false
			s.list(ctx)
		}
		s.inspectNext(ctx)
		select {
		case <-ctx.Done():
			return nil // the caller knows why

		case err := <-s.ended:
			return s.streamProblem(ctx, err)

		case message := <-s.messages:
			s.event(message)

		case <-s.throttled:
			s.hurried = true
			if s.status.state == Connected {
				s.connected(version)
			}

		case answer := <-s.listed:
			if answer.problem != nil {
				return s.unanswered(answer)
			}
			// A subscription that failed shows only now, and without one the list is soon wrong.
			select {
			case err := <-s.ended:
				return s.streamProblem(ctx, err)
			default:
			}
			if s.apply(answer) {
				s.connected(version)
				s.markSynced()
			}

		case verdict := <-s.inspected:
			s.asking = false
			s.status.sink.Ended(verdict)

		case <-s.asks.wake:
			if gathered == nil {
				gathered, stopGather = alarm(s.cfg.Clock, gather)
			}

		case <-gathered:
			gathered, due = nil, true

		case <-pingDue:
			pingDue = nil
			s.workers.Go(func() { s.pinged <- s.ping(ctx) })

		case p := <-s.pinged:
			if p != nil {
				return p
			}
			s.steady = true
			if s.hurried {
				// The engine drops events that nobody takes: what these said shows in the list.
				s.hurried = false
				s.asks.addEveryone()
			}
			pingDue, stopPing = alarm(s.cfg.Clock, s.cfg.PingEvery)
		}
	}
}

// connected passes on that the engine answers.
func (s *session) connected(version string) {
	if s.hurried {
		version += "; " + hurry
	}
	s.status.set(Connected, version)
}

// streamProblem says why the event stream ended.
func (s *session) streamProblem(ctx context.Context, err error) *problem {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return explainStream(s.host, s.cfg.Timeout, err)
}

// event passes on what an event says.
func (s *session) event(m events.Message) {
	id := m.Actor.ID
	if m.Type != events.ContainerEventType || !validID(id) {
		return
	}
	at := time.Unix(0, m.TimeNano)
	if action := deed(m.Action); action != "" && at.After(s.subscribed) {
		s.status.sink.Did(id, action, at)
	}
	switch m.Action {
	case events.ActionCreate, events.ActionRename:
		if identity, ok := fromAttributes(id, m.Actor.Attributes); ok {
			if m.Action == events.ActionCreate {
				identity.Created = at
			}
			s.status.sink.Identify(identity)
		}
		s.asks.add(id)
	case events.ActionDestroy:
		s.status.sink.Forget(id)
	case events.ActionDie:
		s.died(id, at)
	}
	switch m.Action {
	case events.ActionCreate, events.ActionRename, events.ActionDestroy:
		if s.touched != nil && len(s.touched) <= maxTouched {
			s.touched[id] = struct{}{}
		}
	}
	// Never beyond our own clock: a wrong time would hide the events of the next session.
	if at.After(s.since) && !at.After(s.cfg.Clock.Now()) {
		s.since = at
	}
}

// deeds are the actions that are told as they are. What follows a colon is left out: of exec_start it is a
// command line, which may hold a secret.
func deeds() []events.Action {
	return []events.Action{
		events.ActionStart, events.ActionRestart, events.ActionStop, events.ActionKill, events.ActionDie, events.ActionOOM, events.ActionPause,
		events.ActionUnPause, events.ActionUpdate, events.ActionRename, events.ActionDestroy, events.ActionExecStart,
		events.ActionHealthStatusHealthy, events.ActionHealthStatusUnhealthy,
	}
}

// deed is the engine's word for what it did; "" is none that is told.
func deed(action events.Action) string {
	if strings.HasPrefix(string(action), string(events.ActionExecStart)+":") {
		action = events.ActionExecStart
	}
	if slices.Contains(deeds(), action) {
		return string(action)
	}
	return ""
}

// list starts to fetch what is asked for. One list is under way at a time.
//
// It is the list endpoint even for a single container: inspect takes the container's lock, which
// the engine holds for the whole of a start, so it would answer when the container is up and
// perhaps gone. The list reads a snapshot in memory.
func (s *session) list(ctx context.Context) {
	ids, everyone := s.asks.take()
	if len(ids) == 0 && !everyone {
		return
	}
	s.touched = map[string]struct{}{}
	filter := filters.NewArgs()
	for _, id := range ids {
		filter.Add("id", id)
	}
	timeout := s.cfg.Timeout
	if everyone {
		// With thousands of containers on a busy host the list may well take longer, and asking
		// again with the same patience would never get it.
		timeout <<= min(s.unlisted, maxPatience)
	}
	s.workers.Go(func() {
		answer := listing{everyone: everyone}
		answer.problem = s.call(ctx, "container list", timeout, func(ctx context.Context) error {
			return s.client.containers(ctx, filter, func(c *engine.Summary) {
				if identity, ok := fromSummary(c); ok {
					answer.containers = append(answer.containers, identity)
				}
			})
		})
		s.listed <- answer
	})
}

// unanswered takes note of a list that did not come.
func (s *session) unanswered(answer listing) *problem {
	if answer.everyone && errors.Is(answer.problem, errNoAnswer) {
		s.unlisted++
	}
	return answer.problem
}

// apply passes a list on, except for the containers that events spoke of in the meantime: the
// destroyed are gone, and the others are asked for again already. It reports whether with it all
// containers are known.
func (s *session) apply(answer listing) bool {
	touched := s.touched
	s.touched = nil
	if answer.everyone {
		s.unlisted = 0
	}
	if len(touched) > maxTouched {
		// Nobody knows any more which ones.
		s.asks.addEveryone()
		return false
	}
	// The engine lists the newest first; they are told last, so that a sink of bounded size keeps them.
	for _, identity := range slices.Backward(answer.containers) {
		if _, changed := touched[identity.ID]; !changed {
			s.status.sink.Identify(identity)
		}
	}
	return answer.everyone
}
