package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
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

const (
	// flushInterval bounds what is lost of a recording if the machine goes down.
	flushInterval = time.Second
	// The bounds of what waits for the disk.
	waitingFacts     = 1 << 15
	waitingFactBytes = 32 << 20
)

// recording is a file to which facts are recorded.
type recording struct {
	file    *os.File
	writer  *record.Writer
	flushed time.Time
	// worth reports whether it holds more than the state of nsviz itself and of the host.
	worth atomic.Bool
}

// create makes the file of a recording. It fails if the file exists.
func create(path string) (*recording, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already and would be overwritten; remove it or choose another name", path)
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &recording{file: file, flushed: time.Now()}
	if r.writer, err = record.NewWriter(file, time.Now().UTC()); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

func (r *recording) write(f fact.Fact) error {
	if err := r.writer.Write(f); err != nil {
		return err
	}
	if f.Host == nil && f.Probes == nil && f.Engine == nil && f.OwnMemory == nil {
		r.worth.Store(true)
	}
	if now := time.Now(); now.Sub(r.flushed) > flushInterval {
		r.flushed = now
		return r.writer.Flush()
	}
	return nil
}

// discard closes the file, and removes it unless another file is at its path by now.
func (r *recording) discard() {
	mine, err := r.file.Stat()
	_ = r.file.Close()
	if err != nil {
		return
	}
	if there, err := os.Lstat(r.file.Name()); err == nil && os.SameFile(mine, there) {
		_ = os.Remove(r.file.Name())
	}
}

func recordTo(parent context.Context, s *streams, o *options, path string) error {
	r, err := create(path)
	if err != nil {
		return err
	}
	var p atomic.Pointer[pipeline.Pipeline]
	out := r.sink(waitingFacts, func() []fact.Fact {
		if p := p.Load(); p != nil {
			return p.Resync()
		}
		return nil
	})
	if err := r.end(out, recordFrom(parent, s, o, &p, out, path)); err != nil {
		return err
	}
	o.logger(s.err).Info("recorded", "facts", r.writer.Count(), "file", path)
	return nil
}

// sink returns a sink that writes facts to the recording; up to waiting of them wait. After a gap it writes the facts
// of resync.
func (r *recording) sink(waiting int, resync func() []fact.Fact) *sink.Sink[fact.Fact] {
	return sink.New(sink.Config[fact.Fact]{
		Name: "recording", Values: waiting, Bytes: waitingFactBytes,
		Size:  func(f fact.Fact) int { return f.Size() },
		Write: r.write,
		Keep:  keepLosses,
		Missed: func(n uint64, last fact.Fact, kept []fact.Fact) []fact.Fact {
			if n == 0 {
				return kept
			}
			return slices.Concat(kept, []fact.Fact{lost(n, last, event.LostRecording)}, resync())
		},
	})
}

// end writes what waits and the trailer, and closes the file. After a failure the file is kept, unless nothing is in it.
func (r *recording) end(out *sink.Sink[fact.Fact], failed error) error {
	writing := closeSink(out)
	var n *sink.UnwrittenError
	switch path := r.file.Name(); {
	case errors.As(writing, &n):
		// A write is still under way, so there is no trailer: a reader reports that the recording is cut short.
		return errors.Join(failed, fmt.Errorf("%s: %d facts were not written, since the disk takes none; what was recorded until then is kept", path, n.Count))
	case writing != nil:
		_ = r.file.Close() // that what was written is cut short is said below
		if errors.Is(failed, errRecording) {
			failed = nil
		}
		return errors.Join(failed, fmt.Errorf("%s: %w; what was recorded until then is kept", path, writing))
	case failed != nil && !r.worth.Load():
		r.discard()
		return failed
	}
	return errors.Join(failed, r.writer.Close(), r.file.Close())
}

// errRecording reports that writing failed; the sink has the cause.
var errRecording = errors.New("the recording failed")

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
			cancel(errRecording)
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
