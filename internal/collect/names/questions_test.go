package names

import (
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/event"
)

// asked is an engine that is asked for names alone.
type asked struct {
	engine.Engine

	ids []string
}

func (a *asked) Ask(id string) { a.ids = append(a.ids, id) }

// An engine that does not know a container is asked about it more and more seldom.
func TestUnknownContainersAreAskedForSeldom(t *testing.T) {
	now := midnight
	asked := &asked{}
	q := NewQuestions(func() []engine.Engine { return []engine.Engine{asked} }, container.NewDirectory(Remembered), func() time.Time { return now })
	var gaps []time.Duration
	last := now
	for range 2000 {
		before := len(asked.ids)
		q.AskName(&event.Container{ID: containerID(1)})
		if len(asked.ids) != before {
			gaps = append(gaps, now.Sub(last))
			last = now
		}
		now = now.Add(100 * time.Millisecond)
	}
	want := []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute}
	if fmt.Sprint(gaps) != fmt.Sprint(want) {
		t.Errorf("asked after %v, want %v", gaps, want)
	}
	for n := range 2 * maxQuestions {
		q.AskName(&event.Container{ID: containerID(n)})
	}
	if len(q.asked) > maxQuestions {
		t.Errorf("%d questions are remembered", len(q.asked))
	}
}
