package ui

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gdamore/tcell/v2"

	"github.com/nsviz/nsviz/internal/model"
)

// countingTty is a terminal of 200x50 that keeps what is written to it.
type countingTty struct {
	bytes.Buffer

	drained chan struct{}
}

func (t *countingTty) Start() error        { t.drained = make(chan struct{}); return nil }
func (t *countingTty) Drain() error        { close(t.drained); return nil }
func (t *countingTty) Stop() error         { return nil }
func (t *countingTty) Close() error        { return nil }
func (t *countingTty) NotifyResize(func()) {}
func (t *countingTty) WindowSize() (tcell.WindowSize, error) {
	return tcell.WindowSize{Width: 200, Height: 50}, nil
}
func (t *countingTty) Read([]byte) (int, error) { <-t.drained; return 0, io.EOF }

// An unchanged frame writes nothing to the terminal, and the clock only what has changed of it.
func TestOnlyChangedCellsAreSent(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	tty := &countingTty{}
	screen, err := tcell.NewTerminfoScreenFromTty(tty)
	if err != nil {
		t.Fatal(err)
	}
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	s := sceneMany(50)
	sh := &shell{screen: screen, options: Options{Snapshots: func() *model.Snapshot { return s }}, noMouse: true}
	sh.inspector, sh.rememberer = newInspector(nil, nil), newRememberer(Options{})
	defer sh.inspector.close()
	sh.paint()
	sh.glyphs = glyphsFor(tcell.GetEncoding("UTF-8"), func(string) string { return "" })
	sent := func() int {
		tty.Reset()
		sh.draw()
		return tty.Len()
	}
	if n := sent(); n < 200*50/2 {
		t.Errorf("the first frame took %d bytes", n)
	}
	if n := sent(); n != 0 {
		t.Errorf("an unchanged frame took %d bytes: %q", n, tty.Bytes())
	}
	later := *s
	later.Time = s.Time.Add(time.Second)
	s = &later
	if n := sent(); n == 0 || n > 500 {
		t.Errorf("a second later %d bytes were sent: %q", n, tty.Bytes())
	}
	sh.paint() // another theme
	if n := sent(); n == 0 {
		t.Error("other styles sent nothing")
	}
}

// What happens is on screen within 50 ms of its report, also right after a frame.
func TestChangesAreDrawnSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screen := newSimulated()
		var latest atomic.Pointer[model.Snapshot]
		latest.Store(sceneEmpty())
		changed := make(chan struct{}, 1)
		wait := start(t.Context(), Options{Screen: screen, Snapshots: latest.Load, Changed: changed})
		screen.await(t, "No container is running")
		for i := range 10 {
			want, s := "sidecar", scene()
			if i%2 == 1 {
				want, s = "No container is running", sceneEmpty()
			}
			latest.Store(s)
			began := time.Now()
			changed <- struct{}{}
			screen.await(t, want)
			if took := time.Since(began); took > 50*time.Millisecond {
				t.Errorf("it took %v", took)
			}
		}
		screen.InjectKey(tcell.KeyRune, 'q', 0)
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}
