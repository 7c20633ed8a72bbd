package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/metric"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// answer is what a receiver answered to one attempt. The exporters of opentelemetry-go hide it, so that it is observed below them.
type answer struct {
	// accepted is set if the receiver has taken the data, perhaps not all of them.
	accepted bool
	// status is the HTTP status, 0 if there was no answer or it is one of gRPC.
	status int
	// after is how long the receiver asks to wait; 0 is as long as one likes.
	after time.Duration
	// partial is what it did not accept; nil is nothing.
	partial partial
	// foreign is set if it is not an answer in OTLP.
	foreign error
}

// partial is the partial success of any signal, with the number of items that the receiver did not accept.
type partial interface{ GetErrorMessage() string }

// rejected returns how many items a receiver did not accept.
func rejected(p partial) int64 {
	switch p := p.(type) {
	case *collectorlogs.ExportLogsPartialSuccess:
		return p.GetRejectedLogRecords()
	case *collectortraces.ExportTracePartialSuccess:
		return p.GetRejectedSpans()
	case *collectormetrics.ExportMetricsPartialSuccess:
		return p.GetRejectedDataPoints()
	}
	return 0
}

// partialOf returns the partial success of a response of any signal.
func partialOf(response any) partial {
	switch r := response.(type) {
	case *collectorlogs.ExportLogsServiceResponse:
		return r.GetPartialSuccess()
	case *collectortraces.ExportTraceServiceResponse:
		return r.GetPartialSuccess()
	case *collectormetrics.ExportMetricsServiceResponse:
		return r.GetPartialSuccess()
	}
	return nil
}

type answerKey struct{}

// observed returns a context for one attempt, and where its answer will be.
func observed(ctx context.Context) (context.Context, *answer) {
	a := &answer{}
	return context.WithValue(ctx, answerKey{}, a), a
}

func answerOf(ctx context.Context) *answer {
	if a, ok := ctx.Value(answerKey{}).(*answer); ok {
		return a
	}
	return &answer{}
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// observer is the transport of HTTP below an exporter.
type observer struct {
	next     http.RoundTripper
	response func() proto.Message
}

// RoundTrip notes the answer, and passes it on without a body where it is no success.
func (o observer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := o.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	a := answerOf(r.Context())
	a.status, a.after = resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if resp.StatusCode/100 == 2 && len(body) > 0 {
		a.partial, a.foreign = o.read(resp.Header.Get("Content-Type"), body)
	}
	a.accepted = resp.StatusCode/100 == 2 && a.foreign == nil
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// read returns what is in the body of a success.
func (o observer) read(contentType string, body []byte) (partial, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	if kind != "application/x-protobuf" {
		return nil, fmt.Errorf("an answer of the type %q", contentType)
	}
	response := o.response()
	if err := proto.Unmarshal(body, response); err != nil {
		return nil, fmt.Errorf("an answer that is not of OTLP: %w", err)
	}
	return partialOf(response), nil
}

// retryAfter parses the header: seconds, or a time.
func retryAfter(v string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// observeGRPC notes the answer to a call.
func observeGRPC(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoker(ctx, method, req, reply, cc, opts...)
	a := answerOf(ctx)
	if err == nil {
		a.accepted, a.partial = true, partialOf(reply)
		return nil
	}
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			a.after = info.GetRetryDelay().AsDuration()
		}
	}
	return err
}

// http returns the client of an endpoint.
func (c *client) http(e Endpoint, response func() proto.Message) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	c.close = append(c.close, func(context.Context) error {
		transport.CloseIdleConnections()
		return nil
	})
	transport.TLSClientConfig = e.TLS
	transport.MaxConnsPerHost = 1
	return &http.Client{
		Transport: observer{next: transport, response: response}, Timeout: e.Timeout,
		// A redirect would turn the request into one without a body.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialing returns how to connect by gRPC: a receiver that is back after long is found as soon as the next request is due.
func dialing() []grpc.DialOption {
	params := grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: defaultTimeout}
	params.Backoff.MaxDelay = maxPause
	return []grpc.DialOption{grpc.WithUnaryInterceptor(observeGRPC), grpc.WithConnectParams(params)}
}

// client sends to a receiver. Each function makes one attempt. A nil function is of a signal that is switched off.
type client struct {
	logs    func(context.Context, []log.Record) error
	traces  otlptrace.Client
	metrics metric.Exporter
	close   []func(context.Context) error
}

// newClient connects to nothing yet.
func newClient(ctx context.Context, t *Target) (*client, error) {
	c := &client{}
	if e, ok := t.Endpoints[Logs]; ok {
		exporter, err := c.logsExporter(ctx, e)
		if err != nil {
			return nil, err
		}
		c.logs, c.close = exporter.Export, append(c.close, exporter.Shutdown)
	}
	if e, ok := t.Endpoints[Traces]; ok {
		c.traces = c.tracesClient(e)
		if err := c.traces.Start(ctx); err != nil {
			return nil, err
		}
		c.close = append(c.close, c.traces.Stop)
	}
	if e, ok := t.Endpoints[Metrics]; ok {
		var err error
		if c.metrics, err = c.metricsExporter(ctx, e); err != nil {
			return nil, err
		}
		c.close = append(c.close, c.metrics.Shutdown)
	}
	return c, nil
}

func (c *client) logsExporter(ctx context.Context, e Endpoint) (log.Exporter, error) {
	if !e.GRPC {
		return otlploghttp.New(ctx, otlploghttp.WithEndpointURL(e.URL.String()), otlploghttp.WithRetry(otlploghttp.RetryConfig{}),
			otlploghttp.WithHTTPClient(c.http(e, func() proto.Message { return &collectorlogs.ExportLogsServiceResponse{} })))
	}
	options := []otlploggrpc.Option{
		otlploggrpc.WithEndpoint(e.URL.Host), otlploggrpc.WithTimeout(e.Timeout), otlploggrpc.WithRetry(otlploggrpc.RetryConfig{}),
		otlploggrpc.WithDialOption(dialing()...), otlploggrpc.WithInsecure(),
	}
	if e.TLS != nil {
		options = append(options, otlploggrpc.WithTLSCredentials(credentials.NewTLS(e.TLS)))
	}
	return otlploggrpc.New(ctx, options...)
}

func (c *client) tracesClient(e Endpoint) otlptrace.Client {
	if !e.GRPC {
		return otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(e.URL.String()), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}),
			otlptracehttp.WithHTTPClient(c.http(e, func() proto.Message { return &collectortraces.ExportTraceServiceResponse{} })))
	}
	options := []otlptracegrpc.Option{
		otlptracegrpc.WithEndpoint(e.URL.Host), otlptracegrpc.WithTimeout(e.Timeout), otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}),
		otlptracegrpc.WithDialOption(dialing()...), otlptracegrpc.WithInsecure(),
	}
	if e.TLS != nil {
		options = append(options, otlptracegrpc.WithTLSCredentials(credentials.NewTLS(e.TLS)))
	}
	return otlptracegrpc.NewClient(options...)
}

