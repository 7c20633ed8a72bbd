package output

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// Stdout is the destination of data.
type Stdout struct {
	// File is not embedded, since its other methods would write past Write.
	File *os.File
	// Late is closed when a blocked write has to be given up; nil means never.
	Late <-chan struct{}
}

// ErrReaderGone reports that the reader has had enough and closed its end, as in nsviz events | head -1.
var ErrReaderGone = errors.New("nobody reads the output any more")

// ErrReaderStopped reports that the reading end is open, but nobody reads.
var ErrReaderStopped = errors.New("the output was not written: nobody reads it")

// Fd returns the file descriptor.
func (s Stdout) Fd() uintptr { return s.File.Fd() }

// Write fails with ErrReaderGone if the reading end is closed, and with ErrReaderStopped if nobody has read by the time that
// nsviz must end. In the latter case p may still be written later.
func (s Stdout) Write(p []byte) (int, error) {
	if s.Late == nil {
		return s.write(p)
	}
	type outcome struct {
		n   int
		err error
	}
	text, done := bytes.Clone(p), make(chan outcome, 1)
	go func() {
		n, err := s.write(text)
		done <- outcome{n, err}
	}()
	select {
	case o := <-done:
		return o.n, o.err
	case <-s.Late:
		return 0, ErrReaderStopped
	}
}

func (s Stdout) write(p []byte) (int, error) {
	n, err := s.File.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = ErrReaderGone
	}
	return n, err
}

// Patient returns out without a time limit, for a sink: nothing waits for a sink, and it counts what was not written.
func Patient(out io.Writer) io.Writer {
	if s, ok := out.(Stdout); ok {
		s.Late = nil
		return s
	}
	return out
}

// Width returns the number of columns to write prose in.
func Width(out io.Writer) int {
	if w := Columns(out); w > 0 {
		return min(w, 120)
	}
	return 80
}

// Columns returns how many columns the terminal has that out is; 0 if it is none, or does not say.
func Columns(out io.Writer) int {
	if f, ok := out.(interface{ Fd() uintptr }); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			return w
		}
	}
	return 0
}

// IsTerminal reports whether out is a terminal that can be drawn on.
func IsTerminal(out io.Writer) bool {
	f, ok := out.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(f.Fd()))
}

// AwaitReaderGone returns nil when ctx is done, and ErrReaderGone when the reading end of out, a pipe, is closed. On a quiet host
// the next write, which would show that, may be hours away. If out is no pipe it waits for ctx.
func AwaitReaderGone(ctx context.Context, out io.Writer) error {
	f, ok := out.(interface{ Fd() uintptr })
	if !ok {
		<-ctx.Done()
		return nil
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make an eventfd: %w", err)
	}
	defer func() { _ = unix.Close(wake) }()
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	})
	defer func() {
		if !stop() {
			<-woken // it must not write to a closed file
		}
	}()
	// No events are requested: poll always reports errors and hang-ups.
	fds := []unix.PollFd{{Fd: int32(f.Fd())}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("watch the output: %w", err)
		case ctx.Err() != nil:
			return nil
		default:
			return ErrReaderGone
		}
	}
}
