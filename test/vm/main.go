//go:build linux

// Command vm runs tests in virtual machines of other kernels than this host's, under QEMU, and prints their
// results as `go test -json` does. test/vm/downloads lists the kernels, test/vm/guest runs inside.
//
//	go run ./test/vm [-only NAME,…] [-run REGEXP] matrix   the tests with the build tag root, on every kernel
//	go run ./test/vm [-only NAME,…] [-run REGEXP] system   the end-to-end tests in a full Debian system
//	go run ./test/vm system matrix                         both, beside each other
//	go run ./test/vm -prepare system matrix                download and build what they boot, and keep that for later
//
// A machine that does not boot, hangs or dies is a failed test named Boot. With -again a failed machine runs a
// second time, and only these results count. Standard error reports this and the first failures.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("vm", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "boot only the machines of these `names`, separated by commas")
	tests := flags.String("run", "", "run only the tests that match this `regexp`")
	lanes := flags.Int("lanes", runtime.NumCPU()+1, "how many machines run at once")
	again := flags.Bool("again", false, "give a machine that failed a second try, and say so")
	prepare := flags.Bool("prepare", false, "boot none, but download and build now what they boot")
	logs := flags.String("logs", "", "keep the machines' serial output in this `folder`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var machines []machine
	for _, set := range flags.Args() {
		list, ok := map[string]func() []machine{"matrix": matrix, "system": system}[set]
		if !ok {
			machines = nil
			break
		}
		machines = append(machines, list()...)
	}
	if len(machines) == 0 {
		fmt.Fprintln(stderr, "usage: vm [-only NAMES] [-run REGEXP] matrix|system…")
		return 2
	}
	chosen, err := choose(machines, *only)
	if err != nil {
		fmt.Fprintln(stderr, "vm:", err)
		return 2
	}
	if *logs != "" {
		if *logs, err = filepath.Abs(*logs); err == nil {
			err = os.MkdirAll(*logs, 0o755)
		}
		if err != nil {
			fmt.Fprintln(stderr, "vm:", err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "nsviz-vm-")
	if err != nil {
		fmt.Fprintln(stderr, "vm:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	shop := &workshop{dir: dir, tests: *tests}
	if *prepare {
		err = shop.makeAll(ctx, chosen, func(machine, image) {})
	} else {
		err = runAll(ctx, chosen, shop, *logs, *lanes, *again, stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "vm:", err)
		return 1
	}
	return 0
}

func choose(all []machine, only string) ([]machine, error) {
	if only == "" {
		return slices.DeleteFunc(all, func(m machine) bool { return m.onDemand }), nil
	}
	var chosen []machine
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, m := range all { // a kernel may have a full system, too
			if m.name == name {
				chosen, found = append(chosen, m), true
			}
		}
		if !found {
			var names []string
			for _, m := range all {
				names = append(names, m.name)
			}
			return nil, fmt.Errorf("there is no machine %s, but %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

// runAll prepares and runs the machines, a few at a time. Errors of a machine are in its results.
func runAll(ctx context.Context, machines []machine, shop *workshop, logs string, lanes int, again bool, stdout io.Writer) error {
	type prepared struct {
		machine
		image
	}
	out := &lockedWriter{w: stdout}
	queue := make(chan prepared, len(machines))
	var running sync.WaitGroup
	for range lanes {
		running.Go(func() {
			for m := range queue {
				if !again {
					boot(ctx, m.machine, m.image, logs, out)
					continue
				}
				// Held back, so that only one of the attempts counts.
				first := &lockedWriter{w: &bytes.Buffer{}}
				boot(ctx, m.machine, m.image, logs, first)
				results := first.w.(*bytes.Buffer).Bytes()
				if failures := failedTests(results); len(failures) > 0 && ctx.Err() == nil {
					fmt.Fprintf(os.Stderr, "vm: %s failed in %s; it gets a second try\n", m.id(), strings.Join(failures, ", "))
					boot(ctx, m.machine, m.image, logs, out)
					continue
				}
				_, _ = out.Write(results)
			}
		})
	}
	// Those with the most to do first, so that none of them is left over at the end. They run while others are prepared.
	slices.SortStableFunc(machines, func(a, b machine) int { return rank(a) - rank(b) })
	failed := shop.makeAll(ctx, machines, func(m machine, img image) { queue <- prepared{m, img} })
	close(queue)
	running.Wait()
	return cmp.Or(failed, ctx.Err())
}

// rank puts the machines with the most to do first.
func rank(m machine) int {
	switch {
	case m.full:
		return 0
	case m.pipeline:
		return 1
	case len(m.only) > 0:
		return 4
	case len(m.but) > 0:
		return 3
	}
	return 2
}

// failedTests returns the names of the failed tests in a stream of `go test -json`.
func failedTests(stream []byte) []string {
	var failed []string
	for line := range bytes.Lines(stream) {
		var e struct{ Action, Package, Test string }
		if json.Unmarshal(line, &e) == nil && e.Action == "fail" && e.Test != "" {
			failed = append(failed, e.Test)
		}
	}
	return failed
}

// lockedWriter keeps the lines of several writers apart.
type lockedWriter struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// output runs a command and returns the lines of its output; its stderr is passed on.
func output(ctx context.Context, name string, args ...string) ([]string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err), ctx.Err())
	}
	return strings.Fields(string(out)), nil
}
