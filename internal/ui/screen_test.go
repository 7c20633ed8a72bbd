package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/model"
)

// someone is a user at a terminal on which the dashboard runs.
type someone struct {
	terminal, device *os.File
	before           unix.Termios
	seen             bytes.Buffer
	ended            chan error
}

// sitDown starts the dashboard on a terminal.
func sitDown(t *testing.T, ctx context.Context, o Options) *someone { //nolint:revive // t comes first in tests
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	terminal, device, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = terminal.Close()
		_ = device.Close()
	})
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 120, Rows: 40}); err != nil {
		t.Fatal(err)
	}
	s := &someone{terminal: terminal, device: device, before: settingsOf(t, device), ended: make(chan error, 1)}
	o.Terminal = device.Name()
	go func() { s.ended <- Run(ctx, o) }()
	return s
}

func settingsOf(t *testing.T, device *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(device.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// await reads until a text appears that was not there before.
func (s *someone) await(t *testing.T, text string) {
	t.Helper()
	if err := s.read(text); err != nil {
		t.Fatal(err)
	}
}

func (s *someone) read(text string) error {
	chunk := make([]byte, 4096)
	for {
		if i := strings.Index(s.seen.String(), text); i >= 0 {
			s.seen.Next(i + len(text))
			return nil
		}
		n, err := s.terminal.Read(chunk)
		if err != nil {
			return fmt.Errorf("%w; no %q in %q", err, text, &s.seen)
		}
		s.seen.Write(chunk[:n])
	}
}

func (s *someone) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(s.terminal, keys); err != nil {
		t.Fatal(err)
	}
}

// checkEnd waits for the end, without an error or with an allowed one, and checks that the terminal is restored.
func (s *someone) checkEnd(t *testing.T, mayBe ...error) {
	t.Helper()
	if err := <-s.ended; err != nil && !slices.ContainsFunc(mayBe, func(one error) bool { return errors.Is(err, one) }) {
		t.Error(err)
	}
	if now := settingsOf(t, s.device); now != s.before {
		t.Errorf("the terminal is left with %+v, was %+v", now, s.before)
	}
}

// Keys work after whatever a keyboard, a terminal or a paste sends.
func TestRunOnATerminal(t *testing.T) {
	for name, junk := range map[string]string{
		"nothing":                     "",
		"bytes that are no UTF-8":     "\xff\xfe\xe9",
		"half a character":            "\xe6\x97",
		"an OSC that never ends":      "\x1b]0;",
		"an APC that never ends":      "\x1b_Gi=1",
		"a DCS with q in it":          "\x1bP1+rq\x1b\\",
		"a key repeated without end":  "\x1b[65;30;106;1;0;2000000000_",
		"a sequence that never ends":  "\x1b[1;",
		"more keys than anyone reads": strings.Repeat("jk", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			s := sitDown(t, t.Context(), Options{Snapshots: scene})
			s.await(t, "● live")
			s.types(t, junk)
			// An endless sequence is given up after a pause, so the first of these keys may be taken for a part of it.
			again := time.NewTicker(400 * time.Millisecond)
			defer again.Stop()
			helped := make(chan error, 1)
			go func() { helped <- s.read("What is this?") }()
			s.types(t, "?")
			for waiting := true; waiting; {
				select {
				case err := <-helped:
					if waiting = false; err != nil {
						t.Fatal(err)
					}
				case <-again.C:
					s.types(t, "?")
				}
			}
			go func() { _, _ = io.Copy(io.Discard, s.terminal) }()
			s.types(t, "q")
			s.checkEnd(t)
		})
	}
}

// A screen of any size that a terminal or the environment claims can be drawn.
func TestRunInAnySize(t *testing.T) {
	for _, size := range [][2]string{{"-5", ""}, {"", "-5"}, {"0", "0"}, {"2000000000", ""}, {"junk", "junk"}} {
		t.Setenv("COLUMNS", size[0])
		t.Setenv("LINES", size[1])
		s := sitDown(t, t.Context(), Options{Snapshots: scene})
		s.await(t, "● live")
		s.types(t, "q")
		go func() { _, _ = io.Copy(io.Discard, s.terminal) }()
		s.checkEnd(t)
	}
}

