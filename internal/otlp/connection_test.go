package otlp

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// listening returns the address of a listener that passes each connection to f; nil accepts none.
func listening(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if f != nil {
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				f(c)
			}
		}()
	}
	return l.Addr().String()
}

// Whatever is at the address, the log says so and what to do, nsviz tries again, and it ends in time.
func TestTroubledConnections(t *testing.T) {
	refused := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	web := httptest.NewServer(newReceiver())
	defer web.Close()
	secure := httptest.NewTLSServer(newReceiver())
	secure.Config.ErrorLog = nil
	defer secure.Close()
	plain, tls := web.Listener.Addr().String(), secure.Listener.Addr().String()
	silent := listening(t, nil)
	rude := listening(t, func(c net.Conn) {
		_, _ = c.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n"))
		c.Close()
	})
	rpc := serveGRPC(t, newReceiver(), nil)
	for name, test := range map[string]struct{ url, want string }{
		"refused":           {"http://" + refused, "nothing listens there"},
		"refused gRPC":      {"grpc://" + refused, "nothing listens there"},
		"silent":            {"http://" + silent, "is it an OTLP receiver?"},
		"silent gRPC":       {"grpc://" + silent, "is it an OTLP receiver?"},
		"another protocol":  {"http://" + rude, "speaks gRPC use grpc://"},
		"gRPC at HTTP":      {"grpc://" + plain, "speaks HTTP use http://"},
		"HTTP at gRPC":      {"http://" + rpc, "speaks gRPC use grpc://"},
		"TLS at plain":      {"https://" + plain, "use http:// or grpc://"},
		"TLS at plain gRPC": {"grpcs://" + rpc, "use http:// or grpc://"},
		"unknown authority": {"https://" + tls, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"the same by gRPC":  {"grpcs://" + tls, "OTEL_EXPORTER_OTLP_CERTIFICATE"},
		"no such host":      {"http://nsviz.invalid:4318", ""},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := "60000"
			if strings.HasPrefix(name, "silent") {
				timeout = "50" // which cannot be too short for no answer at all
			}
			x := start(t, "otlp="+test.url, append(onlyLogs, "OTEL_EXPORTER_OTLP_TIMEOUT="+timeout)...)
			x.Put(kill(1))
			<-x.log.wrote
			x.end()
			if log := x.log.String(); !strings.Contains(log, test.want) || !strings.Contains(log, "nsviz tries again") || strings.Count(log, "cannot export") != 1 {
				t.Error(log)
			}
			if !strings.Contains(x.log.String(), "not all was exported before the end") {
				t.Error(x.log)
			}
			if n, rejected, _ := x.delivery(Logs); n != 0 || rejected != 1 {
				t.Errorf("%d delivered, %d rejected", n, rejected)
			}
		})
	}
}

// A certificate of a named authority is accepted.
func TestTLS(t *testing.T) {
	r := newReceiver()
	s := httptest.NewTLSServer(r)
	defer s.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	x := start(t, "otlp="+s.URL, append(onlyLogs, "OTEL_EXPORTER_OTLP_CERTIFICATE="+file)...)
	x.Put(kill(1))
	x.end()
	if n, _, failures := x.delivery(Logs); n != 1 || failures != 0 || len(r.records) != 1 {
		t.Error(n, failures, x.log)
	}
}

// A receiver that is away holds nobody up. What does not fit is counted, and stands in the records when it is back.
func TestBoundedQueue(t *testing.T) {
	silent := listening(t, nil)
	x := start(t, "otlp=http://"+silent, append(onlyLogs, "OTEL_EXPORTER_OTLP_TIMEOUT=86400000")...)
	const more = 3 * waitingFacts
	for pid := range int32(more) {
		x.Put(kill(pid + 1))
	}
	stats := x.Sinks()[0]
	if stats.Name != "otlp" || stats.Dropped == 0 || stats.Waiting > waitingFacts+1 || stats.Written+stats.Waiting+stats.Dropped != more {
		t.Errorf("%+v of %d", stats, more)
	}
	// The end does not wait for it either.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x.stopRun()
	x.Close(ctx)
	if !strings.Contains(x.log.String(), "not all was exported") {
		t.Error(x.log)
	}
}

