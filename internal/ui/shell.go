package ui

import (
	"context"
	"fmt"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/terminal"
)

const (
	// frameGap is the least time between two frames for changes; keys do not wait.
	frameGap = 40 * time.Millisecond
	// urgentGap is the same for what is urgent, and urgentFactor how many times as long as a frame it is at least: a kill is to be on screen
	// within 50 ms, also where frames take long.
	urgentGap    = 15 * time.Millisecond
	urgentFactor = 3
	// longestGap is the same where frames take long.
	longestGap = 100 * time.Millisecond
	// gapFactor is how many times as long as a frame the gap after it is.
	gapFactor = 12
	// maxBatch is how many events are answered between two frames.
	maxBatch = 256
	// clockTick is the time after which an unchanged screen is redrawn, for its clocks, and calmTick the same after calmAfter without a change
	// or a key. Readings of what containers use keep step with it.
	clockTick = time.Second
	calmTick  = 2 * time.Second
	calmAfter = 10 * time.Second
)

// shell is the dashboard on a terminal: the current view, and the snapshot on screen, to which
// keys refer.
type shell struct {
	screen  tcell.Screen
	options Options
	theme   Theme
	ground  background
	answers <-chan terminal.Answer // nil if nothing was asked
	styles  [256]tcell.Style
	glyphs  glyphs
	state   State
	drawn   *model.Snapshot
	// copied is the frame that the screen has; the zero value is none.
	copied Frame
	// copyText copies a text to the clipboard.
	copyText func([]byte)

	// past is the state of Options.Past that is to be shown, moved is set if it is not the one on screen.
	past  uint64
	moved bool

	// What the mouse did last: the buttons that are held since pressed, and the click that another one may double.
	held      tcell.ButtonMask
	pressed   Mouse
	clicked   Mouse
	clickedAt time.Time
	noMouse   bool // the terminal has the mouse

	inspector *inspector
	exporter  *exporter

	rememberer *rememberer
}

// paint makes the styles and symbols that suit the terminal.
func (sh *shell) paint() {
	sh.styles = tcellStyles(paletteFor(sh.theme, sh.screen.Colors(), sh.ground))
	sh.copied = Frame{}
}

// answered adapts to what the terminal has answered.
func (sh *shell) answered(a terminal.Answer) {
	if a.Background != nil {
		sh.ground = backgroundOf(*a.Background)
		sh.paint()
	}
	if a.SymbolWidth > 1 {
		sh.glyphs = sh.glyphs.withWideSymbols()
		sh.copied = Frame{}
	}
}

func (sh *shell) loop(ctx context.Context, input <-chan tcell.Event) error {
	clock := time.NewTicker(clockTick)
	defer clock.Stop()
	gap := time.NewTimer(0)
	defer gap.Stop()
	changed, urgent := sh.options.Changed, sh.options.Urgent
	var drawn time.Time     // when the latest frame was begun
	news := time.Now()      // when there was a change or an event of the terminal last
	var frame time.Duration // how long it took
	// After a frame the screen pauses for a gap; changes meanwhile make it dirty and are drawn
	// at the gap's end. The first gap is empty: it draws the first frame.
	resting, dirty := true, true
	draw := func() {
		for _, changes := range []<-chan struct{}{changed, urgent} { // the frame will have them
			select {
			case _, ok := <-changes: // a closed one is found closed again
				if ok {
					news = time.Now()
				}
			default:
			}
		}
		drawn = time.Now()
		sh.draw()
		resting, dirty, frame = true, false, time.Since(drawn)
		gap.Reset(min(max(gapFactor*frame, frameGap), longestGap))
		clock.Reset(sh.tick(drawn.Sub(news))) // the clocks are right
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev, ok := <-input:
			if !ok {
				return nil
			}
			quit, err := sh.handleAll(ev, input)
			if quit || err != nil {
				return err
			}
			news = time.Now()
			clock.Reset(clockTick)
		case _, ok := <-changed:
			if !ok {
				changed = nil // no more changes will come, the clock goes on
				continue
			}
			news = time.Now()
			if resting {
				dirty = true
			} else {
				draw()
			}
		case _, ok := <-urgent:
			news = time.Now()
			switch wait := max(urgentGap, urgentFactor*frame) - time.Since(drawn); {
			case !ok:
				urgent = nil
			case resting && wait > 0:
				dirty = true
				gap.Reset(wait)
			default:
				draw()
			}
		case a := <-sh.answers:
			sh.answered(a)
			sh.draw()
			sh.screen.Sync() // a symbol of another width has moved those behind it
		case <-gap.C:
			resting = false
			if dirty {
				draw()
			}
		case in := <-sh.inspector.results:
			if sh.state.Frozen == nil {
				sh.state.Inspections = in.add(sh.state.Inspections)
				sh.draw()
			}
		case note := <-sh.exporter.results:
			sh.exporter.writing, sh.state.Note = false, note
			sh.draw()
		case err := <-sh.rememberer.results:
			if sh.rememberer.writing = false; err != nil {
				sh.state.Note = "what you chose is not remembered: " + err.Error()
			}
			sh.draw()
		case <-clock.C:
			draw()
		}
	}
}

