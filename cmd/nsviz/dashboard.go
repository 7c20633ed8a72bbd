package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/collect/findings"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/logging"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/otlp"
	"github.com/nsviz/nsviz/internal/output"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/sink"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/terminal"
	"github.com/nsviz/nsviz/internal/ui"
)

// companion runs beside the dashboard: a demo. It ends when ctx does.
type companion func(context.Context, *pipeline.Pipeline) error

// dashboard draws the live host until the user quits.
func dashboard(ctx context.Context, s *streams, o *options, beside companion) error {
	if !output.IsTerminal(s.out) {
		return errUnsupported{errors.New("stdout is no terminal to draw on; use nsviz serve for metrics, " +
			"nsviz events for a stream or nsviz ps for a list")}
	}
	notes := &ui.Notes{}
	log := slog.New(notes)
	if o.journal != nil {
		log = slog.New(slog.NewMultiHandler(notes, o.journal.Handler(slog.Level(o.level))))
	}
	o.mishaps = mishap.New(log)
	x, err := o.exporter(log, s.zone)
	if err != nil {
		return err
	}
	defer o.closeExporter(x)
	o.past = store.NewTimeline(store.DefaultPast)
	feed := o.newFeed()
	p, err := o.watcher(log)
	if err != nil {
		return err
	}
	listeners, err := o.listeners()
	if usage := (errUsage{}); errors.As(err, &usage) {
		return err
	}
	if err != nil {
		notes.Add("metrics: " + err.Error()) // the dashboard is useful without them
	}
	for _, l := range listeners {
		notes.Add("metrics on http://" + l.Addr().String() + o.metricsPath)
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	failures := make(chan error, 3)
	start := func(f func(context.Context) error) {
		running.Go(func() {
			if err := f(ctx); err != nil {
				failures <- err
				cancel()
			}
		})
	}
	start(p.Run)
	if len(listeners) > 0 || x != nil {
		counts := o.findings(p, log)
		srv, err := server.New(o.server(p, feed, counts, log, x, s.err, o.journal))
		if err != nil {
			return errUsage{err}
		}
		start(afterAttaching(p, counts.Run))
		start(func(ctx context.Context) error { return srv.Serve(ctx, listeners) })
		if x != nil {
			start(func(ctx context.Context) error { return exportFrom(ctx, x, p, srv) })
		}
	}
	if beside != nil {
		start(func(ctx context.Context) error {
			select {
			case <-p.Attached(): // so that no event of it is missed
				return beside(ctx, p)
			case <-ctx.Done():
				return nil
			}
		})
	}
	err = show(ctx, p, ui.Options{Columns: o.columns, Sort: o.sort, Keys: o.keys, Remember: o.remember(), Notes: notes.List, Zone: s.zone, Theme: o.theme, Inspect: o.pageReader(p), Past: store.NewCursor(o.past)})
	cancel()
	running.Wait()
	close(failures)
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

// show draws snapshots until the user quits or ctx is done.
func show(ctx context.Context, source store.Source, with ui.Options) error {
	with.Snapshots, with.Changed = source.Snapshot, source.Changed()
	if live, ok := source.(interface{ Urgent() <-chan struct{} }); ok {
		with.Urgent = live.Urgent()
	}
	with.Guard = guardCommand()
	err := ui.Run(ctx, with)
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("draw the dashboard: %w", err)
	}
	return nil
}

// themeFlag adds the flag that chooses the dashboard's colours.
func themeFlag(cmd *cobra.Command, theme *ui.Theme) {
	standard := ui.Auto
	if os.Getenv(noColor) != "" {
		standard = ui.Mono
	}
	cmd.Flags().Var(newChecked(theme, standard, "string", ui.ParseTheme), "theme",
		"colours of the dashboard: auto (asks the terminal for its background), dark, light, colorblind, mono")
	_ = cmd.RegisterFlagCompletionFunc("theme", cobra.FixedCompletions(ui.Themes(), cobra.ShellCompDirectiveNoFileComp))
}

// newFeed returns what gives the events to those who follow them at the server. The pipeline that is made next passes them to it.
func (o *options) newFeed() *server.Feed {
	feed := server.NewFeed()
	o.consumers = append(o.consumers, feed.Put)
	return feed
}

// server configures the server; counts has the findings, x may be nil, and out are the sinks through which this process writes.
func (o *options) server(p *pipeline.Pipeline, feed *server.Feed, counts *findings.Counts, log *slog.Logger, x *otlp.Exporter, out ...any) server.Config {
	exported := counted{x}
	sinks := func() (list []sink.Stats) {
		list = exported.sinks()
		for _, o := range out {
			if j, ok := o.(*logging.Journal); ok && j == nil {
				continue
			}
			if s, ok := o.(interface{ Stats() sink.Stats }); ok {
				list = append(list, s.Stats())
			}
		}
		return list
	}
	return server.Config{
		Snapshot: p.Snapshot, Full: p.Full, Past: o.past, Feed: feed, EventLine: func(e event.Event) string { return ui.EventText(e, time.UTC) },
		Sinks: sinks, Deliveries: exported.deliveries, Labels: o.labels, Build: build(), WebConfigFile: o.webConfig, Logger: log,
		MetricsPath: o.metricsPath, Ready: p.Ready, Findings: counts.Of, Mishaps: o.mishaps,
		UI: o.webUI, Hosts: o.webHosts, Remote: o.webRemote, Inspect: o.pageReader(p),
	}
}

// guardName is the hidden subcommand that restores the terminal if nsviz dies.
const guardName = "terminal-guard"

// guardCommand returns nil if nsviz cannot find its own program.
func guardCommand() []string {
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{self, guardName}
}

func newTerminalGuard() *cobra.Command {
	return &cobra.Command{
		Use: guardName, Hidden: true, Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return terminal.Guard() },
	}
}
