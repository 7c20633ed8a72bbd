package lesson

import (
	"strings"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// watched is an nsviz that has some containers from its second snapshot on.
type watched struct {
	containers []model.Container
	looks      int
}

func (w *watched) Snapshot() *model.Snapshot {
	w.looks++
	if w.looks == 1 {
		return &model.Snapshot{}
	}
	return &model.Snapshot{Containers: w.containers}
}

func (w *watched) Changed() <-chan struct{} {
	c := make(chan struct{}, 1)
	c <- struct{}{}
	return c
}

// The first start is described in detail and the others in short, each as soon as it is known.
func TestStarted(t *testing.T) {
	c := startedContainer()
	var out strings.Builder
	l := New(&out, func() int { return 80 }, &watched{containers: []model.Container{*c}}, VM{None: true})
	for _, want := range []string{startText(c, true, 80), startText(c, false, 80)} {
		out.Reset()
		if err := l.Started(t.Context(), c.Label); err != nil || out.String() != want {
			t.Errorf("%v:\n%s\nwant\n%s", err, &out, want)
		}
	}
}
