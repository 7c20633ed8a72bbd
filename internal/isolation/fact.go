package isolation

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Fact is one thing that the model is told: exactly one of its pointers and slices is set, or none,
// where only time has passed. The sequence of facts determines every snapshot, so that recording
// the facts records everything.
type Fact struct {
	Time time.Time `json:"time"`
	// BootNS is Time by the kernel's clock (CLOCK_BOOTTIME), which nobody sets, in nanoseconds; 0 is unknown, as in
	// recordings of versions that did not keep it. Ages go by it, so that setting the wall clock ages nothing.
	BootNS uint64 `json:"boot_ns,omitempty"`

	Host     *Host            `json:"host,omitempty"`
	Probes   []Probe          `json:"probes,omitempty"`
	Engine   *Engine          `json:"engine,omitempty"`
	Event    *event.Event     `json:"event,omitempty"`
	Found    *Found           `json:"found,omitempty"`
	Gone     *Gone            `json:"gone,omitempty"`
	Identity *event.Container `json:"identity,omitempty"`
	Verdict  *Verdict         `json:"verdict,omitempty"`
	Said     *EngineEvent     `json:"said,omitempty"`
	// Cgroups are those that were there when nsviz looked.
	Cgroups     []FoundCgroup `json:"cgroups,omitempty"`
	CgroupWrite *CgroupWrite  `json:"cgroup_write,omitempty"`
	Memory      []Reading     `json:"memory,omitempty"`
	Namespaces  *Survey       `json:"namespaces,omitempty"`
	Present     *Present      `json:"present,omitempty"`
	OwnMemory   *OwnMemory    `json:"own_memory,omitempty"`
	// BPFErrors are totals by place.
	BPFErrors map[string]uint64 `json:"bpf_errors,omitempty"`
}

// Present lists what exists at a point before which facts are missing. What it does not list has ended meanwhile. Other
// facts describe what it lists.
type Present struct {
	Containers []PresentContainer `json:"containers"`
	Namespaces []uint64           `json:"namespaces"` // by number
	Cgroups    []FoundCgroup      `json:"cgroups"`    // of the tracked hierarchy
	// Unstarted are the containers that have never started, the oldest first; nil in recordings of versions that did not
	// list them.
	Unstarted []PresentUnstarted `json:"unstarted,omitzero"`
}

// PresentUnstarted is a container whose own program has never run.
type PresentUnstarted struct {
	Container event.Container `json:"container"`
	Is        NeverStarted    `json:"is"`
}

// PresentContainer is a live container, with what distinguishes one run of it from another.
type PresentContainer struct {
	ID      string    `json:"id"`
	InitPID int32     `json:"init_pid,omitempty"` // 0 while its own program does not run
	Started time.Time `json:"started,omitzero"`
}

// Found is a container that runs and whose start was not seen.
type Found struct {
	Container  event.Container    `json:"container"`
	CgroupPath string             `json:"cgroup_path"`
	InitPID    int32              `json:"init_pid,omitempty"`
	InitComm   string             `json:"init_comm,omitempty"`
	Started    time.Time          `json:"started,omitzero"`
	Namespaces event.NamespaceIDs `json:"namespaces,omitzero"`
	// MadeFor are the containers that its net and ipc namespaces were made for, itself or others, where its engine has
	// left a trace of that.
	MadeFor map[event.NamespaceType]event.Container `json:"made_for,omitempty"`
	// OOMKills is the kernel's own count of the kills in its cgroup up to now; nil is unknown.
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// Unheld is set where its PID 1 is not in its cgroup.
	Unheld *Unheld `json:"unheld,omitempty"`
	// Starting is set where its own program does not run yet.
	Starting bool `json:"starting,omitempty"`
	// Resync is set where facts are missing and a model that missed none says how it is, beside the above: this is taken
	// over by a model that knows the container, too.
	Resync *FoundAgain `json:"resync,omitempty"`
}

// FoundAgain is what only a model knows of a container that runs.
type FoundAgain struct {
	Stuck *Stuck `json:"stuck,omitempty"`
	// Verdict is what its engine has said, as of a start that fails.
	Verdict *Verdict `json:"verdict,omitempty"`
	// Countable is set where the kernel's own count of OOM kills could be read. GroupDecisions is for how many decisions it
	// may be one too high.
	Countable      bool   `json:"countable,omitempty"`
	GroupDecisions uint64 `json:"group_decisions,omitempty"`
}

// FoundCgroup is a cgroup of the tracked hierarchy that was there when nsviz looked.
type FoundCgroup struct {
	Path      string           `json:"path"`
	Container *event.Container `json:"container,omitempty"` // the one that it belongs to
	Limits    *CgroupLimits    `json:"limits,omitempty"`
}