func (c *client) metricsExporter(ctx context.Context, e Endpoint) (metric.Exporter, error) {
	if !e.GRPC {
		return otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(e.URL.String()), otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}),
			otlpmetrichttp.WithHTTPClient(c.http(e, func() proto.Message { return &collectormetrics.ExportMetricsServiceResponse{} })))
	}
	options := []otlpmetricgrpc.Option{
		otlpmetricgrpc.WithEndpoint(e.URL.Host), otlpmetricgrpc.WithTimeout(e.Timeout), otlpmetricgrpc.WithRetry(otlpmetricgrpc.RetryConfig{}),
		otlpmetricgrpc.WithDialOption(dialing()...), otlpmetricgrpc.WithInsecure(),
	}
	if e.TLS != nil {
		options = append(options, otlpmetricgrpc.WithTLSCredentials(credentials.NewTLS(e.TLS)))
	}
	return otlpmetricgrpc.New(ctx, options...)
}

// failure is why an attempt failed.
type failure struct {
	// reason is short, advice says what to do.
	reason, advice string
	// again is whether the same data may be sent again, after at least wait.
	again bool
	wait  time.Duration
	// tooLarge is set if the receiver does not take so large a request.
	tooLarge bool
}

// judge returns what to make of an attempt; nil is a success, partial or not.
func judge(a *answer, err error, s Signal, e Endpoint) *failure {
	switch {
	case a.foreign != nil:
		return &failure{reason: a.foreign.Error(), advice: notOTLP}
	case a.accepted:
		return nil
	case a.status != 0:
		return judgeHTTP(a, err, s)
	}
	if st, ok := status.FromError(err); ok && e.GRPC {
		return judgeGRPC(a, st, s)
	}
	if err == nil {
		err = errors.New("nothing was sent")
	}
	return judgeConnection(err.Error(), errors.Is(err, context.DeadlineExceeded), e.GRPC)
}

