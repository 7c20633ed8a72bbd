package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen is systemd's end of the socket.
func listen(t *testing.T) (next func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		message := make([]byte, 4096)
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		return string(message[:n])
	}
}

func run(t *testing.T, c Config) (stop func()) {
	t.Helper()
	c.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		Run(ctx, c)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestReadyComesAfterTheProbes(t *testing.T) {
	next := listen(t)
	ready := make(chan struct{})
	stop := run(t, Config{Ready: ready, Status: "watching"})
	if got := next(); got != "STATUS=attaching the probes" {
		t.Errorf("first: %q", got)
	}
	close(ready)
	if got := next(); got != "READY=1\nSTATUS=watching" {
		t.Errorf("ready: %q", got)
	}
	stop()
	if got := next(); !strings.HasPrefix(got, "STOPPING=1\n") {
		t.Errorf("at the end: %q", got)
	}
}

func TestOneThatNeverBecomesReadyOnlyStops(t *testing.T) {
	next := listen(t)
	stop := run(t, Config{Ready: make(chan struct{})})
	next()
	stop()
	if got := next(); !strings.HasPrefix(got, "STOPPING=1\n") {
		t.Errorf("at the end: %q", got)
	}
}

// The watchdog has an answer for each event that has gone through, none while nothing does, and one again afterwards.
func TestWatchdog(t *testing.T) {
	next := listen(t)
	t.Setenv("WATCHDOG_USEC", "20000")
	ready := make(chan struct{})
	close(ready)
	results, stopped := make(chan bool), make(chan struct{})
	stop := run(t, Config{Ready: ready, Status: "watching", Sync: func(context.Context) bool {
		select {
		case moved := <-results:
			return moved
		case <-stopped:
			return false
		}
	}})
	next()
	next()
	for range 2 {
		results <- true
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("it moves: %q", got)
		}
	}
	for range 3 {
		results <- false
	}
	if got := next(); !strings.HasPrefix(got, "STATUS=what happens is not handled") {
		t.Errorf("it is stuck: %q", got)
	}
	results <- true
	if got := next(); got != "WATCHDOG=1" {
		t.Errorf("it moves again after three times: %q", got)
	}
	if got := next(); got != "STATUS=watching" {
		t.Errorf("its status: %q", got)
	}
	go func() {
		for {
			select {
			case results <- true:
			case <-stopped:
				return
			}
		}
	}()
	stop()
	close(stopped)
	for got := next(); !strings.HasPrefix(got, "STOPPING=1\n"); got = next() {
		if got != "WATCHDOG=1" {
			t.Errorf("before the end: %q", got)
		}
	}
}

func TestWithoutSystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	ready := make(chan struct{})
	close(ready)
	run(t, Config{Ready: ready})()
}

// A systemd that takes no messages for a while holds nobody up, not the watchdog either, and learns later that the service is ready.
func TestSystemdThatHangs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	filler, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil { // until its queue is full
		if err = filler.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)); err == nil {
			_, err = filler.Write([]byte("x"))
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "20000")
	ready, asked := make(chan struct{}), make(chan struct{}, 1)
	close(ready)
	stop := run(t, Config{Ready: ready, Status: "watching", Sync: func(context.Context) bool {
		select {
		case asked <- struct{}{}:
		default:
		}
		return true
	}})
	<-asked
	<-asked
	_ = filler.Close()
	for message := make([]byte, 4096); ; { // as soon as it takes some, it learns that the service is ready
		n, err := socket.Read(message)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(message[:n]), daemon.SdNotifyReady) {
			break
		}
	}
	stop()
	_ = socket.Close()
}
