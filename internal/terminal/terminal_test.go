package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// The roles of the test's own program in a process of its own.
const (
	roleGuard = "terminal-guard"
	rolePanic = "panic"
	roleWait  = "wait"
	roleEnd   = "end"
	roleStop  = "stop"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleGuard:
			if Guard() != nil {
				os.Exit(1)
			}
			os.Exit(0)
		case roleStop:
			os.Exit(stopOnce())
		case rolePanic, roleWait, roleEnd:
			os.Exit(play(os.Args[1], os.Args[2]))
		}
	}
	goleak.VerifyTestMain(m)
}

// openPTY opens a terminal and its other side, which shows what a person would see and do.
func openPTY(t *testing.T) (person, device *os.File) {
	t.Helper()
	person, device, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = person.Close()
		_ = device.Close()
	})
	return person, device
}

func open(t *testing.T, o Options) *Terminal {
	t.Helper()
	term, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = term.Close() })
	return term
}

func settingsOf(t *testing.T, device *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(device.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

func typeIn(t *testing.T, person io.Writer, keys string) {
	t.Helper()
	if _, err := io.WriteString(person, keys); err != nil {
		t.Fatal(err)
	}
}

func TestTerminal(t *testing.T) {
	person, device := openPTY(t)
	before := settingsOf(t, device)
	term := open(t, Options{Path: device.Name()})
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	if s := settingsOf(t, device); s != *raw(&before) || s.Lflag&unix.ICANON != 0 {
		t.Errorf("not raw: %+v", s)
	}
	read := func(want string) {
		t.Helper()
		p := make([]byte, 128)
		if n, err := term.Read(p); err != nil || string(p[:n]) != want {
			t.Errorf("read %q, %v, want %q", p[:n], err, want)
		}
	}
	typeIn(t, person, "\xff\xfe")
	typeIn(t, person, "q")
	read("q")
	typeIn(t, person, "\x1b") // and nothing after it
	read("\x1b")
	ended := make(chan error, 1)
	go func() {
		_, err := term.Read(make([]byte, 8))
		ended <- err
	}()
	if err := term.Drain(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read ended with %v", err)
	}
	typeIn(t, person, "\x1b]0;") // a pause does not begin anew after the end
	if _, err := term.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read after the end: %v", err)
	}
	term.Hurry()
	if _, err := io.WriteString(term, "bye"); err != nil {
		t.Error(err)
	}
	if err := term.Stop(); err != nil {
		t.Error(err)
	}
	if s := settingsOf(t, device); s != before {
		t.Errorf("given back as %+v, was %+v", s, before)
	}
	seen := make([]byte, 64)
	if n, err := person.Read(seen); err != nil || !strings.HasPrefix(string(seen[:n]), "bye") {
		t.Errorf("shown: %q, %v", seen[:n], err)
	}
}

// If the reader stops and later goes on, it finds the terminal restored.
func TestNobodyReads(t *testing.T) {
	for name, end := range map[string]func(*Terminal) error{"at the end": (*Terminal).Stop, "when it is abandoned": (*Terminal).Abandon} {
		t.Run(name, func(t *testing.T) {
			person, device := openPTY(t)
			before := settingsOf(t, device)
			term := open(t, Options{Path: device.Name()})
			if err := term.Start(); err != nil {
				t.Fatal(err)
			}
			written := make(chan error, 1)
			go func() {
				_, err := term.Write(bytes.Repeat([]byte("x"), 1<<20))
				written <- err
			}()
			term.Hurry()
			if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("writing ended with %v", err)
			}
			if err := end(term); err != nil {
				t.Error(err)
			}
			if s := settingsOf(t, device); s != before {
				t.Errorf("given back as %+v, was %+v", s, before)
			}
			seen := make([]byte, 1<<20)
			total := 0
			for !bytes.HasSuffix(seen[:total], []byte("\x1b[?1049l")) {
				n, err := person.Read(seen[total:])
				if err != nil {
					t.Fatalf("%v after %q", err, seen[:total])
				}
				total += n
			}
			if left, ok := bytes.CutSuffix(seen[:total], []byte(leave)); !ok {
				t.Errorf("shown at last: %q", seen[max(total-200, 0):total])
			} else if len(left) > 64<<10 {
				t.Errorf("%d bytes more were left for whoever reads", len(left))
			}
		})
	}
}

// Calls that wait for the terminal end when it is abandoned.
func TestAbandon(t *testing.T) {
	_, device := openPTY(t)
	term := open(t, Options{Path: device.Name()})
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() {
		_, err := term.Read(make([]byte, 8))
		ended <- err
	}()
	go func() {
		_, err := term.Write(bytes.Repeat([]byte("x"), 1<<20))
		ended <- err
	}()
	if err := term.Abandon(); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-ended; err == nil {
			t.Error("no error")
		}
	}
}

func TestSize(t *testing.T) {
	_, device := openPTY(t)
	for _, tt := range []struct {
		cols, rows  uint16
		columnsWord string
		w, h        int
	}{
		{120, 40, "7", 120, 40},
		{0, 0, "", 80, 24},
		{0, 0, "-5", 80, 24},
		{0, 0, "junk", 80, 24},
		{0, 0, "0", 80, 24},
		{0, 0, "132", 132, 24},
		{0, 0, "99999999999999999999", 80, 24},
		{0, 0, "2000000000", maxColumns, 24},
		{65535, 65535, "", maxColumns, maxRows},
	} {
		size := &unix.Winsize{Col: tt.cols, Row: tt.rows}
		if err := unix.IoctlSetWinsize(int(device.Fd()), unix.TIOCSWINSZ, size); err != nil {
			t.Fatal(err)
		}
		term := open(t, Options{Path: device.Name(), Columns: Side(tt.columnsWord)})
		if w, h, err := term.Size(); err != nil || w != tt.w || h != tt.h {
			t.Errorf("%+v: %d × %d, %v", tt, w, h, err)
		}
	}
}

func TestResize(t *testing.T) {
	_, device := openPTY(t)
	term := open(t, Options{Path: device.Name()})
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	resized := make(chan struct{}, 1)
	term.NotifyResize(func() {
		select {
		case resized <- struct{}{}:
		default:
		}
	})
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	<-resized
	if err := term.Stop(); err != nil {
		t.Error(err)
	}
}

func TestNoTerminal(t *testing.T) {
	if _, err := Open(Options{Path: "/dev/null"}); err == nil || !strings.Contains(err.Error(), "is no terminal") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(Options{Path: "/nonexistent"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// After Stop, as when the user goes back to the shell, the terminal can be taken over again.
func TestStartAgain(t *testing.T) {
	master, device := openPTY(t)
	before := settingsOf(t, device)
	term := open(t, Options{Path: device.Name(), Guard: []string{os.Args[0], roleGuard}})
	for _, typed := range []string{"a", "b"} {
		if err := term.Start(); err != nil {
			t.Fatal(err)
		}
		if now := settingsOf(t, device); now == before {
			t.Error("the terminal was not taken over")
		}
		if _, err := io.WriteString(master, typed); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1)
		if _, err := term.Read(got); err != nil || string(got) != typed {
			t.Fatalf("read %q: %v", got, err)
		}
		if err := term.Drain(); err != nil {
			t.Fatal(err)
		}
		if _, err := term.Read(got); err == nil {
			t.Error("reading goes on after Drain")
		}
		if err := term.Stop(); err != nil {
			t.Fatal(err)
		}
		if now := settingsOf(t, device); now != before {
			t.Errorf("the terminal is left with %+v, was %+v", now, before)
		}
	}
}
