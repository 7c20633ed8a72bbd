package pause

import (
	"context"
	"testing"
	"time"
)

func TestDoubling(t *testing.T) {
	d := NewDoubling(time.Second, 5*time.Second)
	for range 2 {
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
			if got := d.Next(); got != want {
				t.Errorf("pause %d is %v, want %v", i, got, want)
			}
		}
		d.Reset()
	}
	if got := NewDoubling(time.Minute, time.Second).Next(); got != time.Minute {
		t.Errorf("the first pause is %v, less than asked for", got)
	}
}

func TestSpread(t *testing.T) {
	varied := map[time.Duration]bool{}
	for range 100 {
		d := NewDoubling(time.Second, time.Second).Spread()
		for range 3 {
			got := d.Next()
			if varied[got] = true; got < 800*time.Millisecond || got > 1200*time.Millisecond {
				t.Errorf("a pause is %v, want about a second", got)
			}
		}
	}
	if len(varied) < 50 {
		t.Error("those who start together come back together")
	}
}

func TestPace(t *testing.T) {
	p := Pace{Factor: 10, Least: time.Second, Most: time.Minute}
	for took, want := range map[time.Duration]time.Duration{0: time.Second, time.Millisecond: time.Second, time.Second: 10 * time.Second, time.Hour: time.Minute} {
		if got := p.After(took); got != want {
			t.Errorf("after %v: %v, want %v", took, got, want)
		}
	}
}

func TestWait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	if !Wait(ctx, time.Nanosecond) {
		t.Error("it did not wait")
	}
	cancel()
	if Wait(ctx, time.Hour) {
		t.Error("it waited though nobody waits for it any more")
	}
}
