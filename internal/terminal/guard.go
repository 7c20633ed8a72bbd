package terminal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// guard is a process that waits for the end of this one. If this one was killed, or a goroutine panicked, it restores the
// terminal, and shows the runtime's output on the screen that was there before.
type guard struct {
	process *exec.Cmd
	pipe    *os.File
}

// allWell is the last byte that the guard reads if it has nothing to do.
const allWell = 0x04

// maxCrash limits how many bytes of a crash are shown.
const maxCrash = 64 << 10

// orders is the first line that the guard reads.
type orders struct {
	// Settings are the settings to restore.
	Settings unix.Termios
	// Show requests that a crash is shown on the terminal.
	Show bool
}

// startGuard starts the guard with a command.
func startGuard(command []string, t *Terminal) (_ *guard, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = read.Close()
		if err != nil {
			_ = write.Close()
		}
	}()
	// The guard needs a file that is open for writing, too, and that of t is non-blocking.
	file, err := os.OpenFile(t.options.Path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	g := &guard{process: exec.Command(command[0], command[1:]...), pipe: write}
	g.process.Stdin, g.process.ExtraFiles = read, []*os.File{file}
	g.process.Env = []string{}
	g.process.Dir = "/"
	// Signals from the terminal to its foreground, or to this process's group, must not reach the guard.
	g.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := json.NewEncoder(write).Encode(orders{*t.saved, isTerminal(os.Stderr)}); err != nil {
		return nil, err
	}
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	// The runtime also writes a crash to this pipe. Its other output, stderr, is the screen that is about to go away. If this
	// fails, the guard shows nothing.
	_ = debug.SetCrashOutput(write, debug.CrashOptions{})
	return g, nil
}

// guardPatience limits how long the guard may take to end once it has nothing left to guard.
const guardPatience = 500 * time.Millisecond

// release ends the guard.
func (g *guard) release() {
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_, _ = g.pipe.Write([]byte{allWell}) // fails if the guard was killed
	_ = g.pipe.Close()
	late := time.AfterFunc(guardPatience, func() { _ = g.process.Process.Kill() })
	defer late.Stop()
	_ = g.process.Wait()
}

// Guard is the main function of the guard's process. It waits for the end of the process that started it.
func Guard() error {
	// The guard survives whatever ends the process that it guards.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGQUIT, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGPIPE)
	pipe := bufio.NewReader(os.Stdin)
	line, err := pipe.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read what to guard: %w", err)
	}
	var todo orders
	if err := json.Unmarshal(line, &todo); err != nil {
		return fmt.Errorf("read what to guard: %w", err)
	}
	said, err := io.ReadAll(io.LimitReader(pipe, maxCrash))
	if err == nil {
		_, err = io.Copy(io.Discard, pipe)
	}
	if err != nil {
		return err
	}
	if bytes.Equal(said, []byte{allWell}) {
		return nil
	}
	const fd = 3 // the first of exec.Cmd.ExtraFiles
	if err := unix.SetNonblock(fd, true); err != nil {
		return err
	}
	t := &Terminal{file: os.NewFile(fd, Device), saved: &todo.Settings}
	now, err := t.settings()
	if err != nil {
		return err // the terminal is gone
	}
	// A shell that was faster may already have its own settings.
	if *now == *raw(t.saved) {
		err = t.apply(t.saved)
	}
	t.reset()
	if todo.Show {
		t.Hurry()
		_, failed := t.Write(bytes.TrimSuffix(said, []byte{allWell}))
		err = errors.Join(err, failed)
	}
	return err
}

func isTerminal(f *os.File) bool {
	connection, err := f.SyscallConn()
	if err != nil {
		return false
	}
	is := false
	err = connection.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		is = err == nil
	})
	return err == nil && is
}