// tick returns when an unchanged screen is redrawn, so long after the latest change or key.
func (sh *shell) tick(after time.Duration) time.Duration {
	if after < calmAfter || sh.options.Changed == nil {
		return clockTick
	}
	return calmTick
}

// handleAll handles an event and those that wait behind it, and draws once: a repeating key, or a paste, comes
// faster than frames can be drawn.
func (sh *shell) handleAll(ev tcell.Event, input <-chan tcell.Event) (quit bool, err error) {
	repaint := false
	for range maxBatch {
		action, err := sh.handle(ev)
		if action == Quit || err != nil {
			return true, err
		}
		repaint = repaint || action == Repaint
		if action == Suspend {
			if err := sh.suspend(); err != nil {
				return true, err
			}
			repaint = true
		}
		if action == Copy {
			sh.copyText([]byte(sh.state.Clip))
		}
		if action == Export {
			sh.state.Note = sh.exporter.export(sh.drawn, sh.state, sh.theme.onGround(sh.ground))
		}
		ev = nil
		select {
		case ev = <-input:
		default:
		}
		if ev == nil { // none waits, or no more will come
			break
		}
	}
	sh.draw()
	if repaint {
		sh.screen.Sync()
	}
	return false, nil
}

// handle handles an event of the terminal.
func (sh *shell) handle(ev tcell.Event) (Action, error) {
	switch ev := ev.(type) {
	case *tcell.EventKey:
		return sh.update(translate(ev)), nil
	case *tcell.EventMouse:
		mouse := sh.mouse(ev, ev.When())
		if mouse.Button == MouseNone {
			return Stay, nil
		}
		return sh.update(Key{Name: KeyMouse, Mouse: mouse}), nil
	case *tcell.EventResize:
		return Repaint, nil
	case *tcell.EventError:
		return Stay, fmt.Errorf("read from the terminal: %w", ev)
	}
	return Stay, nil
}

// suspend gives the terminal back, stops the process, and takes the terminal again when it goes on.
func (sh *shell) suspend() error {
	finished := drainEvents(sh.screen)
	err := sh.screen.Suspend()
	close(finished)
	if err != nil {
		return fmt.Errorf("give the terminal back: %w", err)
	}
	stop := sh.options.Stop
	if stop == nil {
		stop = terminal.StopJob
	}
	stopped, stopErr := stop()
	if err := sh.screen.Resume(); err != nil {
		return fmt.Errorf("take over the terminal again: %w", err)
	}
	sh.copied = Frame{}
	sh.held = 0
	switch {
	case stopErr != nil:
		sh.state.Note = "nsviz could not be stopped: " + stopErr.Error()
	case !stopped:
		sh.state.Note = "there is no shell to go back to"
	}
	return nil
}

// update applies a key. It goes to another state of the past, if the key says so; that is read when it is drawn, since a repeated key
// goes through several.
func (sh *shell) update(key Key) Action {
	before := sh.state.Frozen
	state, action := Update(sh.state, key, sh.drawn)
	sh.state = state
	past := sh.options.Past
	if action == SetSpeed {
		sh.options.SetSpeed(state.Speed)
	}
	if past == nil {
		return action
	}
	move, moves := action.move()
	if moves && before == nil {
		sh.past = state.Frozen.Facts
	}
	switch {
	case moves:
		sh.past, sh.moved = past.Find(sh.past, move), true
	case action == GoOn:
		past.Resume(sh.past)
		sh.moved = false
	}
	return action
}

// draw shows the latest snapshot.
func (sh *shell) draw() {
	sh.drawn = sh.options.Snapshots()
	if sh.moved {
		sh.moved = false
		if s, place := sh.options.Past.State(sh.past); s != nil {
			sh.state.Frozen, sh.state.Place = s, place
		}
	}
	if sh.options.Notes != nil {
		sh.state.Notes = sh.options.Notes()
	}
	sh.lendMouse()
	sh.state.Width, sh.state.Height = sh.screen.Size()
	if sh.copy(Render(sh.drawn, sh.state, sh.state.Width, sh.state.Height)) {
		sh.screen.Show()
	}
	sh.inspector.follow(sh.state.inspected(sh.state.shown(sh.drawn)))
	sh.rememberer.follow(sh.state)
}

// copy puts those of a frame's cells on the screen that are not there yet. It returns false if there are none.
func (sh *shell) copy(f Frame) (changed bool) {
	before := sh.copied
	all := before.Width != f.Width || before.Height != f.Height
	for y := range f.Height {
		for x := range f.Width {
			if !all && f.sameAt(before, x, y) {
				continue
			}
			c := f.At(x, y)
			changed = true
			if c.Text != "" {
				sh.screen.Put(x, y, sh.glyphs.draw(c.Text), sh.styles[c.Style])
			}
		}
	}
	sh.copied = f
	return changed || all
}
