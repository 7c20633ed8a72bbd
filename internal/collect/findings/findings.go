package findings

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/model"
)

const (
	// Interval is how often is looked for containers to inspect. It is longer than what counts as watching the pipeline.
	Interval = 5 * time.Second
	// settled is how long a container must have run: until then its engine and its program still set it up.
	settled = 2 * time.Second
	// MaxAge is when the findings of a container are looked up again.
	MaxAge = 10 * time.Minute
	// patience is how long an inspection may take, longestPause the longest pause after one. The usual pause is pauseFactor times as long as the
	// inspection took: nobody waits for findings, and an inspection that takes no longer than a tenth of a second takes a hundredth of one CPU.
	patience     = 30 * time.Second
	longestPause = 10 * time.Second
	pauseFactor  = 99
	// maxHanging is how many inspections may hang before no other one is begun.
	maxHanging = 4
)

// Config has what is inspected, and how.
type Config struct {
	// Snapshot returns the state of the host.
	Snapshot func() *model.Snapshot
	// Inspect returns the findings about a container of a snapshot. It may block for ever.
	Inspect func(context.Context, *model.Snapshot, *model.Container) ([]anatomy.Finding, error)
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
}

// Counts holds how many findings the live containers have. Any number of goroutines may use it at a time.
type Counts struct {
	cfg     Config
	hanging chan struct{} // holds one for each inspection under way

	mu   sync.Mutex // guards byID
	byID map[string]*inspected
}

// inspected is a container as it was inspected last.
type inspected struct {
	run    run
	at     time.Time
	counts map[string]int // by severity; nil is unknown. It is replaced, never changed.
}

// run tells one run of a container from the next.
type run struct {
	pid     int32
	started time.Time
}

// New returns Counts that has nothing yet.
func New(cfg Config) *Counts {
	return &Counts{cfg: cfg, hanging: make(chan struct{}, maxHanging), byID: map[string]*inspected{}}
}

// Of returns how many findings of each severity the container with an id has, 0 included; nil is unknown, as of a nil Counts. It must not be changed.
func (c *Counts) Of(id string) map[string]int {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.byID[id]; known != nil {
		return known.counts
	}
	return nil
}

// Run inspects containers until ctx is done; a nil Counts none. Inspections that hang then are not waited for.
func (c *Counts) Run(ctx context.Context) {
	if c == nil {
		return
	}
	for collect.Pause(ctx, Interval) {
		for c.next(ctx) {
		}
	}
}

// next inspects the container whose turn it is, and pauses. It returns false if there is none, or ctx is done.
func (c *Counts) next(ctx context.Context) bool {
	began := c.cfg.Now()
	s := c.cfg.Snapshot()
	if s == nil {
		return false
	}
	due := c.due(s)
	if due == nil {
		return false
	}
	select {
	case c.hanging <- struct{}{}:
	default: // the file systems of some containers do not answer
		return false
	}
	counts, err := c.inspect(ctx, s, due)
	if ctx.Err() != nil {
		return false
	}
	if err != nil {
		c.cfg.Log.Debug("count findings", "container", due.Label, "error", err)
	}
	c.set(due, counts)
	return collect.Pause(ctx, min(pauseFactor*c.cfg.Now().Sub(began), longestPause))
}

// due returns the container to inspect: one that was not inspected yet in its present run, else the one that was longest ago, more than MaxAge.
// It forgets those that live no more.
func (c *Counts) due(s *model.Snapshot) *model.Container {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	var due *model.Container
	oldest := now.Add(-MaxAge)
	live := make(map[string]bool, len(s.Containers))
	for i := range s.Containers {
		one := &s.Containers[i]
		if !one.Runs() {
			continue
		}
		live[one.ID] = true
		known := c.byID[one.ID]
		if known != nil && known.run != runOf(one) { // what is known is of a run before
			delete(c.byID, one.ID)
			known = nil
		}
		if !one.Begin().Time.IsZero() && s.Now().Sub(one.Begin()) < settled {
			continue
		}
		at := time.Time{}
		if known != nil {
			at = known.at
		}
		if at.Before(oldest) {
			due, oldest = one, at
		}
	}
	for id := range c.byID {
		if !live[id] {
			delete(c.byID, id)
		}
	}
	return due
}

func runOf(c *model.Container) run { return run{c.InitPID, c.Started} }

func (c *Counts) set(of *model.Container, counts map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID[of.ID] = &inspected{runOf(of), c.cfg.Now(), counts}
}

// inspect returns the counts of one container. It gives up after patience; then the place in hanging stays taken until the inspection ends.
func (c *Counts) inspect(ctx context.Context, s *model.Snapshot, of *model.Container) (map[string]int, error) {
	type answer struct {
		found []anatomy.Finding
		err   error
	}
	answers := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	go func() { // it may block in the kernel
		found, err := c.cfg.Inspect(ctx, s, of)
		answers <- answer{found, err}
		<-c.hanging
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, a.err
		}
		return count(a.found), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func count(found []anatomy.Finding) map[string]int {
	counts := make(map[string]int, len(anatomy.Severities()))
	for _, severity := range anatomy.Severities() {
		counts[severity] = 0
	}
	for i := range found {
		counts[found[i].Severity.String()]++
	}
	return counts
}
