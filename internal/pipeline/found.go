package pipeline

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/collect/find"
	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

func (p *Pipeline) newFinder() *find.Finder {
	return find.New(find.Config{
		Machine: p.fs.Machine, Proc: p.fs.Proc, NS: p.fs.NS, Mounts: p.fs.Mounts, Layout: p.layout,
		OwnMnt: p.own[event.Mnt], Self: p.self, HostPIDs: p.hostPIDs, Inits: p.inits,
		UsersInits: p.usersInits, UsersStarts: p.usersStarts, UsersDue: p.usersDue, Doubts: p.doubts, Now: p.now, Log: p.cfg.Log, Loop: finderLoop{p.loop},
	})
}

// inits asks the engines for PID 1s, all at once, but those that would have to be waited for. Users' engines are asked apart: they could
// name any process.
func (p *Pipeline) inits(ctx context.Context, known func(id string) bool) (map[string]engine.Init, error) {
	var asked sync.WaitGroup
	var mu sync.Mutex // guards all, failed, and calls of known
	all := map[string]engine.Init{}
	var failed error
	isKnown := func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		return known(id)
	}
	for _, e := range p.engines.Connected() {
		if e.User() != 0 {
			continue
		}
		asked.Go(func() {
			list, err := e.Inits(ctx, isKnown)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(all, list)
			failed = errors.Join(failed, err)
		})
	}
	asked.Wait()
	return all, failed
}

// usersPatience bounds how long all users' engines together are waited for.
const usersPatience = time.Second

// usersInits asks the sources of users' files for PID 1s, all at once. A user's engine that has a socket is not asked: it keeps
// files and monitors, too.
func (p *Pipeline) usersInits(ctx context.Context, known func(user uint32, id string) bool) []find.UsersInit {
	p.engines.Look() // the user may be a new one
	ctx, cancel := context.WithTimeout(ctx, usersPatience)
	defer cancel()
	var asked sync.WaitGroup
	var mu sync.Mutex // guards all
	var all []find.UsersInit
	for _, e := range p.engines.All() {
		if e.User() == 0 || e.Address() != "" {
			continue
		}
		asked.Go(func() {
			list, err := e.Inits(ctx, func(id string) bool { return known(e.User(), id) })
			if err != nil {
				p.cfg.Log.Debug("ask for a user's containers", "uid", e.User(), "error", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for id, init := range list {
				all = append(all, find.UsersInit{Init: init, ID: id, User: e.User()})
			}
		})
	}
	asked.Wait()
	return all
}

// finderLoop is the loop as the finder knows it. What compares cgroups is in discovered.go.
type finderLoop struct{ *loop }

func (l finderLoop) CgroupsFound(list []find.Cgroup)     { l.send(cgroupsFound(list)) }
func (l finderLoop) LimitsRead(list []find.CgroupLimits) { l.send(limitsRead(list)) }
func (l finderLoop) ContainerFound(found find.Container) { l.send(containerFound(found)) }

func (l finderLoop) State(ref *container.Ref) container.State {
	m := stateAsked{ref: ref}
	l.ask(&m)
	return m.state
}

func (l finderLoop) InitGone(ref *container.Ref, init int32) bool {
	m := initGone{ref: ref, init: init}
	l.ask(&m)
	return m.missed
}

func (l finderLoop) OfUsers() (cgroupless []container.Cgroupless, ids map[string]bool) {
	var m usersAsked
	l.ask(&m)
	return m.cgroupless, m.ids
}

func (l finderLoop) UsersLooked(began time.Time) { l.send(usersLooked(began)) }

// cgroupsFound are cgroups that exist, parents before children.
type cgroupsFound []find.Cgroup

func (m cgroupsFound) handle(l *loop) {
	for _, c := range m {
		l.tracker.Place(c.ID, c.Path)
	}
}

// limitsRead are the limits of cgroups.
type limitsRead []find.CgroupLimits

func (m limitsRead) handle(l *loop) {
	list := make([]fact.FoundCgroup, 0, len(m))
	for _, c := range m {
		if l.tracker.Removed(c.ID) {
			continue // since its limits were read
		}
		list = append(list, fact.FoundCgroup{Path: c.Path, Container: l.tracker.Describe(c.Ref), Limits: c.Limits})
	}
	l.apply(fact.Fact{Cgroups: list})
}

// containerFound is a container that runs or is about to.
type containerFound find.Container

func (m containerFound) handle(l *loop) {
	if m.InitPID != 0 && l.tracker.StateOf(m.Ref).Ended == m.InitPID {
		return // it has ended since it was found, and that has been reported
	}
	l.tracker.Confirm(m.Ref)
	var end *event.Event
	init := container.Init{PID: m.InitPID, Made: m.Started, MadeNS: m.MadeNS, Ran: m.Ran, Seen: m.Seen, SeenNS: l.bootAt(m.Seen), Namespaces: m.Namespaces}
	switch {
	case m.Starting:
	case m.Unheld != nil, m.SharedCgroup != "":
		end = l.tracker.FoundOutside(m.Ref, init)
	default:
		end = l.tracker.FoundRunning(m.Ref, init)
	}
	c := l.tracker.Describe(m.Ref)
	m.Container = *c
	for t, of := range m.MadeFor {
		m.MadeFor[t] = *l.tracker.Describe(&container.Ref{ID: of.ID, Runtime: m.Ref.Runtime})
	}
	l.questions.AskName(c)
	l.apply(fact.Fact{Time: m.At, Found: &m.Found})
	if end != nil {
		l.handleEvent(*end)
	}
}

// stateAsked asks what is known of a container's init.
type stateAsked struct {
	ref   *container.Ref
	state container.State
}

func (m *stateAsked) handle(l *loop) { m.state = l.tracker.StateOf(m.ref) }

// usersAsked asks what is known of users' containers.
type usersAsked struct {
	cgroupless []container.Cgroupless
	ids        map[string]bool
}

func (m *usersAsked) handle(l *loop) { m.cgroupless, m.ids = l.tracker.OfUsers() }

// initGone says that a container's init does not exist any more. Its answer is whether no event has said so.
type initGone struct {
	ref    *container.Ref
	init   int32
	missed bool
}

func (m *initGone) handle(l *loop) {
	if m.missed = l.tracker.StateOf(m.ref).Init == m.init; m.missed {
		id := l.tracker.Describe(m.ref).ID
		l.tracker.InitGone(m.ref)
		l.apply(fact.Fact{Time: l.now(), Gone: &fact.Gone{ID: id}})
	}
}
