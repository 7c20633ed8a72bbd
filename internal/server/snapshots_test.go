package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/metrics/metricstest"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/pause"
)

// slowReader is a client that has asked and does not read.
type slowReader struct {
	*httptest.ResponseRecorder
	writing chan struct{} // closed to let it read
	reads   chan struct{} // closed when it does
}

func newSlowReader() *slowReader {
	return &slowReader{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
}

func (s *slowReader) Write(p []byte) (int, error) {
	close(s.writing)
	<-s.reads
	return s.ResponseRecorder.Write(p)
}

func question(ctx context.Context) *http.Request {
	return httptest.NewRequestWithContext(ctx, http.MethodGet, WhyPath+"?container=web", nil)
}

// A client that asks and does not read delays no other.
func TestSlowReaderHoldsNobodyUp(t *testing.T) {
	q := newQuestions(fixed(metricstest.Full()), nil)
	slow := newSlowReader()
	done := make(chan struct{})
	go func() {
		defer close(done)
		q.why(slow, question(t.Context()))
	}()
	<-slow.writing
	for range 2 * maxQuestions {
		quick := httptest.NewRecorder()
		q.why(quick, question(t.Context()))
		if quick.Code != http.StatusOK {
			t.Fatalf("%d: %s", quick.Code, quick.Body)
		}
	}
	close(slow.reads)
	<-done
	if slow.Code != http.StatusOK {
		t.Errorf("%d: %s", slow.Code, slow.Body)
	}
}

// Questions at the same time share one snapshot, which is made after all of them; questions beyond the limit are refused.
func TestQuestionsShareASnapshot(t *testing.T) {
	made, first, going := atomic.Int32{}, make(chan struct{}), make(chan struct{})
	q := newQuestions(func() *model.Snapshot {
		if made.Add(1) == 1 {
			close(first)
			<-going
		}
		return metricstest.Full()
	}, nil)
	q.snapshots.pace = pause.Pace{}
	var asking sync.WaitGroup
	var codes sync.Map
	ask := func() {
		asking.Go(func() {
			answer := httptest.NewRecorder()
			q.why(answer, question(t.Context()))
			n, _ := codes.LoadOrStore(answer.Code, new(atomic.Int32))
			n.(*atomic.Int32).Add(1)
		})
	}
	ask()
	<-first // the others ask while that snapshot is being made
	for range maxQuestions - 1 {
		ask()
	}
	patience := time.After(time.Minute)
	for q.snapshots.waiting.Load() < maxQuestions {
		select {
		case <-patience:
			t.Fatalf("%d wait", q.snapshots.waiting.Load())
		default:
		}
	}
	one := httptest.NewRecorder()
	if q.why(one, question(t.Context())); one.Code != http.StatusServiceUnavailable || one.Header().Get(retryAfterHeader) == "" {
		t.Errorf("one more: %d %v", one.Code, one.Header())
	}
	close(going)
	asking.Wait()
	if n, ok := codes.Load(http.StatusOK); !ok || n.(*atomic.Int32).Load() != maxQuestions {
		t.Error("not all are answered")
	}
	if n := made.Load(); n != 2 {
		t.Errorf("%d snapshots for %d questions", n, maxQuestions)
	}
	if q.snapshots.latest != nil {
		t.Error("a snapshot is kept of which nobody has need")
	}
}

// However many ask one after the other, making snapshots takes a small part of the time.
func TestSnapshotsAreRare(t *testing.T) {
	made := 0
	q := newQuestions(func() *model.Snapshot { made++; return metricstest.Full() }, nil)
	if got := q.snapshots.pace.After(10 * time.Millisecond); got != 240*time.Millisecond {
		t.Errorf("after one that took 10 ms: %v", got)
	}
	if got := q.snapshots.pace.After(0); got != modelPace.Least {
		t.Errorf("after one that took no time: %v", got)
	}
	if got := q.snapshots.pace.After(time.Minute); got != maxPause {
		t.Errorf("after one that took a minute: %v", got)
	}
	q.snapshots.pace = pause.Pace{Least: time.Hour, Most: time.Hour}
	q.why(httptest.NewRecorder(), question(t.Context()))
	ctx, gone := context.WithCancel(t.Context())
	gone()
	answer := httptest.NewRecorder()
	if q.why(answer, question(ctx)); made != 1 || answer.Code != http.StatusServiceUnavailable {
		t.Errorf("%d snapshots, %d: %s", made, answer.Code, answer.Body)
	}
}
