package model

import (
	"iter"
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Snapshot is the state of the model at one time. It is immutable, and may be read by any goroutine.
type Snapshot struct {
	Time time.Time
	// At is Time as an Instant.
	At Instant
	// Facts is how many facts were applied to the model.
	Facts uint64

	Host    fact.Host
	Probes  []fact.Probe
	Engines []fact.Engine
	// Unseen is what the latest survey could not look into; nil is unknown.
	Unseen *fact.Unseen
	// Unlisted is how many live sandboxes and services are not in Quiet, because their users have too many, as of the latest survey.
	Unlisted int
	// OwnMemory is the memory that nsviz itself may use; nil is unknown.
	OwnMemory *fact.OwnMemory

	// Containers holds the live ones in the order of their start, then the ended ones, latest first. Model.Full adds the
	// never-started ones.
	Containers []Container
	// Quiet are the live sandboxes and services that the OOM killer has taken nothing from, in the order of their start. A host has
	// many of them, which are shown when asked for.
	Quiet []Container
	// FailedStarts are containers whose start has failed, and whose own program has never run: those made last first. Their number is
	// bounded.
	FailedStarts []Container
	// VMs are the virtual machines, by PID.
	VMs []VM
	// Namespaces is sorted by type, then by id.
	Namespaces []Namespace
	// Freed are the freed namespaces, latest first; only Model.Full lists them.
	Freed []Namespace
	// Cgroups are those of the tracked hierarchy: the existing ones, then the removed ones, latest first. Only Model.Full
	// lists them.
	Cgroups []Cgroup
	// Events are the latest events, oldest first; their number is bounded.
	Events []event.Event
	// Kills are the latest OOM kills, oldest first. They are kept apart, so that a flood of events does not push them out.
	Kills []Kill

	Totals Totals
	// LeftOut counts what was dropped because a limit was reached.
	LeftOut LeftOut
	// Retention is the longest time for which ended things are kept.
	Retention time.Duration
}

// LeftOut counts what a model did not keep, or dropped before its time, because its Limits were reached. It may count a
// cgroup that was not kept several times. Unstarted counts containers that never started.
type LeftOut struct{ Containers, Namespaces, Cgroups, Kills, Unstarted uint64 }

// IsZero reports whether nothing is left out.
func (l LeftOut) IsZero() bool { return l == LeftOut{} }

// All iterates over Containers and then over Quiet.
func (s *Snapshot) All() iter.Seq[*Container] {
	return func(yield func(*Container) bool) {
		for _, list := range [][]Container{s.Containers, s.Quiet} {
			for i := range list {
				if !yield(&list[i]) {
					return
				}
			}
		}
	}
}

// Watches reports whether a probe works.
func (s *Snapshot) Watches(probe fact.ProbeName) bool {
	for i := range s.Probes {
		if s.Probes[i].Name == probe {
			return s.Probes[i].Works()
		}
	}
	return false
}

// ContainerState is where a container is in its life.
type ContainerState string

// The states of a container.
const (
	Created  ContainerState = "created"  // its own program has never run; Model.Full lists it, FailedStarts if a start failed
	Starting ContainerState = "starting" // its cgroup exists, its own program has not run yet
	Running  ContainerState = "running"
	Paused   ContainerState = "paused" // running, and the freezer stops its processes
	Exited   ContainerState = "exited"
)

// Container is one container: live, recently ended or never started.
type Container struct {
	ID string
	// Parent is the id of the container that it runs in; "" is none. Inside is how many live containers run directly in it.
	Parent string
	Inside int
	// Label is its name, or its short id while the name is unknown. It is unique among the live containers of a
	// snapshot. Metrics carry it.
	Label string
	Named bool
	// FormerNames are the names that it had before the present one, oldest first; their number is bounded.
	FormerNames []fact.FormerName
	Image       string
	Runtime     string
	// Kind is its kind of workload; "" is a container.
	Kind event.Kind
	// Group is the pod or project that it is a member of; nil is none, or unknown.
	Group *event.Group
	// Labels are those of its engine that nsviz was told to keep. They are shared, and must not be changed.
	Labels map[string]string
	State  ContainerState
	// InitPID is the host's PID of the container's PID 1; 0 is unknown.
	InitPID    int32
	InitComm   string
	CgroupPath string
	// Created is when its cgroup was created, Started when its own program ran, Exited when its PID 1 exited. A zero time
	// is unknown or has not come.
	Created time.Time
	Started time.Time
	Exited  time.Time
	// CreatedAt, StartedAt and ExitedAt are the same as Instants.
	CreatedAt, StartedAt, ExitedAt Instant
	// StartDuration is the time from cgroup to exec; nil if nsviz did not see it.
	StartDuration *time.Duration
	// Phases are the steps of its start, in order. The last one is the engine's start, if the engine reported it. They are
	// empty if nsviz did not see the start.
	Phases []event.Phase
	Exit   *event.Exit
	// NeverRan is set if it ended before its own program ran, because the OOM killer took a process that was starting it:
	// the victim of LatestKill.
	NeverRan bool
	// EngineReport is what the engine reports of its end; nil is nothing.
	EngineReport *fact.EngineReport
	// Restarts counts how often its own program was started again while nsviz watched; nil if nsviz does not see starts.
	Restarts *uint64
	// EngineRestarts counts how often its engine has restarted it by its restart policy, as the engine last reported; nil is unknown.
	EngineRestarts *uint64
	// Previous is how its run before this one ended; nil if nsviz saw none.
	Previous *End
	// NeverStarted is set in the state Created only.
	NeverStarted *fact.NeverStarted

	Namespaces [event.NamespaceTypeCount]Membership
	Memory     Memory
	// Use is what else a live one uses; nil is unknown.
	Use *Use
	// Spent is what it has taken while nsviz watched, over all of its runs; nil is unknown.
	Spent *Spent
	// Forecast says when a limit on its memory is reached; nil means not within ten minutes, or unknown.
	Forecast *Forecast
	// NextVictim is whom the OOM killer would choose, possibly in another container, if the limit that is nearest to being reached
	// were reached now; nil means that the limit is far, or it is unknown.
	NextVictim *fact.NextVictim
	// Processes is how many there are in its cgroup; nil is unknown.
	Processes *int
	// OOMKills counts the victims in this container since it started: those that nsviz saw and, if it was running before
	// nsviz, the kernel's own count of the earlier ones. It is nil if that count could not be read. OOMKillsAtLeast
	// is the lower bound in any case.
	OOMKills        *uint64
	OOMKillsAtLeast uint64
	// OOMKillsUnobserved is how many of them the kernel counted and no event reported. It is nil if the kernel's count
	// could not be read.
	OOMKillsUnobserved *uint64
	// LatestKill is the OOM kill that took its PID 1, else the latest one since it started; nil if no event reported any.
	LatestKill *Kill
	// PIDsRefused is how many processes and threads the kernel refused since it started, because its own limit of
	// processes or one above was reached; nil is unknown.
	PIDsRefused *uint64
	// Unheld is set if its PID 1 is not in its own cgroup or, of an ended one, was not at its end.
	Unheld *fact.Unheld
	// SharedCgroup is the path of the cgroup that its PID 1 is in, if it has none of its own: then no limit is its own, either.
	SharedCgroup string
	// Stuck is set while its processes wait for memory without an end. If it is nil, StuckKnown reports whether that is known.
	Stuck      *fact.Stuck
	StuckKnown bool
	// Paused is set in the state Paused only. If it is nil, PausedKnown reports whether that is known.
	Paused      *fact.Paused
	PausedKnown bool
	// Limits are those of its own cgroup as last read; for an ended container, before its end.
	Limits fact.CgroupLimits
	// History is what happened to it over all of its runs: the first entries and the latest ones.
	History []Entry
}

// End is the end of one run of a container.
type End struct {
	// Time is zero if unknown.
	Time     time.Time
	InitPID  int32
	InitComm string
	// Exit is nil if unknown.
	Exit *event.Exit
	// NeverRan is as in Container.
	NeverRan     bool
	EngineReport *fact.EngineReport
	// OOMKills and OOMKillsAtLeast are as in Container.
	OOMKills        *uint64
	OOMKillsAtLeast uint64
	LatestKill      *Kill
	// PIDsRefused is as in Container. PIDsLimit is its own limit of processes as last read in that run; nil is unknown.
	PIDsRefused *uint64
	PIDsLimit   *fact.Limit
}

// End returns how an ended container ended.
func (c *Container) End() End {
	return End{
		Time: c.Exited, InitPID: c.InitPID, InitComm: c.InitComm, Exit: c.Exit, NeverRan: c.NeverRan, EngineReport: c.EngineReport,
		OOMKills: c.OOMKills, OOMKillsAtLeast: c.OOMKillsAtLeast, LatestKill: c.LatestKill, PIDsRefused: c.PIDsRefused,
		PIDsLimit: c.Limits.PIDs,
	}
}

// Now returns when the snapshot was taken.
func (s *Snapshot) Now() Stamp { return Stamp{s.Time, s.At} }

// Begin returns when the container's own program started or, if that is unknown, when its cgroup was created.
func (c *Container) Begin() Stamp {
	if c.Started.IsZero() {
		return Stamp{c.Created, c.CreatedAt}
	}
	return Stamp{c.Started, c.StartedAt}
}

// Ended returns when the container ended.
func (c *Container) Ended() Stamp { return Stamp{c.Exited, c.ExitedAt} }

// When returns the time of the kill.
func (k *Kill) When() Stamp { return Stamp{k.Event.Time, k.At} }

// IsSandbox reports whether it is what the containers of a pod share, rather than one of them.
func (c *Container) IsSandbox() bool { return c.Kind == event.KindPod }

// Identity returns the container as events name it. Its name is absent if it is unknown.
func (c *Container) Identity() event.Container {
	identity := event.Container{ID: c.ID, Kind: c.Kind, Image: c.Image, Runtime: c.Runtime, Group: c.Group, Labels: c.Labels}
	if c.Named {
		identity.Name = c.Label
	}
	if c.Parent != "" {
		identity.Parent = &event.Container{ID: c.Parent}
	}
	return identity
}

// Live reports whether the container has begun to start and has not ended.
func (c *Container) Live() bool { return c.State == Starting || c.Runs() }

// AllRestarts returns how often it was started again, by [AllRestarts].
func (c *Container) AllRestarts() *uint64 { return AllRestarts(c.Restarts, c.EngineRestarts) }

// AllRestarts returns how often a container was started again: as nsviz saw or as its engine counts, whichever is more; nil is unknown.
// Nsviz misses what was before it watched, an engine the starts that somebody asked for.
func AllRestarts(seen, byEngine *uint64) *uint64 {
	switch {
	case byEngine == nil:
		return seen
	case seen == nil:
		return byEngine
	}
	return new(max(*seen, *byEngine))
}

// Runs reports whether the container's own program runs, paused or not.
func (c *Container) Runs() bool { return c.State == Running || c.State == Paused }

// Relation is whose namespace a container is in.
type Relation string

// The relations of a container to a namespace.
const (
	RelationUnknown Relation = ""
	RelationOwn     Relation = "own"    // nobody else's
	RelationHost    Relation = "host"   // the host's
	RelationShared  Relation = "shared" // shared with other containers, not with the host
)

// Membership is a container's place in one namespace.
type Membership struct {
	ID       uint64
	Relation Relation
	// SharedWith are the other live containers in the same namespace, also if the namespace is the host's.
	SharedWith Others
	// Abandoned is set if the container that it was made for is not in it any more. Only net and ipc namespaces of live
	// containers have it.
	Abandoned *Abandoned
	// Group numbers the shared namespaces of the snapshot from 1; containers with the same number share. It is 0 unless
	// Relation is RelationShared.
	Group int
}

// Memory is what a container's cgroup is charged for.
type Memory struct {
	// UsageBytes is nil while unknown; for an ended container it is the last reading.
	UsageBytes *uint64
	// LimitBytes is nil if there is none or it is unknown; Unlimited tells the two apart.
	LimitBytes *uint64
	Unlimited  bool
	// WorkingSetBytes is UsageBytes without the cached files that were not used lately, which the kernel drops before it kills. It
	// is nil while unknown. How much is cached is up to half a minute old; for an ended container both are of the last reading.
	WorkingSetBytes *uint64
	// History is the last minute.
	History Series
}

// CacheBytes returns the part of UsageBytes that is not in the working set; nil is unknown.
func (m Memory) CacheBytes() *uint64 {
	if m.UsageBytes == nil || m.WorkingSetBytes == nil {
		return nil
	}
	return new(*m.UsageBytes - min(*m.UsageBytes, *m.WorkingSetBytes)) // they are read at different times
}

// Kill is one OOM kill with the state of its container at that time.
type Kill struct {
	Event event.Event
	// At is the time of the event as an Instant.
	At Instant
	// Ordinal is the number of this kill in its container, from 1; 0 is unknown. On the host it counts since nsviz started.
	Ordinal uint64
	// Survived reports whether the container lived on. It is false if its PID 1 was a victim of the same decision, as
	// with memory.oom.group, and nil if that is unknown or the victim was in no container.
	Survived *bool
	// InitPID and InitComm are the container's PID 1 at that time.
	InitPID  int32
	InitComm string
}

// Namespace is one namespace of the host: live, or freed in Snapshot.Freed.
type Namespace struct {
	Type   event.NamespaceType
	ID     uint64
	Owner  uint64
	Parent uint64
	// Created is zero if nsviz did not see its creation.
	Created time.Time
	Via     event.Via
	Creator *event.Process
	// Processes are the host's PIDs of the processes in it, ascending.
	Processes []int32
	// Containers are the labels of the live containers in it, sorted.
	Containers []string
	// PinnedBy lists what besides processes keeps it alive, for example a bind mount's path.
	PinnedBy []string
	// Host marks the host's own.
	Host bool
	// Freed is when it was freed or found to be, as FreedVia says; zero while it lives.
	Freed    time.Time
	FreedVia event.Via
	// CreatedAt and FreedAt are Created and Freed as Instants.
	CreatedAt, FreedAt Instant
	// History is what happened to it: the first entries and the latest ones.
	History []Entry
}

// Totals are counts since nsviz started. A count falls only when a container that ended long ago is folded.
type Totals struct {
	// Since is when counting began; zero if unknown.
	Since time.Time
	// Known, by container label, is when a fact first mentioned a container of that label: counting began then. It has
	// the labels of Exits and of all live containers.
	Known             map[string]time.Time
	Events            map[event.Type]uint64
	NamespacesCreated map[NamespaceKey]uint64
	NamespacesJoined  map[event.NamespaceType]uint64
	OOMKills          map[KillKey]uint64
	// OOMKillsUnobserved, by container label, are those that only the kernel counted. OOMKills lacks them, since their scope
	// is unknown.
	OOMKillsUnobserved map[string]uint64
	// PIDsRefused, by container label, are the processes and threads that the kernel refused while nsviz watched. A
	// container for which that is unknown has no entry.
	PIDsRefused map[string]uint64
	// Entries, by container label, are the programs that were run in it from outside.
	Entries map[string]uint64
	// Spent, by container label, is what the containers took that have ended. Live ones have theirs.
	Spent     map[string]*Spent
	Exits     map[ExitKey]uint64
	Lost      map[string]uint64          // by reason
	Savings   map[fact.Saving]uint64     // how often nsviz took each step
	BPFErrors map[fact.ErrorPlace]uint64 // by place
	Starts    Histogram
	// FoldedContainers is how many ended containers were folded into FoldedLabel, which bounds memory and the number of
	// series.
	FoldedContainers uint64
}

// FoldedLabel is the container label for the counts of forgotten containers.
const FoldedLabel = "(folded)"

// UnknownLabel is the container label of kills in cgroups that were gone before nsviz could look them up.
const UnknownLabel = "(unknown)"

// NamespaceKey is the key of a count of created namespaces.
type NamespaceKey struct {
	Type event.NamespaceType
	Via  event.Via
}

// KillKey is the key of a count of OOM kills. Container "" is the host; [UnknownLabel] means that it is unknown.
type KillKey struct {
	Container string
	Scope     event.Scope
}

// ExitKey is the key of a count of container ends.
type ExitKey struct {
	Container string
	Cause     event.Cause
}

// OOMKillCount returns the number of OOM kills on the host.
func (s *Snapshot) OOMKillCount() uint64 {
	var n uint64
	for _, k := range s.Totals.OOMKills {
		n += k
	}
	return n
}

// LostCount returns the number of events that did not reach nsviz.
func (s *Snapshot) LostCount() uint64 {
	var n uint64
	for _, l := range s.Totals.Lost {
		n += l
	}
	return n
}

// LiveCount returns the number of live containers.
func (s *Snapshot) LiveCount() int {
	n := 0
	for i := range s.Containers {
		if s.Containers[i].Live() {
			n++
		}
	}
	return n
}
