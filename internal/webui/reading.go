package webui

import (
	"context"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/report"
	"github.com/nsviz/nsviz/internal/turns"
)

const (
	// maxReadings bounds the readings under way: one may hang in a file system that does not answer. Whoever opens one workload after the other
	// keeps no CPU busy, either.
	maxReadings = 2
	// maxRead bounds the workloads whose latest reading is kept.
	maxRead = 8
	// readAgain is how old a reading may be; one that took long may be older.
	readAgain = 2 * time.Second
	// patience is how long an answer waits for a reading.
	patience = time.Second
)

// reading is what was read about one run of a workload beyond a snapshot.
type reading struct {
	id      string
	initPID int32
	at      time.Time
	found   *report.Dissection
	problem string
}

// readings reads workloads whose pages are open in a browser. Several pages of one workload share a reading.
type readings struct {
	read func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)

	mu       sync.Mutex // guards what follows
	latest   []reading  // the latest first
	again    map[string]time.Time
	underWay map[string]chan struct{} // closed at the end of a reading
	turns    *turns.Turns
}

func newReadings(read func(context.Context, *model.Snapshot, *model.Container) (*report.Dissection, error)) *readings {
	return &readings{read: read, again: map[string]time.Time{}, underWay: map[string]chan struct{}{}, turns: turns.New(maxReadings, turns.Quarter(mostPause))}
}

// of returns the latest reading of a live container, which it may begin. It is nil if there is none yet, or nothing reads.
func (r *readings) of(ctx context.Context, s *model.Snapshot, c *model.Container) *reading {
	if r.read == nil {
		return nil
	}
	if ended := r.begin(s, c); ended != nil {
		wait := time.NewTimer(patience)
		defer wait.Stop()
		select {
		case <-ended:
		case <-wait.C:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.latest {
		if r.latest[i].id == c.ID && r.latest[i].initPID == c.InitPID {
			return new(r.latest[i])
		}
	}
	return nil
}

// begin begins a reading if the latest one is old, and returns what is closed at the end of the one under way; nil is none.
func (r *readings) begin(s *model.Snapshot, c *model.Container) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ended := r.underWay[c.ID]; ended != nil {
		return ended
	}
	if time.Now().Before(r.again[c.ID]) {
		return nil
	}
	done, ok := r.turns.TryTake()
	if !ok {
		return nil
	}
	ended := make(chan struct{})
	r.underWay[c.ID] = ended
	go func() { // it may block in the kernel, and so nobody waits for it; maxReadings bounds their number
		defer close(ended)
		began := time.Now()
		in := reading{id: c.ID, initPID: c.InitPID, at: s.Time}
		found, err := r.read(context.Background(), s, c)
		if in.found = found; err != nil {
			in.problem = err.Error()
		}
		done()
		r.add(in, time.Since(began))
	}()
	return ended
}

func (r *readings) add(in reading, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.underWay, in.id)
	list := []reading{in}
	again := map[string]time.Time{in.id: time.Now().Add(max(readAgain, share*took))}
	for _, other := range r.latest {
		if other.id != in.id && len(list) < maxRead {
			list = append(list, other)
			again[other.id] = r.again[other.id]
		}
	}
	r.latest, r.again = list, again
}
