package otlp

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// variables returns an environment of NAME=VALUE.
func variables(list ...string) func(string) string {
	return func(name string) string {
		for _, v := range list {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestEndpoints(t *testing.T) {
	const prefix = "OTEL_EXPORTER_OTLP_"
	tests := []struct {
		value string
		env   []string
		want  [3]string // of logs, traces, metrics
	}{
		{"otlp", nil, [3]string{"http://localhost:4318/v1/logs", "http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics"}},
		{"otlp=http://c:4318", nil, [3]string{"http://c:4318/v1/logs", "http://c:4318/v1/traces", "http://c:4318/v1/metrics"}},
		{"otlp=https://c/base/", nil, [3]string{"https://c/base/v1/logs", "https://c/base/v1/traces", "https://c/base/v1/metrics"}},
		{"otlp=grpc://c", nil, [3]string{"grpc://c:4317", "grpc://c:4317", "grpc://c:4317"}},
		{"otlp=grpcs://[::1]:1/", nil, [3]string{"grpcs://[::1]:1", "grpcs://[::1]:1", "grpcs://[::1]:1"}},
		{"otlp=http://c:4317", []string{prefix + "PROTOCOL=grpc"}, [3]string{"grpc://c:4317", "grpc://c:4317", "grpc://c:4317"}},
		{"otlp", []string{prefix + "ENDPOINT=http://e:1", prefix + "LOGS_ENDPOINT=http://l:2/x"}, [3]string{"http://l:2/x", "http://e:1/v1/traces", "http://e:1/v1/metrics"}},
		{"otlp=http://c:1", []string{prefix + "LOGS_ENDPOINT=http://l:2/x"}, [3]string{"http://c:1/v1/logs", "http://c:1/v1/traces", "http://c:1/v1/metrics"}},
		{"otlp", []string{"OTEL_TRACES_EXPORTER=none", "OTEL_LOGS_EXPORTER=otlp", prefix + "METRICS_PROTOCOL=grpc"}, [3]string{"http://localhost:4318/v1/logs", "", "grpc://localhost:4318"}},
	}
	for _, test := range tests {
		target, err := Parse(test.value, variables(test.env...))
		if err != nil {
			t.Errorf("%s %v: %v", test.value, test.env, err)
			continue
		}
		var got [3]string
		for i, s := range Signals() {
			if e, ok := target.Endpoints[s]; ok {
				got[i] = e.String()
			}
		}
		if got != test.want {
			t.Errorf("%s %v: %v, want %v", test.value, test.env, got, test.want)
		}
	}
}

func TestTimes(t *testing.T) {
	target, err := Parse("otlp", variables("OTEL_EXPORTER_OTLP_TIMEOUT=1500", "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT=20", "OTEL_METRIC_EXPORT_INTERVAL=3000"))
	if err != nil {
		t.Fatal(err)
	}
	if l, m := target.Endpoints[Logs].Timeout, target.Endpoints[Metrics].Timeout; l != 20*time.Millisecond || m != 1500*time.Millisecond || target.Interval != 3*time.Second {
		t.Errorf("%v, %v, %v", l, m, target.Interval)
	}
}

// What is wrong is said, with what is wanted.
func TestWrongTargets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no.pem")
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		value string
		env   []string
		want  string // part of the error
		usage bool
	}{
		{"loki=http://x", nil, "want otlp=URL", true},
		{"otlp=", nil, "want otlp=URL", true},
		{"otlp=http://a b", nil, "no URL", true},
		{"otlp=localhost:4318", nil, "want a URL with http, https, grpc or grpcs", true},
		{"otlp=ftp://x", nil, "want a URL with", true},
		{"otlp=http://", nil, "the host is missing", true},
		{"otlp=http://x:0", nil, "0 is no port", true},
		{"otlp=http://x:99999", nil, "99999 is no port", true},
		{"otlp=http://me:secret@x", nil, "OTEL_EXPORTER_OTLP_HEADERS", true},
		{"otlp=http://me:secret%zz@x", nil, "no URL", true},
		{"otlp=me:secret@x", nil, "want a URL with", true},
		{"otlp=ftp://me:secret/@x", nil, "xxxxx@x", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:secret@x"}, "OTEL_EXPORTER_OTLP_ENDPOINT=http://xxxxx@x: a user", true},
		{"otlp=http://x?a=b", nil, "a query or a fragment", true},
		{"otlp=grpc://x/path", nil, "gRPC has no path", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_ENDPOINT=collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT=collector: want a URL", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_PROTOCOL=http/json"}, "want grpc or http/protobuf", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_TIMEOUT=10s"}, "want a number of milliseconds", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_TIMEOUT=0"}, "want a number of milliseconds", true},
		{"otlp", []string{"OTEL_METRIC_EXPORT_INTERVAL=-1"}, "want a number of milliseconds", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_HEADERS=token"}, "want NAME=VALUE", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_HEADERS=a=%zz"}, "want NAME=VALUE", true},
		{"otlp", []string{"OTEL_EXPORTER_OTLP_COMPRESSION=zstd"}, "want gzip or none", true},
		{"otlp", []string{"OTEL_LOGS_EXPORTER=console"}, "want otlp or none", true},
		{"otlp", []string{"OTEL_LOGS_EXPORTER=none", "OTEL_TRACES_EXPORTER=none", "OTEL_METRICS_EXPORTER=none"}, "all none", true},
		{"otlp=http://x", []string{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + file}, "want https or grpcs", true},
		{"otlp=https://x", []string{"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + file}, "belong together", true},
		{"otlp=https://x", []string{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + file}, "there is no certificate in", false},
		{"otlp=https://x", []string{"OTEL_EXPORTER_OTLP_CERTIFICATE=" + file + ".gone"}, "no such file", false},
		{"otlp=grpcs://x", []string{"OTEL_EXPORTER_OTLP_CLIENT_KEY=" + file, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=" + file}, "PEM", false},
	}
	for _, test := range tests {
		_, err := Parse(test.value, variables(test.env...))
		if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, ErrUsage) != test.usage {
			t.Errorf("%s %v: %v", test.value, test.env, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("a password in an error: %v", err)
		}
	}
}
