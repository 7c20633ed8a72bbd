package story

import (
	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// enteredWords words that somebody ran a program in the container from outside.
func enteredWords(m *model.Entry, c *model.Container) Text {
	t := actor(m.By, c.ID).add(Plain, " ran `").add(Strong, EnteredCommand(m.Entered, m.Process)).add(Plain, "` in it")
	if m.Process != nil {
		t = t.addFacts(numbers(m.Process))
	}
	if by := m.By; by != nil && fromAround(by, c) && (runtime.Enters(by.Comm) || runtime.IsOwn(by.Comm)) {
		t = t.add(Plain, asCommands(c, runtime.Exec))
	}
	return t
}

// fromAround reports whether a process runs where the engine of a container does: on the host, or in the container that this one is in.
func fromAround(by *event.Process, c *model.Container) bool {
	return by.Container == nil && !by.ContainerUnknown || by.Container != nil && c.Parent != "" && by.Container.ID == c.Parent
}

// EnteredCommand returns the command line of a program that was run in a container from outside, or else what it calls itself.
// Either may be nil.
func EnteredCommand(in *event.Entered, process *event.Process) string {
	switch {
	case in != nil && in.CommandLine != "" && in.CommandLineCut:
		return in.CommandLine + "…"
	case in != nil && in.CommandLine != "":
		return in.CommandLine
	case process != nil && process.Comm != "":
		return process.Comm
	}
	return "a program"
}
