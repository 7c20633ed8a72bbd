package container

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// maxJoiners is how many processes that joined namespaces are remembered, for the programs that they become.
const maxJoiners = 1024

// becomesWithin limits the time from a process's latest join to the program that it becomes. Its PID may be another's later.
const becomesWithin = 10 * time.Second

// joiners holds the latest processes that joined namespaces, as they were called then.
type joiners struct {
	byPID map[int32]joiner
	order []int32 // oldest first
}

type joiner struct {
	process *event.Process
	at      instant
}

func (j *joiners) add(e *event.Event) {
	if _, known := j.byPID[e.PID]; !known {
		if len(j.order) >= maxJoiners {
			delete(j.byPID, j.order[0])
			j.order = j.order[1:]
		}
		j.order = append(j.order, e.PID)
	}
	j.byPID[e.PID] = joiner{
		&event.Process{PID: e.PID, Comm: e.Comm, UID: e.UID, Container: e.Container, ContainerUnknown: e.ContainerUnknown}, instantOf(e),
	}
}

// entered completes the exec of a process in a container: by is the process itself, as it was called before, if it has joined
// the namespaces, else its parent.
func (t *Tracker) entered(e *event.Event) {
	in := e.Entered
	if e.Container == nil && !e.ContainerUnknown && in.By != nil {
		e.Container = t.startedIsolated(e)
	}
	if j, ok := t.joiners.byPID[e.PID]; ok && instantOf(e).since(j.at) <= becomesWithin {
		in.By = j.process
		return
	}
	t.locate(in.By)
}

// startedIsolated returns what a process of no container begins with its exec in namespaces that are not its parent's; nil is nothing. It
// takes part in their beginning if their creation was seen and no container is in them: else it has joined them.
func (t *Tracker) startedIsolated(e *event.Event) *event.Container {
	ids, by := e.Entered.Namespaces, ProcessName{e.Entered.By.PID, e.Entered.By.Comm}
	for _, typ := range []event.NamespaceType{event.PID, event.User, event.Mnt} {
		if !t.own(ids, typ) {
			continue
		}
		if made := t.creations.byID[ids[typ]]; made == nil || made.claimed {
			return nil
		}
		if known := t.sandboxes.byNamespace.all[ids[typ]]; known != nil && known.first != 0 { // which has begun
			return nil
		}
		return t.isolated(suspect{ids, t.path(e.CgroupID), e.UID, by, e.Entered.By.UID, &FirstProcess{
			PID: e.PID, Comm: e.Comm, Started: e.Time, Namespaces: ids, Parent: by,
		}})
	}
	return nil
}
