package server

import (
	"net/http"

	"github.com/nsviz/nsviz/internal/mishap"
)

// isolated keeps a mistake in one answer from having more consequences than that this answer is not given, or ends too early.
func isolated(next http.Handler, mishaps *mishap.Counter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := &begun{ResponseWriter: w}
		err := mishaps.Do(mishap.Request, r.Method+" "+r.URL.Path, func() error {
			next.ServeHTTP(begun, r)
			return nil
		})
		switch {
		case err == nil:
		case begun.yes:
			panic(http.ErrAbortHandler) // net/http closes the connection, by which the client knows that something is missing
		default:
			w.Header().Del("Content-Type")
			w.Header().Del("Content-Encoding")
			reply(w, http.StatusInternalServerError, Refusal{Error: err.Error()})
		}
	})
}

// begun notes whether an answer was begun.
type begun struct {
	http.ResponseWriter

	yes bool
}

func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(part []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(part)
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
