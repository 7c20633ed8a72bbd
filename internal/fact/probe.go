package fact

import "slices"

// Probe describes how nsviz learns one kind of fact on this host.
type Probe struct {
	Name ProbeName `json:"name"`
	// Method is the hook in use.
	Method Method `json:"method"`
	// Reason explains why this method is used and not a better one; empty if it is the first choice.
	Reason string `json:"reason,omitempty"`
	// RuledOut lists the better methods that do not work here, each with its reason in Reason. Recordings of versions that did
	// not keep it have none.
	RuledOut []Method `json:"ruled_out,omitempty"`
}

// Equal reports whether two probes are the same.
func (p Probe) Equal(other Probe) bool {
	return p.Name == other.Name && p.Method == other.Method && p.Reason == other.Reason && slices.Equal(p.RuledOut, other.RuledOut)
}

// Works reports whether the kernel reports this kind of fact. Otherwise it is found by looking, or not at all.
func (p Probe) Works() bool { return p.Method != MethodNone }

// ProbeName names one kind of fact, in recordings, as a metric label and for people.
type ProbeName string

// The kinds of facts.
const (
	ProbeCgroupsMade        ProbeName = "cgroups made"
	ProbeNamespacesCloned   ProbeName = "namespaces by clone"
	ProbeNamespacesUnshared ProbeName = "namespaces by unshare"
	ProbeNamespacesJoined   ProbeName = "namespaces joined by setns"
	// ProbeNamespacesFreed may be missing: then reading the host has to find namespaces that are gone.
	ProbeNamespacesFreed ProbeName = "namespaces freed"
	ProbeCgroupsRemoved  ProbeName = "cgroups removed"
	ProbeOOMDecisions    ProbeName = "OOM decisions"
	ProbeOOMVictims      ProbeName = "OOM victims"
	ProbeSignals         ProbeName = "signals and their senders"
	ProbeContainerExits  ProbeName = "container exits"
	ProbeContainerStarts ProbeName = "container starts"
	// ProbeCgroupsEntered reports moved processes, including a PID 1 that leaves its container's cgroup.
	ProbeCgroupsEntered  ProbeName = "cgroups entered"
	ProbeRootFileSystems ProbeName = "root file systems"
	// ProbeCgroupWrites reports writes to limits of cgroups. The model relies on it: if it works, a new cgroup has no limits
	// until a write sets them.
	ProbeCgroupWrites ProbeName = "cgroup limits changed"
)

// Method is a way to learn a kind of fact from the kernel.
type Method string

// The methods.
const (
	MethodFentry        Method = "fentry"
	MethodKprobe        Method = "kprobe"
	MethodTpBTF         Method = "tp_btf"
	MethodRawTracepoint Method = "raw_tp"
	MethodTracepoint    Method = "tracepoint"
	MethodFanotify      Method = "fanotify" // the kernel's notice that a file was written to
	MethodNone          Method = "none"     // the kernel does not report it here
)

// ErrorPlace names a place in the BPF programs at which something may fail, as a metric label and in recordings.
type ErrorPlace string

// The places.
const (
	ErrorRingEvents      ErrorPlace = "ring_events"
	ErrorRingLifecycle   ErrorPlace = "ring_lifecycle"
	ErrorRingUrgent      ErrorPlace = "ring_urgent"
	ErrorMapCalls        ErrorPlace = "map_calls"
	ErrorMapFreshCgroups ErrorPlace = "map_fresh_cgroups"
	ErrorMapInits        ErrorPlace = "map_inits"
	ErrorMapOOM          ErrorPlace = "map_oom"
	ErrorRead            ErrorPlace = "read"
	ErrorPath            ErrorPlace = "path"
	ErrorThrottled       ErrorPlace = "throttled"
	ErrorCommandLine     ErrorPlace = "command_line"
)
