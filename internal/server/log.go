package server

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net/http"
	"strings"
)

// onAbort wraps a handler, so that a client that goes away during its answer, or reads too slowly, is logged once, not
// for each metric family that it misses. Any client can cause that, so it is logged for debugging only.
func onAbort(next http.Handler, logger *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&abortable{ResponseWriter: w, aborted: func(err error) {
			logger.Debug("an answer was not taken", "path", r.URL.Path, "client", r.RemoteAddr, "error", err)
		}}, r)
	})
}

// abortable discards what is written after a write has failed, and reports it as written.
type abortable struct {
	http.ResponseWriter

	aborted func(error)
	failed  bool
}

func (a *abortable) Write(p []byte) (int, error) {
	if a.failed {
		return len(p), nil
	}
	_, err := a.ResponseWriter.Write(p)
	if err != nil {
		a.failed = true
		a.aborted(err)
	}
	return len(p), nil
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (a *abortable) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// serverLog returns the log of a net/http server. Messages that any client can cause, as often as it likes, are logged for
// debugging only.
func serverLog(logger *slog.Logger) *log.Logger { return log.New(&lineLog{logger}, "", 0) }

type lineLog struct{ logger *slog.Logger }

func (l *lineLog) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	for _, clients := range []string{"http: TLS handshake error", "http2:", "http: URL query contains semicolon"} {
		if strings.HasPrefix(string(line), clients) {
			level = slog.LevelDebug
		}
	}
	l.logger.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
