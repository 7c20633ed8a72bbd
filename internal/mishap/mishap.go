// Package mishap keeps a mistake in nsviz from ending it, where the mistake is in one piece of work that others do not depend on: what is read of one
// container, one answer, one record. A panic there ends that piece of work, is counted, and is logged once for each kind of work with its stack.
//
// It is not for work that changes a state which others go on with, such as the model's.
package mishap

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// Work is a kind of work. The names are those of the metric.
type Work string

// All kinds of work.
const (
	Page     Work = "page"            // reads one container for a page, in a browser or on the terminal
	Findings Work = "findings"        // reads one container for its findings
	Reading  Work = "reading"         // reads what one container uses
	Machine  Work = "virtual_machine" // looks whether one process is a virtual machine
	Files    Work = "files"           // reads the files of one engine
	Request  Work = "request"         // answers one request
	State    Work = "state"           // puts one state together for the browsers
	Scrape   Work = "scrape"          // describes the host for one scrape
	Export   Work = "export"          // makes what is sent of one event
	Log      Work = "log"             // logs one event
)

// Works returns all kinds of work.
func Works() []Work {
	return []Work{Page, Findings, Reading, Machine, Files, Request, State, Scrape, Export, Log}
}

// Error reports a panic that ended a piece of work.
type Error struct {
	Work  Work
	Value any // of the panic
}

func (e *Error) Error() string {
	return fmt.Sprintf("a mistake in nsviz ended this (%v); its log has more", e.Value)
}

// maxStack bounds the stack in the log.
const maxStack = 8 << 10

// Counter counts panics by the kind of work. A nil Counter recovers from none. It may be used by several goroutines.
type Counter struct {
	log *slog.Logger

	mu     sync.Mutex // guards counts
	counts map[Work]uint64
}

// New returns a Counter that reports to a log.
func New(log *slog.Logger) *Counter {
	return &Counter{log: log, counts: map[Work]uint64{}}
}

// Do does a piece of work, and returns its error or, if it panics, an *Error. of names what the work is about.
func (c *Counter) Do(work Work, of string, f func() error) (err error) {
	if c == nil {
		return f()
	}
	ended := false
	defer func() {
		if ended {
			return
		}
		if value := recover(); value != nil { // else runtime.Goexit
			c.note(work, of, value)
			err = &Error{Work: work, Value: value}
		}
	}()
	err = f()
	ended = true
	return err
}

// note counts a panic, from which the caller has recovered, and logs the first one of its kind.
func (c *Counter) note(work Work, of string, value any) {
	c.mu.Lock()
	c.counts[work]++
	n := c.counts[work]
	c.mu.Unlock()
	if n > 1 {
		c.log.Debug("a mistake in nsviz has ended such work again", "work", string(work), "about", of, "panic", fmt.Sprint(value), "times", n)
		return
	}
	stack := debug.Stack()
	c.log.Error("a mistake in nsviz has ended a piece of its work; please report it with this line. Further ones are counted as nsviz_panics_total",
		"work", string(work), "about", of, "panic", fmt.Sprint(value), "stack", string(stack[:min(len(stack), maxStack)]))
}

// Counts returns how many panics there were of each kind of work, 0 included; nil of a nil Counter.
func (c *Counter) Counts() map[Work]uint64 {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := map[Work]uint64{}
	for _, w := range Works() {
		counts[w] = c.counts[w]
	}
	return counts
}
