package model

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
	"github.com/nsviz/nsviz/internal/fact"
)

// Snapshot is the model at one moment. It is immutable: whoever holds one may read it for as long
// as they like, from any goroutine.
type Snapshot struct {
	Time time.Time
	// At is the same for ages.
	At Instant

	Host    fact.Host
	Probes  []fact.Probe
	Engines []fact.Engine
	// Unseen is what the latest survey could not look into; nil is unknown.
	Unseen *fact.Unseen
	// OwnMemory is what nsviz itself may use; nil is unknown.
	OwnMemory *fact.OwnMemory

	// Containers holds the live ones in the order of their start, then the ended ones, latest first, and from Model.Whole
	// those that have never started.
	Containers []Container
	// VMs are the virtual machines, by PID.
	VMs []VM
	// Namespaces is sorted by type, then by id.
	Namespaces []Namespace
	// Freed are namespaces that are no more, the latest first; only Model.Whole lists them.
	Freed []Namespace
	// Cgroups are those of the tracked hierarchy, first those that are there and then those that are no more, the
	// latest of them first; only Model.Whole lists them.
	Cgroups []Cgroup
	// Events are the latest events, oldest first; a bounded number of them.
	Events []event.Event
	// Kills are the latest OOM kills, oldest first, kept apart so that no flood pushes them out.
	Kills []Kill

	Totals Totals
	// LeftOut is what is not there because there was too much of it.
	LeftOut LeftOut
	// Retention is how long what has ended is kept at most, as of now.
	Retention time.Duration
}

// LeftOut counts what a model does not keep, or has dropped before its time, since its Limits were reached. Of cgroups
// that are not kept one may be counted several times. Unstarted are the containers that never started.
type LeftOut struct{ Containers, Namespaces, Cgroups, Kills, Unstarted uint64 }

// IsZero reports whether nothing is left out.
func (l LeftOut) IsZero() bool { return l == LeftOut{} }

// Watches reports whether the kernel reports one kind of fact.
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
	Created  ContainerState = "created"  // its own program has never run; only Model.Whole lists it
	Starting ContainerState = "starting" // its cgroup exists, its own program does not run yet
	Running  ContainerState = "running"
	Exited   ContainerState = "exited"
)

// Container is one container: live, or ended not long ago.
type Container struct {
	ID string
	// Label is what to call it: its name, or its short id while the name is unknown; it is unique
	// among the containers of a snapshot that are live, and it is what metrics carry.
	Label   string
	Named   bool
	Image   string
	Runtime string
	State   ContainerState
	// InitPID is the host's number of the container's PID 1; 0 is unknown.
	InitPID    int32
	InitComm   string
	CgroupPath string
	// Created is when its cgroup was made, Started when its own program ran, Exited when its init
	// died. A zero time is unknown or has not come.
	Created time.Time
	Started time.Time
	Exited  time.Time
	// CreatedAt, StartedAt and ExitedAt are the same for ages.
	CreatedAt, StartedAt, ExitedAt Instant
	// StartDuration is the time from cgroup to exec; nil where nsviz did not see it.
	StartDuration *time.Duration
	// Phases are the steps of its start, in order, with the engine's start as the last one where it told;
	// empty where nsviz did not see the start.
	Phases []event.Phase
	Exit   *event.Exit
	// NeverRan is set where it has ended before its own program ran, since the OOM killer took a process that was
	// starting it: the LatestKill.
	NeverRan bool
	// Verdict is what the engine says of its end; nil is nothing.
	Verdict *fact.EngineReport
	// Previous is how its run before this one ended; nil where nsviz saw none.
	Previous *End
	// NeverStarted is set in the state Created alone.
	NeverStarted *fact.NeverStarted

	Namespaces [event.NamespaceTypeCount]Membership
	Memory     Memory
	// Processes is how many there are in its cgroup; nil is unknown.
	Processes *int
	// OOMKills counts the victims in this container since it started: those that nsviz saw and, where it
	// was running before, the kernel's own count of the earlier ones. It is nil where that could not be read, since
	// nobody knows then what was killed before. OOMKillsAtLeast is how many nsviz knows of in any case.
	OOMKills        *uint64
	OOMKillsAtLeast uint64
	// OOMKillsUnobserved is how many of them no event told of: the kernel's own count has them. It is nil where
	// that count could not be read.
	OOMKillsUnobserved *uint64
	// LatestKill is the latest OOM kill in it since it started or, where one took its PID 1, that one;
	// nil where no event told of any.
	LatestKill *Kill
	// PIDsRefused is how many processes and threads the kernel refused it since it started, since a limit of processes, its
	// own or one above, was reached; nil is unknown.
	PIDsRefused *uint64
	// Unheld is set where its PID 1 is not in its own cgroup; of an ended one, was not at its end.
	Unheld *fact.Unheld
	// Stuck is set where its processes wait for memory without an end; where it is nil, StuckKnown tells whether that is
	// known.
	Stuck      *fact.Stuck
	StuckKnown bool
	// Limits are those of its own cgroup as last read; for an ended container, before its end.
	Limits fact.CgroupLimits
	// History is what happened to it, over all of its runs: the first moments and the latest ones.
	History []Moment
}

