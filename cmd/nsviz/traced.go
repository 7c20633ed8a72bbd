package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nsviz/nsviz/internal/report"
)

// The exit codes of shells for a command that cannot be run.
const (
	exitCannotRun = 126
	exitNoCommand = 127
	exitSignalled = 128 // plus the signal
)

// errNotRun reports a command that could not be run.
type errNotRun struct{ error }

func (e errNotRun) Unwrap() error { return e.error }

// code returns the exit code of shells for it.
func (e errNotRun) code() int {
	if errors.Is(e.error, exec.ErrNotFound) || errors.Is(e.error, fs.ErrNotExist) {
		return exitNoCommand
	}
	return exitCannotRun
}

// traced is a command to run in the place of nsviz: with its terminal, its files and its process group.
type traced struct {
	args []string
	path string
}

func newTraced(args []string) (*traced, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, errNotRun{err}
	}
	return &traced{args, path}, nil
}

// passedOn are the signals that are passed on to the command. The first ones come from the terminal, too, which sends them to the
// whole process group.
func passedOn() []os.Signal {
	return []os.Signal{
		unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM, unix.SIGWINCH,
	}
}

// errSignalled reports a signal to nsviz before the command was run.
var errSignalled = errors.New("a signal came before the command was run")

// run runs the command and waits until it has ended. Up to its start a signal ends ctx.
func (t *traced) run(ctx context.Context) (report.TracedCommand, error) {
	of := report.TracedCommand{Command: t.args}
	signals := takeSignals()
	if ctx.Err() != nil {
		return of, errSignalled
	}
	cmd := &exec.Cmd{Path: t.path, Args: t.args, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	of.Started = time.Now()
	if err := cmd.Start(); err != nil {
		return of, errNotRun{fmt.Errorf("run %s: %w", t.path, err)}
	}
	of.PID = int32(cmd.Process.Pid) //nolint:gosec // a PID has 22 bits at most
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			if s != unix.SIGPIPE && !fromTerminal(s) {
				_ = cmd.Process.Signal(s) // it fails if the command has ended
			}
		case err := <-ended:
			of.Ended = time.Now()
			var failed *exec.ExitError
			if err != nil && !errors.As(err, &failed) {
				return of, err
			}
			of.ExitCode = cmd.ProcessState.ExitCode()
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
				of.Signal = int32(status.Signal()) //nolint:gosec // it has 7 bits
				of.ExitCode = exitSignalled + int(status.Signal())
			}
			return of, nil
		}
	}
}

// takeSignals takes over the signals that end nsviz otherwise, up to its end: the report comes whatever the user presses. Those that nsviz
// was started to ignore stay ignored, by the command, too. SIGPIPE is taken, since a command would inherit that nsviz ignores it.
func takeSignals() <-chan os.Signal {
	var take []os.Signal
	for _, s := range passedOn() {
		if !signal.Ignored(s) {
			take = append(take, s)
		}
	}
	c := make(chan os.Signal, 16)
	signal.Reset(take...) // nobody else takes them any more
	signal.Notify(c, append(take, unix.SIGPIPE)...)
	return c
}

// fromTerminal reports whether the command has probably received a signal already: the terminal sends it to all processes in the
// foreground. A signal that another process sends to nsviz alone looks the same while nsviz is in the foreground; it is not passed on.
func fromTerminal(s os.Signal) bool {
	if s != unix.SIGINT && s != unix.SIGQUIT && s != unix.SIGHUP && s != unix.SIGWINCH {
		return false
	}
	terminal, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return false // there is none
	}
	defer func() { _ = terminal.Close() }()
	foreground, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && foreground == unix.Getpgrp()
}
