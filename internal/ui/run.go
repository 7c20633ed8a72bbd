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