// End is the end of one run of a container.
type End struct {
	// Time is zero where it is unknown.
	Time     time.Time
	InitPID  int32
	InitComm string
	// Exit is nil where how it ended is unknown.
	Exit *event.Exit
	// NeverRan is as that of a Container.
	NeverRan bool
	Verdict  *fact.EngineReport
	// OOMKills and OOMKillsAtLeast are as those of a Container.
	OOMKills        *uint64
	OOMKillsAtLeast uint64
	LatestKill      *Kill
	// PIDsRefused is as in Container, and PIDsLimit its own limit of processes as last read in that run; nil is unknown.
	PIDsRefused *uint64
	PIDsLimit   *fact.Limit
}

// End is how the container has ended; it is meant for one that has.
func (c *Container) End() End {
	return End{
		Time: c.Exited, InitPID: c.InitPID, InitComm: c.InitComm, Exit: c.Exit, NeverRan: c.NeverRan, Verdict: c.Verdict,
		OOMKills: c.OOMKills, OOMKillsAtLeast: c.OOMKillsAtLeast, LatestKill: c.LatestKill, PIDsRefused: c.PIDsRefused,
		PIDsLimit: c.Limits.PIDs,
	}
}

// Now is when the snapshot was taken.
func (s *Snapshot) Now() Stamp { return Stamp{s.Time, s.At} }

// Begin is when the container began, as far as that is known: when its own program started or else its cgroup was made.
func (c *Container) Begin() Stamp {
	if c.Started.IsZero() {
		return Stamp{c.Created, c.CreatedAt}
	}
	return Stamp{c.Started, c.StartedAt}
}

// Ended is when the container ended.
func (c *Container) Ended() Stamp { return Stamp{c.Exited, c.ExitedAt} }

// When is when the kill was.
func (k *Kill) When() Stamp { return Stamp{k.Event.Time, k.At} }

// Live reports whether the container has begun to start and has not ended.
func (c *Container) Live() bool { return c.State == Starting || c.State == Running }

// Relation says whose namespace it is that a container is in.
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
	// SharedWith are the other live containers in the same namespace; also filled where the namespace
	// is the host's.
	SharedWith Others
	// Abandoned is set where the container that it was made for is not in it any more: only of net and ipc namespaces
	// of live containers.
	Abandoned *Abandoned
	// Group numbers the shared namespaces of the snapshot from 1; containers with the same number
	// share. 0 where Relation is not RelationShared.
	Group int
}

// Memory is what a container's cgroup is charged for.
type Memory struct {
	// UsageBytes is nil while unknown; for an ended container it is the last reading.
	UsageBytes *uint64
	// LimitBytes is nil where there is none or where it is unknown; Unlimited tells the two apart.
	LimitBytes *uint64
	Unlimited  bool
	// History is the last minute.
	History Series
}

// Kill is one OOM kill, with what the model knew when it happened.
type Kill struct {
	Event event.Event
	// At is when, for ages.
	At Instant
	// Ordinal is the number of this kill in its container, from 1; 0 is unknown. On the host it is the number since
	// nsviz watches.
	Ordinal uint64
	// Survived is whether the container lived on: false where its PID 1 was the victim or, as with
	// memory.oom.group, another victim of the same decision, true where it was not, nil where it is
	// unknown or the victim was in no container.
	Survived *bool
	// InitPID and InitComm are the container's PID 1 at that time.
	InitPID  int32
	InitComm string
}

