package server

import (
	"bytes"
	"context"
	"hash/maphash"
	"net/http"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/query"
	"github.com/nsviz/nsviz/internal/report"
)

const (
	// maxEvents bounds the events of one answer, of which each takes about half a kilobyte, maxEventBytes their size, in
	// memory and then in JSON: one with a long command line takes many times more. A client reads twice as much (client.maxAnswer).
	maxEvents     = 50_000
	maxEventBytes = 32 << 20
)

const (
	// CompleteSinceHeader is the header of a stream that says from when on its events are complete.
	CompleteSinceHeader = "Nsviz-Complete-Since"
	// KeepAlive is the longest time in which nothing is sent in a stream. Then comes an empty line, by which either side learns that the
	// other one has gone.
	KeepAlive = 10 * time.Second
	// streamPatience is how long a client may take nothing.
	streamPatience = 10 * time.Second
	// StreamType is the media type of a stream.
	StreamType = "application/x-ndjson"
)

// events answers with the events since a time, or sends them as they happen.
func (q *questions) events(w http.ResponseWriter, r *http.Request) {
	refuse := func(err error) { reply(w, http.StatusBadRequest, Refusal{Error: err.Error()}) }
	follow, err := followOf(r)
	if err != nil {
		refuse(err)
		return
	}
	accept, limit, ok := selection(w, r, query.Events)
	if !ok {
		return
	}
	accepts := func(e *event.Event) bool { return e.Lost != nil || accept(q.row(e)) }
	since, err := timeOf(r, sinceParameter)
	given := r.URL.Query().Has(sinceParameter)
	switch {
	case err != nil && (given || !follow):
		refuse(err)
	case follow && limit > 0:
		reply(w, http.StatusBadRequest, Refusal{Error: "limit does not go with follow=true, which has no end"})
	case follow && !given:
		q.follow(w, r, nil, accepts)
	case follow:
		q.follow(w, r, &since, accepts)
	default:
		q.listEvents(w, r, since, accepts, limit)
	}
}

// listEvents answers with the events since a time.
func (q *questions) listEvents(w http.ResponseWriter, r *http.Request, since time.Time, accepts func(*event.Event) bool, limit int) {
	q.reply(w, r, func(ctx context.Context) (int, []byte) {
		if q.past.kept == nil {
			return http.StatusGone, encode(Refusal{Error: (&notKeptError{at: since}).Error()})
		}
		list, from, asOf, err := q.past.events(ctx, since)
		if err != nil {
			return http.StatusServiceUnavailable, encode(Refusal{Error: err.Error()})
		}
		chosen := []event.Event{} // which is none, and not unknown
		for i := range list {
			if accepts(&list[i]) {
				chosen = append(chosen, list[i])
			}
		}
		chosen, leftOut := latest(chosen, limit)
		return http.StatusOK, encode(report.EventList{Since: from, AsOf: asOf, LeftOut: leftOut, Events: chosen})
	})
}

// events returns the events since a time, as many as one answer may have, with the time from which on these are complete, and that of
// the state that they lead to.
func (p *past) events(ctx context.Context, since time.Time) (list []event.Event, from, asOf time.Time, err error) {
	done, err := p.turns.Take(ctx)
	if err != nil {
		return nil, from, asOf, err
	}
	defer done()
	list, from = p.kept.Events(since, maxEvents, maxEventBytes)
	if latest := within(list, maxEventBytes); len(latest) < len(list) {
		list, from = latest, latest[0].Time
	}
	return list, from, p.kept.Place(0).Last.Time, nil
}

