package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/nsviz/nsviz/internal/demo"
	"github.com/nsviz/nsviz/internal/demo/lesson"
	"github.com/nsviz/nsviz/internal/demo/tour"
	"github.com/nsviz/nsviz/internal/host"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/pipeline"
)

// tourFlags are those of the guided tour.
type tourFlags struct {
	// yes is set if the tour does not wait for the user.
	yes       bool
	container string
}

// guide returns the guide through the demo isolation.
func (f tourFlags) guide(s *streams, o *options, p *pipeline.Pipeline, vm lesson.VM) func(context.Context, *demo.Stage) error {
	return func(ctx context.Context, stage *demo.Stage) error {
		fs, err := host.Open(host.Roots{Proc: o.procRoot, Cgroup: o.cgroupRoot})
		if err != nil {
			return err
		}
		layout, err := fs.Cgroups.Layout()
		if err != nil {
			return err
		}
		cfg := tour.Config{
			Out: s.out, Width: func() int { return output.Width(s.out) }, Watch: p, VM: vm, Container: f.container, Patience: tour.Patience,
			Proc: o.procRoot, Cgroups: layout.Dir, Unified: layout.Controller == "",
		}
		if !f.yes && output.IsTerminal(s.out) && output.IsTerminal(os.Stdin) {
			cfg.Wait = awaitEnter(os.Stdin)
		}
		return tour.Run(ctx, stage, cfg)
	}
}

// awaitEnter returns a function that waits until the user has entered a line. After the end of the input it does not wait any more. The
// goroutine that reads is not waited for, since it may wait for the user.
func awaitEnter(in io.Reader) func(context.Context) {
	lines := make(chan struct{})
	go func() {
		defer close(lines)
		for r := bufio.NewReader(in); ; {
			if _, err := r.ReadString('\n'); err != nil {
				return
			}
			lines <- struct{}{}
		}
	}()
	return func(ctx context.Context) {
		select {
		case <-lines:
		case <-ctx.Done():
		}
	}
}

// quieter returns options by which the log has warnings at most, unless the user has chosen otherwise.
func (o *options) quieter() *options {
	q := *o
	if q.level == level(slog.LevelInfo) {
		q.level = level(slog.LevelWarn)
	}
	return &q
}
