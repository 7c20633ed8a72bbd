package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// MomentKind says what a Moment tells of. Where an event told it, it is the event's type.
type MomentKind string

// The kinds of moment that are no event's.
const (
	MomentFound       MomentKind = "found"                // it was there when nsviz looked
	MomentLimits      MomentKind = "limits"               // what its cgroup limited at the first reading
	MomentChanged     MomentKind = "limits_changed"       // somebody changed its limits
	MomentMovedIn     MomentKind = "moved_in"             // somebody moved a process into the cgroup
	MomentUnobserved  MomentKind = "oom_kills_unobserved" // the kernel counted kills that no event told of
	MomentPIDsRefused MomentKind = "pids_refused"         // the kernel refused it a process or thread: a limit was reached
	MomentVerdict     MomentKind = "engine_verdict"       // what the engine said of its end, when asked
	MomentSaid        MomentKind = "engine_event"         // what the engine told that it did
	MomentGone        MomentKind = "gone"                 // it was not there any more; its end was not seen
	MomentStuck       MomentKind = "stuck_at_limit"       // processes wait for memory, and the OOM killer is off
	MomentUnstuck     MomentKind = "stuck_no_more"
	MomentAbandoned   MomentKind = "abandoned" // the container that a namespace was made for has another one
	MomentNeverRan    MomentKind = "never_ran" // it ended before its own program ran: its start was OOM-killed
	momentCgroup                 = MomentKind(event.CgroupCreated)
	momentCgroupGone             = MomentKind(event.CgroupRemoved)
	momentBorn                   = MomentKind(event.NamespaceCreated)
	momentJoined                 = MomentKind(event.NamespaceJoined)
	momentFreed                  = MomentKind(event.NamespaceFreed)
	momentStarted                = MomentKind(event.ContainerStarted)
	momentMoved                  = MomentKind(event.InitMoved)
	momentExited                 = MomentKind(event.ContainerExited)
	momentKilled                 = MomentKind(event.OOMKill)
)

// Moment is one entry in the history of a container, a cgroup or a namespace. Its JSON is that of `history` in
// docs/EVENTS.md. What is not known or does not belong to its kind is nil or zero.
type Moment struct {
	Time time.Time  `json:"time"`
	Kind MomentKind `json:"kind"`
	// LeftOut is how many things that happened between the moment before and this one are not kept.
	LeftOut uint64 `json:"left_out,omitempty"`
	// Count is how many times it happened where that is more than once, Until when for the last time.
	Count uint64    `json:"count,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// By is who did it. Where several processes that call themselves so did, it has no PID.
	By *event.Process `json:"by,omitempty"`
	// ByAnyOf are those one of whom did it, where that is all that is known; By is nil then.
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
	// Via is how a namespace was made or how its end was learned.
	Via event.Via `json:"via,omitempty"`
	// Namespaces are those that were made or joined, or those of a container that started.
	Namespaces []Touched `json:"namespaces,omitempty"`
	// Container is, in the history of a namespace, the container that started, was found or ended in it, and where a
	// namespace was abandoned the one that it was made for.
	Container *event.Container `json:"container,omitempty"`
	Cgroup    string           `json:"cgroup,omitempty"`
	// Init is the container's PID 1, of one that was found or started.
	Init   *event.Process `json:"init,omitempty"`
	Start  *event.Start   `json:"start,omitempty"`
	Limits []LimitChange  `json:"limits,omitempty"`
	// OOM is the latest of the kills, or the one by which a start ended.
	OOM     *event.OOM         `json:"oom,omitempty"`
	Moved   *event.Moved       `json:"moved,omitempty"`
	Exit    *event.Exit        `json:"exit,omitempty"`
	Verdict *fact.EngineReport `json:"verdict,omitempty"`
	// Said is what the engine did.
	Said fact.EngineAction `json:"said,omitempty"`
}

// Times is how many times it happened.
func (m *Moment) Times() uint64 { return max(m.Count, 1) }

// Touched is a namespace in a Moment.
type Touched struct {
	Type event.NamespaceType `json:"type"`
	// ID is 0 where several were made.
	ID uint64 `json:"id,omitempty"`
	// Own marks, where it is joined, one that the container is in, Host the host's own, Container another
	// container that was in it first.
	Own       bool             `json:"own,omitempty"`
	Host      bool             `json:"host,omitempty"`
	Container *event.Container `json:"container,omitempty"`
}

// LimitChange is one limit of a cgroup, for a container of its own one, and what it was before.
type LimitChange struct {
	Resource fact.Resource `json:"resource"`
	// From is nil where nothing was read before: at the first reading, and of a write before that. Where only a later reading found the change, and not the kernel told of
	// it, it lies between After, when the limit was read the time before, and the moment itself.
	From  *fact.Limit `json:"from,omitempty"`
	To    fact.Limit  `json:"to"`
	After time.Time   `json:"after,omitzero"`
}
