// Package event defines what happened on the host as plain values.
//
// An Event is the contract of `nsviz events -o json`: its JSON form is described in docs/EVENTS.md.
// Fields may be added, never renamed. A pointer or an omitted field that is absent means unknown,
// which is not the same as zero.
package event

import "time"

// Type is the kind of an event.
type Type string

// The event types, as they are written in JSON.
const (
	NamespaceCreated Type = "namespace_created"
	NamespaceJoined  Type = "namespace_joined"
	NamespaceFreed   Type = "namespace_freed"
	CgroupCreated    Type = "cgroup_created"
	CgroupRemoved    Type = "cgroup_removed"
	ContainerStarted Type = "container_started"
	ContainerEntered Type = "container_entered"
	InitMoved        Type = "init_moved"
	ContainerExited  Type = "container_exited"
	OOMKill          Type = "oom_kill"
	EventsLost       Type = "events_lost"
)

// Types lists every event type in the order of the documentation.
func Types() []Type {
	return []Type{
		NamespaceCreated, NamespaceJoined, NamespaceFreed, CgroupCreated, CgroupRemoved,
		ContainerStarted, ContainerEntered, InitMoved, ContainerExited, OOMKill, EventsLost,
	}
}

// Event is one thing that happened. Exactly one of the pointers that belong to its Type is set.
type Event struct {
	Time time.Time `json:"time"`
	Type Type      `json:"type"`
	// PID is the acting process (its thread group id) as the host counts it.
	PID  int32  `json:"pid,omitempty"`
	Comm string `json:"comm,omitempty"`
	// UID is the host's id of the acting process's user; nil is unknown. It is known for created and joined namespaces, for
	// cgroups, and for entries.
	UID *uint32 `json:"uid,omitempty"`
	// Container is the container that the acting process is in.
	Container *Container `json:"container,omitempty"`
	// ContainerUnknown is set if it is unknown whether the process is in a container: its cgroup was gone before nsviz
	// could look it up.
	ContainerUnknown bool `json:"container_unknown,omitempty"`
	// Self marks what nsviz's own processes did.
	Self bool `json:"self,omitempty"`

	Namespace *Namespace `json:"namespace,omitempty"`
	Cgroup    *Cgroup    `json:"cgroup,omitempty"`
	Start     *Start     `json:"start,omitempty"`
	Entered   *Entered   `json:"entered,omitempty"`
	Moved     *Moved     `json:"moved,omitempty"`
	Exit      *Exit      `json:"exit,omitempty"`
	OOM       *OOM       `json:"oom,omitempty"`
	Lost      *Lost      `json:"lost,omitempty"`

	// CgroupID is the acting process's cgroup in the tracked hierarchy; 0 is unknown. It serves to
	// find the container and is not part of the JSON.
	CgroupID uint64 `json:"-"`
	// BootNS is Time by the kernel's clock (CLOCK_BOOTTIME), which is never set; 0 is unknown. It is not part of the
	// JSON either.
	BootNS uint64 `json:"-"`
}

// Subject returns the container that the event is about: the cgroup's, the entered one, the moved PID 1's, or else the one that
// the acting process is in; nil is none.
func (e *Event) Subject() *Container {
	if e.Cgroup != nil {
		return e.Cgroup.Container
	}
	if e.Entered != nil {
		return e.Entered.Container
	}
	if e.Moved != nil {
		return e.Moved.Container
	}
	return e.Container
}

// Via is the way in which a namespace was created or nsviz learned of it.
type Via string

// The ways in which a namespace event comes about.
const (
	ViaClone     Via = "clone"
	ViaUnshare   Via = "unshare"
	ViaSetns     Via = "setns"
	ViaReconcile Via = "reconcile" // found by reading the host, not reported by a probe
	ViaKernel    Via = "kernel"    // reported by the kernel function that frees it
)

// Namespace is one namespace that was created, joined or freed.
type Namespace struct {
	Type NamespaceType `json:"type"`
	// ID is the namespace's inode number, as in /proc/PID/ns.
	ID uint64 `json:"id"`
	// Owner is the id of the user namespace that owns it.
	Owner uint64 `json:"owner,omitempty"`
	// Parent is the id of the parent of a pid or user namespace.
	Parent uint64 `json:"parent,omitempty"`
	Via    Via    `json:"via,omitempty"`
	// ChildPID is the process that clone made and that lives in the namespace.
	ChildPID int32 `json:"child_pid,omitempty"`
	// TookMS is how long the unshare or setns took, in milliseconds; nil is unknown.
	TookMS *float64 `json:"took_ms,omitempty"`
	// Of is, for a joined one, the container whose namespace it is: the one that it was made for, else the first of those in it.
	// Nil is no container or unknown. Host is set if it is the host's.
	Of   *Container `json:"of,omitempty"`
	Host bool       `json:"host,omitempty"`
	// Starting is set, for a joined one, if the program of that container has not started yet: its runtime or engine joins, as a rule.
	Starting bool `json:"starting,omitempty"`
	// Name is, for a joined one that is of no container, the name that `ip netns` has given it; "" is none or unknown.
	Name string `json:"name,omitempty"`
}

