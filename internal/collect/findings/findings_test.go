package findings

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/nsviz/nsviz/internal/anatomy"
	"github.com/nsviz/nsviz/internal/collect"
	"github.com/nsviz/nsviz/internal/model"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a host whose containers a test changes between two looks.
type host struct {
	live   []model.Container
	mu     sync.Mutex // guards looked
	looked []string   // the containers that were inspected, in order
	hangs  map[string]chan struct{}
	fails  map[string]error
	took   time.Duration
}

func (h *host) running(id string, pid int32) {
	h.live = append(h.live, model.Container{ID: id, Label: id, State: model.Running, InitPID: pid, Started: time.Now()})
}

func (h *host) counts() *Counts {
	return New(Config{
		Snapshot: func() *model.Snapshot { return &model.Snapshot{Time: time.Now(), Containers: h.live} },
		Inspect: func(_ context.Context, _ *model.Snapshot, c *model.Container) ([]anatomy.Finding, error) {
			h.mu.Lock()
			h.looked = append(h.looked, c.ID)
			h.mu.Unlock()
			if h.hangs[c.ID] != nil {
				<-h.hangs[c.ID]
			}
			collect.Pause(context.Background(), h.took) // of the clock of the test
			return []anatomy.Finding{{Severity: anatomy.High}, {Severity: anatomy.High}, {Severity: anatomy.Info}}, h.fails[c.ID]
		},
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// watch runs counts for a while of the test's clock, and then calls check.
func (h *host) watch(t *testing.T, d time.Duration, check func(*Counts)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	c := h.counts()
	c.Run(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	check(c)
}

var some = map[string]int{"info": 1, "low": 0, "medium": 0, "high": 2, "critical": 0}

func TestCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{fails: map[string]error{"bad": errors.New("gone")}}
		h.running("web", 1)
		h.running("db", 2)
		h.running("bad", 3)
		h.live = append(h.live, model.Container{ID: "starts", State: model.Starting}, model.Container{ID: "ended", State: model.Exited})
		h.watch(t, Interval+time.Second, func(c *Counts) {
			if diff := cmp.Diff([]string{"web", "db", "bad"}, h.looked); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for id, want := range map[string]map[string]int{"web": some, "db": some, "bad": nil, "starts": nil, "nope": nil} {
				if diff := cmp.Diff(want, c.Of(id)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", id, diff)
				}
			}
		})
	})
}

// A container is inspected again when it is old enough, when it has started again, and not when it has ended.
func TestCountsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{}
		h.running("web", 1)
		h.watch(t, MaxAge, func(*Counts) {
			if len(h.looked) != 1 {
				t.Errorf("%v within %v", h.looked, MaxAge)
			}
		})
		h.looked = nil
		h.watch(t, 2*MaxAge+2*Interval, func(*Counts) {
			if len(h.looked) != 2 {
				t.Errorf("%v in twice %v", h.looked, MaxAge)
			}
		})
		c := h.counts()
		for c.next(t.Context()) {
		}
		h.looked, h.live = nil, nil
		h.running("web", 2)
		if c.next(t.Context()); len(h.looked) != 0 || c.Of("web") != nil {
			t.Errorf("%v before it has settled, %v", h.looked, c.Of("web"))
		}
		collect.Pause(t.Context(), settled) // of the clock of the test
		if c.next(t.Context()); len(h.looked) != 1 || c.Of("web") == nil {
			t.Errorf("%v after it has started again", h.looked)
		}
		h.live = nil
		if c.next(t.Context()); c.Of("web") != nil {
			t.Error("an ended container has findings")
		}
	})
}

// Inspections that take long are paced, and those that hang are given up on, a few of them.
func TestCountsOfWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &host{took: 100 * time.Millisecond}
		for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			h.running(id, 1)
		}
		h.watch(t, Interval+3*(h.took*(1+pauseFactor))-1, func(*Counts) {
			if len(h.looked) != 3 {
				t.Errorf("%v inspected, want 3", h.looked)
			}
		})
		release := make(chan struct{})
		h = &host{live: h.live, hangs: map[string]chan struct{}{}}
		for _, c := range h.live[1:] {
			h.hangs[c.ID] = release
		}
		h.watch(t, MaxAge-time.Minute, func(c *Counts) {
			if len(h.looked) != 1+maxHanging || c.Of("a") == nil || c.Of("b") != nil {
				t.Errorf("%v inspected, want one and %d that hang", h.looked, maxHanging)
			}
		})
		close(release)
		synctest.Wait()
	})
}

func TestNoCounts(t *testing.T) {
	var c *Counts
	c.Run(t.Context())
	if c.Of("web") != nil {
		t.Error("a nil Counts has some")
	}
	c = New(Config{Snapshot: func() *model.Snapshot { return nil }, Now: time.Now})
	if c.next(t.Context()) {
		t.Error("there is no snapshot yet")
	}
}
