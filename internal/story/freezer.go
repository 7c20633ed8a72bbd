package story

import (
	"fmt"
	"strings"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// paused describes a container that the freezer stops; nil for any other.
func paused(c *model.Container) Text {
	p := c.Paused
	if p == nil {
		return nil
	}
	t := text(Plain, "The kernel's freezer has stopped its processes since ").at(p.Since, fullTime)
	if p.By == nil && p.ByAnyOf == nil {
		if p.Cgroup == "" { // a reading found it
			t = t.add(Plain, " or before")
		}
		return t.add(Plain, "; who did it is unknown.")
	}
	return t.add(Plain, ": ").join(author(p.By, p.ByAnyOf, c.ID)).add(Plain, " paused ").join(frozenPart(above(c))).
		add(Plain, freezeCommand(c, p.By, above(c), runtime.Pause)+".")
}

// PausedBy words who paused a container, and by which cgroup if it is not the container's own; nil if that is unknown.
func PausedBy(c *model.Container) Text {
	p := c.Paused
	if p == nil || p.By == nil && p.ByAnyOf == nil {
		return nil
	}
	t := author(p.By, p.ByAnyOf, c.ID)
	if cgroup := above(c); cgroup != "" {
		t = t.add(Plain, ", with the cgroup ").add(Number, CgroupWords(cgroup))
	}
	return t
}

// above returns the path of the cgroup above a paused container's own that was frozen; "" if it was the container's own.
func above(c *model.Container) string {
	if c.Paused.Cgroup == c.CgroupPath {
		return ""
	}
	return c.Paused.Cgroup
}

// freezeWords words that a container was paused or resumed.
func freezeWords(m *model.Entry, c *model.Container) Text {
	verb, command := " paused ", runtime.Pause
	if m.Kind == model.EntryResumed {
		verb, command = " resumed ", runtime.Resume
	}
	if m.By == nil && m.ByAnyOf == nil { // most often a reading found it, which may be long after
		t := text(Plain, "it was found").add(Strong, strings.TrimSuffix(verb, " "))
		if m.Cgroup != "" {
			t = t.add(Plain, ", with the cgroup ").add(Number, CgroupWords(m.Cgroup))
		}
		return t
	}
	return author(m.By, m.ByAnyOf, c.ID).add(Strong, verb).join(frozenPart(m.Cgroup)).add(Plain, freezeCommand(c, m.By, m.Cgroup, command))
}

// author names the process that wrote to a cgroup's files, or those one of which did. One without a name had ended before it could be read.
func author(by *event.Process, anyOf []event.Process, id string) Text {
	switch {
	case len(anyOf) > 0:
		return oneOf(anyOf, id)
	case by != nil && by.Comm == "" && by.Container == nil:
		t := text(Plain, someProcess)
		if by.PID != 0 {
			t = t.add(Plain, fmt.Sprintf(" (PID %d)", by.PID))
		}
		return t.add(Plain, " that had ended")
	}
	return actor(by, id)
}

// frozenPart names what a write to a freezer stops: all of a cgroup above the container or, if that is "", the container alone.
func frozenPart(cgroup string) Text {
	if cgroup == "" {
		return text(Plain, "it")
	}
	return text(Plain, "the cgroup ").add(Number, CgroupWords(cgroup)).add(Plain, ", which it is in")
}

// freezeCommand names the command by which the container's engine does the same, if its runtime did it to the container alone.
func freezeCommand(c *model.Container, by *event.Process, cgroup string, verb runtime.Verb) string {
	if cgroup != "" || SenderOf(by, c.ID) != SenderEngine {
		return ""
	}
	return asCommands(c, verb)
}
