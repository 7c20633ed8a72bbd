package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/container/docker"
	"github.com/nsviz/nsviz/internal/isolation"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/ui"
)

func newDoctor(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", GroupID: groupOnce, Args: noArguments,
		Short: "Say what this host allows, what nsviz uses, and why",
		RunE:  func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), s, o) },
	}
}

// doctor attaches everything once and tells how that went.
func doctor(ctx context.Context, s *streams, o *options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p, err := o.pipeline(o.quiet(s.err))
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-p.Attached():
			awaitEngine(ctx, p)
		case <-ctx.Done():
		}
		cancel()
	}()
	failed := p.Run(ctx)
	return errors.Join(diagnosis(s.out, p.Snapshot()), failed)
}

// awaitEngine waits until it is known whether the engine answers. The follower bounds that.
func awaitEngine(ctx context.Context, p *pipeline.Pipeline) {
	for {
		for _, e := range p.Snapshot().Engines {
			if e.State != isolation.EngineState(docker.Connecting) {
				return
			}
		}
		select {
		case <-p.Changed():
		case <-ctx.Done():
			return
		}
	}
}

func diagnosis(out io.Writer, s *isolation.Snapshot) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "host\t%s, Linux %s, cgroup %s\n", ui.Clean(s.Host.Name), s.Host.Kernel, s.Host.CgroupVersion)
	for _, e := range s.Engines {
		fmt.Fprintf(w, "%s\t%s\n", e.Name, engineText(e))
	}
	fmt.Fprintf(w, "containers\t%d running\n", s.LiveCount())
	for _, note := range s.Host.Notes {
		fmt.Fprintf(w, "note\t%s\n", note)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(s.Probes) == 0 {
		_, err := fmt.Fprintln(out, "\nno probe could be attached")
		return err
	}
	fmt.Fprintln(out)
	fmt.Fprintln(w, "WHAT\tBY\tWHY NOT BETTER")
	for _, p := range s.Probes {
		why := p.Reason
		if why == "" {
			why = "it is the first choice"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Method, why)
	}
	return w.Flush()
}

func engineText(e isolation.Engine) string {
	if e.Detail == "" {
		return string(e.State)
	}
	return string(e.State) + ": " + ui.Clean(e.Detail)
}
