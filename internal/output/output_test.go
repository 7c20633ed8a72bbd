package output

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.Close()
		_ = w.Close()
	})
	return r, w
}

func TestWriteToReaderThatHasGone(t *testing.T) {
	for name, late := range map[string]chan struct{}{"without a limit": nil, "with a limit in time": make(chan struct{})} {
		r, w := pipe(t)
		_ = r.Close()
		if n, err := (Stdout{w, late}).Write([]byte("x")); n != 0 || !errors.Is(err, ErrReaderGone) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		// Others than Write must not get past it.
		if n, err := io.WriteString(Stdout{w, late}, "x"); n != 0 || !errors.Is(err, ErrReaderGone) {
			t.Errorf("%s, a string: %d, %v", name, n, err)
		}
		if n, err := io.Copy(Stdout{w, late}, strings.NewReader("x")); n != 0 || !errors.Is(err, ErrReaderGone) {
			t.Errorf("%s, a copy: %d, %v", name, n, err)
		}
	}
}

// A blocked write is given up in time, and goes on if nothing waits for it.
func TestWriteToReaderThatHasStopped(t *testing.T) {
	r, w := pipe(t)
	late := make(chan struct{})
	close(late)
	out := Stdout{w, late}
	const more = 1 << 20 // than fits into a pipe
	if n, err := out.Write(make([]byte, more)); n != 0 || !errors.Is(err, ErrReaderStopped) {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := io.CopyN(io.Discard, r, more); err != nil { // it is still being written
		t.Error(err)
	}
	written := make(chan error)
	go func() {
		_, err := Patient(out).Write(make([]byte, more))
		written <- err
	}()
	if _, err := io.CopyN(io.Discard, r, more); err != nil {
		t.Error(err)
	}
	if err := <-written; err != nil {
		t.Errorf("without a limit in time: %v", err)
	}
}

func TestAwaitReaderGone(t *testing.T) {
	r, w := pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error)
	go func() { gone <- AwaitReaderGone(ctx, w) }()
	_ = r.Close()
	if err := <-gone; !errors.Is(err, ErrReaderGone) {
		t.Errorf("%v", err)
	}
	_, w = pipe(t)
	for _, out := range []io.Writer{w, io.Discard} { // the other one is no file
		go func() { gone <- AwaitReaderGone(ctx, out) }()
	}
	cancel()
	for range 2 {
		if err := <-gone; err != nil {
			t.Errorf("after the end: %v", err)
		}
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	_, w := pipe(t)
	for _, out := range []io.Writer{w, io.Discard} {
		if IsTerminal(out) || Width(out) != 80 {
			t.Errorf("%T: terminal %t, %d columns", out, IsTerminal(out), Width(out))
		}
	}
}
