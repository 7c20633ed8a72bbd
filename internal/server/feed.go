package server

import (
	"context"
	"sync"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/losses"
	"github.com/nsviz/nsviz/internal/sink"
)

// The bounds of the streams of events: each holds a connection, of which there are few, and what waits for its client.
const (
	maxStreams         = 16
	streamShare        = 4       // of the connections, so that scrapes and questions have the others
	waitingStream      = 1 << 13 // events
	waitingStreamBytes = 8 << 20
	// streamSink is the name of the streams' sinks in metrics.
	streamSink = "stream"
)

// Feed passes events on to the clients that follow them. Put waits for none.
type Feed struct {
	mu      sync.Mutex
	limit   int
	streams map[*stream]struct{}
	past    sink.Stats // the counts of the streams that have ended
	ended   chan struct{}
	isEnded bool
}

// NewFeed returns a Feed that nobody follows yet.
func NewFeed() *Feed {
	return &Feed{limit: maxStreams, streams: map[*stream]struct{}{}, past: sink.Stats{Name: streamSink}, ended: make(chan struct{})}
}

// within bounds the streams by the number of connections that there may be.
func (f *Feed) within(connections int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = min(max(connections/streamShare, 1), maxStreams)
}

// Put passes a fact on if it is an event.
func (f *Feed) Put(what fact.Fact) {
	if what.Event == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.streams {
		s.sink.Put(what)
	}
}

// Stats returns the counts of all streams together.
func (f *Feed) Stats() sink.Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.past
	for s := range f.streams {
		all = sum(all, s.sink.Stats())
	}
	return all
}

// sum adds the counts of a sink to those of others.
func sum(all, more sink.Stats) sink.Stats {
	all.Written += more.Written
	all.Dropped += more.Dropped
	all.Waiting += more.Waiting
	return all
}

// end ends all streams and refuses further ones. It may be called more than once.
func (f *Feed) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isEnded {
		f.isEnded = true
		close(f.ended)
	}
}

// stream is the queue of one client. The client's goroutine takes the events from next.
type stream struct {
	sink *sink.Sink[fact.Fact]
	next chan fact.Fact
	gone chan struct{} // closed when the client takes no more
}

// open begins a stream; false is that there are too many, or that the server ends.
func (f *Feed) open() (*stream, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isEnded || len(f.streams) >= f.limit {
		return nil, false
	}
	s := &stream{next: make(chan fact.Fact), gone: make(chan struct{})}
	s.sink = sink.New(sink.Config[fact.Fact]{
		Name: streamSink, Values: waitingStream, Bytes: waitingStreamBytes,
		Size: func(what fact.Fact) int { return what.Size() },
		Write: func(what fact.Fact) error {
			select {
			case s.next <- what:
				return nil
			case <-s.gone:
				return context.Canceled
			}
		},
		Keep: losses.Keep,
		Missed: func(n uint64, last fact.Fact, kept []fact.Fact) []fact.Fact {
			if n == 0 {
				return kept
			}
			return append(kept, losses.Of(n, last, event.LostReader))
		},
	})
	f.streams[s] = struct{}{}
	return s, true
}

// close ends a stream whose client takes no more. What still waits was not dropped: nobody is there to miss it.
func (f *Feed) close(s *stream) {
	close(s.gone)
	f.mu.Lock()
	stats := s.sink.Stats()
	delete(f.streams, s)
	stats.Waiting = 0
	f.past = sum(f.past, stats)
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.sink.Close(ctx) // it fails as it has to: nobody takes what waits
}

// withStreams adds the counts of the streams to those of this process's other sinks.
func withStreams(sinks func() []sink.Stats, f *Feed) func() []sink.Stats {
	return func() []sink.Stats {
		var list []sink.Stats
		if sinks != nil {
			list = sinks()
		}
		return append(list, f.Stats())
	}
}
