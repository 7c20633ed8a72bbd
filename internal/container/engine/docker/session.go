package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	dockertypes "github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/fact"
)

const (
	// gather is how long a question waits for others to share its request.
	gather = 10 * time.Millisecond
	// maxTouched is how many containers may change while a list is under way.
	maxTouched = 4096
	// maxLookups is how many lists are fetched at a time: one of all containers, which may take long, and others for
	// open questions.
	maxLookups = 4
	// maxPatience is how often the time for the list of all containers doubles.
	maxPatience = 4
)

// hurry is added to the state of an engine whose events are not read as fast as they come.
const hurry = "its events come faster than they are read, so names may be late"

// polls is added to the state of an engine that forbids its events.
const polls = "it forbids its events, so its list is read again and again"

// incomplete is added to the state of an engine that says more of containers than nsviz accepts.
const incomplete = "known in part, since larger than %d MiB: containers %d, events %d"

// session is one connection to the engine, from the first ping to the first failure. Everything
// but the requests happens on the goroutine that is in Run.
type session struct {
	*Follower
	status    *engine.Status
	client    *connection
	negotiate sync.Once

	stream // once it is open
	opened chan stream
	// subscribed is the time from which on the engine reports. Earlier events were reported in an earlier session.
	subscribed time.Time

	workers sync.WaitGroup
	listed  chan listing
	pinged  chan *engine.Problem

	// dead are the containers that died, or did not start, by the engine's own events, oldest first; the engine is to be asked
	// about them. starts are those that did not start by others' reports; they come after these. One is asked about at a time.
	dead   []death
	starts []string
	// running are containers that ran when the engine listed all, oldest first; the engine is to be asked how often it has restarted
	// them, when there is nothing else to ask. counted are those that were asked about.
	running   []string
	counted   map[string]struct{}
	asking    bool
	inspected chan inspection

	notes *streamNotes

	// lookups are the lists that are under way, maxLookups at most. One of them may be that of all containers.
	lookups map[*lookup]struct{}
	// hurried is set if events came too fast since the latest ping.
	hurried bool
	// large are the containers of which the engine's list says more than nsviz accepts. cutEvents counts such events; shownCuts is the
	// count in the engine's state, which changes with a ping.
	large                map[string]struct{}
	cutEvents, shownCuts uint64
	// polling is set where the engine forbids its events.
	polling *polling
	// steady is set once the engine has answered for a while.
	steady bool
}

// listed is an entry of the engine's list.
type listed struct {
	container.Identity

	unstarted time.Time // when it was created, if it has never been started
	runs      bool      // or is about to, again
	named     bool      // Identity is complete
	whole     bool      // nothing was left out
}

// inspection is the answer to a question about a container that died, or did not start.
type inspection struct {
	fact.EngineReport

	dead bool
}

// stream is the stream of the engine's events.
type stream struct {
	messages <-chan events.Message
	ended    <-chan error // why messages ended; closed after that
}

// lookup is one list request.
type lookup struct {
	ids      []string
	everyone bool // it asks for all containers
	// touched are the containers that events named while it is under way. For them the list may be out
	// of date.
	touched map[string]struct{}
}

// listing is the answer to a list request.
type listing struct {
	*lookup

	containers []listed // the newest first
	problem    *engine.Problem
}

// session connects and stays until something goes wrong, or until ctx ends. It reports whether the
// engine was well for a while, and what went wrong.
func (f *Follower) session(ctx context.Context, st *engine.Status) (steady bool, p *engine.Problem) {
	notes := &streamNotes{wake: make(chan struct{}, 1)}
	cli, err := f.host.client(f.cfg.Clock, notes)
	if err != nil {
		// New could do it; since then a certificate has become unreadable.
		return false, engine.NewProblem(fact.EngineFailing, brief(err), err)
	}
	defer cli.Close()
	s := &session{
		Follower: f, status: st, client: cli, notes: notes, large: map[string]struct{}{}, counted: map[string]struct{}{},
		opened: make(chan stream, 1), lookups: map[*lookup]struct{}{}, listed: make(chan listing, maxLookups), pinged: make(chan *engine.Problem, 1), inspected: make(chan inspection, 1),
	}
	defer s.workers.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	version, p := s.greet(ctx)
	if p != nil {
		return false, p
	}
	if s.since.IsZero() {
		s.since = s.cfg.Clock.Now()
	}
	s.subscribed = s.since
	since := s.since
	s.workers.Go(func() { s.opened <- s.subscribe(ctx, cancel, since) })
	p = s.follow(ctx, version)
	if ctx.Err() != nil {
		// The stream did not begin in time, or Run ends; other failures follow from that.
		p = s.streamProblem(ctx, ctx.Err())
	}
	cancel(nil)
	if s.ended == nil {
		s.stream = <-s.opened
	}
	for range s.ended {
		// The client closes the channel when its goroutine ends.
	}
	return s.steady, p
}

