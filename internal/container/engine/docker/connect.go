package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/nsviz/nsviz/internal/container/engine"
)

// call makes one request, with a bound on its time. The argument what names it for people.
func (s *session) call(ctx context.Context, what string, timeout time.Duration, request func(context.Context) error) *engine.Problem {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := s.cfg.Clock.AfterFunc(timeout, func() { cancel(errNoAnswer) })
	defer stop()
	err := request(ctx)
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return explain(s.host, what, timeout, err)
}

// greet finds out whether the engine is there and which one it is, and negotiates the version of the
// API. It returns the engine's version for people.
func (s *session) greet(ctx context.Context) (version string, p *engine.Problem) {
	if p := s.call(ctx, "connection", s.cfg.Timeout, s.host.knock); p != nil {
		return "", p
	}
	if p := s.ping(ctx); p != nil {
		return "", p
	}
	var answer types.Version
	var failure error
	if p := s.call(ctx, "version request", s.cfg.Timeout, func(ctx context.Context) error {
		answer, failure = s.client.ServerVersion(ctx)
		return failure
	}); p == nil {
		s.dialect.Store(new(dialectOf(answer.Components)))
	} else if !failsAlone(failure) {
		return "", p
	} // else the dialect is that of its address
	// Distributions add what does not matter here: 20.10.24+dfsg1.
	number, _, _ := strings.Cut(answer.Version, "+")
	if number == "" {
		number = "unknown version"
	}
	return fmt.Sprintf("%s, API %s", cut(number, engine.MaxDetail), s.client.ClientVersion()), nil
}

// failsAlone reports whether the request for the version failed in a way that says nothing about the others: the engine refused it, or broke
// the connection in place of an answer. Rootless Docker 26 does so where it shares the host's network, since it panics in this request alone.
// A proxy in front of an engine may forbid it.
func failsAlone(err error) bool {
	if broken, ok := errors.AsType[*url.Error](err); ok {
		return errors.Is(broken.Err, io.EOF) || errors.Is(broken.Err, syscall.ECONNRESET)
	}
	return errdefs.IsInternal(err) || errdefs.IsPermissionDenied(err) || errdefs.IsNotFound(err) || errdefs.IsNotImplemented(err)
}

// ping asks for a sign of life. The engine gives one without any of its locks.
func (s *session) ping(ctx context.Context) *engine.Problem {
	return s.call(ctx, "ping", s.cfg.Timeout, func(ctx context.Context) error {
		pong, err := s.client.Ping(ctx)
		if err == nil {
			s.negotiate.Do(func() { s.client.NegotiateAPIVersionPing(pong) })
		}
		return err
	})
}

// subscribe opens the event stream. A failure shows as the stream's end.
func (s *session) subscribe(ctx context.Context, cancel context.CancelCauseFunc, since time.Time) (opened stream) {
	// The bound is on the beginning of the stream, which itself has no end.
	stop := s.cfg.Clock.AfterFunc(s.cfg.Timeout, func() { cancel(errNoAnswer) })
	defer stop()
	wanted := filters.NewArgs(
		filters.Arg("type", string(events.ContainerEventType)), filters.Arg("event", string(events.ActionCreate)),
		filters.Arg("event", string(events.ActionHealthStatus)),
		filters.Arg("type", string(events.NetworkEventType)), filters.Arg("event", string(events.ActionDisconnect)),
	)
	for word := range actions {
		wanted.Add("event", string(word))
	}
	for word := range s.dialect.Load().actions {
		wanted.Add("event", string(word))
	}
	opened.messages, opened.ended = s.client.Events(expect(ctx, expectEvents), events.ListOptions{
		// The engine answers before it subscribes us, so a list taken right then can miss what
		// happens in between. It keeps its latest 256 events: with a time to start from it sends those,
		// too, and after a lost connection those that we missed.
		Since:   fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()),
		Filters: wanted,
	})
	return opened
}
