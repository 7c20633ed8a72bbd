package main

import (
	"context"
	"sync"
	"time"
)

// The end of the process takes two seconds at most, whatever hangs: the server has one for the requests under way, and what waits to be written
// or sent has until sendBy, the log until logBy after the end began. drainPatience bounds each of them, and each has leastPatience even if what came before
// took too long: a consumer that takes what waits at once needs no more.
const (
	drainPatience = 800 * time.Millisecond
	sendBy        = 1400 * time.Millisecond
	logBy         = 1700 * time.Millisecond
	leastPatience = 100 * time.Millisecond
)

// closer is a queue whose Close waits until what it holds is taken, or ctx is done.
type closer interface {
	Close(ctx context.Context) error
}

// ending bounds the time in which the process ends, which all queues share. It may be used by several goroutines.
type ending struct {
	once  sync.Once
	began time.Time
}

// newEnding returns an ending that begins when ctx is done, or when the first queue is closed.
func newEnding(ctx context.Context) *ending {
	e := &ending{}
	context.AfterFunc(ctx, e.begin)
	return e
}

func (e *ending) begin() { e.once.Do(func() { e.began = time.Now() }) }

// within returns a context that is done when a queue may not take any more time, which is by a time after the end began at the latest.
func (e *ending) within(by time.Duration) (context.Context, context.CancelFunc) {
	e.begin()
	patience := min(drainPatience, by-time.Since(e.began))
	return context.WithTimeout(context.Background(), max(patience, leastPatience))
}

// send closes a queue of what is written for others, or sent to them.
func (e *ending) send(c closer) error { return e.close(c, sendBy) }

// log closes a queue of the log, which is the last to be closed.
func (e *ending) log(c closer) error { return e.close(c, logBy) }

func (e *ending) close(c closer, by time.Duration) error {
	ctx, cancel := e.within(by)
	defer cancel()
	return c.Close(ctx)
}
