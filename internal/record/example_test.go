package record_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/record"
)

// written returns a recording of a host with a running container, and of a minute in which nothing happened.
func written() *bytes.Buffer {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var file bytes.Buffer
	w, err := record.NewWriter(&file, begin)
	if err != nil {
		log.Print(err)
	}
	for _, f := range []fact.Fact{
		{Time: begin, Host: &fact.Host{Name: "node-1", Kernel: "6.12"}},
		{Time: begin, Found: &fact.Found{Container: event.Container{ID: "a1b2", Name: "web"}, InitPID: 100, Started: begin}},
		{Time: begin.Add(time.Minute)},
	} {
		if err := w.Write(f); err != nil {
			log.Print(err)
		}
	}
	if err := w.Close(); err != nil { // else it is cut short
		log.Print(err)
	}
	return &file
}

func ExampleReader() {
	r, err := record.NewReader(written())
	if err != nil {
		log.Print(err)
		return
	}
	for {
		f, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil: // record.ErrCutShort, where the rest is missing
			log.Print(err)
			return
		case f.Host != nil:
			fmt.Println("host", f.Host.Name)
		case f.Found != nil:
			fmt.Println("container", f.Found.Container.Name)
		default:
			fmt.Println("nothing until", f.Time.Format(time.TimeOnly))
		}
	}
	// Output:
	// host node-1
	// container web
	// nothing until 12:01:00
}

// Reads a recording to its end.
func ExampleReadAll() {
	r, err := record.NewReader(written())
	if err != nil {
		log.Print(err)
		return
	}
	s, err := record.ReadAll(r, model.RecordingLimits())
	fmt.Println(s.Host.Name, s.Containers[0].Label, s.Containers[0].State, err)
	// Output: node-1 web running <nil>
}
