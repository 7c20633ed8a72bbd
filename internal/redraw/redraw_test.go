package redraw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/output"
)

// counted returns a Text that writes its number, and ends the test's run at the last one.
func counted(last int, end func()) Text {
	n := 0
	return func(_ context.Context, out io.Writer, columns int) ([]string, error) {
		n++
		fmt.Fprintf(out, "text %d for %d\n", n, columns)
		if n == last {
			end()
		}
		return []string{"a note"}, nil
	}
}

func noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// Where there is no terminal one text follows the other, with a blank line between, and a note is said once.
func TestBelow(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out, notes bytes.Buffer
	if err := Run(ctx, Options{Out: &out, Notes: &notes, Every: time.Millisecond, Now: noon}, counted(3, cancel)); err != nil {
		t.Fatal(err)
	}
	if want := "text 1 for 0\n\ntext 2 for 0\n\ntext 3 for 0\n"; out.String() != want || notes.String() != "a note\n" {
		t.Errorf("%q, notes %q", out.String(), notes.String())
	}
}

// A text that fails ends it; what fails because of the end is no failure.
func TestFailures(t *testing.T) {
	failed := errors.New("it failed")
	fails := func(context.Context, io.Writer, int) ([]string, error) { return nil, failed }
	if err := Run(t.Context(), Options{Out: io.Discard, Every: time.Hour, Now: noon}, fails); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, Options{Out: io.Discard, Every: time.Hour, Now: noon}, func(ctx context.Context, _ io.Writer, _ int) ([]string, error) {
		cancel()
		return nil, ctx.Err()
	})
	if err != nil {
		t.Errorf("%v", err)
	}
}

// A reader that has gone ends it although nothing is written.
func TestReaderGone(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	err = Run(t.Context(), Options{Out: write, Every: time.Hour, Now: noon}, func(_ context.Context, _ io.Writer, _ int) ([]string, error) {
		return nil, read.Close()
	})
	if !errors.Is(err, output.ErrReaderGone) {
		t.Errorf("%v", err)
	}
}

// screen collects what is written to a terminal, and lets a test wait for it.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
	more chan struct{}
}

func (s *screen) follow(terminal io.Reader) {
	buffer := make([]byte, 4096)
	for {
		n, err := terminal.Read(buffer)
		s.mu.Lock()
		s.text.Write(buffer[:n])
		s.mu.Unlock()
		select {
		case s.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (s *screen) await(t *testing.T, text string) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		got := s.text.String()
		s.mu.Unlock()
		if strings.Contains(got, text) {
			return
		}
		select {
		case <-s.more:
		case <-late:
			t.Fatalf("no %q in %q", text, got)
		}
	}
}

// On a terminal the texts are drawn over each other, for its size, until q or Ctrl-C; then it is as before.
func TestOnTerminal(t *testing.T) {
	for _, key := range []string{"q", "\x03"} {
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer master.Close()
		defer slave.Close()
		if err := pty.Setsize(master, &pty.Winsize{Cols: 60, Rows: 10}); err != nil {
			t.Fatal(err)
		}
		s := &screen{more: make(chan struct{}, 1)}
		go s.follow(master)
		ended := make(chan error, 1)
		go func() {
			ended <- Run(t.Context(), Options{Out: slave, Every: time.Millisecond, Terminal: slave.Name(), Now: noon}, counted(-1, nil))
		}()
		s.await(t, "\x1b[?1049h")
		s.await(t, "every 1ms   12:00:00   q quits\x1b[K\r\n\x1b[K\r\ntext 1 for 60\x1b[K\r\na note\x1b[K\x1b[J")
		s.await(t, "text 3 for 60")
		if err := pty.Setsize(master, &pty.Winsize{Cols: 70, Rows: 10}); err != nil {
			t.Fatal(err)
		}
		s.await(t, "for 70")
		if _, err := io.WriteString(master, key); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%q: %v", key, err)
		}
		s.await(t, "\x1b[?25h\x1b[?1049l")
	}
}

// A text that fails ends it on a terminal, too, which is as before.
func TestFailureOnTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	s := &screen{more: make(chan struct{}, 1)}
	go s.follow(master)
	failed := errors.New("it failed")
	err = Run(t.Context(), Options{Out: slave, Every: time.Hour, Terminal: slave.Name(), Now: noon}, func(context.Context, io.Writer, int) ([]string, error) { return nil, failed })
	if !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	s.await(t, leave)
}

// No frame is larger than the screen, and what is left out is counted.
func TestFrameFits(t *testing.T) {
	text := strings.Repeat("a line that is rather long\twith a tab\n", 40)
	for rows := 1; rows < 60; rows++ {
		got := frame("head", text, []string{"a note"}, 20, rows)
		lines := strings.Split(strings.TrimSuffix(strings.TrimPrefix(got, home), endFrame), "\r\n")
		if len(lines) > rows {
			t.Errorf("%d lines on %d rows", len(lines), rows)
		}
		for _, line := range lines {
			if n := foreign.Width(strings.TrimSuffix(line, endLine)); n > 20 {
				t.Errorf("%d columns: %q", n, line)
			}
		}
		if shown := strings.Count(got, "a line"); rows > 4 && rows < 43 && !strings.Contains(got, fmt.Sprintf("and %d more li", 40-shown)) {
			t.Errorf("on %d rows %d lines are shown: %q", rows, shown, got)
		}
	}
}
