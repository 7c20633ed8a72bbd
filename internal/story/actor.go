package story

import (
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/container/runtime"
	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// actor names the process that acted, as seen from the container with an id; "" is none.
func actor(by *event.Process, id string) Text {
	if by == nil {
		return text(Plain, "somebody")
	}
	name := by.Comm
	if name == "" {
		name = someProcess
	}
	t := text(Strong, name)
	facts := numbers(by)
	switch {
	case by.ContainerUnknown:
		facts = append(facts, text(Plain, "in "+UnknownPlace))
	case by.Container == nil:
		facts = append(facts, text(Plain, "of the host"))
	case by.Container.ID == id:
		facts = append(facts, text(Plain, "its own"))
	default:
		facts = append(facts, text(Plain, "in ").add(Name, by.Container.Label()))
	}
	if by.Container != nil && by.Container.Parent != nil && by.Container.ID != id {
		facts = append(facts, text(Plain, "which is in ").add(Name, by.Container.Parent.Label()))
	}
	return t.addFacts(facts)
}

// numbers lists the PID and the user of a process, where they are known.
func numbers(p *event.Process) []Text {
	var facts []Text
	if p.PID != 0 {
		facts = append(facts, text(Plain, fmt.Sprintf("PID %d", p.PID)))
	}
	if p.UID != nil {
		facts = append(facts, text(Plain, fmt.Sprintf("uid %d", *p.UID)))
	}
	return facts
}

// initWords names the PID 1 of an entry. In a PID namespace that another one had first, it is not PID 1; in a sandbox it need not be.
func initWords(m *model.Entry, of *event.Container) string {
	init := m.Init
	if init == nil {
		return ""
	}
	who := "PID 1"
	isolated := of != nil && (of.Kind == event.KindSandbox || of.Kind == event.KindService)
	if isolated || slices.ContainsFunc(m.Namespaces, func(n model.EntryNamespace) bool { return n.Type == event.PID && (n.Host || n.Container != nil) }) {
		who = "its first process"
	}
	name := init.Comm
	if name == "" {
		name = someProcess
	}
	return fmt.Sprintf("; %s is %s (%d)", who, name, init.PID)
}

func byCall(via event.Via) string {
	switch via {
	case event.ViaClone, event.ViaUnshare:
		return " by " + string(via)
	}
	return ""
}

// byRuntime reports whether the container's runtime joined several of its namespaces, to bring a process in. The runtime
// is a process of the host then or, if it is newer, in the container's cgroup already.
func byRuntime(m *model.Entry, c *model.Container) bool {
	if m.By == nil || len(m.Namespaces) < 2 || !m.Namespaces[0].Own || m.By.Container != nil && m.By.Container.ID != c.ID {
		return false
	}
	return runtime.Enters(m.By.Comm)
}
