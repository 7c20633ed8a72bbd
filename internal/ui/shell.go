package ui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
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

// Options connect the dashboard to its surroundings.
type Options struct {
	// Screen is the screen to draw on; nil is a terminal. Run initializes it and restores it.
	Screen tcell.Screen
	// Terminal is the device file of the terminal; empty is the one that the process runs in.
	Terminal string
	// Guard is the command of the process that restores the terminal if this one dies (terminal.Guard); nil
	// is none.
	Guard []string
	// Snapshots returns the latest snapshot. It is called for every frame, also by other goroutines, and must not block.
	Snapshots func() *model.Snapshot
	// Changed is sent to when there is a new snapshot; nil draws once a second.
	Changed <-chan struct{}
	// Urgent is sent to when there is a new snapshot that should be seen at once; nil is never.
	Urgent <-chan struct{}
	// Notes returns remarks to show, such as where metrics are served; nil is none.
	Notes func() []string
	// Theme chooses the colours; "" is Auto.
	Theme Theme
	// Stop stops the process until it goes on; it returns false if nothing did so. Nil is terminal.StopJob.
	Stop func() (stopped bool, err error)
	// Zone is the time zone of the clocks; nil is that of the snapshots.
	Zone *time.Location
	// Replay is set if the snapshots come from a recording.
	Replay bool
	// Inspect reads what a snapshot does not have of a live container of it, whose page is open. It returns ErrEnded if the container has
	// ended meanwhile. It is called in a goroutine, and may take long; nil shows the snapshot alone.
	Inspect InspectFunc
	// Columns and Sort are what is chosen at the start, as in State. Remember keeps what the user chooses later; it is called in a goroutine,
	// and may take long. Nil forgets it.
	Columns  []ColumnKey
	Sort     Sort
	Remember func([]Choice) error
	// Keys has the keys that the user has chosen; nil leaves all as usual.
	Keys Keymap
	// Directory is where files are written; "" is the working directory.
	Directory string
	// Past leads through earlier snapshots; nil only freezes the screen.
	Past Past
	// Speed is how much faster than it happened a recording is played; 0 is unknown. SetSpeed sets it.
	Speed    float64
	SetSpeed func(float64)
}

// stuckPatience is how long the terminal library may take to end. Its writes fail earlier than that.
const stuckPatience = time.Second

// errStuck is returned by Run if the terminal library did not end.
var errStuck = errors.New("the terminal library did not end; the terminal was given back without it")

// Run shows the dashboard until the user quits or ctx ends; neither is an error. It restores the
// terminal on every way out; a panic continues only after that. Once ctx has ended Run returns soon,
// whatever the library and the terminal do.
func Run(ctx context.Context, o Options) error {
	screen, device, answers := o.Screen, (*terminal.Terminal)(nil), (chan terminal.Answer)(nil)
	if screen == nil {
		var err error
		answers = make(chan terminal.Answer, 4)
		if screen, device, err = openScreen(o, answers); err != nil {
			return fmt.Errorf("open the terminal: %w (check TERM, or run nsviz serve, which needs no terminal)", err)
		}
	}
	type end struct {
		err      error
		panicked any
	}
	ended := make(chan end, 1)
	go func() {
		var e end
		defer func() {
			if e.panicked = recover(); e.panicked != nil {
				e.panicked = fmt.Sprintf("%v\n\n%s", e.panicked, debug.Stack())
			}
			ended <- e
		}()
		e.err = draw(ctx, screen, device, answers, o)
	}()
	finish := func(e end) error {
		if e.panicked != nil {
			panic(e.panicked)
		}
		return e.err
	}
	select {
	case e := <-ended:
		return finish(e)
	case <-ctx.Done():
	}
	if device != nil {
		device.Hurry()
	}
	late := time.NewTimer(stuckPatience)
	defer late.Stop()
	select {
	case e := <-ended:
		return finish(e)
	case <-late.C:
	}
	if device != nil {
		return errors.Join(errStuck, device.Abandon())
	}
	return errStuck
}

// draw runs the dashboard on a screen, from its initialization to its end.
// The terminal's answers are nil without a device.
func draw(ctx context.Context, screen tcell.Screen, device *terminal.Terminal, answers <-chan terminal.Answer, o Options) error {
	if device != nil {
		defer func() { _ = device.Close() }() // everything is written
	}
	if err := screen.Init(); err != nil {
		return fmt.Errorf("take over the terminal: %w (nsviz serve and nsviz events need no terminal)", err)
	}
	input := make(chan tcell.Event, 16)
	stop := make(chan struct{})
	go screen.ChannelEvents(input, stop)
	defer func() {
		if device != nil {
			device.Hurry()
		}
		finished := drainEvents(screen)
		screen.Fini()
		close(finished)
		close(stop)
		for range input { // until its sender is gone
		}
	}()

	sh := &shell{screen: screen, options: o, theme: cmp.Or(o.Theme, Auto), noMouse: true}
	sh.paint()
	if answers != nil && asks(os.Getenv("TERM")) {
		sh.answers = answers
		_ = device.Ask() // the dashboard is legible without answers
	}
	sh.glyphs = glyphsFor(tcell.GetEncoding(screen.CharacterSet()), os.Getenv)
	sh.copyText = screen.SetClipboard
	if device != nil {
		sh.copyText = func(words []byte) { _ = device.SetClipboard(string(words), os.Getenv) } // the terminal does not answer, either
	}
	sh.state.Replay, sh.state.Speed, sh.state.Zone, sh.state.Keys = o.Replay, o.Speed, o.Zone, o.Keys
	sh.inspector, sh.state.Inspects = newInspector(o.Inspect, o.Snapshots), o.Inspect != nil
	defer sh.inspector.close()
	sh.exporter = newExporter(o.Directory)
	defer awaitBriefly(&sh.exporter.running)
	sh.state.Columns, sh.state.Sort = o.Columns, o.Sort
	sh.rememberer = newRememberer(o)
	defer func() { sh.rememberer.close(sh.state) }()
	return sh.loop(ctx, input)
}

// drainEvents takes events from the library until the returned channel is closed. Fini waits for the library's
// goroutines. They wait for room in the queue of events, which has no other reader any more.
func drainEvents(screen tcell.Screen) (finished chan<- struct{}) {
	stop := make(chan struct{})
	if queue, ok := screen.(interface{ EventQ() chan tcell.Event }); ok {
		go func() {
			for {
				select {
				case <-queue.EventQ():
				case <-stop:
					return
				}
			}
		}()
	}
	return stop
}

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
