package main

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/collect/ownmemory"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/report"
)

func newDoctor(s *streams, o *options) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", GroupID: groupOnce, Args: noArguments,
		Short: "Say what this host allows, what nsviz uses, and why",
		Long: `Says what this host allows, what nsviz uses, and why.

It attaches all probes once and lists, for each kind of fact, the hook in use and why there is no better one. Before these
it lists the engines that answer, the containers that it finds, nsviz's own memory limit with what it needs, and problems,
with what to do about them. If nsviz is not permitted to watch, it says so and what is missing, and the exit
code is 3. In a container or a pod, give it the same --cgroup-root, --proc-root and addresses of engines as the nsviz that runs there.`,
		Example: `  sudo nsviz doctor
  docker exec nsviz /nsviz doctor
  kubectl --namespace nsviz exec ds/nsviz -- /nsviz doctor --cgroup-root=/host/cgroup`,
		RunE: func(cmd *cobra.Command, _ []string) error { return doctor(cmd.Context(), s, o) },
	}
}

// doctor attaches everything once and reports the results.
func doctor(parent context.Context, s *streams, o *options) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	p, err := o.watcher(o.quiet(s.err))
	if err != nil {
		return err
	}
	go func() {
		select {
		case <-p.Attached():
			awaitEngines(ctx, p)
		case <-ctx.Done():
		}
		cancel()
	}()
	failed := p.Run(ctx)
	d := report.Diagnosis{Snapshot: p.Snapshot()}
	select {
	case <-p.Attached():
	default:
		// A user who may not watch may still look.
		d.Snapshot, d.Unlooked = o.lookAfter(parent, d.Snapshot)
	}
	d.NeedsBytes, d.GoLimitBytes = ownmemory.Needed(d.Snapshot.LiveCount()), debug.SetMemoryLimit(-1)
	return errors.Join(d.WriteText(s.out), failed)
}

// lookAfter looks at a host on which no probe could be attached. It adds what it finds to what was known before, and returns why
// it could not look.
func (o *options) lookAfter(ctx context.Context, before *model.Snapshot) (*model.Snapshot, error) {
	p, err := o.pipeline(slog.New(slog.DiscardHandler)) // its warnings were printed before
	if err != nil {
		return before, err
	}
	looked, err := p.Once(ctx)
	if err != nil {
		return before, err
	}
	looked.Probes = before.Probes
	return looked, nil
}

// awaitEngines waits until it is known of each engine whether it answers. The followers bound the time.
func awaitEngines(ctx context.Context, p *pipeline.Pipeline) {
	stated := p.AwaitEngines(ctx)
	for {
		list := p.Snapshot().Engines
		if len(list) >= stated && !slices.ContainsFunc(list, func(e fact.Engine) bool { return e.State == fact.EngineConnecting }) {
			return
		}
		select {
		case <-p.Changed():
		case <-ctx.Done():
			return
		}
	}
}