// follow is the session's loop.
func (s *session) follow(ctx context.Context, version string) *engine.Problem {
	pingDue, stopPing := alarm(s.cfg.Clock, s.cfg.PingEvery)
	defer func() { stopPing() }()
	var gathered <-chan struct{} // nil while no question waits for others
	stopGather := func() {}
	defer func() { stopGather() }()
	defer func() {
		if s.polling != nil {
			s.polling.stop()
		}
	}()

	due := false // questions wait for room
	for {
		if due {
			due = !s.lookUp(ctx)
		}
		s.inspectNext(ctx)
		select {
		case <-ctx.Done():
			return nil // the caller knows why

		case s.stream = <-s.opened:
			// Events first, then the list: changes in between are in both, and no change is in neither.
			s.asks.addEveryone()
			s.asks.gathered() // what was asked before
			due = true

		case err := <-s.streamEnd():
			if !s.forbids(err, version) {
				return s.streamProblem(ctx, err)
			}

		case <-s.pollDue():
			s.polling.due, due = nil, true
			s.asks.addEveryone()

		case message := <-s.messages:
			before := len(s.large)
			if s.event(message); len(s.large) != before {
				s.stillConnected(version)
			}

		case <-s.notes.wake:
			s.takeNotes()
			if s.shownCuts == 0 {
				s.shownCuts = s.cutEvents
			}
			s.stillConnected(version)

		case answer := <-s.listed:
			delete(s.lookups, answer.lookup)
			due = true
			if answer.problem != nil {
				if p := s.unanswered(answer); p != nil {
					return p
				}
				continue
			}
			// A subscription that failed shows only now, and without one the list is soon wrong.
			select {
			case err := <-s.streamEnd():
				if !s.forbids(err, version) {
					return s.streamProblem(ctx, err)
				}
			default:
			}
			if s.polling != nil && answer.everyone {
				s.polled(answer)
			}
			before := len(s.large)
			if s.apply(answer) {
				s.connected(version)
				s.markSynced()
			} else if len(s.large) != before {
				s.stillConnected(version)
			}

		case report := <-s.inspected:
			s.asking = false
			if report.dead || report.StartError != "" || report.Removed || report.Runs {
				s.status.Sink.Ended(report.EngineReport)
			}

		case id := <-s.failed:
			s.startFailed(id)

		case <-s.asks.wake:
			if gathered == nil {
				gathered, stopGather = alarm(s.cfg.Clock, gather)
			}

		case <-gathered:
			s.asks.gathered()
			gathered, due = nil, true

		case <-pingDue:
			pingDue = nil
			s.workers.Go(func() { s.pinged <- s.ping(ctx) })

		case p := <-s.pinged:
			if p != nil {
				return p
			}
			s.steady = true
			s.reportUnasked()
			s.takeNotes()
			s.shownCuts = s.cutEvents
			if s.hurried {
				// The engine drops events that are not read in time: the list shows what they reported.
				s.hurried = false
				s.asks.addEveryone()
			} else {
				s.stillConnected(version)
			}
			pingDue, stopPing = alarm(s.cfg.Clock, s.cfg.PingEvery)
		}
	}
}

// takeNotes handles what the reader of the event stream noted.
func (s *session) takeNotes() {
	if s.notes.hurried.Swap(false) {
		s.hurried = true
	}
	s.cutEvents += s.notes.cut.Swap(0)
}

// connected reports to the sink that the engine answers.
func (s *session) connected(version string) {
	if s.hurried {
		version += "; " + hurry
	}
	if s.polling != nil {
		version += "; " + polls
	}
	if len(s.large) > 0 || s.shownCuts > 0 {
		version += "; " + fmt.Sprintf(incomplete, maxEntry>>20, len(s.large), s.shownCuts)
	}
	s.status.Set(fact.EngineConnected, version)
}

// stillConnected reports to the sink what has changed in that.
func (s *session) stillConnected(version string) {
	if s.status.State() == fact.EngineConnected {
		s.connected(version)
	}
}

// streamProblem returns why the event stream ended.
func (s *session) streamProblem(ctx context.Context, err error) *engine.Problem {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return explainStream(s.host, s.cfg.Timeout, err)
}

