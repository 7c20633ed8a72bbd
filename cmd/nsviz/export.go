package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/otlp"
	"github.com/nsviz/nsviz/internal/pipeline"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/sink"
	"github.com/nsviz/nsviz/internal/ui"
)

// exporting are the flags of what nsviz sends to others.
type exporting struct {
	target string
	events string
}

// exportedEvents chooses by default what happens to containers and not what they are made of: a start makes some thirty events
// about namespaces and cgroups.
const exportedEvents = "type=oom_kill || type=container_started || type=container_exited || type=container_entered || type=init_moved"

func (x *exporting) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&x.target, "export", "",
		"send events, starts and metrics to an OpenTelemetry receiver: otlp=URL, with http, https, grpc or grpcs, or otlp for what OTEL_EXPORTER_OTLP_ENDPOINT names")
	cmd.Flags().StringVar(&x.events, "export-events", exportedEvents, `the events to send, as --filter of nsviz events has it; "" is all`)
	_ = cmd.RegisterFlagCompletionFunc("export", cobra.FixedCompletions(
		[]string{"otlp=http://localhost:4318", "otlp=grpc://localhost:4317"}, cobra.ShellCompDirectiveNoFileComp))
}

// accept returns the filter of events; nil accepts all.
func (x *exporting) accept(zone *time.Location) (func(*event.Event) bool, error) {
	if strings.TrimSpace(x.events) == "" {
		return nil, nil
	}
	expr, err := query.Events.Parse(x.events, func() time.Time { return time.Now().In(zone) })
	if mistake := (*query.Error)(nil); errors.As(err, &mistake) {
		return nil, errUsage{fmt.Errorf("--export-events: %s", mistake.Render())}
	}
	return func(e *event.Event) bool {
		return expr.Accepts(query.Event{First: e, Line: func() string { return ui.EventText(*e, zone) }})
	}, nil
}

// exporter returns what --export asks for, which has to be closed; nil if it is not given. From then on the pipeline hands it its facts.
func (o *options) exporter(log *slog.Logger, zone *time.Location) (*otlp.Exporter, error) {
	if o.export.target == "" {
		return nil, nil
	}
	target, err := otlp.Parse(o.export.target, os.Getenv)
	switch {
	case errors.Is(err, otlp.ErrUsage):
		return nil, errUsage{err}
	case err != nil:
		return nil, fmt.Errorf("export: %w", err)
	}
	accept, err := o.export.accept(zone)
	if err != nil {
		return nil, err
	}
	x, err := otlp.New(otlp.Config{Target: target, Accept: accept, Version: build().Version, HostID: o.hostID(), Mishaps: o.mishaps, Log: log})
	if err != nil {
		return nil, err
	}
	o.consumers = append(o.consumers, x.Put)
	return x, nil
}

// hostID returns the id of the host, as systemd keeps it: the one that PID 1 sees, if nsviz runs in a container that may look there.
func (o *options) hostID() string {
	for _, path := range []string{filepath.Join(o.procRoot, "1/root/etc/machine-id"), "/etc/machine-id"} {
		if id, err := os.ReadFile(path); err == nil { // else it is unknown
			return foreign.Name(strings.TrimSpace(string(id)))
		}
	}
	return ""
}

// exportFrom sends until ctx is done.
func exportFrom(ctx context.Context, x *otlp.Exporter, p *pipeline.Pipeline, srv *server.Server) error {
	x.Run(ctx, otlp.Source{Snapshot: p.Snapshot, Metrics: srv.Metrics()})
	return nil
}

// closeExporter sends what waits; x may be nil.
func (o *options) closeExporter(x *otlp.Exporter) {
	if x == nil {
		return
	}
	ctx, cancel := o.ending.within(sendBy)
	defer cancel()
	x.Close(ctx)
}

// counted are what server takes counts from.
type counted struct{ *otlp.Exporter }

// sinks returns the counts of the exporter's queues.
func (c counted) sinks() []sink.Stats {
	if c.Exporter == nil {
		return nil
	}
	return c.Sinks()
}

// deliveries returns the counts of what it sent.
func (c counted) deliveries() []sink.Delivery {
	if c.Exporter == nil {
		return nil
	}
	return c.Deliveries()
}
