package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/store"
	"github.com/nsviz/nsviz/internal/turns"
)

// Refusal is the body of an API answer whose status is not 200.
type Refusal struct {
	Error string `json:"error"`
	// RetentionSeconds is how long nsviz keeps what has ended at most. It is sent with the status 404 alone, and not by earlier
	// versions of nsviz: then it is 0.
	RetentionSeconds float64 `json:"retention_seconds,omitempty"`
	// Filter says where the expression of a filter is wrong.
	Filter *FilterMistake `json:"filter,omitempty"`
}

const (
	// maxQuestions bounds the questions that are answered at the same time; further ones get a 503.
	maxQuestions = 32
	// maxMade bounds those whose answers are being made, from a snapshot that is there.
	maxMade = 2
	// maxUnsent bounds the bytes of the answers that are being sent.
	maxUnsent = 64 << 20
	// maxUnsentPast bounds those of the past that streams begin with. They are counted apart: a stream has no end, and so a client that reads
	// slowly may hold them for long, which must not keep others from their answers.
	maxUnsentPast = 32 << 20
)

const (
	busy             = "too many questions at once"
	retryAfterHeader = "Retry-After"
)

// questions answers questions from full snapshots.
type questions struct {
	snapshots *snapshots
	past      *past
	feed      *Feed
	line      func(event.Event) string // nil writes none
	version   string
	slots     chan struct{} // holds one for each question under way
	turns     *turns.Turns  // of the answers that are being made
	// unsent is of answers, unsentPast of the past that streams begin with.
	unsent, unsentPast *turns.Unsent
}

func newQuestions(full func() *model.Snapshot, kept *store.Timeline) *questions {
	return &questions{
		snapshots: newSnapshots(full), past: newPast(kept), feed: NewFeed(), slots: make(chan struct{}, maxQuestions),
		turns: turns.New(maxMade, turns.Quarter(maxPause)), unsent: turns.NewUnsent(maxUnsent), unsentPast: turns.NewUnsent(maxUnsentPast),
	}
}

func (q *questions) why(w http.ResponseWriter, r *http.Request) {
	refuse := func() {
		reply(w, http.StatusBadRequest, Refusal{Error: "want one container=NAME, one namespace=TYPE:[ID], one cgroup=/PATH or one kill=kill:ID"})
	}
	query := r.URL.Query()
	namespaces, cgroups, kills := query[namespaceParameter], query[cgroupParameter], query[killParameter]
	if len(namespaces)+len(cgroups)+len(kills) == 0 {
		q.ofContainer(w, r, func(c *model.Container, s *model.Snapshot) any { return report.WhyContainer(c, s) })
		return
	}
	if len(namespaces)+len(cgroups)+len(kills) > 1 || query.Has(containerParameter) {
		refuse()
		return
	}
	if len(kills) == 1 {
		id, ok := event.ParseKillID(kills[0])
		if !ok {
			refuse()
			return
		}
		q.answer(w, r, func(s *model.Snapshot) (any, error) { return report.WhyKill(s, id) })
		return
	}
	if len(cgroups) == 1 {
		at, ok := report.ParseCgroupName(report.CgroupName(cgroups[0]))
		if !ok {
			refuse()
			return
		}
		q.answer(w, r, func(s *model.Snapshot) (any, error) { return report.WhyCgroup(s, at) })
		return
	}
	name, ok := report.ParseNamespaceName(namespaces[0])
	if !ok {
		refuse()
		return
	}
	q.answer(w, r, func(s *model.Snapshot) (any, error) { return report.WhyNamespace(s, name) })
}

func (q *questions) inspect(w http.ResponseWriter, r *http.Request) {
	q.ofContainer(w, r, func(c *model.Container, s *model.Snapshot) any { return report.NewKnown(c, s) })
}

func (q *questions) ofContainer(w http.ResponseWriter, r *http.Request, of func(*model.Container, *model.Snapshot) any) {
	names := r.URL.Query()[containerParameter]
	if len(names) != 1 {
		reply(w, http.StatusBadRequest, Refusal{Error: "want one container=NAME"})
		return
	}
	q.answer(w, r, func(s *model.Snapshot) (any, error) {
		c, err := report.Find(s, names[0])
		if err != nil {
			return nil, err
		}
		return of(c, s), nil
	})
}

// answer answers from a full snapshot of now or, if the request has a time, of then.
func (q *questions) answer(w http.ResponseWriter, r *http.Request, of func(*model.Snapshot) (any, error)) {
	get := q.snapshots.get
	if r.URL.Query().Has(atParameter) {
		at, err := timeOf(r, atParameter)
		if err != nil {
			reply(w, http.StatusBadRequest, Refusal{Error: err.Error()})
			return
		}
		get = func(ctx context.Context) (*model.Snapshot, error) { return q.past.full(ctx, at) }
	}
	q.reply(w, r, func(ctx context.Context) (int, []byte) { return q.prepare(ctx, get, of) })
}

// reply sends what ready returns, which takes one of the slots.
func (q *questions) reply(w http.ResponseWriter, r *http.Request, ready func(context.Context) (int, []byte)) {
	refuse := func() {
		w.Header().Set(retryAfterHeader, "1")
		reply(w, http.StatusServiceUnavailable, Refusal{Error: busy})
	}
	select {
	case q.slots <- struct{}{}:
	default:
		refuse()
		return
	}
	status, body := func() (int, []byte) {
		defer func() { <-q.slots }() // a slow reader delays no other
		return ready(r.Context())
	}()
	sent, ok := q.unsent.Add(len(body))
	if !ok {
		refuse()
		return
	}
	defer sent()
	send(w, status, body)
}

// document is an answer that is sent as it is, and no JSON.
type document []byte

// prepare makes an answer ready to be sent.
func (q *questions) prepare(ctx context.Context, get func(context.Context) (*model.Snapshot, error), of func(*model.Snapshot) (any, error)) (status int, body []byte) {
	s, err := get(ctx)
	var lost *notKeptError
	switch {
	case errors.As(err, &lost):
		return http.StatusGone, encode(Refusal{Error: err.Error()})
	case err != nil:
		return http.StatusServiceUnavailable, encode(Refusal{Error: err.Error()}) // the client has gone
	case s == nil:
		return http.StatusServiceUnavailable, encode(Refusal{Error: "nsviz has seen nothing yet"})
	}
	done, err := q.turns.Take(ctx)
	if err != nil {
		return http.StatusServiceUnavailable, encode(Refusal{Error: err.Error()}) // likewise
	}
	defer done()
	answer, err := of(s)
	if document, ok := answer.(document); ok && err == nil {
		return http.StatusOK, document
	}
	var ambiguous *report.AmbiguousError
	switch {
	case errors.As(err, &ambiguous):
		return http.StatusConflict, encode(Refusal{Error: err.Error()})
	case err != nil:
		return http.StatusNotFound, encode(Refusal{Error: err.Error(), RetentionSeconds: s.Retention.Seconds()})
	}
	return http.StatusOK, encode(answer)
}

func reply(w http.ResponseWriter, status int, body any) { send(w, status, encode(body)) }

func send(w http.ResponseWriter, status int, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store") // the next answer differs, and names of containers are private
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that has gone does not matter
}

func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(foreign.JSONWriter(&b))
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // plain values, which can be encoded
	return b.Bytes()
}
