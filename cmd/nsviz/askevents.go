package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/client"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/query"
)

// pastEvents are the flags of nsviz events that ask another nsviz, or a recording.
type pastEvents struct {
	source source
	since  when
	follow bool
}

// print writes the accepted ones.
func (p *pastEvents) print(cmd *cobra.Command, s *streams, log *slog.Logger, chosen *filters[query.Event], accept func(*event.Event) bool, write func(event.Event) error) error {
	if err := p.source.check(cmd); err != nil {
		return err
	}
	recording := p.source.IsRecording()
	if p.follow && recording {
		return errUsage{errors.New("--follow is for an nsviz that runs: a recording does not change")}
	}
	since, err := p.since.of(p.source.Source, s.zone)
	if err != nil {
		return err
	}
	take := func(e event.Event) error {
		if !accept(&e) {
			return nil
		}
		return write(e)
	}
	older := func(complete time.Time) {
		if !since.IsZero() && complete.After(since) {
			fmt.Fprintf(s.err, "nsviz: older events than those since %s are not kept\n", complete.In(s.zone).Format(time.DateTime))
		}
	}
	if !recording && (p.follow || p.since == "") {
		return p.stream(cmd.Context(), s, since, chosen, take, func(complete time.Time) {
			log.Info("watching")
			older(complete)
		})
	}
	complete, err := client.Events(cmd.Context(), p.source.Source, since, take)
	if err == nil {
		older(complete)
	}
	return wrongSource(err)
}

// stream writes events as they happen, until ctx is done or the reader has gone.
func (p *pastEvents) stream(parent context.Context, s *streams, since time.Time, chosen *filters[query.Event], take func(event.Event) error, begun func(time.Time)) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if err := output.AwaitReaderGone(ctx, s.out); err != nil {
			cancel(err)
		}
	}()
	say := func(format string, args ...any) { fmt.Fprintf(s.err, "nsviz: "+format+"\n", args...) }
	clock := func(t time.Time) string { return t.In(s.zone).Format(time.DateTime) }
	err := client.Follow(ctx, p.source.Source, client.Following{
		Since: since, Filters: chosen.portable(), Take: take, Begun: begun,
		Interrupted: func(err error, pause time.Duration) { say("%s; asking again in %v", errorText(err), pause) },
		Missed: func(from, to time.Time) {
			say("the events between %s and %s are missing: that nsviz did not run, or does not keep them any more", clock(from), clock(to))
		},
	})
	cancel(nil)
	<-gone
	if err == nil {
		err = failure(parent, ctx)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
	}
	return wrongSource(err)
}
