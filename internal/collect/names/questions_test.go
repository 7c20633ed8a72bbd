package names

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/container/engine"
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
)

// asked is an engine that is asked for names alone.
type asked struct {
	engine.Engine

	name string
	ids  []string
}

func (a *asked) Name() string { return a.name }

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

// A question goes to the engines of the container's runtime, and to what is of any.
func TestWhoIsAsked(t *testing.T) {
	docker, podman, files := &asked{name: runtime.Docker}, &asked{name: runtime.Podman}, &asked{name: runtime.Unknown}
	q := NewQuestions(func() []engine.Engine { return []engine.Engine{docker, podman, files} }, container.NewDirectory(Remembered), time.Now)
	for n, its := range []string{runtime.Docker, runtime.Podman, runtime.Containerd, runtime.Unknown} {
		q.AskName(&event.Container{ID: fmt.Sprint(n), Runtime: its})
	}
	for _, test := range []struct {
		*asked
		want []string
	}{{docker, []string{"0", "3"}}, {podman, []string{"1", "3"}}, {files, []string{"0", "1", "2", "3"}}} {
		if !slices.Equal(test.ids, test.want) {
			t.Errorf("%q was asked about %q, want %q", test.name, test.ids, test.want)
		}
	}
}
