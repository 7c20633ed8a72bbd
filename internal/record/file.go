package record

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/sink"
)

const (
	// flushInterval limits what a recording loses if the machine goes down.
	flushInterval = time.Second
	// Limits of the facts that wait for the disk.
	waitingFacts     = 1 << 15
	waitingFactBytes = 32 << 20
)

// File is a recording in progress.
type File struct {
	file    *os.File
	writer  *Writer
	now     func() time.Time
	flushed time.Time
	// worth reports whether the recording holds more than the state of nsviz itself and of the host.
	worth atomic.Bool
}

// Create creates the file of a recording. It fails if the file exists. now is time.Now.
func Create(path string, now func() time.Time) (*File, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already and would be overwritten; remove it or choose another name", path)
	}
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	r := &File{file: file, now: now, flushed: now()}
	if r.writer, err = NewWriter(file, now().UTC()); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// write writes a fact or, if that is too long, that it is missing.
func (r *File) write(f fact.Fact) error {
	err := r.writer.Write(f)
	if errors.Is(err, ErrTooLong) {
		f = losses.Of(1, f, event.LostRecording)
		err = r.writer.Write(f)
	}
	if err != nil {
		return err
	}
	if f.Host == nil && f.Probes == nil && f.Engine == nil && f.OwnMemory == nil {
		r.worth.Store(true)
	}
	if now := r.now(); now.Sub(r.flushed) > flushInterval {
		r.flushed = now
		return r.writer.Flush()
	}
	return nil
}

// discard closes the file, and removes it unless the path now belongs to another file.
func (r *File) discard() {
	mine, err := r.file.Stat()
	_ = r.file.Close()
	if err != nil {
		return
	}
	if there, err := os.Lstat(r.file.Name()); err == nil && os.SameFile(mine, there) {
		_ = os.Remove(r.file.Name())
	}
}

// Count returns the number of facts that were written.
func (r *File) Count() uint64 { return r.writer.Count() }

// Sink returns a sink that writes facts to the recording. After a gap it writes the facts of resync.
func (r *File) Sink(resync func() []fact.Fact) *sink.Sink[fact.Fact] {
	return r.sink(waitingFacts, resync)
}

// sink returns a Sink in which up to waiting facts wait.
func (r *File) sink(waiting int, resync func() []fact.Fact) *sink.Sink[fact.Fact] {
	return sink.New(sink.Config[fact.Fact]{
		Name: "recording", Values: waiting, Bytes: waitingFactBytes,
		Size:  func(f fact.Fact) int { return f.Size() },
		Write: r.write,
		Keep:  losses.Keep,
		Missed: func(n uint64, last fact.Fact, kept []fact.Fact) []fact.Fact {
			if n == 0 {
				return kept
			}
			return slices.Concat(kept, []fact.Fact{losses.Of(n, last, event.LostRecording)}, resync())
		},
	})
}

// End writes the trailer and closes the file. writing is the error of the Sink's Close; failed is any other error, or nil.
// After a failure the file is kept, unless it holds nothing.
func (r *File) End(writing, failed error) error {
	var n *sink.UnwrittenError
	switch path := r.file.Name(); {
	case errors.As(writing, &n):
		// A write is still under way, so there is no trailer: a reader reports that the recording is cut short.
		return errors.Join(failed, fmt.Errorf("%s: %d facts were not written, since the disk takes none; what was recorded until then is kept", path, n.Count))
	case writing != nil:
		_ = r.file.Close() // the error below says that it is cut short
		if errors.Is(failed, ErrRecording) {
			failed = nil
		}
		return errors.Join(failed, fmt.Errorf("%s: %w; what was recorded until then is kept", path, writing))
	case failed != nil && !r.worth.Load():
		r.discard()
		return failed
	}
	return errors.Join(failed, r.writer.Close(), r.file.Close())
}

// ErrRecording reports that the Sink has failed; the Sink has the cause.
var ErrRecording = errors.New("the recording failed")
