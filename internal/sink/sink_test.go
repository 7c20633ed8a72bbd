package sink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reader is a consumer that takes a value when the test allows it.
type reader struct {
	mu    sync.Mutex
	got   []int
	err   error
	takes chan struct{} // closed: takes values as fast as it can
	asked chan int      // gets each value when it is offered
}

func newReader() *reader { return &reader{takes: make(chan struct{}), asked: make(chan int, 10_000)} }

func (r *reader) write(v int) error {
	r.asked <- v
	<-r.takes
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.got = append(r.got, v)
	}
	return r.err
}

func (r *reader) values() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// config returns a sink of numbers with room for eight. A negative number reports how many were dropped.
func (r *reader) config() Config[int] {
	return Config[int]{
		Name: "test", Values: 8, Bytes: 1 << 20, Size: func(int) int { return 1 }, Write: r.write,
		Missed: func(n uint64, _ int, _ []int) []int { return []int{-int(n)} },
	}
}

func gone() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Every value that was put is written, or reported as dropped in its place, whatever the consumer does.
func account(t *testing.T, got []int, put int) {
	t.Helper()
	next := 0
	for _, v := range got {
		if v < 0 {
			next -= v
			continue
		}
		if v != next {
			t.Fatalf("%d where %d should be: %v", v, next, got)
		}
		next++
	}
	if next != put {
		t.Errorf("%d of %d are accounted for: %v", next, put, got)
	}
}

