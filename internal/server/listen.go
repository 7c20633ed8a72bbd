package server

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
)

// DefaultAddress is where nsviz serves by default: on the loopback only, since container
// names and images are private to the host.
const DefaultAddress = "127.0.0.1:10064"

// Listen opens the addresses of --web.listen-address. A single "" turns metrics off and gives no
// listeners. If one address fails, those already open are closed.
func Listen(addresses []string) ([]net.Listener, error) {
	if len(addresses) == 1 && addresses[0] == "" {
		return nil, nil
	}
	listeners := make([]net.Listener, 0, len(addresses))
	for _, address := range addresses {
		l, err := listen(address)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func listen(address string) (net.Listener, error) {
	if address == "" {
		return nil, errors.New(`--web.listen-address="" turns metrics off: give it alone, or leave it out`)
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("--web.listen-address must be HOST:PORT, for example %s: %w", DefaultAddress, err)
	}
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &listenError{err, fmt.Sprintf(
			`%s is in use: choose another with --web.listen-address, or turn metrics off with --web.listen-address=""`, address)}
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, &listenError{err, fmt.Sprintf(
			"%s is not an address of this host: choose another with --web.listen-address", address)}
	case err != nil:
		return nil, fmt.Errorf("serving metrics on %s: %w", address, err)
	}
	return l, nil
}

// Inherited returns the listeners that systemd has opened and passed on (socket activation).
func Inherited() ([]net.Listener, error) {
	passed, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("--web.systemd-socket: take over the sockets of systemd: %w", err)
	}
	listeners := slices.DeleteFunc(passed, func(l net.Listener) bool { return l == nil })
	switch {
	case len(passed) == 0:
		return nil, errors.New("--web.systemd-socket: systemd has passed on no socket: start nsviz by its unit nsviz.socket " +
			"(systemctl start nsviz.socket nsviz.service), or leave the flag out")
	case len(listeners) < len(passed):
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, errors.New("--web.systemd-socket: a socket that systemd has passed on accepts no connections: " +
			"use ListenStream= in the .socket unit")
	}
	return listeners, nil
}

// listenError explains the system's error in one sentence; the cause stays reachable.
type listenError struct {
	cause    error
	sentence string
}

func (e *listenError) Error() string { return e.sentence }
func (e *listenError) Unwrap() error { return e.cause }