// follow sends events as they happen, after those since a time if there is one, until the client goes or the server ends.
func (q *questions) follow(w http.ResponseWriter, r *http.Request, since *time.Time, accepts func(*event.Event) bool) {
	busy := func() {
		w.Header().Set(retryAfterHeader, "5")
		reply(w, http.StatusServiceUnavailable, Refusal{Error: "too many streams at once"})
	}
	if since != nil && q.past.kept == nil {
		reply(w, http.StatusGone, Refusal{Error: (&notKeptError{at: *since}).Error()})
		return
	}
	from := time.Now()
	begin := func() {
		w.Header().Set("Content-Type", StreamType)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set(CompleteSinceHeader, from.UTC().Format(time.RFC3339Nano))
		w.WriteHeader(http.StatusOK)
	}
	if r.Method == http.MethodHead {
		begin()
		return
	}
	s, ok := q.feed.open() // before the past is read, so that nothing is missed in between
	if !ok {
		busy()
		return
	}
	defer q.feed.close(s)
	var lines bytes.Buffer
	sent := newSeen()
	if since != nil {
		list, complete, _, err := q.past.events(r.Context(), *since)
		if err != nil {
			reply(w, http.StatusServiceUnavailable, Refusal{Error: err.Error()})
			return
		}
		from = complete
		for i := range list {
			line := encode(list[i])
			sent.add(line)
			if accepts(&list[i]) {
				lines.Write(line)
			}
		}
	}
	passed, ok := q.unsentPast.Add(lines.Len())
	if !ok {
		busy()
		return
	}
	begin()
	out := &streamWriter{ResponseWriter: w, control: http.NewResponseController(w)}
	err := out.send(lines.Bytes())
	lines = bytes.Buffer{}
	passed()
	if err == nil {
		out.pass(r.Context(), q.feed, s, sent, accepts)
	}
}

// streamWriter writes to a client, and gives up if that takes nothing for too long. The server's own bound is for a whole answer.
type streamWriter struct {
	http.ResponseWriter

	control *http.ResponseController
}

// send writes a text, in parts: a large one takes a slow client longer than a small one.
func (w *streamWriter) send(text []byte) error {
	const part = 1 << 16
	for {
		if err := w.control.SetWriteDeadline(time.Now().Add(streamPatience)); err != nil {
			return err
		}
		n := min(part, len(text))
		if _, err := w.Write(text[:n]); err != nil {
			return err
		}
		if text = text[n:]; len(text) == 0 {
			return w.control.Flush()
		}
	}
}

// pass sends the events of a stream, except those that were sent before, until the client goes or the server ends.
func (w *streamWriter) pass(ctx context.Context, f *Feed, s *stream, sent *seen, accepts func(*event.Event) bool) {
	quiet := time.NewTicker(KeepAlive)
	defer quiet.Stop()
	for {
		var line []byte
		select {
		case <-ctx.Done():
			return
		case <-f.ended:
			return
		case <-quiet.C:
			line = []byte("\n")
		case what := <-s.next:
			missed := what.Event.Lost != nil && what.Event.Lost.Reason == event.LostReader // by this client alone
			if sent.empty() && !accepts(what.Event) {
				continue
			}
			line = encode(what.Event)
			if !missed && sent.remove(line) || !accepts(what.Event) {
				continue
			}
			quiet.Reset(KeepAlive)
		}
		if w.send(line) != nil {
			return // the client has gone
		}
	}
}

// seen holds the lines that were read from the past. The feed has the last ones of these, too, in the same order: its first event that is
// not among them is after all of them.
type seen struct {
	seed  maphash.Seed
	lines map[uint64]int
}

func newSeen() *seen { return &seen{maphash.MakeSeed(), map[uint64]int{}} }

func (s *seen) add(line []byte) { s.lines[maphash.Bytes(s.seed, line)]++ }

func (s *seen) empty() bool { return len(s.lines) == 0 }

// remove removes a line, and reports whether it was there.
func (s *seen) remove(line []byte) bool {
	if s.empty() {
		return false
	}
	key := maphash.Bytes(s.seed, line)
	if s.lines[key] == 0 {
		s.lines = nil
		return false
	}
	s.lines[key]--
	return true
}