func TestAllIsWrittenInOrder(t *testing.T) {
	r := newReader()
	close(r.takes)
	cfg := r.config()
	cfg.Values = 1000
	s := New(cfg)
	for i := range 1000 {
		s.Put(i)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	account(t, r.values(), 1000)
	if got, want := s.Stats(), (Stats{Name: "test", Written: 1000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if err := s.Close(gone()); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// Put does not wait for a consumer that has stopped. When it goes on it learns how much it has missed.
func TestConsumerThatStops(t *testing.T) {
	r := newReader()
	s := New(r.config())
	s.Put(0)
	<-r.asked
	for i := 1; i < 100; i++ {
		s.Put(i)
	}
	if got, want := s.Stats(), (Stats{Name: "test", Dropped: 91, Waiting: 9}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	close(r.takes)
	for range 9 { // the values that waited, then the report of the dropped ones: it needs no further value
		<-r.asked
	}
	s.Put(100)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	account(t, r.values(), 101)
	if got := r.values(); !slices.Contains(got, -91) {
		t.Errorf("not reported at once: %v", got)
	}
}

// A value that must not be lost is not dropped. It comes in its place, before the report of the others.
func TestKept(t *testing.T) {
	r := newReader()
	cfg := r.config()
	cfg.Keep = func(kept []int, v int) ([]int, bool) {
		if v < 1000 {
			return kept, false
		}
		if len(kept) > 0 {
			return []int{kept[0] + v}, true
		}
		return []int{v}, true
	}
	cfg.Missed = func(n uint64, last int, kept []int) []int { return append(kept, -int(n), -last) }
	s := New(cfg)
	s.Put(0)
	<-r.asked
	for i := 1; i < 12; i++ { // eight of them wait
		s.Put(i)
	}
	s.Put(2000)
	s.Put(12)
	s.Put(3000)
	if got, want := s.Stats(), (Stats{Name: "test", Dropped: 4, Waiting: 10}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	var unwritten *UnwrittenError
	if err := s.Close(gone()); !errors.As(err, &unwritten) || unwritten.Count != 14 {
		t.Errorf("%v, want 14 not written", err)
	}
	close(r.takes)
	<-s.ended

	r = newReader()
	cfg.Write = r.write
	s = New(cfg)
	s.Put(0)
	<-r.asked
	for i := 1; i < 9; i++ {
		s.Put(i)
	}
	s.Put(4000) // alone
	close(r.takes)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := r.values(), []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 4000, 0, -4000}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := s.Stats(), (Stats{Name: "test", Written: 12}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// While the consumer is slower than the producer, values are dropped in few and large pieces.
func TestDroppedInPieces(t *testing.T) {
	r := newReader()
	s := New(r.config())
	put := 0
	for range 1000 {
		for range 2 { // it reads every other one
			s.Put(put)
			put++
		}
		<-r.asked
		r.takes <- struct{}{}
	}
	close(r.takes)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := r.values()
	account(t, got, put)
	pieces := 0
	for _, v := range got {
		if v < 0 {
			pieces++
		}
	}
	if pieces == 0 || pieces > put/2/4+2 {
		t.Errorf("%d pieces of %d values", pieces, put)
	}
}

func TestBytesAreBounded(t *testing.T) {
	r := newReader()
	cfg := r.config()
	cfg.Values, cfg.Bytes = 1000, 10
	cfg.Size = func(v int) int { return max(v, 1) }
	s := New(cfg)
	s.Put(100) // larger than the total room, and written nevertheless
	<-r.asked
	s.Put(200)
	s.Put(1)
	if got, want := s.Stats(), (Stats{Name: "test", Dropped: 1, Waiting: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	close(r.takes)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.values(); !slices.Equal(got, []int{100, 200, -1}) {
		t.Errorf("%v", got)
	}
}

// Close waits no longer than it may, and reports how much was not written.
func TestCloseIsBounded(t *testing.T) {
	r := newReader()
	s := New(r.config())
	s.Put(0)
	<-r.asked
	for i := 1; i < 20; i++ {
		s.Put(i)
	}
	err := s.Close(gone())
	var unwritten *UnwrittenError
	if !errors.As(err, &unwritten) || unwritten.Count != 20 {
		t.Errorf("%v", err)
	}
	s.Put(20) // useless by now, but harmless
	close(r.takes)
	<-s.ended // it does not write values that nobody waits for
	if got := r.values(); !slices.Equal(got, []int{0}) {
		t.Errorf("%v", got)
	}
}

func TestWriteFails(t *testing.T) {
	r := newReader()
	r.err = errors.New("no space left")
	s := New(r.config())
	for i := range 3 {
		s.Put(i)
	}
	if s.Err() != nil {
		t.Error("failed too early")
	}
	close(r.takes)
	<-s.Failed()
	s.Put(3)
	if err := s.Close(t.Context()); !errors.Is(err, r.err) || !errors.Is(s.Err(), r.err) {
		t.Errorf("%v", err)
	}
	if got, want := s.Stats(), (Stats{Name: "test", Dropped: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Missed may take long, and may call the sink.
func TestMissedIsCalledWithoutLock(t *testing.T) {
	r := newReader()
	cfg := r.config()
	var s *Sink[int]
	cfg.Missed = func(n uint64, last int, _ []int) []int {
		if last != int(n)+8 {
			t.Errorf("%d missed, the last one is %d", n, last)
		}
		_ = s.Stats()
		return nil
	}
	s = New(cfg)
	s.Put(0)
	<-r.asked
	for i := 1; i < 50; i++ {
		s.Put(i)
	}
	close(r.takes)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConcurrentPuts(t *testing.T) {
	var written, missed uint64
	s := New(Config[int]{
		Name: "test", Values: 16, Bytes: 1 << 10, Size: func(int) int { return 8 },
		Write: func(v int) error {
			if v < 0 {
				missed -= uint64(v)
			} else {
				written++
			}
			return nil
		},
		Missed: func(n uint64, _ int, _ []int) []int { return []int{-int(n)} },
	})
	var putting sync.WaitGroup
	for range 8 {
		putting.Go(func() {
			for i := range 5000 {
				s.Put(i)
			}
		})
	}
	putting.Wait()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if written+missed != 40_000 || s.Stats().Dropped != missed {
		t.Errorf("%d written, %d missed, %+v", written, missed, s.Stats())
	}
}

// A log whose reader has stopped delays nobody.
func TestWriter(t *testing.T) {
	read, write := io.Pipe()
	w := NewWriter("log", write, 1000)
	for i := range 1000 {
		if n, err := fmt.Fprintf(w, "line %d\n", i); err != nil || n == 0 {
			t.Fatal(n, err)
		}
	}
	var unwritten *UnwrittenError
	if err := w.Close(gone()); !errors.As(err, &unwritten) || unwritten.Count != 1000 {
		t.Errorf("%v", err)
	}
	_ = read.Close()

	var all strings.Builder
	w = NewWriter("log", &all, 1000)
	text := []byte("one\n")
	_, _ = w.Write(text)
	text[0] = 'x' // the caller may change it
	if err := w.Close(t.Context()); err != nil || all.String() != "one\n" {
		t.Errorf("%q, %v", all.String(), err)
	}
	if got, want := w.Stats(), (Stats{Name: "log", Written: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func BenchmarkPut(b *testing.B) {
	s := New(Config[int]{Name: "test", Values: 1 << 14, Bytes: 1 << 24, Size: func(int) int { return 8 }, Write: func(int) error { return nil }})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Put(i)
	}
	_ = s.Close(b.Context())
}
