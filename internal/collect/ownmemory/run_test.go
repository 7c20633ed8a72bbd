package ownmemory

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nsviz/nsviz/internal/fact"
)

// steps are what a Monitor does, one after the other, each when the test takes it.
type steps chan string

func (s steps) OwnMemoryChanged(m fact.OwnMemory) { s <- "change to " + m.Saving.String() }

// What nsviz does without is given back to the kernel after the loop has forgotten it.
func TestRunFreesWhatTheLoopHasForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done, rooms := make(steps), make(chan []fact.MemoryRoom)
		m := &Monitor{
			rooms: func() ([]fact.MemoryRoom, error) { return <-rooms, nil },
			free:  func() { done <- "free" },
			log:   slog.New(slog.DiscardHandler),
			loop:  done,
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		start := time.Now()
		go func() {
			defer close(ended)
			m.Run(ctx)
		}()
		used := func(n uint64) []fact.MemoryRoom {
			return []fact.MemoryRoom{{Cgroup: "/a", LimitBytes: 100, WorkingSetBytes: n}}
		}
		saves := fmt.Sprint("change to ", fact.SavesPast)
		none := fmt.Sprint("change to ", fact.SavesNothing)
		for _, check := range []struct {
			after time.Duration
			room  []fact.MemoryRoom
			want  []string
		}{
			{interval, used(10), []string{none}},
			{interval, used(10), nil},
			{interval, used(85), []string{"free", "read", saves, "free"}},
			{interval, used(85), nil},
			{interval, used(10), []string{none}},
			{interval, nil, []string{none}}, // it is not limited any more
			{unlimitedInterval, used(10), []string{none}},
		} {
			before := time.Now()
			rooms <- check.room
			if got := time.Since(before); got != check.after {
				t.Errorf("%v after the start: checked after %v, want %v", time.Since(start), got, check.after)
			}
			for _, want := range check.want {
				if want == "read" {
					rooms <- check.room
					continue
				}
				if got := <-done; got != want {
					t.Errorf("%v after the start: %s, want %s", time.Since(start), got, want)
				}
			}
		}
		synctest.Wait() // until it pauses
		before := time.Now()
		cancel()
		<-ended
		if took := time.Since(before); took > 0 {
			t.Errorf("it ended after %v", took)
		}
	})
}
