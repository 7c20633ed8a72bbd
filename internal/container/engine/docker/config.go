package docker

import (
	"context"
	"log/slog"
	"net"
	"time"
)

// The defaults of a Config.
const (
	DefaultTimeout   = 3 * time.Second
	DefaultPingEvery = 10 * time.Second
	DefaultRetryMin  = 250 * time.Millisecond
	DefaultRetryMax  = 5 * time.Second
)

// Config configures which engine to follow and how patiently. Its zero value follows the engine that the
// docker command would use.
type Config struct {
	// Host is the engine's address, unix:///path/to/docker.sock or tcp://host:port. Empty is
	// $DOCKER_HOST or, without that, the usual socket. $DOCKER_CERT_PATH and $DOCKER_TLS_VERIFY
	// count for tcp, $DOCKER_API_VERSION replaces the negotiation of the version.
	Host string
	// Runtime is what the engine is taken for until it has answered; "" is to go by its socket.
	Runtime string
	// Connect connects to the engine's UNIX socket, by its path. It fails with [engine.ErrNotRunning] where that would start the engine.
	// A nil Connect connects in any case.
	Connect func(ctx context.Context, socket string) (net.Conn, error)
	// User is the uid of the user whose own engine it is; 0 is the host's.
	User uint32
	// Timeout is how long one request may take. The list of all containers is given more after it
	// failed to come in time.
	Timeout time.Duration
	// PingEvery is how often an otherwise quiet engine is asked whether it is still there.
	PingEvery time.Duration
	// Backoff bounds the pause before the engine is tried again.
	Backoff Backoff
	// Log takes one line per change of state; nil is silent.
	Log *slog.Logger
	// Clock is the time; nil is the real one.
	Clock Clock
}

// Backoff is a pause that doubles from Min to Max while the engine stays away.
type Backoff struct{ Min, Max time.Duration }

// Clock is the follower's source of time.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f on a goroutine of its own after d, unless stop is called before.
	AfterFunc(d time.Duration, f func()) (stop func())
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) AfterFunc(d time.Duration, f func()) func() {
	timer := time.AfterFunc(d, f)
	return func() { timer.Stop() }
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.PingEvery <= 0 {
		c.PingEvery = DefaultPingEvery
	}
	if c.Backoff.Min <= 0 {
		c.Backoff.Min = DefaultRetryMin
	}
	if c.Backoff.Max <= 0 {
		c.Backoff.Max = DefaultRetryMax
	}
	c.Backoff.Max = max(c.Backoff.Min, c.Backoff.Max)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = wallClock{}
	}
	return c
}

// alarm is a timer for a select: the channel is closed after d, unless stop is called before.
func alarm(clock Clock, d time.Duration) (rings <-chan struct{}, stop func()) {
	done := make(chan struct{})
	return done, clock.AfterFunc(d, func() { close(done) })
}
