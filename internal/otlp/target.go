package otlp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// Signal is a kind of data in OTLP.
type Signal string

// The signals.
const (
	Logs    Signal = "logs"
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
)

// Signals lists all signals.
func Signals() []Signal { return []Signal{Logs, Traces, Metrics} }

// Endpoint is where one signal goes.
type Endpoint struct {
	// URL has the scheme http or https. Of gRPC it has a host with a port, and no path.
	URL  *url.URL
	GRPC bool
	// Timeout bounds one attempt to send.
	Timeout time.Duration
	// TLS is nil if the connection is not encrypted.
	TLS *tls.Config
}

// Target is a receiver. A signal that is switched off has no endpoint.
type Target struct {
	Endpoints map[Signal]Endpoint
	// Interval is the time between two deliveries of metrics.
	Interval time.Duration
}

// The defaults of the OpenTelemetry specification.
const (
	defaultURL      = "http://localhost:4318"
	defaultTimeout  = 10 * time.Second
	defaultInterval = time.Minute
	grpcPort        = "4317"
)

// ErrUsage is wrapped by errors about a value that was set by the user.
var ErrUsage = errors.New("cannot export")

// environment reads the variables of OTLP exporters. An empty variable counts as not set, as the specification demands.
type environment func(name string) string

// of returns the value of a signal's variable, or else the one for all signals, and which one that is.
func (env environment) of(s Signal, name string) (value, variable string) {
	for _, variable := range []string{"OTEL_EXPORTER_OTLP_" + strings.ToUpper(string(s)) + "_" + name, "OTEL_EXPORTER_OTLP_" + name} {
		if v := env(variable); v != "" {
			return v, variable
		}
	}
	return "", ""
}

// Parse reads the value of --export, "otlp" or "otlp=URL", and the environment variables of OTLP exporters. A URL goes before the
// variables that have one. Errors about a value wrap ErrUsage; others are about files that cannot be read.
func Parse(value string, getenv func(string) string) (*Target, error) {
	kind, address, given := strings.Cut(value, "=")
	if kind != "otlp" || given && address == "" {
		return nil, fmt.Errorf("%w to %q: want otlp=URL, such as otlp=http://localhost:4318, or otlp for what OTEL_EXPORTER_OTLP_ENDPOINT names", ErrUsage, value)
	}
	env := environment(getenv)
	t := &Target{Endpoints: map[Signal]Endpoint{}, Interval: defaultInterval}
	for _, s := range Signals() {
		off, err := env.off(s)
		if err != nil {
			return nil, err
		}
		if off {
			continue
		}
		e, err := env.endpoint(s, address)
		if err != nil {
			return nil, err
		}
		t.Endpoints[s] = *e
	}
	if len(t.Endpoints) == 0 {
		return nil, fmt.Errorf("%w: OTEL_LOGS_EXPORTER, OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER are all none", ErrUsage)
	}
	const interval = "OTEL_METRIC_EXPORT_INTERVAL"
	if v := getenv(interval); v != "" {
		d, err := milliseconds(interval, v)
		if err != nil {
			return nil, err
		}
		t.Interval = d
	}
	return t, nil
}

// off reports whether a signal is switched off.
func (env environment) off(s Signal) (bool, error) {
	variable := "OTEL_" + strings.ToUpper(string(s)) + "_EXPORTER"
	switch v := env(variable); v {
	case "", "otlp":
		return false, nil
	case "none":
		return true, nil
	default:
		return false, fmt.Errorf("%w: %s=%s: want otlp or none", ErrUsage, variable, v)
	}
}

