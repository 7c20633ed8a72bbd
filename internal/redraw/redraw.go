package redraw

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/terminal"
)

// Options configure Run.
type Options struct {
	// Out gets the texts, Notes what is said beside them where Out is no terminal.
	Out, Notes io.Writer
	// Every is the time between two texts.
	Every time.Duration
	// Terminal is the device file of the terminal to draw on if Out is one.
	Terminal string
	// Guard is the command of the process that restores the terminal if this one dies (terminal.Guard); nil is none.
	Guard []string
	// Now returns the time of day for the clock on the screen.
	Now func() time.Time
}

// Text writes one text, safe to show, for a number of columns, of which 0 is any. The notes are said beside it.
type Text func(ctx context.Context, out io.Writer, columns int) (notes []string, err error)

// Run writes a text, and again after each interval. It ends without an error when ctx ends and when the user types q or
// Ctrl-C, and with the error of a text or a write.
func Run(parent context.Context, o Options, text Text) error {
	ctx, end := context.WithCancelCause(parent)
	defer end(nil)
	draw := below
	if output.IsTerminal(o.Out) {
		draw = func(ctx context.Context, o Options, text Text) error {
			return onTerminal(ctx, func() { end(nil) }, o, text)
		}
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		if gone := output.AwaitReaderGone(ctx, o.Out); gone != nil {
			end(gone)
		}
	})
	err := draw(ctx, o, text)
	ended := ctx.Err() != nil
	end(nil)
	watching.Wait()
	switch cause := context.Cause(ctx); {
	case !ended:
		return err
	case errors.Is(cause, output.ErrReaderGone):
		return cause
	}
	return nil // what the end has cut short is no failure
}

// below writes the texts one below the other, with a blank line between them.
func below(ctx context.Context, o Options, text Text) error {
	var said []string
	for first := true; ; first = false {
		var b bytes.Buffer
		if !first {
			b.WriteByte('\n')
		}
		notes, err := text(ctx, &b, 0)
		if err != nil {
			return err
		}
		for _, note := range notes {
			if !slices.Contains(said, note) {
				fmt.Fprintln(o.Notes, note)
			}
		}
		said = notes
		if _, err := o.Out.Write(b.Bytes()); err != nil {
			return err
		}
		if !wait(ctx, o.Every, nil) {
			return nil
		}
	}
}

// wait waits for an interval or a sign, and returns false if ctx ended.
func wait(ctx context.Context, every time.Duration, sign <-chan struct{}) bool {
	timer := time.NewTimer(every)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-sign:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// What the terminal is sent: the alternate screen without a cursor, the top left corner, the rest of a line and of the screen to
// be blank, and the screen from before.
const (
	enter    = "\x1b[?1049h\x1b[?25l"
	home     = "\x1b[H"
	endLine  = "\x1b[K"
	endFrame = "\x1b[J"
	leave    = "\x1b[?25h\x1b[?1049l"
)

func onTerminal(ctx context.Context, quit func(), o Options, text Text) (err error) {
	t, err := terminal.Open(terminal.Options{Path: o.Terminal, Guard: o.Guard})
	if err != nil {
		return fmt.Errorf("open the terminal: %w", err)
	}
	defer func() { _ = t.Close() }() // it is restored
	if err := t.Start(); err != nil {
		return fmt.Errorf("take over the terminal: %w", err)
	}
	resized := make(chan struct{}, 1)
	t.NotifyResize(func() {
		select {
		case resized <- struct{}{}:
		default:
		}
	})
	var reading sync.WaitGroup
	reading.Go(func() {
		if awaitQuit(t) {
			quit()
		}
	})
	stopHurry := context.AfterFunc(ctx, t.Hurry) // a write may wait for a terminal that nobody reads
	defer func() {
		stopHurry()
		t.Hurry()
		_, _ = io.WriteString(t, leave) // if that fails, Stop does it
		_ = t.Drain()                   // only Close could make it fail
		reading.Wait()
		if failed := t.Stop(); err == nil && failed != nil {
			err = fmt.Errorf("restore the terminal: %w", failed)
		}
	}()
	if _, err := io.WriteString(t, enter); err != nil {
		return err
	}
	for {
		columns, rows, err := t.Size()
		if err != nil {
			return err
		}
		var b bytes.Buffer
		notes, err := text(ctx, &b, columns)
		if err != nil {
			return err
		}
		head := fmt.Sprintf("every %v   %s   q quits", o.Every, o.Now().Format(time.TimeOnly))
		if _, err := io.WriteString(t, frame(head, b.String(), notes, columns, rows)); err != nil {
			return err
		}
		if !wait(ctx, o.Every, resized) {
			return nil
		}
	}
}

// awaitQuit reads keys until one of them means the end, or the terminal is gone. It returns false once the terminal is drained.
func awaitQuit(keys io.Reader) bool {
	var typed [64]byte
	for {
		n, err := keys.Read(typed[:])
		if err != nil {
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
		if bytes.ContainsAny(typed[:n], "qQ\x03") {
			return true
		}
	}
}

// frame returns what draws a head, a text and notes on a screen, with as much of the text as there is room for.
func frame(head, text string, notes []string, columns, rows int) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	room := max(rows-len(notes)-2, 1)
	if len(lines) > room {
		more := len(lines) - room + 1
		lines = append(lines[:room-1:room-1], fmt.Sprintf("%s and %d more lines", foreign.Ellipsis, more))
	}
	lines = append(append([]string{head, ""}, lines...), notes...)
	if len(lines) > rows {
		lines = lines[:rows]
	}
	for i, line := range lines {
		lines[i] = foreign.Cut(strings.ReplaceAll(line, "\t", "  "), columns) + endLine
	}
	return home + strings.Join(lines, "\r\n") + endFrame
}
