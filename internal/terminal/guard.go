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

// guard is a process that waits for this one to end. If this one was killed, or a goroutine panicked, it gives the terminal
// back, and shows what the runtime had to say on the screen that was there before.
type guard struct {
	process *exec.Cmd
	pipe    *os.File
}

// allWell is what the guard reads last when there is nothing for it to do.
const allWell = 0x04

// maxCrash is how much of a crash is shown.
const maxCrash = 64 << 10

// orders are the first line that the guard reads.
type orders struct {
	// Settings are those to give back.
	Settings unix.Termios
	// Show has a crash shown on the terminal.
	Show bool
}

// startGuard starts the guard by a command.
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
	// One that is open for reading only would not do, and the open file of t is non-blocking.
	file, err := os.OpenFile(t.options.Path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	g := &guard{process: exec.Command(command[0], command[1:]...), pipe: write}
	g.process.Stdin, g.process.ExtraFiles = read, []*os.File{file}
	g.process.Env = []string{}
	g.process.Dir = "/"
	// What the terminal sends to its foreground, or somebody to this process's group, is not for the guard.
	g.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := json.NewEncoder(write).Encode(orders{*t.saved, isTerminal(os.Stderr)}); err != nil {
		return nil, err
	}
	if err := g.process.Start(); err != nil {
		return nil, err
	}
	// The runtime writes a crash there as well as to stderr, which is the screen that is about to go away. Without, the
	// guard shows nothing.
	_ = debug.SetCrashOutput(write, debug.CrashOptions{})
	return g, nil
}

// guardPatience is how long the guard may take to end once there is nothing left to guard.
const guardPatience = 500 * time.Millisecond

// release ends the guard.
func (g *guard) release() {
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	_, _ = g.pipe.Write([]byte{allWell}) // it fails where the guard was killed
	_ = g.pipe.Close()
	late := time.AfterFunc(guardPatience, func() { _ = g.process.Process.Kill() })
	defer late.Stop()
	_ = g.process.Wait()
}

// Guard is the guard's process. It waits for the end of the process that started it.
func Guard() error {
	// It outlives whatever ends the process that it guards.
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
	// A shell that was quicker has its own settings by now.
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
