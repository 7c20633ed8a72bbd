package logging

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/sink"
	"github.com/nsviz/nsviz/internal/story"
)

// The keys of the attributes that an event is logged with. They may grow, and keep their names.
const (
	messageIDKey   = "message_id" // not part of text and JSON
	eventKey       = "event"
	containerKey   = "container"
	containerIDKey = "container_id"
	kindKey        = "kind"
	imageKey       = "image"
	runtimeKey     = "runtime"
	podKey         = "pod"
	namespaceKey   = "namespace"
	projectKey     = "project"
	memberKey      = "member"
	pidKey         = "pid"
	commKey        = "comm"
	victimKey      = "victim"
	scopeKey       = "scope"
	limitKey       = "limit"
	cgroupKey      = "cgroup"
	exitCodeKey    = "exit_code"
	causeKey       = "cause"
)

// messageIDs are the ids by which the journal knows the kinds of events; they never change.
var messageIDs = map[event.Type]string{
	event.OOMKill: "abf5f979205d49698f0f7937fdec7c48", event.ContainerStarted: "a1e106a1eda648d48329eb00b865b9bb",
	event.ContainerExited: "665c3fc87d074c15956576215981695b",
}

// otherMessageID is the id of all other kinds.
const otherMessageID = "02ec48eb48b54d5399590004136200a6"

// EventsConfig configures Events.
type EventsConfig struct {
	Log *slog.Logger
	// Types are the types of events to log.
	Types []event.Type
	// Mishaps keeps a mistake about one event from ending the process; nil does not.
	Mishaps *mishap.Counter
}

// The bounds of the events that wait to be logged.
const (
	waitingEvents     = 4096
	waitingEventBytes = 4 << 20
)

// Events logs events. Put does not wait for the log.
type Events struct {
	cfg  EventsConfig
	sink *sink.Sink[fact.Fact]
}

// NewEvents starts to log events. It must be closed.
func NewEvents(cfg EventsConfig) *Events {
	e := &Events{cfg: cfg}
	e.sink = sink.New(sink.Config[fact.Fact]{
		Name: "event_log", Values: waitingEvents, Bytes: waitingEventBytes,
		Size: func(f fact.Fact) int { return f.Size() },
		Write: func(f fact.Fact) error {
			err := cfg.Mishaps.Do(mishap.Log, string(f.Event.Type), func() error { return e.write(f.Event) })
			if mistake := (*mishap.Error)(nil); errors.As(err, &mistake) {
				return nil // the next one may be logged
			}
			return err
		},
		Missed: func(n uint64, last fact.Fact, _ []fact.Fact) []fact.Fact {
			return []fact.Fact{losses.Of(n, last, event.LostReader)}
		},
	})
	return e
}

// Put logs a fact if it is an event of one of the types.
func (e *Events) Put(f fact.Fact) {
	if f.Event != nil && slices.Contains(e.cfg.Types, f.Event.Type) {
		e.sink.Put(f)
	}
}

// Stats returns the counts so far.
func (e *Events) Stats() sink.Stats { return e.sink.Stats() }

// Close logs what waits, if that ends before ctx does.
func (e *Events) Close(ctx context.Context) error { return e.sink.Close(ctx) }

func (e *Events) write(what *event.Event) error {
	ctx := context.Background()
	if !e.cfg.Log.Enabled(ctx, slog.LevelInfo) {
		return nil
	}
	r := slog.NewRecord(what.Time, slog.LevelInfo, sentence(what), 0)
	r.AddAttrs(attributes(what)...)
	return e.cfg.Log.Handler().Handle(ctx, r)
}

// sentence says what happened, as what is exported says it.
func sentence(what *event.Event) string { return foreign.Prose(story.Event(what).For(time.UTC)) }

// attributes returns the fields by which an event is found. Unknown ones are left out.
func attributes(e *event.Event) (list []slog.Attr) {
	text := func(key, value string) {
		if value != "" {
			list = append(list, slog.String(key, value))
		}
	}
	number := func(key string, value int32) {
		if value != 0 {
			list = append(list, slog.Int64(key, int64(value)))
		}
	}
	text(messageIDKey, cmp.Or(messageIDs[e.Type], otherMessageID))
	text(eventKey, string(e.Type))
	c := e.Subject()
	if e.OOM != nil && e.OOM.Victim.Container != nil {
		c = e.OOM.Victim.Container
	}
	if c != nil {
		text(containerKey, c.Label())
		text(containerIDKey, c.ID)
		text(kindKey, string(cmp.Or(c.Kind, event.KindContainer)))
		text(imageKey, c.Image)
		text(runtimeKey, c.Runtime)
		if g := c.Group; g != nil {
			switch g.Kind {
			case event.GroupPod:
				text(podKey, g.Name)
				text(namespaceKey, g.Namespace)
			case event.GroupCompose:
				text(projectKey, g.Name)
			}
			text(memberKey, g.Member)
		}
	}
	switch {
	case e.OOM != nil:
		text(victimKey, e.OOM.Victim.Comm)
		number(pidKey, cmp.Or(e.OOM.Victim.PID, e.PID))
		text(scopeKey, string(e.OOM.Scope))
		text(cgroupKey, e.OOM.Cgroup)
		if e.OOM.LimitBytes != nil {
			list = append(list, slog.Uint64(limitKey, *e.OOM.LimitBytes))
		}
	default:
		text(commKey, e.Comm)
		number(pidKey, e.PID)
	}
	if e.Exit != nil {
		if e.Exit.Code != nil {
			list = append(list, slog.Int64(exitCodeKey, int64(*e.Exit.Code)))
		}
		text(causeKey, string(e.Exit.Cause))
	}
	return list
}

// ParseTypes reads types of events, with commas between them; "" is none.
func ParseTypes(text string) ([]event.Type, bool) {
	var types []event.Type
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !slices.Contains(event.Types(), event.Type(name)) {
			return nil, false
		}
		types = append(types, event.Type(name))
	}
	return types, true
}