// In a locale with another encoding than UTF-8 the dashboard draws what that encoding has.
func TestRunInOtherLocales(t *testing.T) {
	for locale, tt := range map[string]struct{ typed, shown string }{
		"de_DE.ISO-8859-1":    {"Z\xe9z", "Z\xe9z"},
		"de_DE.UTF-8":         {"Z\xe9z\xc3\xa9", "Zzé"},
		"C":                   {"Z\xe9z", "Zz"},
		"POSIX":               {"Z\xe9z", "Zz"},
		"de_DE.ISO-8859-15":   {"Z\xa4z", "Z\xa4z"},
		"de_DE@euro":          {"Z€z", "Z€z"},
		"ru_RU.KOI8-R":        {"Z\xd1z", "Z\xd1z"},
		"ru_RU.CP1251":        {"Zz", "Zz"},
		"zh_CN.GBK":           {"Zz", "Zz"},
		"zh_CN.GB18030":       {"Zz", "Zz"},
		"zh_TW.BIG5":          {"Zz", "Zz"},
		"ja_JP.eucJP":         {"Zz", "Zz"},
		"ja_JP.SJIS":          {"Zz", "Zz"},
		"ko_KR.eucKR":         {"Zz", "Zz"},
		"de_DE.no-such-thing": {"Z\xe9z", "Zz"},
	} {
		t.Run(locale, func(t *testing.T) {
			t.Setenv("LC_ALL", locale)
			s := sitDown(t, t.Context(), Options{Snapshots: scene})
			s.await(t, "live")
			s.types(t, "/"+tt.typed+"\r")
			s.await(t, "only what")
			s.await(t, tt.shown)
			s.types(t, "q")
			go func() { _, _ = io.Copy(io.Discard, s.terminal) }()
			s.checkEnd(t)
		})
	}
}

// A terminal says that its background is light and its symbols wide. The dashboard takes other colours and ASCII symbols.
func TestRunAsksTheTerminal(t *testing.T) {
	t.Setenv("COLORTERM", "truecolor")
	s := sitDown(t, t.Context(), Options{Snapshots: scene})
	s.await(t, "\x1b]11;?")
	s.await(t, "● live")
	s.types(t, "\x1b]11;rgb:ffff/ffff/ffff\x1b\\")
	s.await(t, fmt.Sprintf("48;2;%d;%d;%d", onLight.selected>>16, onLight.selected>>8&0xff, onLight.selected&0xff))
	s.types(t, "\x1b[1;3R")
	s.await(t, "* live")
	s.types(t, "q")
	go func() { _, _ = io.Copy(io.Discard, s.terminal) }()
	s.checkEnd(t)
}

// Even if nobody reads the terminal any more, the dashboard ends.
func TestRunEndsWhereNobodyReads(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := sitDown(t, ctx, Options{Snapshots: scene})
	s.await(t, "● live")
	s.types(t, strings.Repeat("\x0c", 100)) // each redraws the complete screen
	waiting := func() int {
		n, err := unix.IoctlGetInt(int(s.terminal.Fd()), unix.TIOCINQ)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for last := 0; last == 0 || waiting() != last; {
		last = waiting()
		<-tick.C
	}
	cancel()
	s.checkEnd(t, errStuck) // on a busy machine
	s.await(t, "\x1b[?1049l")
}

// stuckScreen is a library that never returns.
type stuckScreen struct {
	*simulated

	forever chan struct{}
}

func (s stuckScreen) Show() { <-s.forever }

func TestRunEndsWithoutTheLibrary(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	screen := stuckScreen{newSimulated(), make(chan struct{})}
	asked := make(chan struct{}, 1)
	wait := start(ctx, Options{Screen: screen, Snapshots: func() *model.Snapshot {
		select {
		case asked <- struct{}{}:
		default:
		}
		return scene()
	}})
	<-asked
	cancel()
	if err := wait(); !errors.Is(err, errStuck) {
		t.Errorf("got %v", err)
	}
	close(screen.forever)
}