// Cgroup is one control group of the tracked hierarchy: the memory hierarchy on cgroup v1 and
// hybrid hosts, the unified one on v2.
type Cgroup struct {
	Path string `json:"path"`
	// ID is the kernel's id of the cgroup, which is also the inode number of its directory.
	ID uint64 `json:"id"`
	// Container is the container that the cgroup belongs to; the acting process is the runtime's.
	Container *Container `json:"container,omitempty"`
	// Via is ViaReconcile if no probe reported it: it was found by reading the cgroup file system.
	Via Via `json:"via,omitempty"`
}

// Start is the start of a container: its first program's exec.
type Start struct {
	// DurationMS is the time from the creation of the cgroup to the exec, in milliseconds.
	DurationMS *float64 `json:"duration_ms,omitempty"`
	// Phases are the steps, in the order in which they came.
	Phases []Phase `json:"phases,omitempty"`
	// Namespaces are the namespaces of the container's init at its exec.
	Namespaces NamespaceIDs `json:"namespaces,omitzero"`
}

// The names of phases. In names that end in _ the namespace's type follows.
const (
	PhaseCreate      = "create"       // the engine was asked to create the container
	PhaseCgroup      = "cgroup"       // the cgroup was made
	PhaseEntered     = "entered"      // the runtime's process was moved into it
	PhaseNamespaces  = "namespaces"   // the runtime made namespaces from inside the cgroup
	PhaseNamespace   = "namespace_"   // the namespace of a type was made
	PhaseJoined      = "joined_"      // a namespace of a type was joined that others are in
	PhaseClone       = "clone"        // the process that became PID 1 was made
	PhaseMounts      = "mounts"       // the first mount was made
	PhaseMountsLast  = "mounts_last"  // the last one before the root was changed
	PhaseNetwork     = "network"      // a process of the host joined the net namespace
	PhaseNetworkLast = "network_last" // the last such join
	PhasePivotRoot   = "pivot_root"   // the container's root became /
	PhaseChroot      = "chroot"       // likewise, by chroot
	PhaseExec        = "exec"         // the container's own program
	PhaseEngineStart = "engine_start" // the engine says that it has started; in no event, since it comes later
)

// Phase is one step of a container's start.
type Phase struct {
	Name string `json:"name"`
	// AtMS is the time since the cgroup was made, in milliseconds; below zero before.
	AtMS float64 `json:"at_ms"`
	// TookMS is the time that the kernel took for it, up to AtMS; nil is unknown.
	TookMS *float64 `json:"took_ms,omitempty"`
	// Count is the number of mounts made by then, for PhaseMountsLast; nil for other phases.
	Count *uint32 `json:"count,omitempty"`
}

// Entered is an exec in the namespaces of a container by a process that came from outside, such as `docker exec` and nsenter make.
// The acting process is the one that runs the program.
type Entered struct {
	Container *Container `json:"container,omitempty"`
	// CommandLine has the arguments of the program as Victim has them, CommandLineCut is set if there were more.
	CommandLine    string `json:"command_line,omitempty"`
	CommandLineCut bool   `json:"command_line_cut,omitempty"`
	// Namespaces are those of the container that the process is in.
	Namespaces NamespaceIDs `json:"namespaces,omitzero"`
	// By is the process that entered and became the program, or else the parent of that; nil is unknown.
	By *Process `json:"by,omitempty"`

	// Below is whether the process is in a PID namespace below its parent's.
	Below bool `json:"-"`
}

// Moved is the move of a container's PID 1 to another cgroup of the tracked hierarchy.
type Moved struct {
	// PID is the host's number of the container's PID 1.
	PID int32 `json:"pid"`
	// Container is the container of that PID 1; the acting process moved it.
	Container *Container `json:"container,omitempty"`
	// Home is the path of the container's own cgroup, To the path of the cgroup that its PID 1 is in now.
	Home string `json:"home,omitempty"`
	To   string `json:"to,omitempty"`
	// Held is whether To is the container's own cgroup or one below it, whose limits hold.
	Held bool `json:"held"`

	// HomeID and ToID are the cgroup ids of Home and To.
	HomeID uint64 `json:"-"`
	ToID   uint64 `json:"-"`
}

