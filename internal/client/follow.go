package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/pause"
	"github.com/nsviz/nsviz/internal/server"
)

const (
	// silence is how long a stream may send nothing: what has sent no empty line for so long has gone.
	silence = 3 * server.KeepAlive
	// leastPause and mostPause bound the pause before the next attempt to connect, which doubles each time.
	leastPause, mostPause = time.Second, 30 * time.Second
	// maxLine bounds the JSON of an event.
	maxLine = 8 << 20
	// overlap is what is asked for again after an interruption: events come in the order of their time, give or take some milliseconds.
	overlap = 5 * time.Second
	// maxRecent bounds the events that are told from those that come again.
	maxRecent = 1 << 16
)

// Following is what is done with the events that an nsviz sends. Its functions are called by the goroutine of [Follow].
type Following struct {
	// Since is the time from which on past events are sent first; zero is none.
	Since time.Time
	// Filters are expressions that the nsviz applies, so that it need not send everything.
	Filters []string
	// Take takes an event. Its error ends the following.
	Take func(event.Event) error
	// Begun is called once: the events are complete from a time on.
	Begun func(from time.Time)
	// Interrupted is called when the connection is lost, and before each further attempt.
	Interrupted func(err error, pause time.Duration)
	// Missed is called when it is back, if events between two times are not kept any more.
	Missed func(from, to time.Time)

	silence time.Duration // 0 is the constant
	wait    func(context.Context, time.Duration) bool
}

// Follow follows the events of an nsviz that is running until ctx is done. If it cannot be reached at first, Follow fails; after that it
// asks again until it is back, for what it has not sent yet. No event comes twice.
func Follow(ctx context.Context, from Source, f Following) error {
	r, err := from.remote()
	if err != nil {
		return err
	}
	if f.silence == 0 {
		f.silence = silence
	}
	if f.wait == nil {
		f.wait = pause.Wait
	}
	s := &following{Following: f, remote: r, recent: newRecent()}
	pauses := pause.NewDoubling(leastPause, mostPause)
	for ctx.Err() == nil {
		before := s.events
		err := s.connect(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that is why it failed
		}
		if taken := (*takeError)(nil); errors.As(err, &taken) {
			return taken.err
		}
		question := (*questionError)(nil)
		if errors.As(err, &question) && len(s.Filters) > 0 {
			s.Filters = nil // it may be of a version that lacks a field; whoever takes the events looks at them, too
			continue
		}
		access := (*AccessError)(nil)
		if !s.begun || errors.As(err, &question) || errors.As(err, &access) || errors.Is(err, ErrNotPermitted) {
			return err
		}
		if s.events > before {
			pauses.Reset()
		}
		wait := pauses.Next()
		s.Interrupted(err, wait)
		s.wait(ctx, wait)
	}
	return nil
}

// following is the state of Follow.
type following struct {
	Following

	remote *remote
	begun  bool
	from   time.Time // from which on the events come
	last   time.Time // of the events; before the first one it is from
	events uint64
	recent *recent
}

// takeError reports that Take has failed.
type takeError struct{ err error }

func (e *takeError) Error() string { return e.err.Error() }

// connect follows the events on one connection until that ends.
func (s *following) connect(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	quiet := time.AfterFunc(s.silence, func() {
		cancel(fmt.Errorf("the nsviz at %s has sent nothing for %v", s.remote.address, s.silence))
	})
	defer quiet.Stop()
	query := url.Values{"follow": {"true"}, "filter": s.Filters}
	since := s.Since
	if s.begun {
		if since = s.recent.since(s.last); since.Before(s.from) {
			since = s.from
		}
	}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	response, err := s.remote.get(ctx, server.EventsPath, query)
	if err != nil {
		return because(ctx, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return s.remote.refused(ctx, response)
	}
	kind, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
	from, err := time.Parse(time.RFC3339Nano, response.Header.Get(server.CompleteSinceHeader))
	if kind != server.StreamType || err != nil {
		if kind == "application/json" && s.remote.isNsviz(ctx) {
			return &questionError{s.remote.older("it sends no events as they happen; ask for those of the past by --since")}
		}
		return &questionError{fmt.Errorf("what answers at %s is no nsviz that sends events", s.remote.address)}
	}
	s.connected(from)
	lines := bufio.NewReaderSize(awake{response.Body, func() { quiet.Reset(s.silence) }}, 1<<16)
	for {
		line, err := readLine(lines)
		if err != nil {
			return because(ctx, s.remote.unreached(err))
		}
		if len(line) == 0 || s.recent.has(line) {
			continue
		}
		var e event.Event
		if err := json.Unmarshal(line, &e); err != nil || e.Type == "" {
			return &questionError{fmt.Errorf("what answers at %s sends something else than events", s.remote.address)}
		}
		s.recent.add(line, e.Time)
		if e.Time.After(s.last) {
			s.last = e.Time
		}
		s.events++
		if err := s.Take(e); err != nil {
			return &takeError{err}
		}
	}
}

// connected notes that a stream has begun, whose events are complete from a time on.
func (s *following) connected(from time.Time) {
	switch {
	case !s.begun:
		s.begun, s.from, s.last = true, from, from
		s.Begun(from)
	case from.After(s.last):
		s.Missed(s.last, from)
		s.last = from
	}
}

// because returns why ctx was cancelled if that is why something failed.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// awake is a reader that calls a function whenever something was read.
type awake struct {
	io.Reader

	read func()
}

func (a awake) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if n > 0 {
		a.read()
	}
	return n, err
}

// readLine returns a line without its end. A line that has none is not whole, and an error.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("the stream has ended")
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case err == nil:
			return bytes.TrimSpace(line), nil
		case len(line) > maxLine:
			return nil, errors.New("an event is larger than any event of nsviz")
		}
	}
}

// recent holds the latest lines, to tell those that come again.
type recent struct {
	seed  maphash.Seed
	seen  map[uint64]struct{}
	keys  []uint64
	times []time.Time
	next  int
}

func newRecent() *recent { return &recent{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}} }

func (r *recent) has(line []byte) bool {
	_, has := r.seen[maphash.Bytes(r.seed, line)]
	return has
}

func (r *recent) add(line []byte, at time.Time) {
	key := maphash.Bytes(r.seed, line)
	r.seen[key] = struct{}{}
	if len(r.keys) < maxRecent {
		r.keys, r.times = append(r.keys, key), append(r.times, at)
		return
	}
	delete(r.seen, r.keys[r.next])
	r.keys[r.next], r.times[r.next] = key, at
	r.next = (r.next + 1) % maxRecent
}

// since returns the time since which to ask for events again: somewhat before the last one, and not before those that can be told apart.
func (r *recent) since(last time.Time) time.Time {
	since := last.Add(-overlap)
	if len(r.keys) == maxRecent && r.times[r.next].After(since) {
		since = r.times[r.next]
	}
	return since
}
