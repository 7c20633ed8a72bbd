// Command nsviz shows container isolation as the kernel makes it. See README.md, or nsviz --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // for hosts and images that lack it

	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/place"
	"github.com/nsviz/nsviz/internal/probes"
	"github.com/nsviz/nsviz/internal/sink"
)

// The exit codes, which scripts rely on.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 2
	exitNotSupported = 3 // not permitted or not supported here
)

func main() {
	// If a reader goes away (nsviz events | head -1), the write returns an error, so that nsviz
	// can end in its own way.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := untilSignalled(context.Background())
	// nsviz also ends if a reader of stdout or stderr has stopped.
	late := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(outputPatience, func() { close(late) }) })
	log := sink.NewWriter("log", os.Stderr, waitingLogBytes)
	end := newEnding(ctx)
	code := runUntil(ctx, end, os.Args[1:], output.Stdout{File: os.Stdout, Late: late}, log)
	stop()
	_ = end.log(log) // there is nowhere left to report an error
	os.Exit(code)
}

const (
	// outputPatience bounds a write to stdout after a signal to end.
	outputPatience = time.Second
	// waitingLogBytes bounds the log that waits for a reader of stderr.
	waitingLogBytes = 1 << 20
)

// untilSignalled returns a context that ends with the first signal that asks nsviz to end. A signal stays ignored if it was so
// when nsviz was started: nohup ignores SIGHUP, and a shell without job control ignores SIGINT and SIGQUIT for background
// commands. Go keeps that state only for SIGHUP and SIGINT: SIGQUIT is taken to be ignored if SIGINT is, and SIGTERM never
// is.
func untilSignalled(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	signals := []os.Signal{syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	interruptible := !signal.Ignored(syscall.SIGINT)
	if interruptible {
		signals = append(signals, syscall.SIGINT)
	} else {
		signal.Ignore(syscall.SIGQUIT)
	}
	// As a service nsviz leaves SIGQUIT to the Go runtime. With this setting a crash sends that to each thread, for its stack, and waits ten seconds
	// for those of a program that handles it.
	quits := interruptible && os.Getenv("GOTRACEBACK") != "crash"
	if quits {
		signals = append(signals, syscall.SIGQUIT)
	}
	ctx, stop = signal.NotifyContext(parent, signals...)
	if quits {
		// If nsviz does not end, a second such signal prints the stacks of all goroutines.
		context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGQUIT) })
	}
	return ctx, stop
}

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, out, stderr io.Writer) int {
	return runUntil(ctx, newEnding(ctx), args, out, stderr)
}

// runUntil is run with an end that the caller shares.
func runUntil(ctx context.Context, end *ending, args []string, out, stderr io.Writer) int {
	err := place.CanStart()
	if err == nil {
		o := &options{ending: end}
		defer o.close()
		root := newRoot(&streams{out: out, err: stderr, zone: time.Local}, o)
		root.SetArgs(args)
		err = root.ExecuteContext(ctx)
	}
	if err == nil || errors.Is(err, output.ErrReaderGone) {
		return exitDone
	}
	var passed errPassedOn
	if errors.As(err, &passed) {
		return passed.code
	}
	fmt.Fprintln(stderr, "nsviz:", errorText(err))
	return exitCode(err)
}

// errorText returns an error made safe for people. It may contain answers of engines, files and the kernel.
func errorText(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = foreign.Prose(line)
	}
	return strings.Join(lines, "\n")
}

// errUsage reports a mistake on the command line.
type errUsage struct{ error }

func (e errUsage) Unwrap() error { return e.error }

// errUnsupported reports something that cannot be done here.
type errUnsupported struct{ error }

func (e errUnsupported) Unwrap() error { return e.error }

func exitCode(err error) int {
	var usage errUsage
	var unsupported errUnsupported
	var unfit *place.Error
	var notRun errNotRun
	switch {
	case errors.As(err, &notRun):
		return notRun.code()
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &unsupported), errors.As(err, &unfit), errors.Is(err, probes.ErrNotPermitted), errors.Is(err, probes.ErrNotSupported):
		return exitNotSupported
	}
	return exitFailed
}