const (
	notOTLP      = "what answers there is no OTLP receiver: correct the address"
	unauthorised = "it wants credentials: put them into OTEL_EXPORTER_OTLP_HEADERS"
	overloaded   = "the receiver asks to wait"
	unaccepted   = "the receiver does not accept it"
	oversized    = "the receiver takes no request of that size: raise its limit (of an OpenTelemetry collector max_recv_msg_size_mib or max_request_body_size)"
)

// unsupported advises what to do about a signal that a receiver does not take.
func unsupported(s Signal) string {
	return fmt.Sprintf("it takes no %s there: correct the address, or set OTEL_%s_EXPORTER=none", s, strings.ToUpper(string(s)))
}

// judgeHTTP judges a status as the specification of OTLP does.
func judgeHTTP(a *answer, err error, s Signal) *failure {
	f := &failure{reason: strconv.Itoa(a.status) + " " + http.StatusText(a.status), advice: unaccepted, wait: a.after}
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.again, f.advice = true, overloaded
	case http.StatusUnauthorized, http.StatusForbidden:
		f.advice = unauthorised
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		f.advice = unsupported(s)
	case http.StatusRequestEntityTooLarge:
		f.tooLarge, f.advice = true, oversized
	case http.StatusBadRequest:
		f.reason = err.Error()
		if strings.Contains(strings.ToLower(f.reason), "too large") { // so the OpenTelemetry collector says it
			f.tooLarge, f.advice = true, oversized
		}
	default:
		if a.status/100 == 3 {
			f.advice = notOTLP
		}
	}
	return f
}

// judgeGRPC judges a code as the specification of OTLP does.
func judgeGRPC(a *answer, st *status.Status, s Signal) *failure {
	f := &failure{reason: st.Code().String() + ": " + st.Message(), advice: unaccepted, wait: a.after}
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded:
		connection := judgeConnection(st.Message(), st.Code() == codes.DeadlineExceeded, true)
		connection.wait = a.after
		return connection
	case codes.Canceled, codes.Aborted, codes.DataLoss:
		f.again, f.advice = true, overloaded
	case codes.ResourceExhausted, codes.OutOfRange:
		f.again, f.advice = a.after > 0 || st.Code() == codes.OutOfRange, overloaded
		// The codes have several reasons; these texts are those of gRPC in Go, Java and C++ and, with OutOfRange, in Rust.
		if st.Code() == codes.OutOfRange && strings.Contains(st.Message(), "message length too large") {
			f.again, f.tooLarge, f.advice = false, true, oversized
		}
		if text := strings.ToLower(st.Message()); !f.again && strings.Contains(text, "message") && (strings.Contains(text, "larger than max") ||
			strings.Contains(text, "exceeds maximum size") || strings.Contains(text, "too large")) {
			f.tooLarge, f.advice = true, oversized
		}
	case codes.Unauthenticated, codes.PermissionDenied:
		f.advice = unauthorised
	case codes.Unimplemented:
		f.advice = unsupported(s)
	}
	return f
}

// judgeConnection judges the text of an error: gRPC keeps nothing else of the error below it.
func judgeConnection(text string, late, viaGRPC bool) *failure {
	f := &failure{reason: text, advice: "is the receiver running, and the address right?", again: true}
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("connection refused"):
		f.reason, f.advice = "connection refused", "nothing listens there: start the receiver, or correct the address"
	case has("no such host"):
		f.reason, f.advice = "no such host", "correct the address"
	case has("first record does not look like a TLS handshake", "server gave HTTP response to HTTPS client"):
		f.reason, f.advice = "no TLS there", "use http:// or grpc:// instead of https:// or grpcs://"
	case has("x509:", "tls:", "certificate"):
		f.advice = "set OTEL_EXPORTER_OTLP_CERTIFICATE to a file with the certificate of its authority"
	case viaGRPC && has("error reading server preface", "frame too large", "malformed", "unexpected HTTP status"):
		f.reason, f.advice = "no gRPC there", "if the receiver speaks HTTP use http://, as a rule with port 4318"
	case !viaGRPC && has("malformed HTTP", "readLoopPeekFailLocked"): // the latter where the other side speaks first
		f.reason, f.advice = "no HTTP there", "if the receiver speaks gRPC use grpc://, as a rule with port "+grpcPort+"; if it wants TLS use https://"
	case late || has("Client.Timeout exceeded", "deadline exceeded", "i/o timeout"):
		f.reason, f.advice = "no answer in time", "is it an OTLP receiver? OTEL_EXPORTER_OTLP_TIMEOUT sets how long to wait"
	}
	return f
}
