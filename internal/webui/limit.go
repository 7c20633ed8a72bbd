package webui

import (
	"bytes"
	"net/http"
)

// maxAnswers bounds the answers that are being made at a time; others wait for their turn. Any user of this host may ask.
const maxAnswers = 4

// limited makes at most maxAnswers of the wrapped handlers' answers at a time. An answer is sent once it is complete, so that a slow reader
// holds up no other.
func (p *Page) limited(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case p.turns <- struct{}{}:
		case <-r.Context().Done():
			return
		}
		a := &answer{ResponseWriter: w, status: http.StatusOK}
		func() {
			defer func() { <-p.turns }()
			next(a, r)
		}()
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
