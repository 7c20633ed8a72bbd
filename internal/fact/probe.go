package fact

// Probe says how nsviz learns one kind of fact on this host.
type Probe struct {
	// Name is the fact, for example "namespaces by unshare".
	Name string `json:"name"`
	// Method is the hook in use, for example "fentry", "tp_btf", "tracepoint"; "none" where there is none.
	Method string `json:"method"`
	// Reason says in words why this method and not a better one.
	Reason string `json:"reason,omitempty"`
}

// ProbeCgroupWrites is the Probe.Name of what is written to the limits of cgroups. The model relies on it: where it is
// told, a cgroup that was just made has no limits until somebody sets them.
const ProbeCgroupWrites = "cgroup limits changed"

// ProbeCgroupsEntered is the Probe.Name of processes being moved, by which it shows that a container's PID 1 leaves its
// cgroup.
const ProbeCgroupsEntered = "cgroups entered"

// MethodNone is the Probe.Method of a fact that cannot be hooked on this host.
const MethodNone = "none"
