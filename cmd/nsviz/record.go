package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/record"
	"github.com/nsviz/nsviz/internal/sink"
)

func newRecord(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "record FILE", GroupID: groupReplay, Args: arguments("FILE"),
		Short: "Record everything to a file, until Ctrl-C",
		Long: `Records everything to a new file, until Ctrl-C. nsviz replay, nsviz why --recording and nsviz inspect
--recording read it.

If the disk is too slow, facts are left out. The recording then says how many, and lists what is there after the
gap. What was recorded before a failure, such as a full disk, is kept.`,
		RunE: func(cmd *cobra.Command, args []string) error { return recordTo(cmd.Context(), s, o, args[0]) },
	}
}

func recordTo(parent context.Context, s *streams, o *options, path string) error {
	r, err := record.Create(path, time.Now)
	if err != nil {
		return err
	}
	var p atomic.Pointer[pipeline.Pipeline]
	out := r.Sink(func() []fact.Fact {
		if p := p.Load(); p != nil {
			return p.Resync()
		}
		return nil
	})
	failed := recordFrom(parent, s, o, &p, out, path)
	if err := r.End(o.ending.send(out), failed); err != nil {
		return err
	}
	o.logger(s.err).Info("recorded", "facts", r.Count(), "file", path)
	return nil
}

// recordFrom watches until parent is done, or watching or writing fails.
func recordFrom(
	parent context.Context, s *streams, o *options, where *atomic.Pointer[pipeline.Pipeline], out *sink.Sink[fact.Fact], path string,
) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	log := o.logger(s.err)
	p, err := o.watcher(log, out.Put)
	if err != nil {
		return err
	}
	where.Store(p)
	go func() {
		select {
		case <-out.Failed():
			cancel(record.ErrRecording)
		case <-ctx.Done():
		}
	}()
	go func() {
		select {
		case <-p.Attached():
			log.Info("recording; end it with Ctrl-C", "file", path)
		case <-ctx.Done():
		}
	}()
	if err := p.Run(ctx); err != nil {
		return err
	}
	return failure(parent, ctx)
}