// event passes on an event.
func (s *session) event(m events.Message) {
	id := m.Actor.ID
	if m.Type == events.NetworkEventType && m.Action == events.ActionDisconnect {
		s.disconnected(m.Actor.Attributes["container"])
		return
	}
	if m.Type != events.ContainerEventType || !validID(id) {
		return
	}
	m.Action = s.dialect.Load().word(m.Action)
	at := time.Unix(0, m.TimeNano).UTC()
	if action, ok := actionOf(m.Action); ok && at.After(s.subscribed) {
		s.status.Sink.Did(fact.EngineEvent{ID: id, Action: action, At: at})
	}
	switch m.Action {
	case events.ActionCreate, events.ActionRename:
		if identity, ok := fromAttributes(s.Name(), id, m.Actor.Attributes); ok {
			if m.Action == events.ActionCreate {
				identity.Created = at
			}
			s.status.Sink.Identify(identity)
		}
		if m.Action == events.ActionCreate {
			s.created(id, at)
		}
		s.asks.add(id)
	case events.ActionStart:
		delete(s.unstarted, id)
	case events.ActionDestroy:
		delete(s.unstarted, id)
		delete(s.large, id)
	case events.ActionDie:
		s.died(id, at)
	}
	switch m.Action {
	case events.ActionCreate, events.ActionRename, events.ActionDestroy:
		for l := range s.lookups {
			if len(l.touched) <= maxTouched {
				l.touched[id] = struct{}{}
			}
		}
	}
	// Never beyond our own clock: a wrong time would hide the events of the next session.
	if at.After(s.since) && !at.After(s.cfg.Clock.Now()) {
		s.since = at
	}
}

// lookUp starts to fetch what is asked for. It returns false if that has to wait for lists that are under way.
func (s *session) lookUp(ctx context.Context) bool {
	for len(s.lookups) < maxLookups {
		// The list of all waits for the one before it, and for the event stream.
		everyone := s.ended != nil
		for l := range s.lookups {
			everyone = everyone && !l.everyone
		}
		l := &lookup{touched: map[string]struct{}{}}
		if l.ids, l.everyone = s.asks.take(everyone); len(l.ids) == 0 && !l.everyone {
			return true
		}
		s.list(ctx, l)
	}
	return false
}

// list starts to fetch one list.
//
// It is the list endpoint even for a single container: inspect takes the container's lock, which
// the engine holds during a start, so it would answer when the container is up and
// perhaps gone. The list reads a snapshot in memory.
func (s *session) list(ctx context.Context, l *lookup) {
	filter := filters.NewArgs()
	for _, id := range l.ids {
		filter.Add("id", id)
	}
	timeout := s.cfg.Timeout
	if l.everyone {
		// With thousands of containers on a busy host the list may well take longer, and asking
		// again with the same patience would never get it.
		timeout <<= min(s.unlisted, maxPatience)
	}
	s.lookups[l] = struct{}{}
	s.workers.Go(func() {
		answer := listing{lookup: l}
		answer.problem = s.call(ctx, "container list", timeout, func(ctx context.Context) error {
			return s.client.containers(ctx, filter, func(c *dockertypes.Summary, whole bool) {
				identity, ok := fromSummary(s.Name(), c)
				if ok || !whole && validID(c.ID) {
					entry := listed{Identity: identity, named: ok, whole: whole}
					entry.ID = c.ID
					switch c.State {
					case dockertypes.StateRunning, dockertypes.StatePaused, dockertypes.StateRestarting:
						entry.runs = true
					}
					if c.State == dockertypes.StateCreated {
						entry.unstarted = time.Unix(c.Created, 0)
					}
					answer.containers = append(answer.containers, entry)
				}
			})
		})
		s.listed <- answer
	})
}

// unanswered records a list that did not come. An engine that is late with a few names does not count as gone,
// which the ping would show: it is asked again.
func (s *session) unanswered(answer listing) *engine.Problem {
	late := errors.Is(answer.problem, errNoAnswer)
	switch {
	case late && !answer.everyone:
		s.asks.again(answer.ids)
		return nil
	case late:
		s.unlisted++
	}
	return answer.problem
}

// apply passes a list on, except for the containers that events named in the meantime: the
// destroyed are gone, and the others are asked for again already. It reports whether all containers
// are known now.
func (s *session) apply(answer listing) bool {
	if answer.everyone {
		s.unlisted = 0
	}
	if len(answer.touched) > maxTouched {
		// It is not known any more which ones.
		s.asks.again(answer.ids)
		if answer.everyone {
			s.asks.addEveryone()
		}
		return false
	}
	if answer.everyone {
		clear(s.large)
	}
	// The engine lists the newest first; they are passed on last, so that a sink of bounded size keeps them.
	for _, c := range slices.Backward(answer.containers) {
		if answer.everyone && c.named && c.runs {
			s.countRestarts(c.ID)
		}
		if _, changed := answer.touched[c.ID]; changed {
			continue
		}
		if c.whole {
			delete(s.large, c.ID)
		} else {
			s.large[c.ID] = struct{}{}
		}
		if !c.named {
			continue // better no name than a wrong one
		}
		s.status.Sink.Identify(c.Identity)
		if !c.unstarted.IsZero() && s.created(c.ID, c.unstarted) {
			s.startFailed(c.ID) // perhaps one has
		}
	}
	return answer.everyone
}
