package fact

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// Found reports a live container whose start the model may not have seen: nsviz found it when it looked, or facts are missing
// (Resync).
type Found struct {
	Container  event.Container    `json:"container"`
	CgroupPath string             `json:"cgroup_path"`
	InitPID    int32              `json:"init_pid,omitempty"`
	InitComm   string             `json:"init_comm,omitempty"`
	Started    time.Time          `json:"started,omitzero"`
	Namespaces event.NamespaceIDs `json:"namespaces,omitzero"`
	// MadeFor are the containers that its net and ipc namespaces were made for, itself or others, if its engine has
	// left a trace of that.
	MadeFor map[event.NamespaceType]event.Container `json:"made_for,omitempty"`
	// OOMKills is the kernel's own count of the kills in its cgroup up to now; nil is unknown.
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// Unheld is set if its PID 1 is not in its cgroup.
	Unheld *Unheld `json:"unheld,omitempty"`
	// Unnamed is set if its name is one that nsviz has made up, until somebody says what it is called.
	Unnamed bool `json:"unnamed,omitempty"`
	// SharedCgroup is the path of the cgroup that its PID 1 is in, if it has none of its own; "" if it has, or if that is unknown.
	SharedCgroup string `json:"shared_cgroup,omitempty"`
	// Starting is set if its own program does not run yet.
	Starting bool `json:"starting,omitempty"`
	// Resync is set after missing facts. It holds the state from a model that missed none, beside the above; a model that
	// has the container already adopts it, too.
	Resync *FoundAgain `json:"resync,omitempty"`
}

// FoundAgain holds what only a model knows about a running container.
type FoundAgain struct {
	Stuck *Stuck `json:"stuck,omitempty"`
	// Paused is set while the freezer stops its processes. If it is nil, PausedKnown reports whether that is known.
	Paused      *Paused `json:"paused,omitempty"`
	PausedKnown bool    `json:"paused_known,omitempty"`
	// FormerNames are the names that it had before its present one, oldest first.
	FormerNames []FormerName `json:"former_names,omitempty"`
	// EngineReport is set if its engine has reported something, as after a start that failed.
	EngineReport *EngineReport `json:"verdict,omitempty"`
	// Countable is set if the kernel's own count of OOM kills could be read. GroupDecisions is the number of decisions for
	// which that count may be one too high.
	Countable      bool   `json:"countable,omitempty"`
	GroupDecisions uint64 `json:"group_decisions,omitempty"`
	// KillsInside is how many kills in containers inside it that count includes.
	KillsInside uint64 `json:"kills_inside,omitempty"`
	// Starts is how often its own program was started or found running.
	Starts uint64 `json:"starts,omitempty"`
	// EngineRestarts is how often its engine has restarted it; nil is unknown.
	EngineRestarts *uint64 `json:"engine_restarts,omitempty"`
	// Killed is set if it is a sandbox or a service that the OOM killer has taken something from.
	Killed bool `json:"killed,omitempty"`
}

// Gone reports a container that no longer exists and whose end was not seen.
type Gone struct {
	ID string `json:"id"`
}

// Unheld reports that a container's PID 1 is in a cgroup other than the container's own. So it is not held by the
// container's limits: on cgroup v1 by that of memory, on v2 by all of them.
type Unheld struct {
	// Since is zero if it was so when nsviz looked.
	Since time.Time `json:"since,omitzero"`
	// Cgroup is the path of the PID 1's cgroup; "" is unknown.
	Cgroup string `json:"cgroup,omitempty"`
	// By is the process that moved it; nil is unknown.
	By *event.Process `json:"by,omitempty"`
}

// Stuck reports that processes of a container wait for memory at a limit, and that the OOM killer, which would free some,
// is off for that limit (memory.oom_control of cgroup v1).
type Stuck struct {
	// Since is when it was first read.
	Since time.Time `json:"since"`
	// Cgroup is the path of the cgroup at its limit: the container's own or one above.
	Cgroup string `json:"cgroup"`
}

// Paused reports that the kernel's freezer stops the processes of a container, as `docker pause` asks for.
type Paused struct {
	// Since is when the write to the freezer was reported or, without such a report, when it was first read.
	Since time.Time `json:"since"`
	// Cgroup is the path of the cgroup whose freezer was written to: the container's own or one above; "" is unknown.
	Cgroup string `json:"cgroup,omitempty"`
	// By and ByAnyOf are as in CgroupWrite.
	By      *event.Process  `json:"by,omitempty"`
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
}

// FormerName is a name that a container had before it was renamed.
type FormerName struct {
	Name string `json:"name"`
	// Until is when nsviz learned of the name after it.
	Until time.Time `json:"until"`
}

// NeverStarted describes a container whose own program has not run, as far as nsviz knows. A zero time is unknown or has not
// come.
type NeverStarted struct {
	// Made is when its engine created it, by the engine's clock. If it is unknown, its program may have run before nsviz
	// watched.
	Made time.Time `json:"made,omitzero"`
	// Tried is when its cgroup was created for a start, and Failed when that start had failed.
	Tried  time.Time `json:"tried,omitzero"`
	Failed time.Time `json:"failed,omitzero"`
	// Removed is when its engine removed it.
	Removed time.Time `json:"removed,omitzero"`
	// Suspected is set if the only sign of a start or an end was a question to its engine, which had removed it by then:
	// whether anything tried to start it is unknown.
	Suspected bool `json:"suspected,omitempty"`
	// Error is the reason in the engine's words, and ExitCode the exit code that the engine made up for it.
	Error    string `json:"error,omitempty"`
	ExitCode *int32 `json:"exit_code,omitempty"`
}

// StartFailed reports whether a start of it has failed.
func (n *NeverStarted) StartFailed() bool { return n.Error != "" || !n.Failed.IsZero() }

// Over returns when its start failed or, later, its engine removed it; zero if neither is known.
func (n *NeverStarted) Over() time.Time {
	if !n.Removed.IsZero() {
		return n.Removed
	}
	return n.Failed
}