// CgroupWrite reports a write to limits of a cgroup, or that a process was moved into it.
type CgroupWrite struct {
	Path      string           `json:"path"`
	Container *event.Container `json:"container,omitempty"` // the one that the cgroup belongs to
	// By is who wrote; nil is unknown. Where several processes wrote before the limits could be read, one of them wrote
	// what was read: they are in ByAnyOf, and By is nil.
	By      *event.Process  `json:"by,omitempty"`
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
	// Limits are the values after that of those that were written to; nil where a process was moved.
	Limits *CgroupLimits `json:"limits,omitempty"`
	// After is set where writes may have been missed since then, so that all limits were read.
	After time.Time `json:"after,omitzero"`
}

// Gone is a container that is no longer there and whose end was not seen.
type Gone struct {
	ID string `json:"id"`
}

// Verdict is what the engine says of a container's end: its own view, which may be wrong. What it does
// not say is nil.
type Verdict struct {
	ID        string `json:"id,omitempty"` // not in a Moment, which is of one container
	ExitCode  *int32 `json:"exit_code,omitempty"`
	OOMKilled *bool  `json:"oom_killed,omitempty"`
	// Removed is set where the engine knew the container no more when it was asked.
	Removed bool `json:"removed,omitempty"`
	// StartError is why the engine could not start the container; ExitCode is then what the engine made up.
	StartError string `json:"start_error,omitempty"`
}

// Reading is what one container's cgroup is charged for at one moment.
type Reading struct {
	ID         string  `json:"id"`
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
	Processes  *int    `json:"processes,omitempty"`
	// OOMKills is the kernel's own count of the kills in the cgroup since it was made; nil is unknown.
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// PIDsRefused is the kernel's own count of the processes and threads that it refused in the cgroup, since a limit of
	// processes was reached; nil is unknown.
	PIDsRefused *uint64 `json:"pids_refused,omitempty"`
	// StuckAt is the path of the cgroup at its limit, its own or one above, where processes wait for memory since the OOM
	// killer is off there; "" is that none do, nil is unknown.
	StuckAt *string `json:"stuck_at,omitempty"`
	// Limits are those of the cgroup; nil before the container's own program runs, since until then its
	// engine still sets them, and in recordings of versions that did not read them.
	Limits *CgroupLimits `json:"limits,omitempty"`
}

// EngineEvent is what an engine tells that it did with a container.
type EngineEvent struct {
	ID     string `json:"id"`
	Action string `json:"action"`
	// At is when, by the engine's own clock, the wall clock; zero in recordings of versions that did not keep it.
	At time.Time `json:"at,omitzero"`
	// Container says who it is, where the engine made it.
	Container *event.Container `json:"container,omitempty"`
}

// Survey is all namespaces that could be found by reading the host, and the virtual machines. Recordings
// of versions that did not look for these have none.
type Survey struct {
	Namespaces []Surveyed   `json:"namespaces"`
	VMs        []SurveyedVM `json:"vms,omitempty"`
	// Unseen is what nsviz could not look into; nil in recordings of versions that did not count it.
	Unseen *Unseen `json:"unseen,omitempty"`
	// Resync is set where facts are missing and it is repeated, with what events have told since. Of is when it was taken
	// then; zero is that none was yet.
	Resync bool      `json:"resync,omitempty"`
	Of     time.Time `json:"of,omitzero"`
}

// Unseen are the processes whose namespaces nsviz may not read, so that it does not know of namespaces that only they are in,
// and of virtual machines that they are.
type Unseen struct {
	// Processes is how many of those in /proc they are.
	Processes int `json:"processes"`
	// Hidden is set where there are more, which /proc does not show.
	Hidden bool `json:"hidden,omitempty"`
	// Untraced is set where nsviz has not the right to look into the processes of others (CAP_SYS_PTRACE). Otherwise they are a few
	// that have more rights than nsviz has, or that a security module protects.
	Untraced bool `json:"untraced,omitempty"`
}

// Blind reports whether so much is unseen that what was found is not even nearly all. It may be called on nil.
func (u *Unseen) Blind() bool { return u != nil && (u.Hidden || u.Untraced && u.Processes > 0) }

// Any reports whether there may be namespaces and virtual machines that were not found. It may be called on nil.
func (u *Unseen) Any() bool { return u != nil && (u.Hidden || u.Processes > 0) }

// Surveyed is one namespace of a Survey.
type Surveyed struct {
	Type      event.NamespaceType `json:"type"`
	ID        uint64              `json:"id"`
	Owner     uint64              `json:"owner,omitempty"`
	Parent    uint64              `json:"parent,omitempty"`
	Processes []int32             `json:"processes,omitempty"`
	PinnedBy  []string            `json:"pinned_by,omitempty"`
	// MadeFor and what follows are known to a model alone, and set where facts are missing: the container that the namespace
	// was made for, whether its runtime made it in that container's cgroup, and whether any container was in it.
	MadeFor    *event.Container `json:"made_for,omitempty"`
	MadeInside bool             `json:"made_inside,omitempty"`
	Contained  bool             `json:"contained,omitempty"`
}
