package container

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// State is what is known of a container's first process.
type State struct {
	Init int32 // its PID; 0 where its program does not run, as far as is known
	// StartedNS is a time since boot, in nanoseconds: as the process was made or later, but not later than its program
	// began; 0 is unknown.
	StartedNS uint64
	// Ended is the PID of the one whose end an event has reported, where there was none since, and EndedNS when that was,
	// as StartedNS; 0 is none.
	Ended   int32
	EndedNS uint64
}

// StateOf returns what is known of the container that ref names.
func (t *Tracker) StateOf(ref *Ref) State {
	if root := t.rootOf(ref); root != nil {
		return State{root.init, root.started.bootNS, root.ended, root.endedNS}
	}
	return State{}
}

// InitGone records that a container's first process is gone without an event.
func (t *Tracker) InitGone(ref *Ref) {
	if root := t.rootOf(ref); root != nil {
		delete(t.outside, root.init)
		t.letGo(root)
		t.dropCgroupless(root)
		root.init, root.hadInit, root.found = 0, true, false
	}
}

// Gone records that a container is gone without an event, by its id.
func (t *Tracker) Gone(id string) {
	for pid, root := range t.outside {
		if root.ref.ID == id {
			t.letGo(root)
			t.left(pid)
		}
	}
}

// Init describes a container's first process, as reading the host found it.
type Init struct {
	PID int32 // 0 is unknown
	// Made is when the process was made, MadeNS the same since boot in nanoseconds; zero is unknown.
	Made   time.Time
	MadeNS uint64
	// Namespaces are those that it is in; zero is unknown.
	Namespaces event.NamespaceIDs
	// Ran is whether its program ran before execs were hooked, so that no exec is its start.
	Ran bool
	// Seen is when its program was seen to run, SeenNS the same since boot in nanoseconds; zero is unknown.
	Seen   time.Time
	SeenNS uint64
}

// unmatchedExit is the end of a process in a container's cgroup that is not known as the container's init.
type unmatchedExit struct {
	event.Event

	root *cgroup // nil is that of a container without a cgroup
}

// maxUnmatchedExits is how many of these are kept.
const maxUnmatchedExits = 256

// FoundRunning records a container that was found running. If the process has ended since it was found, it returns the event of
// that end, which is yet to be attributed, else nil.
func (t *Tracker) FoundRunning(ref *Ref, init Init) *event.Event {
	if root := t.roots[ref.Root]; root != nil {
		return t.foundRunning(root, init)
	}
	return nil
}

func (t *Tracker) foundRunning(root *cgroup, init Init) *event.Event {
	if root.init != init.PID {
		delete(t.outside, root.init)
	}
	root.namespaces = init.Namespaces
	root.init, root.hadInit, root.found, root.ran, root.seen, root.ended = init.PID, true, true, init.Ran, instant{init.Seen, init.SeenNS}, 0
	root.started = instant{init.Made, init.MadeNS}
	t.hold(root, init.Namespaces)
	end, ok := t.unmatchedExits[init.PID]
	if !ok || end.root != nil && end.root != root || end.BootNS < init.MadeNS {
		return nil
	}
	delete(t.unmatchedExits, init.PID)
	return &end.Event
}

// startingFor is how long a runtime's init may exist before it makes way for the container's program.
const startingFor = 10 * time.Second

// execTakes is how long an exec may last from the new name, by which reading the host tells a container's program from its runtime's, to
// its event: begin_new_exec and exec_binprm in fs/exec.c.
const execTakes = time.Second

// started recognises a container's start. It happens in the container's own cgroup or, where the
// runtime made one below it (crun does), there; what starts while the container runs is a service
// inside.
func (t *Tracker) started(e *event.Event) bool {
	c := t.cgroups[e.CgroupID]
	if c == nil || c.root == nil {
		return false
	}
	root := c.root
	// A container that starts after the probes were attached may be found by reading the host before its
	// events are read. Where its cgroup is older than the probes, they report every exec of that time, so
	// that of a shell whose container has long been running as well, when it makes way for another program.
	// So they do once for each that was found, however late, since its program may have begun to run while
	// execs were being hooked. What runs when the host is read has started before that.
	if root.found {
		isIt := root.init == e.PID || root.init == 0
		isLater := !root.seen.isZero() && instantOf(e).since(root.seen) > execTakes
		isNew := !root.ran && !isLater && (!root.created.isZero() || instantOf(e).since(root.started) < startingFor)
		if !isIt || !isNew {
			return false
		}
	} else if root.init != 0 {
		return false
	}
	root.init, root.hadInit, root.found, root.started, root.ended = e.PID, true, false, instantOf(e), 0
	e.Start.Phases = t.phases(c, e)
	t.hold(root, e.Start.Namespaces)
	return true
}

func (t *Tracker) exited(e *event.Event) bool {
	root := t.homeOf(e.CgroupID, e.PID)
	if root == nil {
		if e.CgroupID == 0 { // of one without a cgroup, which reading the host may be about to report
			t.keepUnmatched(e, nil)
		}
		return false
	}
	if t.outside[e.PID] != nil {
		e.ContainerUnknown = false
	}
	t.left(e.PID)
	// It may have been older than the probes and gone before the host was read.
	neverFound := !root.hadInit && root.created.isZero()
	if root.init != e.PID && !neverFound {
		t.keepUnmatched(e, root)
		return false
	}
	delete(t.unmatchedExits, e.PID)
	if e.Container == nil {
		e.Container = t.Describe(root.ref)
	}
	t.letGo(root)
	root.init, root.hadInit, root.found, root.ended, root.endedNS = 0, true, false, e.PID, e.BootNS
	for _, sender := range e.Exit.Senders() {
		t.locate(sender)
	}
	return true
}

// keepUnmatched keeps the end of a process that is no known init.
func (t *Tracker) keepUnmatched(e *event.Event, root *cgroup) {
	if len(t.unmatchedExits) >= maxUnmatchedExits {
		clear(t.unmatchedExits)
	}
	t.unmatchedExits[e.PID] = unmatchedExit{*e, root}
}
