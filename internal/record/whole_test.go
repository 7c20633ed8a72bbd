package record

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/isolation"
)

// However many containers ended however long ago, all are there; as many as there are, where the
// recording breaks off.
func TestWhole(t *testing.T) {
	const containers = 300
	var facts []isolation.Fact
	for i := range containers {
		c := &event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprint("job-", i)}
		at := begin.Add(time.Duration(i) * time.Hour)
		for _, e := range []event.Event{
			{Time: at, Type: event.ContainerStarted, PID: 10, Container: c},
			{Time: at.Add(time.Second), Type: event.ContainerExited, PID: 10, Container: c, Exit: &event.Exit{Cause: event.CauseExited}},
		} {
			facts = append(facts, isolation.Fact{Time: e.Time, Event: &e})
		}
	}
	file := recording(t, facts...)
	for _, test := range []struct {
		file  []byte
		want  error
		least int
	}{{file, nil, containers}, {file[:len(file)/2], ErrCutShort, 10}} {
		r, err := NewReader(bytes.NewReader(test.file))
		if err != nil {
			t.Fatal(err)
		}
		s, err := Whole(r)
		if !errors.Is(err, test.want) || len(s.Containers) < test.least || test.want == nil && err != nil {
			t.Errorf("%d containers, %v", len(s.Containers), err)
		}
	}
}