// Namespace is one namespace of the host. Those in Snapshot.Freed are no more.
type Namespace struct {
	Type   event.NamespaceType
	ID     uint64
	Owner  uint64
	Parent uint64
	// Created is zero where nsviz did not see the birth.
	Created time.Time
	Via     event.Via
	Creator *event.Process
	// Processes are the host pids in it, ascending.
	Processes []int32
	// Containers are the labels of the live containers in it, sorted.
	Containers []string
	// PinnedBy says what besides processes keeps it alive, for example a bind mount's path.
	PinnedBy []string
	// Host marks the host's own.
	Host bool
	// Freed is when it was freed, or was found to be, by which FreedVia tells; zero while it lives.
	Freed    time.Time
	FreedVia event.Via
	// CreatedAt and FreedAt are when, for ages.
	CreatedAt, FreedAt Instant
	// History is what happened to it: the first moments and the latest ones.
	History []Moment
}

// Totals are counts since nsviz started. They never fall, except when a container that has long
// been gone is folded away.
type Totals struct {
	// Since is when counting began; zero where that is unknown.
	Since time.Time
	// Known, by container, is when the first container of that label came to be known, so that nothing of it was counted
	// before. The labels are those of Exits, and of all live containers.
	Known             map[string]time.Time
	Events            map[event.Type]uint64
	NamespacesCreated map[NamespaceKey]uint64
	NamespacesJoined  map[event.NamespaceType]uint64
	OOMKills          map[KillKey]uint64
	// OOMKillsUnobserved, by container, are those that only the kernel's own count has; they are not in
	// OOMKills, since nobody knows whose memory had run out.
	OOMKillsUnobserved map[string]uint64
	// PIDsRefused, by container, are the processes and threads that the kernel refused while nsviz watched; a container of
	// which that is unknown has none.
	PIDsRefused map[string]uint64
	Exits       map[ExitKey]uint64
	Lost        map[string]uint64          // by reason
	Savings     map[fact.Saving]uint64     // how often nsviz took each step
	BPFErrors   map[fact.ErrorPlace]uint64 // by place
	Starts      Histogram
	// FoldedContainers is how many ended containers were folded into the label FoldedLabel, so that
	// memory and the number of series stay bounded.
	FoldedContainers uint64
}

// FoldedLabel is the container label under which the counts of forgotten containers are kept.
const FoldedLabel = "(folded)"

// UnknownLabel is the container label of kills in cgroups that were gone before anybody could look them up.
const UnknownLabel = "(unknown)"

// NamespaceKey tells namespace births apart.
type NamespaceKey struct {
	Type event.NamespaceType
	Via  event.Via
}

// KillKey tells OOM kills apart. Container "" is the host's own processes, [UnknownLabel] those of
// which it is not known.
type KillKey struct {
	Container string
	Scope     event.Scope
}

// ExitKey tells container ends apart.
type ExitKey struct {
	Container string
	Cause     event.Cause
}

// Histogram counts durations in cumulative buckets, as Prometheus does.
type Histogram struct {
	// Counts[i] is the number of durations of at most StartBuckets[i] seconds.
	Counts []uint64
	Count  uint64
	Sum    float64 // seconds
}

// StartBuckets are the upper bounds of the buckets of Totals.Starts, in seconds.
func StartBuckets() []float64 {
	return []float64{0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30}
}

// OOMKillCount is the number of OOM kills on the whole host.
func (s *Snapshot) OOMKillCount() uint64 {
	var n uint64
	for _, k := range s.Totals.OOMKills {
		n += k
	}
	return n
}

// LostCount is the number of events that did not reach nsviz.
func (s *Snapshot) LostCount() uint64 {
	var n uint64
	for _, l := range s.Totals.Lost {
		n += l
	}
	return n
}

// LiveCount is the number of containers that have not ended.
func (s *Snapshot) LiveCount() int {
	n := 0
	for i := range s.Containers {
		if s.Containers[i].Live() {
			n++
		}
	}
	return n
}
