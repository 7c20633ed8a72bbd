package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// EntryKind is what an Entry records. Where an event reported it, it is the event's type.
type EntryKind string

// The kinds of entries that are no types of events.
const (
	EntryFound            EntryKind = "found"                // reading the host found it
	EntryLimits           EntryKind = "limits"               // its cgroup's limits at the first reading
	EntryLimitsChanged    EntryKind = "limits_changed"       // a process changed its limits
	EntryMovedIn          EntryKind = "moved_in"             // a process was moved into the cgroup
	EntryUnobservedKills  EntryKind = "oom_kills_unobserved" // the kernel counted kills that no event reported
	EntryPIDsRefused      EntryKind = "pids_refused"         // the kernel refused it a process or thread: a limit was reached
	EntryEngineReport     EntryKind = "engine_verdict"       // what the engine reports of its end
	EntryEngineEvent      EntryKind = "engine_event"         // an action of the engine
	EntryGone             EntryKind = "gone"                 // it was found to be gone; its end was not seen
	EntryStuck            EntryKind = "stuck_at_limit"       // processes wait for memory, and the OOM killer is off
	EntryUnstuck          EntryKind = "stuck_no_more"
	EntryRenamed          EntryKind = "renamed"
	EntryPaused           EntryKind = "paused"    // the freezer stopped its processes
	EntryResumed          EntryKind = "resumed"   // it let them go on
	EntryAbandoned        EntryKind = "abandoned" // the container that its namespace was made for has started in another one
	EntryNeverRan         EntryKind = "never_ran" // it ended before its own program ran: its start was OOM-killed
	entryCgroupCreated              = EntryKind(event.CgroupCreated)
	entryCgroupRemoved              = EntryKind(event.CgroupRemoved)
	entryNamespaceCreated           = EntryKind(event.NamespaceCreated)
	entryNamespaceJoined            = EntryKind(event.NamespaceJoined)
	entryNamespaceFreed             = EntryKind(event.NamespaceFreed)
	entryStarted                    = EntryKind(event.ContainerStarted)
	entryEntered                    = EntryKind(event.ContainerEntered)
	entryInitMoved                  = EntryKind(event.InitMoved)
	entryExited                     = EntryKind(event.ContainerExited)
	entryKilled                     = EntryKind(event.OOMKill)
)

// Entry is one entry in the history of a container, a cgroup or a namespace. Its JSON is that of `history` in
// docs/EVENTS.md. Fields that are unknown or do not belong to its kind are nil or zero.
type Entry struct {
	Time time.Time `json:"time"`
	Kind EntryKind `json:"kind"`
	// LeftOut is how many entries between the one before and this one were dropped.
	LeftOut uint64 `json:"left_out,omitempty"`
	// Count is how many times it happened if more than once, Until when for the last time.
	Count uint64    `json:"count,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// By is the process that did it. It has no PID if several processes of that name did.
	By *event.Process `json:"by,omitempty"`
	// ByAnyOf are the processes one of which did it, if nsviz knows no more; By is nil then.
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
	// Via is how a namespace was created, or how nsviz learned of its end.
	Via event.Via `json:"via,omitempty"`
	// Namespaces are those that were created or joined, or those of a container that started.
	Namespaces []EntryNamespace `json:"namespaces,omitempty"`
	// Starting marks the join of a namespace of a container whose own program had not started yet, as its engine makes.
	Starting bool `json:"starting,omitempty"`
	// Container is, in the history of a namespace, the container that started, was found or ended in it. For
	// EntryAbandoned it is the one that the namespace was made for.
	Container *event.Container `json:"container,omitempty"`
	Cgroup    string           `json:"cgroup,omitempty"`
	// Init is the PID 1 of a container that was found or started.
	Init   *event.Process `json:"init,omitempty"`
	Start  *event.Start   `json:"start,omitempty"`
	Limits []LimitChange  `json:"limits,omitempty"`
	// OOM is the latest of the kills, or the one that ended a start.
	OOM *event.OOM `json:"oom,omitempty"`
	// Process is the program that somebody ran in the container from outside, Entered what else is known of that. Its
	// Container and By are nil: the history is the container's, and By is the entry's.
	Process      *event.Process     `json:"process,omitempty"`
	Entered      *event.Entered     `json:"entered,omitempty"`
	Moved        *event.Moved       `json:"moved,omitempty"`
	Exit         *event.Exit        `json:"exit,omitempty"`
	Renamed      *Rename            `json:"renamed,omitempty"`
	EngineReport *fact.EngineReport `json:"verdict,omitempty"`
	// Action is what the engine did.
	Action fact.EngineAction `json:"said,omitempty"`
}

// Times returns how many times it happened, at least 1.
func (m *Entry) Times() uint64 { return max(m.Count, 1) }

// Rename holds the name of a container before and after it was renamed.
type Rename struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// EntryNamespace is a namespace in an Entry.
type EntryNamespace struct {
	Type event.NamespaceType `json:"type"`
	// ID is 0 if several were created.
	ID uint64 `json:"id,omitempty"`
	// Own marks a joined namespace that the container is in, Host the host's own. Container is another container that
	// was in it first.
	Own       bool             `json:"own,omitempty"`
	Host      bool             `json:"host,omitempty"`
	Container *event.Container `json:"container,omitempty"`
}

// LimitChange is a change of one limit of a cgroup, or of a container's own cgroup.
type LimitChange struct {
	Resource fact.Resource `json:"resource"`
	// From is the limit before; nil if it had not been read before.
	From *fact.Limit `json:"from,omitempty"`
	To   fact.Limit  `json:"to"`
	// After is when the limit was read the time before, if only a later reading found the change: it happened between
	// After and the entry's time. It is zero if the kernel reported the change.
	After time.Time `json:"after,omitzero"`
}