// Cause is the way in which a container ended.
type Cause string

// The causes of a container's end.
const (
	CauseExited  Cause = "exited"   // it ended by itself
	CauseOOMKill Cause = "oom_kill" // the kernel's OOM killer chose its PID 1
	CauseSignal  Cause = "signal"   // a signal ended it
)

// Causes lists all causes.
func Causes() []Cause { return []Cause{CauseExited, CauseOOMKill, CauseSignal} }

// Exit is the end of a container: the death of its PID 1.
type Exit struct {
	// Code is the exit code as shells and engines show it: 128+n for an end by signal n.
	Code *int32 `json:"code,omitempty"`
	// Signal is the number of the signal that ended it; absent if none did.
	Signal int32 `json:"signal,omitempty"`
	Cause  Cause `json:"cause,omitempty"`
	// By is the sender of the signal; absent if the kernel sent it or if it is unknown.
	By *Process `json:"by,omitempty"`
	// PIDNamespaceEnded is the PID 1 of the PID namespace that the container was in, as a rule another container's. Its
	// exit made the kernel kill all processes in the namespace. Nil is no such end.
	PIDNamespaceEnded *Process `json:"pid_namespace_ended,omitempty"`
	// EarlierSignal is the latest signal from a process that did not end PID 1 itself: PID 1 ignored it, or ended in its
	// own way because of it.
	EarlierSignal *SentSignal `json:"earlier_signal,omitempty"`
	// PIDsRefused is how often the kernel had refused a new process or thread in PID 1's cgroup because a limit of
	// processes was reached; nil is unknown.
	PIDsRefused *uint64 `json:"pids_refused,omitempty"`
}

// Senders returns the processes that sent signals or made the kernel send them; x may be nil.
func (x *Exit) Senders() []*Process {
	var list []*Process
	if x == nil {
		return nil
	}
	if x.By != nil {
		list = append(list, x.By)
	}
	if x.PIDNamespaceEnded != nil {
		list = append(list, x.PIDNamespaceEnded)
	}
	if s := x.EarlierSignal; s != nil && s.By != nil {
		list = append(list, s.By)
	}
	return list
}

// SentSignal is a signal that a process sent to a container's PID 1.
type SentSignal struct {
	Signal int32     `json:"signal"`
	Time   time.Time `json:"time"`
	By     *Process  `json:"by,omitempty"`
}

// Process names a process of the host.
type Process struct {
	PID  int32  `json:"pid,omitempty"`
	Comm string `json:"comm,omitempty"`
	// ProcessComm is the name of the first thread of an OOM kill's trigger, while Comm is that of the thread that
	// asked; "" is unknown. It is set for triggers only.
	ProcessComm string `json:"process_comm,omitempty"`
	// UID is the host's id of its user; nil is unknown.
	UID *uint32 `json:"uid,omitempty"`
	// Container is the container of the process; ContainerUnknown is as in Event.
	Container        *Container `json:"container,omitempty"`
	ContainerUnknown bool       `json:"container_unknown,omitempty"`

	CgroupID uint64 `json:"-"`
}

// Scope identifies whose memory ran out.
type Scope string

// The scopes of an OOM decision.
const (
	ScopeCgroup    Scope = "cgroup"    // a cgroup reached its limit
	ScopeSystem    Scope = "system"    // the host had no memory left
	ScopeCpuset    Scope = "cpuset"    // the nodes of a cpuset had none left
	ScopeMempolicy Scope = "mempolicy" // the nodes of a memory policy had none left
)

// Scopes lists all scopes.
func Scopes() []Scope { return []Scope{ScopeCgroup, ScopeSystem, ScopeCpuset, ScopeMempolicy} }

// OOM is one kill by the kernel's OOM killer.
type OOM struct {
	// ID identifies the kill, as KillID makes it; "" in recordings of versions that did not have it.
	ID    string `json:"id,omitempty"`
	Scope Scope  `json:"scope,omitempty"`
	// Cgroup is the path of the cgroup that reached its limit (scope cgroup).
	Cgroup string `json:"cgroup,omitempty"`
	// LimitBytes and UsageBytes are those of that cgroup when the kernel killed.
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	// Decision is a number that the victims of one decision share (memory.oom.group).
	Decision uint64 `json:"decision,omitempty"`
	// Group is set if memory.oom.group made the kernel kill all processes of a cgroup together.
	Group  bool   `json:"group,omitempty"`
	Victim Victim `json:"victim"`
	// Trigger is the process whose request for memory failed.
	Trigger *Process `json:"trigger,omitempty"`
	// Memory describes the memory that ran out, of a cgroup or of the system; nil is unknown.
	Memory *Memory `json:"memory,omitempty"`

	// CgroupID is the id of Cgroup, 0 if there is none.
	CgroupID uint64 `json:"-"`
}

