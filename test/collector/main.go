// Command collector receives OTLP by the OpenTelemetry collector's own receiver, by gRPC and by HTTP, and prints what it receives as
// OTLP's JSON, one request a line. The first line has the addresses at which it listens. It ends when stdin does.
//
// It is a module of its own, so that nsviz does not depend on the collector.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
)

func main() {
	grpc := flag.String("grpc", "", "where to listen for gRPC")
	http := flag.String("http", "", "where to listen for HTTP")
	flag.Parse()
	if err := run(context.Background(), *grpc, *http, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "collector:", err)
		os.Exit(1)
	}
}

// run receives until in ends.
func run(ctx context.Context, grpc, http string, in io.Reader, out io.Writer) error {
	factory := otlpreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig().(*otlpreceiver.Config)
	if grpc != "" {
		s := configgrpc.NewDefaultServerConfig()
		s.NetAddr.Endpoint = grpc
		cfg.Protocols.GRPC = configoptional.Some(s)
	}
	if http != "" {
		s := confighttp.NewDefaultServerConfig()
		s.NetAddr.Endpoint = http
		cfg.Protocols.HTTP = configoptional.Some(otlpreceiver.HTTPConfig{
			ServerConfig: s, TracesURLPath: "/v1/traces", MetricsURLPath: "/v1/metrics", LogsURLPath: "/v1/logs",
		})
	}
	p := &printer{out: out}
	next, err := p.consumers()
	if err != nil {
		return err
	}
	set := receiver.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	logs, err := factory.CreateLogs(ctx, set, cfg, next.logs)
	if err != nil {
		return err
	}
	traces, err := factory.CreateTraces(ctx, set, cfg, next.traces)
	if err != nil {
		return err
	}
	metrics, err := factory.CreateMetrics(ctx, set, cfg, next.metrics)
	if err != nil {
		return err
	}
	// The three share one server.
	for _, c := range []component.Component{logs, traces, metrics} {
		if err := c.Start(ctx, componenttest.NewNopHost()); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(out, "listening"); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	for _, c := range []component.Component{logs, traces, metrics} {
		if stopped := c.Shutdown(ctx); err == nil {
			err = stopped
		}
	}
	return err
}

// consumers take what the receiver has received.
type consumers struct {
	logs    consumer.Logs
	traces  consumer.Traces
	metrics consumer.Metrics
}

// printer prints requests. It is safe for use by several goroutines.
type printer struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *printer) consumers() (c consumers, err error) {
	if c.logs, err = consumer.NewLogs(func(_ context.Context, d plog.Logs) error {
		request, err := (&plog.JSONMarshaler{}).MarshalLogs(d)
		return p.print("logs", request, err)
	}); err != nil {
		return c, err
	}
	if c.traces, err = consumer.NewTraces(func(_ context.Context, d ptrace.Traces) error {
		request, err := (&ptrace.JSONMarshaler{}).MarshalTraces(d)
		return p.print("traces", request, err)
	}); err != nil {
		return c, err
	}
	c.metrics, err = consumer.NewMetrics(func(_ context.Context, d pmetric.Metrics) error {
		request, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(d)
		return p.print("metrics", request, err)
	})
	return c, err
}

// print prints one request.
func (p *printer) print(signal string, request json.RawMessage, err error) error {
	if err != nil {
		return err
	}
	line, err := json.Marshal(map[string]json.RawMessage{signal: request})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = fmt.Fprintf(p.out, "%s\n", line)
	return err
}
