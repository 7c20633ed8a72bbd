package collect

import (
	"context"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for _, test := range []struct {
		name       string
		took, want time.Duration
	}{
		{"quick work keeps its rhythm", 10 * time.Millisecond, 490 * time.Millisecond},
		{"slow work is done less often", 100 * time.Millisecond, 2400 * time.Millisecond},
		{"but not too seldom", time.Second, 5 * time.Second},
		{"at the limit of its rhythm", 20 * time.Millisecond, 480 * time.Millisecond},
		{"and no more seldom", time.Minute, 5 * time.Second},
		{"nothing was to do", 0, 500 * time.Millisecond},
	} {
		if got := Backoff(test.took, 500*time.Millisecond, 5*time.Second); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestPauseEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if Pause(ctx, time.Hour) {
		t.Error("it waited")
	}
	if !Pause(t.Context(), 0) {
		t.Error("it did not wait")
	}
}

func TestPauseUntil(t *testing.T) {
	woken := make(chan struct{}, 1)
	woken <- struct{}{}
	if !PauseUntil(t.Context(), woken, 0, time.Hour) || len(woken) != 0 {
		t.Error("it was not woken")
	}
	if !PauseUntil(t.Context(), nil, time.Hour, 0) {
		t.Error("it did not end by itself")
	}
	woken <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if PauseUntil(ctx, woken, time.Hour, time.Hour) {
		t.Error("it waited for longer than its context")
	}
}