func milliseconds(variable, v string) (time.Duration, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 || n > int64(24*time.Hour/time.Millisecond) {
		return 0, fmt.Errorf("%w: %s=%s: want a number of milliseconds, at most a day", ErrUsage, variable, v)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// endpoint returns where a signal goes; address is that of the command line, "" is none.
func (env environment) endpoint(s Signal, address string) (*Endpoint, error) {
	where, own := "--export otlp="+withoutUser(address), false
	if address == "" {
		var variable string
		address, variable = env.of(s, "ENDPOINT")
		where = variable + "=" + withoutUser(address)
		own = variable != "" && variable != "OTEL_EXPORTER_OTLP_ENDPOINT"
	}
	if address == "" {
		address, where = defaultURL, defaultURL
	}
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w to %s: %s", ErrUsage, where, fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, wrong("this is no URL: want one such as http://localhost:4318 or grpc://localhost:4317")
	}
	e := &Endpoint{URL: u, Timeout: defaultTimeout}
	protocol, variable := env.of(s, "PROTOCOL")
	switch protocol {
	case "", "http/protobuf", "grpc":
	default:
		return nil, fmt.Errorf("%w: %s=%s: want grpc or http/protobuf", ErrUsage, variable, protocol)
	}
	switch u.Scheme {
	case "http", "https":
		e.GRPC = protocol == "grpc"
	case "grpc", "grpcs":
		e.GRPC = true
		u.Scheme = map[string]string{"grpc": "http", "grpcs": "https"}[u.Scheme]
	default:
		return nil, wrong("want a URL with http, https, grpc or grpcs, such as http://localhost:4318 or grpc://localhost:4317")
	}
	switch {
	case u.Hostname() == "":
		return nil, wrong("the host is missing")
	case !portValid(u.Port()):
		return nil, wrong("%s is no port", u.Port())
	case u.User != nil:
		return nil, wrong("a user or a password does not belong there, where everybody sees it: put them into OTEL_EXPORTER_OTLP_HEADERS")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, wrong("a query or a fragment does not belong there")
	case e.GRPC && strings.Trim(u.Path, "/") != "":
		return nil, wrong("gRPC has no path")
	}
	if e.GRPC {
		u.Path = ""
		if u.Port() == "" {
			u.Host = net.JoinHostPort(u.Hostname(), grpcPort)
		}
	} else if !own {
		e.URL = u.JoinPath("v1", string(s))
	}
	if v, variable := env.of(s, "TIMEOUT"); v != "" {
		if e.Timeout, err = milliseconds(variable, v); err != nil {
			return nil, err
		}
	}
	if v, variable := env.of(s, "HEADERS"); v != "" && !headersValid(v) {
		return nil, fmt.Errorf("%w: %s: want NAME=VALUE, with a comma between several and special characters as %%XX", ErrUsage, variable)
	}
	if v, variable := env.of(s, "COMPRESSION"); v != "" && v != "gzip" && v != "none" {
		return nil, fmt.Errorf("%w: %s=%s: want gzip or none", ErrUsage, variable, v)
	}
	e.TLS, err = env.tls(s, u.Scheme == "https")
	return e, err
}

// withoutUser returns an address for an error: what stands in front of the host may be a password.
func withoutUser(address string) string {
	scheme, rest, found := strings.Cut(address, "://")
	if !found {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		return scheme + "xxxxx" + rest[i:]
	}
	return address
}

func portValid(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// headersValid reports whether the exporters of opentelemetry-go understand a list of headers. They leave out what they do not.
func headersValid(list string) bool {
	for pair := range strings.SplitSeq(list, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(value); !ok || err != nil || strings.TrimSpace(name) == "" || strings.ContainsAny(strings.TrimSpace(name), " \t:/\"()") {
			return false
		}
	}
	return true
}

// tls returns the settings of TLS, nil if it is not to be used. It fails if a file is unreadable.
func (env environment) tls(s Signal, secure bool) (*tls.Config, error) {
	ca, caVariable := env.of(s, "CERTIFICATE")
	certificate, certificateVariable := env.of(s, "CLIENT_CERTIFICATE")
	key, keyVariable := env.of(s, "CLIENT_KEY")
	if !secure {
		for _, variable := range []string{caVariable, certificateVariable, keyVariable} {
			if variable != "" {
				return nil, fmt.Errorf("%w: %s is set, but the URL is for a connection without TLS: want https or grpcs", ErrUsage, variable)
			}
		}
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", caVariable, err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: there is no certificate in %s: want a file in PEM", caVariable, ca)
		}
	}
	if (certificate == "") != (key == "") {
		return nil, fmt.Errorf("%w: OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY belong together", ErrUsage)
	}
	if certificate != "" {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, fmt.Errorf("%s and %s: %w", certificateVariable, keyVariable, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// String returns the address as the user would write it.
func (e Endpoint) String() string {
	u := *e.URL
	if e.GRPC {
		u.Scheme = map[string]string{"http": "grpc", "https": "grpcs"}[u.Scheme]
	}
	return u.String()
}
