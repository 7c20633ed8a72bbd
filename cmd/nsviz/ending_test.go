package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// hanging is a queue whose consumer takes nothing.
type hanging struct{}

func (hanging) Close(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// taken is a queue that is empty soon.
type taken struct{ after time.Duration }

func (q taken) Close(ctx context.Context) error {
	select {
	case <-time.After(q.after):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Whatever hangs, and if everything does: from the signal to the end it is less than two seconds.
func TestEndingIsBounded(t *testing.T) {
	for name, before := range map[string]time.Duration{
		"nothing before":                     0,
		"requests that do not end":           time.Second,
		"a second and what waits for stdout": 1500 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, signal := context.WithCancel(t.Context())
				e := newEnding(ctx)
				<-time.After(time.Hour) // by the clock of the bubble
				began := time.Now()
				signal()
				<-time.After(before)
				for range 2 { // logged events, exporter
					if e.send(hanging{}) == nil {
						t.Error("it has sent")
					}
				}
				for range 2 { // journal, log
					if e.log(hanging{}) == nil {
						t.Error("it has logged")
					}
				}
				if took := time.Since(began); took >= 2*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// A queue whose consumer works is written, also if another one has used up the time.
func TestEndingWritesTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEnding(t.Context())
		<-time.After(time.Hour) // by the clock of the bubble; no signal asks for the end
		for range 3 {
			_ = e.send(hanging{})
			_ = e.log(hanging{})
		}
		if err := e.log(taken{50 * time.Millisecond}); err != nil {
			t.Error(err)
		}
		if err := newEnding(t.Context()).send(taken{700 * time.Millisecond}); err != nil {
			t.Error(err)
		}
	})
}
