package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/sink"
	"github.com/nsviz/nsviz/internal/ui"
)

func newEvents(s *streams, o *options) *cobra.Command {
	var form string
	var chosen filters[query.Event]
	var past pastEvents
	cmd := &cobra.Command{
		Use: "events", GroupID: groupWatch, Args: noArguments,
		Short: "Print every event as it happens, one a line",
		Long: `Prints every event as it happens, one a line.

nsviz does not wait for its reader. A reader that is too slow, or stops for a while, misses events; an
events_lost event in their place gives their number.

` + filterHelp(query.Events) + `
--filter never hides an events_lost event: a lost event may have been one that the filter wants.

With --from it prints the events of another nsviz as they happen there. When the connection is lost, it asks again for what it has missed, and
says so if some of that is not kept any more. With --since it prints the events of the past, as an nsviz that is running (the dashboard or nsviz
serve) or a recording has them, and ends, unless --follow is given. A recording without --since is printed completely. None of this needs root. A
running nsviz keeps the past within 32 MiB, which is a quarter of an hour or more where there are 50 containers.`,
		Example: `  sudo nsviz events
  sudo nsviz events --filter 'type=oom_kill || type=container_exited && exit!=0'
  nsviz events --since 10m --filter type=oom_kill
  nsviz events --from https://node7:10064 --user alice --password-file FILE
  sudo nsviz events -o json --filter 'container=web && (ns=net || took>100ms)'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := chosen.parse(s.zone); err != nil {
				return err
			}
			accept := func(e *event.Event) bool {
				line := func() string { return ui.EventText(*e, s.zone) }
				return e.Lost != nil || chosen.accept(query.Event{First: e, Line: line})
			}
			if past.since != "" || past.follow || named(cmd) {
				return past.print(cmd, s, o.logger(s.err), &chosen, accept, eventWriter(s.out, form, s.zone))
			}
			return events(cmd.Context(), s, o, accept, eventWriter(output.Patient(s.out), form, s.zone), nil)
		},
	}
	chosen.flag(cmd, query.Events, "type=oom_kill", completeFilter(query.Events, func(cmd *cobra.Command) []query.Event {
		return eventsAbout(o.knownWorkloads(cmd, &past.source))
	}))
	past.since.flag(cmd, s, "since", "print past events, from a time on: "+whenWords)
	cmd.Flags().BoolVar(&past.follow, "follow", false, "go on with what happens after the past of --since; --from without --since does so anyway")
	past.source.flags(cmd)
	cmd.Flags().Lookup("from").DefValue = "" // without it, --since or --follow, the kernel of this host is asked
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// The bounds of the events that wait for a reader: as many as a storm makes in a second or two.
const (
	waitingEvents     = 1 << 14
	waitingEventBytes = 16 << 20
)

// eventSink writes events to a reader without waiting for it.
func eventSink(write func(event.Event) error) *sink.Sink[fact.Fact] {
	return sink.New(sink.Config[fact.Fact]{
		Name: "events", Values: waitingEvents, Bytes: waitingEventBytes,
		Size:  func(f fact.Fact) int { return f.Size() },
		Write: func(f fact.Fact) error { return write(*f.Event) },
		Keep:  losses.Keep,
		Missed: func(n uint64, last fact.Fact, kept []fact.Fact) []fact.Fact {
			if n == 0 {
				return kept
			}
			return append(kept, losses.Of(n, last, event.LostReader))
		},
	})
}

// allEvents accepts every event.
func allEvents(*event.Event) bool { return true }

// events writes every accepted event until ctx is done, the reader goes away, or its companion fails.
func events(parent context.Context, s *streams, o *options, accept func(*event.Event) bool, write func(event.Event) error, beside companion) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	log := o.logger(s.err)
	out := eventSink(write)
	p, err := o.watcher(log, func(f fact.Fact) {
		if f.Event != nil && accept(f.Event) {
			out.Put(f)
		}
	})
	if err != nil {
		return errors.Join(err, o.ending.send(out))
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := output.AwaitReaderGone(ctx, s.out); err != nil {
			cancel(err)
		}
	})
	running.Go(func() {
		select {
		case <-out.Failed():
			cancel(fmt.Errorf("write events: %w", out.Err()))
		case <-ctx.Done():
		}
	})
	running.Go(func() {
		select {
		case <-p.Attached():
			log.Info("watching")
			if beside == nil {
				return
			}
			if err := beside(ctx, p); err != nil {
				cancel(err)
			}
		case <-ctx.Done():
		}
	})
	err = p.Run(ctx)
	cancel(err)
	running.Wait()
	failed, unwritten := failure(parent, ctx), o.ending.send(out)
	switch n := (*sink.UnwrittenError)(nil); {
	case errors.As(unwritten, &n):
		return errors.Join(failed, fmt.Errorf("%d events were not written: nobody reads the output", n.Count))
	case failed == nil && unwritten != nil:
		return fmt.Errorf("write events: %w", unwritten)
	}
	return failed // also the reason why writing failed, if it did
}

// eventWriter writes one event a line, each at once.
func eventWriter(out io.Writer, form string, zone *time.Location) func(event.Event) error {
	if form == "json" {
		encoder := json.NewEncoder(foreign.JSONWriter(out))
		encoder.SetEscapeHTML(false)
		return func(e event.Event) error { return encoder.Encode(e) }
	}
	return func(e event.Event) error {
		_, err := fmt.Fprintln(out, ui.EventText(e, zone))
		return err
	}
}
