//go:build e2e

package e2e

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/otlp"
	"github.com/nsviz/nsviz/internal/server"
	"github.com/nsviz/nsviz/internal/webui/webuitest"
)

// TestLargeExportToCollector sends more than fits into a request of gRPC, of which a collector takes 4 MiB by default: logs with long command lines, and the metrics
// of thousands of containers. All arrives but an event that is too large by itself, which is counted.
func TestLargeExportToCollector(t *testing.T) {
	c := startCollector(t)
	const records, containers = 80, 1000
	variables := map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "3600000"}
	target, err := otlp.Parse("otlp=grpc://"+c.grpc, func(name string) string { return variables[name] })
	if err != nil {
		t.Fatal(err)
	}
	said := newLines()
	// HostID is what tells the collector's senders apart.
	x, err := otlp.New(otlp.Config{Target: target, Version: "test", HostID: "large", Log: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	put := func(pid, size int) {
		x.Put(fact.Fact{Time: time.Now(), Event: &event.Event{Type: event.OOMKill, PID: int32(pid), OOM: &event.OOM{Victim: event.Victim{PID: int32(pid), CommandLine: strings.Repeat("a", size)}}}})
	}
	put(1, 5<<20)
	for i := range records {
		put(i+2, 64<<10)
	}
	crowd := webuitest.Crowd(time.Now(), containers, 1)
	snapshot := func() *model.Snapshot { return crowd }
	srv, err := server.New(server.Config{Snapshot: snapshot, Full: snapshot, Logger: slog.New(slog.NewTextHandler(said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		x.Run(ctx, otlp.Source{Metrics: srv.Metrics(), Snapshot: snapshot})
	}()
	cancel() // the metrics are sent at the end, too
	<-ran
	limit, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	x.Close(limit)
	c.stop(t)
	for _, d := range x.Deliveries() {
		switch d.What {
		case string(otlp.Logs):
			if d.Delivered != records || d.Rejected != 1 || d.Failures != 0 {
				t.Errorf("%+v\n%s", d, said)
			}
		case string(otlp.Metrics):
			if d.Delivered < 30*containers || d.Rejected+d.Failures != 0 {
				t.Errorf("%+v\n%s", d, said)
			}
		}
	}
	n, names := 0, 0
	for _, r := range c.by {
		n += len(r.records)
		names += r.points["nsviz_container_info"]
	}
	if n != records || names != containers {
		t.Errorf("the collector got %d records and %d containers\n%s", n, names, said)
	}
	if !strings.Contains(said.String(), "takes no request of that size") {
		t.Error(said)
	}
}
