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
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/ui"
)

func newEvents(s *streams, o *options) *cobra.Command {
	var form string
	cmd := &cobra.Command{
		Use: "events", GroupID: groupWatch, Args: noArguments,
		Short: "Print every event as it happens, one a line",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return events(cmd.Context(), s, o, eventWriter(s.out, form, s.zone), nil)
		},
	}
	outputFlag(cmd, &form, "text", "json")
	return cmd
}

// events writes every event until ctx is done, the reader goes away, or what runs beside it fails.
func events(parent context.Context, s *streams, o *options, write func(event.Event) error, beside companion) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	log := o.logger(s.err)
	p, err := o.watcher(log, func(f isolation.Fact) {
		if f.Event == nil || errors.Is(context.Cause(ctx), errReaderGone) {
			return
		}
		if err := write(*f.Event); err != nil {
			cancel(fmt.Errorf("write events: %w", err))
		}
	})
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := awaitReaderGone(ctx, s.out); err != nil {
			cancel(err)
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
	return failure(parent, ctx)
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
