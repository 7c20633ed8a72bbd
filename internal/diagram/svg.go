package diagram

import (
	"fmt"
	"io"

	"github.com/nsviz/nsviz/internal/drawing"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/floorplan"
	"github.com/nsviz/nsviz/internal/foreign"
	"github.com/nsviz/nsviz/internal/model"
	"github.com/nsviz/nsviz/internal/story"
)

// The floor is so wide and at least so high, in cells.
const (
	floorWidth  = 124
	floorHeight = 12
)

// maxKept limits the namespaces without a process that are listed.
const maxKept = 12

// WriteSVG writes who shares which namespaces as a picture: a room for each live container and virtual machine, whose walls are its
// namespaces. It needs nothing else, and has no script.
func WriteSVG(out io.Writer, s *model.Snapshot) error {
	return drawing.Sheet{
		Host: s.Host, Building: floorplan.Live(s), Width: floorWidth, Height: floorHeight, Contents: contents, Document: true, Legend: true,
		Notes: keptNamespaces(s),
	}.Write(out)
}

// keptNamespaces describes the namespaces in which no process is.
func keptNamespaces(s *model.Snapshot) (list []string) {
	more := 0
	for i := range s.Namespaces {
		n := &s.Namespaces[i]
		if n.Host || len(n.Processes) > 0 || len(n.Containers) > 0 {
			continue
		}
		if len(list) == maxKept {
			more++
			continue
		}
		words := fmt.Sprintf("%s %d: no process is in it", n.Type, n.ID)
		if s.Unseen.Blind() {
			words = fmt.Sprintf("%s %d: processes unknown", n.Type, n.ID)
		}
		for _, pin := range n.PinnedBy {
			words += ", kept by " + foreign.Prose(pin)
		}
		list = append(list, words)
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("and %d more without a process", more))
	}
	return list
}

// contents returns what is in a room: its first process and its image, and for those who point at it the numbers of its namespaces.
func contents(r *floorplan.Room) drawing.Contents {
	in := drawing.Contents{About: drawing.RoomName(r)}
	switch {
	case r.VM != nil:
		in.Lines = lines(r.VM.PID, string(r.VM.Kind))
	case r.Container != nil:
		in.Lines = lines(r.Container.InitPID, story.What(r.Container))
		for t, m := range r.Container.Namespaces {
			if m.ID != 0 {
				in.About += fmt.Sprintf("; %s %d (%s)", event.NamespaceType(t), m.ID, m.Relation)
			}
		}
	}
	return in
}

func lines(pid int32, what string) (lines []drawing.Line) {
	if pid != 0 {
		lines = append(lines, drawing.Line{Class: "dim", Words: fmt.Sprintf("PID %d", pid)})
	}
	if what != "" {
		lines = append(lines, drawing.Line{Class: "dim", Words: what})
	}
	return lines
}
