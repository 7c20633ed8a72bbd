package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// A wrong --export ends nsviz before it watches, with the exit code of a mistake.
func TestWrongExport(t *testing.T) {
	for _, test := range []struct {
		args, env string
		code      int
		want      string
	}{
		{"--export=kafka", "", exitUsage, "want otlp=URL"},
		{"--export=otlp=localhost:4318", "", exitUsage, "want a URL with http, https, grpc or grpcs"},
		{"--export=otlp=http://a:b@c", "", exitUsage, "OTEL_EXPORTER_OTLP_HEADERS"},
		{"--export=otlp --export-events=colour=red", "", exitUsage, "--export-events: "},
		{"--export=otlp=https://c", "OTEL_EXPORTER_OTLP_CERTIFICATE=/nonexistent.pem", exitFailed, "OTEL_EXPORTER_OTLP_CERTIFICATE: open /nonexistent.pem"},
		{"--export=otlp", "OTEL_EXPORTER_OTLP_ENDPOINT=collector", exitUsage, "OTEL_EXPORTER_OTLP_ENDPOINT=collector"},
		{"", "", exitUsage, "there is no --export"},
	} {
		t.Run(test.args, func(t *testing.T) {
			if name, value, ok := strings.Cut(test.env, "="); ok {
				t.Setenv(name, value)
			}
			var out, stderr bytes.Buffer
			args := append([]string{"serve", "--web.listen-address="}, strings.Fields(test.args)...)
			if code := run(context.Background(), args, &out, &stderr); code != test.code || !strings.Contains(stderr.String(), test.want) {
				t.Errorf("exit code %d: %s", code, stderr.String())
			}
		})
	}
}
