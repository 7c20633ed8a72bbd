package webui

import (
	"bytes"
	"net/http"
)

const (
	// maxAnswers bounds the answers that are being made at a time; others wait for their turn. Any user of this host may ask.
	maxAnswers = 2
	// maxUnsent bounds the bytes of the answers that are being sent.
	maxUnsent = 64 << 20
)

// limited makes at most maxAnswers of the wrapped handlers' answers at a time. An answer is sent once it is complete, so that a slow reader
// holds up no other.
func (p *Page) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		done, err := p.turns.Take(r.Context())
		if err != nil {
			return // the client has gone
		}
		a := &answer{ResponseWriter: w, status: http.StatusOK}
		func() {
			defer done()
			next(a, r)
		}()
		sent, ok := p.unsent.Add(a.body.Len())
		if !ok {
			w.Header().Del("Content-Disposition")
			w.Header().Set("Retry-After", "1")
			reply(w, http.StatusServiceUnavailable, refusal{Error: "too many answers are being sent: ask again"})
			return
		}
		defer sent()
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body.Bytes()) // a client that has gone does not matter
	}
}

// answer keeps the body of an answer.
type answer struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

func (a *answer) WriteHeader(status int)            { a.status = status }
func (a *answer) Write(part []byte) (int, error)    { return a.body.Write(part) }
func (a *answer) WriteString(s string) (int, error) { return a.body.WriteString(s) }
