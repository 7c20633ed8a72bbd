package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/logging"
	"github.com/nsviz/nsviz/internal/mishap"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/service"
	"github.com/nsviz/nsviz/internal/store"
)

func newServe(s *streams, o *options) *cobra.Command {
	var logged loggedEvents
	cmd := &cobra.Command{
		Use: "serve", GroupID: groupWatch, Args: noArguments,
		Short: "Serve metrics, the API and a page for browsers without a screen, and log OOM kills",
		Long: `Watches the host, serves metrics, the API and a page for browsers, and logs OOM kills, without a screen.

As a service of systemd (Type=notify) it is ready once the probes are attached, answers the watchdog (WatchdogSec=) only while
events pass through all of nsviz, and takes its port from a socket unit with --web.systemd-socket.

The log goes to stderr, as text or JSON, or with --log-format journald to systemd's journal. There journalctl CONTAINER_NAME=web shows
the kills in a container beside what it logs itself, if its engine logs to the journal, too.`,
		Example: `  sudo nsviz serve
  sudo nsviz serve --web.listen-address :10064 --web.config.file /etc/nsviz/web.yml
  sudo nsviz serve --log-format json --log-events oom_kill,container_exited
  sudo nsviz serve --log-format journald`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), s, o, logged) },
	}
	cmd.Flags().Var(newChecked(&logged, "oom_kill", "types", parseLoggedEvents), "log-events",
		"the types of events to log, with commas between them; \"\" is none")
	_ = cmd.RegisterFlagCompletionFunc("log-events", completeEventTypes)
	o.export.flags(cmd)
	return cmd
}

// loggedEvents are the types of the events that nsviz serve logs, with commas between them.
type loggedEvents string

func (l loggedEvents) types() []event.Type {
	types, _ := logging.ParseTypes(string(l)) // which parseLoggedEvents has read
	return types
}

func parseLoggedEvents(text string) (loggedEvents, error) {
	if _, ok := logging.ParseTypes(text); !ok {
		return "", fmt.Errorf("want types of events with commas between them; there are %v", event.Types())
	}
	return loggedEvents(text), nil
}

// completeEventTypes completes a list of types of events.
func completeEventTypes(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	before := begun[:strings.LastIndexByte(begun, ',')+1]
	c := completions{begun: begun}
	for _, t := range event.Types() {
		c.add(before+string(t), "")
	}
	return c.list, cobra.ShellCompDirectiveNoFileComp
}

// logEvents logs events of some types, from the pipeline that is made next.
func (o *options) logEvents(log *slog.Logger, types []event.Type) *logging.Events {
	events := logging.NewEvents(logging.EventsConfig{Log: log, Types: types, Mishaps: o.mishaps})
	o.consumers = append(o.consumers, events.Put)
	return events
}

func serve(parent context.Context, s *streams, o *options, logged loggedEvents) error {
	log := o.logger(s.err)
	o.mishaps = mishap.New(log)
	listeners, err := o.listeners()
	if err != nil {
		return err
	}
	if len(listeners) == 0 && o.export.target == "" {
		return errUsage{fmt.Errorf("nothing to serve on: --web.listen-address is empty, and there is no --export")}
	}
	x, err := o.exporter(log, s.zone)
	if err != nil {
		return err
	}
	defer o.closeExporter(x)
	o.past = store.NewTimeline(store.DefaultPast)
	feed := o.newFeed()
	events := o.logEvents(log, logged.types())
	defer func() { _ = o.ending.send(events) }() // what waits is written, or counted as lost
	p, err := o.watcher(log)
	if err != nil {
		return err
	}
	counts := o.findings(p, log)
	srv, err := server.New(o.server(p, feed, counts, log, x, s.err, o.journal, events))
	if err != nil {
		return errUsage{err}
	}
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var running sync.WaitGroup
	work := []func(context.Context) error{
		p.Run,
		func(ctx context.Context) error { return srv.Serve(ctx, listeners) },
		func(ctx context.Context) error {
			service.Run(ctx, service.Config{
				Ready: p.Attached(), Sync: p.Sync, Log: log,
				Status: status(listeners),
			})
			return nil
		},
		afterAttaching(p, counts.Run),
	}
	if x != nil {
		work = append(work, func(ctx context.Context) error { return exportFrom(ctx, x, p, srv) })
	}
	for _, f := range work {
		running.Go(func() {
			if err := f(ctx); err != nil {
				cancel(err)
			}
		})
	}
	select {
	case <-p.Attached():
		if len(listeners) == 0 {
			log.Info(status(listeners))
		}
		for _, l := range listeners {
			log.Info("watching; metrics are served", "address", l.Addr().String())
		}
	case <-ctx.Done():
	}
	running.Wait()
	return failure(parent, ctx)
}

// afterAttaching returns what runs once everything that happens is seen.
func afterAttaching(p *pipeline.Pipeline, run func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-p.Attached():
			run(ctx)
		case <-ctx.Done():
		}
		return nil
	}
}

// listeners opens the addresses of --web.listen-address or, with --web.systemd-socket, takes over those that systemd has opened.
func (o *options) listeners() ([]net.Listener, error) {
	if o.systemdSocket {
		return server.Inherited()
	}
	listeners, err := server.Listen(o.listen)
	if malformed := (*net.AddrError)(nil); errors.As(err, &malformed) {
		return nil, errUsage{err}
	}
	return listeners, err
}

// status says what nsviz does once it watches.
func status(listeners []net.Listener) string {
	if len(listeners) == 0 {
		return "watching; what happens is exported"
	}
	return "watching; metrics are served on " + addresses(listeners)
}

// addresses returns where listeners listen, separated by commas.
func addresses(listeners []net.Listener) string {
	list := make([]string, len(listeners))
	for i, l := range listeners {
		list[i] = l.Addr().String()
	}
	return strings.Join(list, ", ")
}

// failure returns why ctx was cancelled below parent; nil if parent was done, which is a signal.
func failure(parent, ctx context.Context) error {
	if parent.Err() == nil {
		return context.Cause(ctx)
	}
	return nil
}
