package turns

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Work that is always waiting takes a quarter of the places' time.
func TestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := New(2, Quarter(time.Hour))
		const took, all = 100 * time.Millisecond, 10
		began := time.Now()
		for range all {
			done, err := turns.Take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			<-time.After(took) // by the clock of the bubble
			done()
		}
		if passed, want := time.Since(began), (all/2-1)*4*took+2*took; passed != want {
			t.Errorf("%d times %v took %v, want %v", all, took, passed, want)
		}
	})
}

// A place rests for no longer than the bound, however long its work took.
func TestLongestRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := New(1, Quarter(time.Second))
		done, ok := turns.TryTake()
		if !ok {
			t.Fatal("no place")
		}
		<-time.After(time.Hour)
		done()
		if _, ok := turns.TryTake(); ok {
			t.Error("it does not rest")
		}
		began := time.Now()
		if _, err := turns.Take(t.Context()); err != nil || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestWhoHasGoneGetsNoPlace(t *testing.T) {
	turns := New(1, Quarter(time.Second))
	if _, ok := turns.TryTake(); !ok {
		t.Fatal("no place")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.Take(ctx); err == nil {
		t.Error("a second place")
	}
}
