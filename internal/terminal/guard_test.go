package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"
)

// play takes a terminal over and ends as the role says. It runs in a process of its own.
func play(role, path string) int {
	t, err := Open(Options{Path: path, Guard: []string{os.Args[0], roleGuard}})
	if err == nil {
		err = t.Start()
	}
	if err == nil {
		_, err = io.WriteString(t, "\x1b[?1049hdrawn")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	switch role {
	case rolePanic:
		go func() { panic("a bug in some goroutine") }()
		select {}
	case roleWait:
		time.AfterFunc(time.Hour, func() {}) // so that the runtime reports no deadlock
		select {}
	}
	if err := t.Stop(); err != nil {
		return 1
	}
	return 0
}

// person reads what a terminal shows until a given text appears.
type person struct {
	from io.Reader
	seen bytes.Buffer
}

func (p *person) await(t *testing.T, text string) {
	t.Helper()
	chunk := make([]byte, 4096)
	for !strings.Contains(p.seen.String(), text) {
		n, err := p.from.Read(chunk)
		if err != nil {
			t.Fatalf("%v; no %q in %q", err, text, &p.seen)
		}
		p.seen.Write(chunk[:n])
	}
}

// However a process ends, the terminal is restored.
func TestGuard(t *testing.T) {
	for _, tt := range []struct {
		name, role string
		signal     syscall.Signal
		shows      []string
	}{
		{name: "panics", role: rolePanic, shows: []string{"\x1b[?1049l", "panic: a bug in some goroutine\r\n"}},
		{name: "is killed", role: roleWait, signal: syscall.SIGKILL, shows: []string{"\x1b[?1049l"}},
		{name: "aborts", role: roleWait, signal: syscall.SIGABRT, shows: []string{"\x1b[?1049l", "SIGABRT: abort\r\n"}},
		{name: "ends well", role: roleEnd},
	} {
		t.Run(tt.name, func(t *testing.T) {
			master, device := openPTY(t)
			before := settingsOf(t, device)
			cmd := exec.Command(os.Args[0], tt.role, device.Name())
			cmd.Stdin, cmd.Stdout, cmd.Stderr = device, device, device
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			someone := person{from: master}
			if tt.role != rolePanic { // in that case the guard may be faster than this test
				someone.await(t, "drawn")
			}
			if tt.signal != 0 {
				if err := cmd.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
			}
			for _, text := range tt.shows {
				someone.await(t, text)
			}
			err := cmd.Wait()
			if (err == nil) != (tt.role == roleEnd) {
				t.Errorf("it ended with %v", err)
			}
			if settings := settingsOf(t, device); settings != before {
				t.Errorf("the terminal is left with %+v, was %+v", settings, before)
			}
			if tt.role == roleEnd && strings.Contains(someone.seen.String(), "\x1b[?1049l") {
				t.Errorf("the guard wrote although all was well: %q", &someone.seen)
			}
		})
	}
}

// Settings that somebody else has made since are kept.
func TestGuardIsLate(t *testing.T) {
	master, device := openPTY(t)
	shells := settingsOf(t, device)
	shells.Cc[0] = 7
	term := open(t, Options{Path: device.Name(), Guard: []string{os.Args[0], roleGuard}})
	if err := term.Start(); err != nil {
		t.Fatal(err)
	}
	if err := term.apply(&shells); err != nil {
		t.Fatal(err)
	}
	// From here on it is as if this process had died.
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_ = term.guard.pipe.Close()
	someone := person{from: master}
	someone.await(t, "\x1b[?1049l")
	if err := term.guard.process.Wait(); err != nil {
		t.Error(err)
	}
	if s := settingsOf(t, device); s != shells {
		t.Errorf("the shell's settings became %+v", s)
	}
}
