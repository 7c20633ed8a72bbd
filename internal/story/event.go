package story

import (
	"cmp"
	"fmt"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/model"
)

// Event describes one event in a sentence, by what the event itself has. It begins with the workload that the event is about.
func Event(e *event.Event) Text {
	subject := e.Subject()
	t := text(Name, subject.Label())
	if len(t) > 0 {
		t = t.add(Plain, ": ")
	}
	process := event.Process{PID: e.PID, Comm: e.Comm, UID: e.UID, Container: e.Container, ContainerUnknown: e.ContainerUnknown}
	id := ""
	if subject != nil {
		id = subject.ID
	}
	c := &model.Container{ID: id}
	switch {
	case e.OOM != nil:
		k := model.Kill{Event: *e}
		if v := e.OOM.Victim; v.Container != nil && !v.Init && !v.Starting && !e.OOM.Group {
			k.Survived = new(true)
		}
		return Kill(&k, &model.Snapshot{})
	case e.Type == event.ContainerStarted:
		t = t.join(startWords(&model.Entry{Start: e.Start, Init: &process}))
	case e.Entered != nil:
		t = t.join(enteredWords(&model.Entry{By: e.Entered.By, Entered: e.Entered, Process: &process}, c))
	case e.Moved != nil:
		t = t.join(movedWords(&model.Entry{By: &process, Moved: e.Moved}, id))
	case e.Type == event.ContainerExited:
		t = t.join(exitWords(e.Time, e.Exit))
	case e.Namespace != nil:
		t = t.join(namespaceWords(e, &process))
	case e.Cgroup != nil:
		verb := " made the cgroup "
		if e.Type == event.CgroupRemoved {
			verb = " removed the cgroup "
		}
		t = t.join(actor(known(&process), id)).add(Plain, verb).add(Number, CgroupWords(e.Cgroup.Path))
	case e.Lost != nil:
		t = text(Strong, Count(e.Lost.Count, "event was lost", "events were lost")).add(Plain, ": "+e.Lost.Reason)
		if e.Lost.UID != nil {
			t = t.add(Plain, fmt.Sprintf(", by user %d in ", *e.Lost.UID)+cmp.Or(e.Lost.Cgroup, UnknownPlace))
		}
	default:
		t = t.add(Plain, string(e.Type))
	}
	return t.add(Plain, ".")
}

// namespaceWords words what happened to a namespace.
func namespaceWords(e *event.Event, by *event.Process) Text {
	n := e.Namespace
	name := NamespaceName{Type: n.Type, ID: n.ID}.String()
	switch {
	case e.Type == event.NamespaceFreed:
		return text(Plain, "the namespace ").add(Number, name).add(Plain, " was freed")
	case n.Via == event.ViaReconcile:
		return text(Plain, "the namespace ").add(Number, name).add(Plain, " was found")
	case e.Type == event.NamespaceJoined && n.Host:
		return actor(known(by), "").add(Plain, " joined the host's namespace ").add(Number, name)
	case e.Type == event.NamespaceJoined && n.Of != nil:
		return actor(known(by), "").add(Plain, " joined the namespace ").add(Number, name).add(Plain, " of ").add(Name, n.Of.Label())
	case e.Type == event.NamespaceJoined:
		return actor(known(by), "").add(Plain, " joined the namespace ").add(Number, name)
	}
	return actor(known(by), "").add(Plain, " made the namespace ").add(Number, name)
}

// known returns a process, nil if nothing is known of it.
func known(p *event.Process) *event.Process {
	if p.PID == 0 && p.Comm == "" {
		return nil
	}
	return p
}
