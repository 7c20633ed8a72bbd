package fact

import (
	"time"

	"github.com/nsviz/nsviz/internal/event"
)

// FoundCgroup reports a cgroup of the tracked hierarchy that existed when nsviz looked.
type FoundCgroup struct {
	Path      string           `json:"path"`
	Container *event.Container `json:"container,omitempty"` // the one that it belongs to
	Limits    *CgroupLimits    `json:"limits,omitempty"`
}

// CgroupWrite reports a write to limits of a cgroup, or that a process was moved into it.
type CgroupWrite struct {
	Path      string           `json:"path"`
	Container *event.Container `json:"container,omitempty"` // the one that the cgroup belongs to
	// By is the process that wrote; nil is unknown. If several processes wrote before the limits could be read, one of
	// them wrote what was read: they are in ByAnyOf, and By is nil.
	By      *event.Process  `json:"by,omitempty"`
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
	// Limits are the new values of the limits that were written to; nil if a process was moved.
	Limits *CgroupLimits `json:"limits,omitempty"`
	// After is set if writes may have been missed since then, so that all limits were read.
	After time.Time `json:"after,omitzero"`
}

// Freeze reports a write to the freezer of a cgroup, and what came of it: whether the processes in the cgroup are stopped.
type Freeze struct {
	Path      string           `json:"path"`
	Container *event.Container `json:"container,omitempty"` // the one that the cgroup belongs to
	// By and ByAnyOf are as in CgroupWrite.
	By      *event.Process  `json:"by,omitempty"`
	ByAnyOf []event.Process `json:"by_any_of,omitempty"`
	Frozen  bool            `json:"frozen"`
	// Still are the paths of the topmost cgroups below that stay frozen by files of their own.
	Still []string `json:"still,omitempty"`
}

// Reading holds what was read from the files of one container's cgroup at one time.
type Reading struct {
	ID         string  `json:"id"`
	UsageBytes *uint64 `json:"usage_bytes,omitempty"`
	LimitBytes *uint64 `json:"limit_bytes,omitempty"`
	Unlimited  bool    `json:"unlimited,omitempty"`
	// WorkingSetBytes is UsageBytes without the cached files that were not used lately, which the kernel drops before it kills
	// a process; nil is unknown or not read this time.
	WorkingSetBytes *uint64 `json:"working_set_bytes,omitempty"`
	// Room is the limit on its memory that is nearest to being reached; nil is unknown, none or not read this time.
	Room *MemoryRoom `json:"room,omitempty"`
	// NextVictim is the process that the OOM killer would choose if the limit of Room were reached now; nil is none, unknown, or
	// that the limit is far.
	NextVictim *NextVictim `json:"next_victim,omitempty"`
	Processes  *int        `json:"processes,omitempty"`
	// OOMKills is the kernel's own count of the kills in the cgroup since its creation; nil is unknown.
	OOMKills *uint64 `json:"oom_kills,omitempty"`
	// PIDsRefused is the kernel's own count of the processes and threads that it refused in the cgroup because a limit of
	// processes was reached; nil is unknown.
	PIDsRefused *uint64 `json:"pids_refused,omitempty"`
	// StuckAt is the path of the cgroup at its limit, its own or one above, at which processes wait for memory because the
	// OOM killer is off there; "" means that none wait, nil is unknown.
	StuckAt *string `json:"stuck_at,omitempty"`
	// Frozen reports whether the freezer stops its processes, by the cgroup's own file or one above; nil is unknown or not
	// read this time.
	Frozen *bool `json:"frozen,omitempty"`
	// Use is nil if it was not read this time.
	Use *Use `json:"use,omitempty"`
	// Limits are those of the cgroup; nil before the container's own program runs, since until then its
	// engine still sets them, and in recordings of versions that did not read them.
	Limits *CgroupLimits `json:"limits,omitempty"`
}

// MemoryRoom is a limit on the memory of a cgroup, and what is used of it.
type MemoryRoom struct {
	// Cgroup is the path of the cgroup that has the limit; "" if it is above those that nsviz sees.
	Cgroup     string `json:"cgroup"`
	LimitBytes uint64 `json:"limit_bytes"`
	// WorkingSetBytes is as in Reading, of that cgroup.
	WorkingSetBytes uint64 `json:"working_set_bytes"`
}

// Share returns how much of the limit is used, from 0 to a little over 1.
func (m MemoryRoom) Share() float64 {
	return float64(m.WorkingSetBytes) / float64(max(m.LimitBytes, 1))
}

// NextVictim is the process that the OOM killer would choose in a cgroup that runs out of memory.
type NextVictim struct {
	PID  int32  `json:"pid"`
	Comm string `json:"comm"`
	// Cgroup is the path of the cgroup that it is in, which may be that of another container.
	Cgroup string `json:"cgroup"`
	// ScorePages is the kernel's score: the pages that it would free, and OOMScoreAdj thousandths of all memory that the cgroup may
	// use.
	ScorePages  int64 `json:"score_pages"`
	OOMScoreAdj int   `json:"oom_score_adj"`
	// Group is the path of the cgroup that would be killed as one (memory.oom.group); "" is none.
	Group string `json:"group,omitempty"`
}
