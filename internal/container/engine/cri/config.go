package cri

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"time"
)

// Config says which engine to follow.
type Config struct {
	// Endpoint is the engine's address, unix:///path/to/containerd.sock.
	Endpoint string
	// Runtime is what the engine is taken for until it has answered.
	Runtime string
	// Found is set for an engine that nobody has named: its socket was found. Not each containerd serves the API, Docker's does not. Until
	// such an engine has answered once, nothing but a hang is reported of it.
	Found bool
	// Connect connects to the socket, by its path. It fails with [engine.ErrNotRunning] where that would start the engine.
	Connect func(ctx context.Context, socket string) (net.Conn, error)
	// Log takes one line per change of state; nil is silent.
	Log *slog.Logger

	// What follows is for tests; zero is the default.

	timeout   time.Duration // of a request; a list may take longer
	listEvery time.Duration // the pause between two lists
	retryMin  time.Duration // the pause before the engine is tried again, which doubles
	retryMax  time.Duration
	noAPI     time.Duration // the same where the server has no CRI API
	// secondLook is when an engine that says nothing of an OOM kill is asked again: containerd hears of OOM kills and of ends by different
	// ways, in any order.
	secondLook time.Duration
	askFirst   time.Duration // the pause before an engine is asked about an end, which doubles while it says that the container runs
}

const (
	defaultTimeout    = 3 * time.Second
	listPatience      = 4 // a list may take so many times as long as another request
	defaultListEvery  = 15 * time.Second
	defaultRetryMin   = 250 * time.Millisecond
	defaultRetryMax   = 5 * time.Second
	defaultNoAPI      = 5 * time.Minute
	defaultAskFirst   = 50 * time.Millisecond
	defaultSecondLook = time.Second
)

func (c Config) withDefaults() Config {
	set := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	set(&c.timeout, defaultTimeout)
	set(&c.listEvery, defaultListEvery)
	set(&c.retryMin, defaultRetryMin)
	set(&c.retryMax, defaultRetryMax)
	set(&c.noAPI, defaultNoAPI)
	set(&c.askFirst, defaultAskFirst)
	set(&c.secondLook, defaultSecondLook)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// socketOf returns the path of the socket of an endpoint.
func socketOf(endpoint string) (string, error) {
	path, ok := strings.CutPrefix(endpoint, "unix://")
	switch {
	case ok && filepath.IsAbs(path):
		return path, nil
	case filepath.IsAbs(endpoint):
		return "", fmt.Errorf("CRI endpoint %q: a socket is written unix://%s", endpoint, endpoint)
	}
	return "", fmt.Errorf("CRI endpoint %q: want unix:///path/to/containerd.sock", endpoint)
}