// Memory is a breakdown of memory, read just after a kill. No byte is in two of its parts; nil is unknown.
type Memory struct {
	// AnonBytes is the processes' own memory: heaps and stacks.
	AnonBytes *uint64 `json:"anon_bytes,omitempty"`
	// FileBytes are cached files, ShmemBytes files of tmpfs and shared memory.
	FileBytes  *uint64 `json:"file_bytes,omitempty"`
	ShmemBytes *uint64 `json:"shmem_bytes,omitempty"`
	// KernelBytes is the kernel's memory for them, SockBytes the buffers of their sockets.
	KernelBytes *uint64 `json:"kernel_bytes,omitempty"`
	SockBytes   *uint64 `json:"sock_bytes,omitempty"`
	// AfterMS is the time from the kill to the reading, in milliseconds. The victim may have freed its own memory by then.
	AfterMS float64 `json:"after_ms"`
}

// Victim is the process that the OOM killer chose.
type Victim struct {
	PID int32 `json:"pid"`
	TID int32 `json:"tid,omitempty"`
	// Comm is the name of the thread that the kernel picked, ProcessComm that of the process's first thread.
	Comm        string `json:"comm,omitempty"`
	ProcessComm string `json:"process_comm,omitempty"`
	// CommandLine has the arguments of the process, or what it has written over them, with spaces between them,
	// escaped; "" is unknown. CommandLineCut is set if there was more of it.
	CommandLine    string  `json:"command_line,omitempty"`
	CommandLineCut bool    `json:"command_line_cut,omitempty"`
	AnonBytes      *uint64 `json:"anon_bytes,omitempty"`
	FileBytes      *uint64 `json:"file_bytes,omitempty"`
	ShmemBytes     *uint64 `json:"shmem_bytes,omitempty"`
	PgtablesBytes  *uint64 `json:"pgtables_bytes,omitempty"`
	OOMScoreAdj    *int32  `json:"oom_score_adj,omitempty"`
	UID            *uint32 `json:"uid,omitempty"`
	// Namespaces are those that it was in; of time that of its next child, most often the same. 0 is unknown.
	Namespaces NamespaceIDs `json:"namespaces,omitzero"`
	// Cgroup is the path of its cgroup.
	Cgroup string `json:"cgroup,omitempty"`
	// Container is the container that it was in; ContainerUnknown is as in Event.
	Container        *Container `json:"container,omitempty"`
	ContainerUnknown bool       `json:"container_unknown,omitempty"`
	// Init is set if the victim is PID 1 of its container, so that the container ends with it.
	Init bool `json:"init,omitempty"`
	// Starting is set if the container's own program did not run yet: the victim is a process of its runtime.
	Starting bool `json:"starting,omitempty"`
}

// The reasons for which events did not reach nsviz. A recording may have others, of other versions.
const (
	LostRing      = "ring full"
	LostLifecycle = "lifecycle ring full"
	LostUrgent    = "urgent ring full"
	LostThrottled = "throttled" // its source had sent more than its share
	LostCall      = "call not remembered"
	LostMalformed = "malformed record"
	LostEngine    = "engine queue full" // what the engine said of its containers
)

// LostReasons lists the reasons for which events did not reach nsviz.
func LostReasons() []string {
	return []string{LostRing, LostLifecycle, LostUrgent, LostThrottled, LostCall, LostMalformed, LostEngine}
}

// The reasons for which a consumer of nsviz missed events that had reached nsviz.
const (
	LostReader    = "reader too slow"    // of `nsviz events`; its count is events
	LostRecording = "recording too slow" // its count is facts: events, readings and surveys
	LostExport    = "receiver too slow"  // of --export; its count is events
)

// Lost reports that events did not reach nsviz, or a consumer of it.
type Lost struct {
	Count  uint64 `json:"count"`
	Reason string `json:"reason"`
	// UID is the host's id of the user whose events were throttled, since he had sent more than his share; in
	// user namespaces it is the user who made the outermost. Cgroup is his latest cgroup, or an ancestor of that.
	// Both are absent for other reasons and if they are unknown.
	UID    *uint32 `json:"uid,omitempty"`
	Cgroup string  `json:"cgroup,omitempty"`
}
