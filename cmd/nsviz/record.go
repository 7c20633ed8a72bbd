package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/record"
)

func newRecord(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "record FILE", GroupID: groupReplay, Args: arguments("FILE"),
		Short: "Record everything to a file, until Ctrl-C",
		RunE:  func(cmd *cobra.Command, args []string) error { return recordTo(cmd.Context(), s, o, args[0]) },
	}
}

// flushInterval is how much of a recording is lost if the machine goes down.
const flushInterval = time.Second

func recordTo(parent context.Context, s *streams, o *options, path string) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already and would be overwritten; remove it or choose another name", path)
	}
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	recorded := false
	defer func() {
		err = errors.Join(err, file.Close())
		if !recorded {
			_ = os.Remove(path)
		}
	}()
	w, err := record.NewWriter(file, time.Now().UTC())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	log := o.logger(s.err)
	flushed := time.Now()
	p, err := o.watcher(log, func(f isolation.Fact) {
		if err := w.Write(f); err != nil {
			cancel(err)
			return
		}
		if now := time.Now(); now.Sub(flushed) > flushInterval {
			flushed = now
			if err := w.Flush(); err != nil {
				cancel(err)
			}
		}
	})
	if err != nil {
		return err
	}
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
	recorded = true
	if err := errors.Join(w.Close(), failure(parent, ctx)); err != nil {
		return err
	}
	log.Info("recorded", "facts", w.Count(), "file", path)
	return nil
}
