package ui

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
)

const (
	// inspectEvery is how often the container whose page is open is read: as fast as a person reads. Readings that take long are
	// rarer, but for those that take very long.
	inspectEvery   = 2 * time.Second
	inspectRarest  = time.Minute
	maxReadings    = 4 // that are under way at a time: one may hang in a file system that does not answer
	readerPatience = 500 * time.Millisecond
)

// ErrEnded is what Options.Inspect returns for a container that has ended.
var ErrEnded = errors.New("the container has ended")

// InspectFunc is the type of Options.Inspect.
type InspectFunc func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)

// inspector reads the container whose page is open, again and again while it is open. Whoever opens another page does not wait for a
// reading that hangs.
type inspector struct {
	read      InspectFunc
	snapshots func() *model.Snapshot
	// pause waits between two readings, the latest of which took so long; it returns false when ctx ends.
	pause func(ctx context.Context, took time.Duration) bool

	results chan Inspection
	// readings has an element for each reading that is under way.
	readings chan struct{}

	id      string
	initPID int32
	stop    context.CancelFunc // nil if no page is open
	running sync.WaitGroup
}

// newInspector returns an inspector; with a nil read it follows nothing.
func newInspector(read InspectFunc, snapshots func() *model.Snapshot) *inspector {
	return &inspector{
		read: read, snapshots: snapshots, results: make(chan Inspection), readings: make(chan struct{}, maxReadings),
		pause: func(ctx context.Context, took time.Duration) bool {
			return collect.Pause(ctx, collect.Backoff(took, inspectEvery, inspectRarest))
		},
	}
}

// follow reads a container from now on, and no other; nil is none. It does not block.
func (i *inspector) follow(c *model.Container) {
	if i.read == nil || c != nil && i.stop != nil && i.id == c.ID && i.initPID == c.InitPID {
		return
	}
	if i.stop != nil {
		i.stop()
		i.stop = nil
	}
	if c == nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	i.id, i.initPID, i.stop = c.ID, c.InitPID, stop
	id, initPID := i.id, i.initPID
	i.running.Go(func() { i.run(ctx, id, initPID) })
}

// run reads one run of a container until ctx ends or the container does.
func (i *inspector) run(ctx context.Context, id string, initPID int32) {
	select {
	case i.readings <- struct{}{}:
	default:
		if !i.report(ctx, Inspection{ID: id, InitPID: initPID, Problem: "earlier readings, of other containers, have not ended"}) {
			return
		}
		select {
		case i.readings <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
	defer func() { <-i.readings }()
	for {
		s := i.snapshots()
		c := runOf(s, id, initPID)
		if c == nil {
			return
		}
		began := time.Now()
		in := Inspection{ID: id, InitPID: initPID, Time: s.Time}
		d, err := i.read(ctx, s, c)
		switch {
		case errors.Is(err, ErrEnded):
			return
		case err != nil:
			in.Problem = err.Error()
		default:
			in.Dissection = d
		}
		if !i.report(ctx, in) || !i.pause(ctx, time.Since(began)) {
			return
		}
	}
}

// report hands a result over. It returns false if nobody wants it any more.
func (i *inspector) report(ctx context.Context, in Inspection) bool {
	if ctx.Err() != nil {
		return false
	}
	select {
	case i.results <- in:
		return true
	case <-ctx.Done():
		return false
	}
}

// runOf finds a live run of a container; nil if it has ended.
func runOf(s *model.Snapshot, id string, initPID int32) *model.Container {
	for c := range s.All() {
		if c.ID == id && c.InitPID == initPID && c.Live() {
			return c
		}
	}
	return nil
}

// close ends the readings.
func (i *inspector) close() {
	i.follow(nil)
	awaitBriefly(&i.running)
}
