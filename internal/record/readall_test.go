package record

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
)

// All ended containers are there, however many and however long ago; if the recording breaks off, all up to there.
func TestReadAll(t *testing.T) {
	const containers = 300
	var facts []fact.Fact
	for i := range containers {
		c := &event.Container{ID: fmt.Sprintf("%064x", i), Name: fmt.Sprint("job-", i)}
		at := begin.Add(time.Duration(i) * time.Hour)
		for _, e := range []event.Event{
			{Time: at, Type: event.ContainerStarted, PID: 10, Container: c},
			{Time: at.Add(time.Second), Type: event.ContainerExited, PID: 10, Container: c, Exit: &event.Exit{Cause: event.CauseExited}},
		} {
			facts = append(facts, fact.Fact{Time: e.Time, Event: &e})
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
		s, err := ReadAll(r, model.RecordingLimits())
		if !errors.Is(err, test.want) || len(s.Containers) < test.least || test.want == nil && err != nil {
			t.Errorf("%d containers, %v", len(s.Containers), err)
		}
	}
}

// A removed cgroup is known at the end, however many were removed after it.
func TestReadAllListsRemovedCgroups(t *testing.T) {
	const cgroups = 5000 // a live model keeps 1024 of these
	var facts []fact.Fact
	for i := range cgroups {
		at := begin.Add(time.Duration(i) * time.Millisecond)
		group := &event.Cgroup{Path: fmt.Sprint("/jobs/", i), ID: uint64(i + 1)}
		for _, typ := range []event.Type{event.CgroupCreated, event.CgroupRemoved} {
			facts = append(facts, fact.Fact{Time: at, Event: &event.Event{Time: at, Type: typ, PID: 3, Comm: "batch", Cgroup: group}})
		}
	}
	file := recording(t, facts...)
	whole := func(limits model.Limits) *model.Snapshot {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		s, err := ReadAll(r, limits)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := whole(model.RecordingLimits()); len(s.Cgroups) != cgroups || !s.LeftOut.IsZero() {
		t.Errorf("%d cgroups of %d, left out: %+v", len(s.Cgroups), cgroups, s.LeftOut)
	}
	small := model.RecordingLimits()
	small.Removed = 100
	if s := whole(small); len(s.Cgroups) != 100 || s.LeftOut != (model.LeftOut{Cgroups: cgroups - 100}) {
		t.Errorf("%d cgroups, left out: %+v", len(s.Cgroups), s.LeftOut)
	}
}
