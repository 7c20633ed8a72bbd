package engine

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"

	"github.com/nsviz/nsviz/internal/fact"
)

// Status passes changes of an engine's state on to its Sink and a log, and nothing else. It is for the goroutine that is in Run.
type Status struct {
	Sink Sink
	Of   Engine
	Log  *slog.Logger

	latest fact.Engine // as it was reported; zero before that
}

// State returns the latest state; "" is none yet.
func (s *Status) State() fact.EngineState { return s.latest.State }

// Set reports the state if it has changed.
func (s *Status) Set(state fact.EngineState, detail string) {
	now := fact.Engine{Name: s.Of.Name(), Address: s.Of.Address(), User: s.Of.User(), State: state, Detail: detail}
	if s.latest == now {
		return
	}
	level := slog.LevelInfo
	switch {
	case s.latest.State == state || s.latest.State == "":
		// Only the detail changed, or nothing happened yet.
		level = slog.LevelDebug
	case now.User != 0:
		level = slog.LevelDebug // a user could fill the log
	case state == fact.EngineFailing:
		level = slog.LevelWarn
	}
	s.latest = now
	s.Log.Log(context.Background(), level, "container engine "+string(state), "runtime", now.Name, "detail", detail)
	s.Sink.EngineState(now)
}

// SocketState returns the state of an engine whose UNIX socket could not be connected to, and why in words. It returns "" for another
// error than those of sockets.
func SocketState(socket string, err error) (state fact.EngineState, detail string) {
	switch {
	case errors.Is(err, ErrNotRunning):
		return fact.EngineAbsent, ErrNotRunning.Error()
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return fact.EngineAbsent, "no socket at " + socket
	case errors.Is(err, syscall.ECONNREFUSED):
		return fact.EngineAbsent, "nothing listens on " + socket
	case errors.Is(err, os.ErrPermission):
		return fact.EngineFailing, "no permission to open " + socket + ": run nsviz as root or as a member of the socket's group"
	case errors.Is(err, syscall.EAGAIN):
		return fact.EngineFailing, "does not accept connections on " + socket
	}
	return "", ""
}