// Losses take the place of what was dropped.
func TestLostRecord(t *testing.T) {
	r := newReceiver()
	s := httptest.NewUnstartedServer(r)
	address := s.Listener.Addr().String() // accepts connections, and does not answer before Start
	x := start(t, "otlp=http://"+address, onlyLogs...)
	const put = 2 * waitingFacts
	for pid := range int32(put) {
		x.Put(kill(pid + 1))
	}
	s.Start()
	defer s.Close()
	lost, records := uint64(0), 0
	r.await(t, "all", func() bool {
		lost, records = 0, len(r.records)
		for _, l := range r.records {
			if l.EventName == "nsviz."+string(event.EventsLost) {
				records--
				for _, kv := range l.Attributes {
					switch kv.Key {
					case "nsviz.lost.count":
						lost += uint64(kv.Value.GetIntValue())
					case "nsviz.lost.reason":
						if kv.Value.GetStringValue() != event.LostExport {
							t.Error(kv)
						}
					}
				}
			}
		}
		return lost > 0 && uint64(records)+lost == put
	})
	if stats := x.Sinks()[0]; stats.Dropped != lost {
		t.Errorf("%d are counted as dropped, %d are reported", stats.Dropped, lost)
	}
}

// Before Run nothing is sent, and nothing waits at the end if there is nothing.
func TestCloseWithoutRun(t *testing.T) {
	target, err := Parse("otlp=http://127.0.0.1:1", variables())
	if err != nil {
		t.Fatal(err)
	}
	log := &buffer{}
	x, err := New(Config{Target: target, Log: testLog(log)})
	if err != nil {
		t.Fatal(err)
	}
	x.Put(fact.Fact{})
	x.Close(t.Context())
	if log.String() != "" {
		t.Error(log)
	}
}

// A receiver that does not answer, or is gone, does not hold up the end of Run while metrics wait to be sent.
func TestRunEndsWhileMetricsWait(t *testing.T) {
	asked := make(chan struct{}, 10)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server would not notice that the client has gone
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer hangs.Close()
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "4294967295")
		w.WriteHeader(http.StatusServiceUnavailable)
		asked <- struct{}{}
	}))
	defer refuses.Close()
	for _, s := range []*httptest.Server{hangs, refuses} {
		target, err := Parse("otlp="+s.URL, variables("OTEL_LOGS_EXPORTER=none", "OTEL_TRACES_EXPORTER=none", "OTEL_METRIC_EXPORT_INTERVAL=3600000", "OTEL_EXPORTER_OTLP_TIMEOUT=3600000"))
		if err != nil {
			t.Fatal(err)
		}
		x, err := New(Config{Target: target, Log: testLog(&buffer{wrote: make(chan struct{}, 1)})})
		if err != nil {
			t.Fatal(err)
		}
		registry := prometheus.NewRegistry()
		registry.MustRegister(prometheus.NewGauge(prometheus.GaugeOpts{Name: "nsviz_test"}))
		ctx, cancel := context.WithCancel(t.Context())
		ticks, ended := make(chan time.Time, 1), make(chan struct{})
		go func() {
			defer close(ended)
			x.runMetrics(ctx, x.resource(fact.Host{}), registry, ticks)
		}()
		ticks <- time.Time{}
		<-asked
		cancel()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Error("Run goes on")
			x.cancel(context.Canceled)
			<-ended
		}
		limit, stop := context.WithCancel(t.Context())
		stop()
		x.Close(limit)
	}
}

// A receiver that asks for a pause of years gets one of minutes.
func TestPauseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sender{signal: Logs, endpoint: Endpoint{Timeout: time.Second}, report: newReporter(testLog(&buffer{wrote: make(chan struct{}, 1)}), time.Now), counts: &counts{}, pause: firstPause}
		s.endpoint.URL = &url.URL{Scheme: "http", Host: "x"}
		began, attempts := time.Now(), 0
		s.deliver(t.Context(), 1, func(ctx context.Context) error {
			a := answerOf(ctx)
			if attempts++; attempts == 1 {
				a.status, a.after = http.StatusServiceUnavailable, 100*365*24*time.Hour
				return errors.New("busy")
			}
			a.accepted = true
			return nil
		})
		if waited := time.Since(began); waited != longestPause || s.counts.delivered.Load() != 1 {
			t.Errorf("waited %v, %d delivered", waited, s.counts.delivered.Load())
		}
	})
}
