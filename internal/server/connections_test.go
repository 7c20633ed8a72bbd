package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/metrics"
	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
)

// dial opens a connection that sends nothing until the end of the test.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// awaitClosed waits until the other side has closed a connection.
func awaitClosed(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("it is not closed: %v", err)
	}
}

// A client that only opens connections, however many, holds no more files of nsviz than it allows, and blocks no
// scraper.
func TestIdleConnectionsAreBounded(t *testing.T) {
	for name, webConfig := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			cfg, scheme, client := testConfig(""), "http", (*tls.Config)(nil)
			var user *[2]string
			if webConfig {
				file, roots := tlsConfigFile(t)
				cfg, scheme, client = testConfig(file), "https", &tls.Config{RootCAs: roots}
				user = &[2]string{"alice", "open sesame"}
			}
			address := start(t, cfg, 1)[0].Addr().String()
			const more = 176
			var idle []net.Conn
			for range connectionLimit() + more {
				idle = append(idle, dial(t, address))
			}
			for _, conn := range idle[:more] {
				awaitClosed(t, conn)
			}
			status, body := get(t, scheme+"://"+address+MetricsPath, client, user)
			// The scrape itself took the place of one more, at least.
			if status != 200 || !strings.Contains(body, fmt.Sprintf("\nnsviz_web_connections_dropped_total{reason=\"idle\"} %d\n", more+1)) ||
				!strings.Contains(body, "\nnsviz_web_connections_dropped_total{reason=\"refused\"} 0\n") {
				t.Errorf("%d\n%s", status, body)
			}
		})
	}
}

// A connection that was used and is kept open counts as idle; one that is busy is never closed for another.
func TestBusyConnectionsAreKept(t *testing.T) {
	asked, answer := make(chan struct{}, 2), make(chan struct{})
	cfg := testConfig("")
	cfg.Full = func() *model.Snapshot {
		asked <- struct{}{}
		<-answer
		return metricstest.Full()
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	open := newConnections(2)
	server.connections = open
	listeners, err := Listen([]string{"127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listeners) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	address := listeners[0].Addr().String()

	ask := func(conn net.Conn, path string) {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
	}
	read := func(conn net.Conn) {
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	idle := func(n int) { // waits until that many are idle
		for is := -1; is != n; runtime.Gosched() {
			open.mu.Lock()
			is = open.idle.Len()
			open.mu.Unlock()
		}
	}
	busy, used := dial(t, address), dial(t, address)
	ask(busy, WhyPath+"?container=web")
	<-asked
	ask(used, healthyPath)
	read(used)
	idle(1)
	third := dial(t, address) // in place of the one that was used
	awaitClosed(t, used)
	ask(third, healthyPath)
	read(third)
	idle(1)
	ask(third, WhyPath+"?container=web") // it waits for its turn
	idle(0)
	awaitClosed(t, dial(t, address))
	if got, want := open.stats(), (metrics.DroppedConnections{Idle: 1, Refused: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	close(answer)
	read(busy)
	read(third)
}

// records collects what is logged.
type records struct {
	mu   sync.Mutex
	list []slog.Record
}

func (r *records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r *records) WithGroup(string) slog.Handler            { return r }
func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, record)
	return nil
}

// aborting is a client that goes away after a first part of the answer.
type aborting struct {
	http.ResponseWriter

	takes int
}

func (a *aborting) Write(p []byte) (int, error) {
	if a.takes--; a.takes < 0 {
		return 0, &net.OpError{Op: "write", Err: syscall.EPIPE}
	}
	return len(p), nil
}

// A scraper that goes away during its answer is logged with one line for debugging, not one for each family that it misses.
func TestAbortedScrape(t *testing.T) {
	for name, takes := range map[string]int{"at once": 0, "after a part": 3} {
		t.Run(name, func(t *testing.T) {
			log := &records{}
			cfg := testConfig("")
			cfg.Logger = slog.New(log)
			server, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, MetricsPath, nil)
			if err != nil {
				t.Fatal(err)
			}
			server.handler.ServeHTTP(&aborting{&blank{header: http.Header{}}, takes}, request)
			if len(log.list) != 1 || log.list[0].Level != slog.LevelDebug {
				t.Errorf("%d lines: %v", len(log.list), log.list)
			}
		})
	}
}

// blank is a response that is discarded.
type blank struct{ header http.Header }

func (b *blank) Header() http.Header       { return b.header }
func (*blank) WriteHeader(int)             {}
func (*blank) Write(p []byte) (int, error) { return len(p), nil }

// Messages that any client can cause are for debugging; those about nsviz's own faults are not.
func TestServerLog(t *testing.T) {
	log := &records{}
	out := serverLog(slog.New(log))
	out.Print("http: TLS handshake error from 127.0.0.1:1: EOF")
	out.Print("http: panic serving 127.0.0.1:1: oh")
	if len(log.list) != 2 || log.list[0].Level != slog.LevelDebug || log.list[1].Level != slog.LevelWarn || log.list[1].Message != "http: panic serving 127.0.0.1:1: oh" {
		t.Errorf("%v", log.list)
	}
}
