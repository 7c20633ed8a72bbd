package metrics

// The types of metric that nsviz serves, as the exposition format writes them.
const (
	Gauge     = "gauge"
	Counter   = "counter"
	Histogram = "histogram"
)

// Family is one metric family: its name, type, labels in order, and what it means.
type Family struct {
	Name   string
	Type   string
	Labels []string
	Help   string
}

// family is an index into Families.
type family int

const (
	buildInfo family = iota
	probeInfo
	namespaces
	processesUnseen
	sandboxesUnlisted
	namespaceCreated
	namespaceJoined
	containers
	containerInfo
	namespaceShared
	namespaceSharedWithHost
	memoryUsage
	memoryLimit
	memoryWorkingSet
	memoryLimitReached
	swapUsage
	cpuUsage
	cpuThrottled
	cpuPeriods
	cpuThrottledPeriods
	pressureWaiting
	pressureStalled
	pids
	pidsLimit
	startTime
	restarts
	findings
	stuckAtLimit
	paused
	outsideCgroup
	pidsRefused
	containerEntries
	virtualMachines
	oomKills
	oomKillsUnobserved
	containerStart
	containerExits
	containersFolded
	events
	eventsLost
	bpfErrors
	sinkDropped
	exportDelivered
	exportRejected
	exportFailures
	connectionsDropped
	memorySaving
	memorySavings
	panics

	familyCount
)

// Families lists every family that a Collector serves, in the order of the documentation.
func Families() [familyCount]Family {
	return [familyCount]Family{
		buildInfo: {"nsviz_build_info", Gauge, []string{"version", "revision", "goversion"},
			"The build of nsviz; always 1."},
		probeInfo: {"nsviz_probe_info", Gauge, []string{"probe", "method"},
			"How nsviz learns one kind of fact on this host; method is the hook in use, none where there is none; always 1."},
		namespaces: {"nsviz_namespaces", Gauge, []string{"type"},
			"Live namespaces of the host, its own included."},
		processesUnseen: {"nsviz_processes_unseen", Gauge, nil,
			"Processes whose namespaces nsviz may not read, so that nsviz_namespaces may be too low; absent where /proc hides how many there are."},
		sandboxesUnlisted: {"nsviz_sandboxes_unlisted", Gauge, nil,
			"Live sandboxes and services that nsviz does not list, because their users have more than it keeps."},
		namespaceCreated: {"nsviz_namespace_created_total", Counter, []string{"type", "via"},
			"Namespaces created, by what created them."},
		namespaceJoined: {"nsviz_namespace_joined_total", Counter, []string{"type"},
			"Namespaces that a process joined by setns."},
		containers: {"nsviz_containers", Gauge, []string{"runtime"},
			"Live containers."},
		containerInfo: {"nsviz_container_info", Gauge, []string{"container", "image", "runtime", "id", "kind", "pod", "namespace", "project"},
			"A live container's image, runtime, id, kind, and the pod or compose project that it is a member of (empty: none); always 1."},
		namespaceShared: {"nsviz_container_namespace_shared", Gauge, []string{"container", "type"},
			"Whether a live container shares its namespace of this type with the host or with another container (1) or has its own (0)."},
		namespaceSharedWithHost: {"nsviz_container_namespace_shared_with_host", Gauge, []string{"container", "type"},
			"Whether a live container is in the host's own namespace of this type (1) or not (0)."},
		memoryUsage: {"nsviz_container_memory_usage_bytes", Gauge, []string{"container"},
			"Memory that a live container's cgroup is charged for, page cache included."},
		memoryLimit: {"nsviz_container_memory_limit_bytes", Gauge, []string{"container"},
			"Memory limit of a live container; +Inf where there is none."},
		memoryWorkingSet: {"nsviz_container_memory_working_set_bytes", Gauge, []string{"container"},
			"Memory that a live container's cgroup is charged for, without the cached files that the kernel drops before it kills."},
		memoryLimitReached: {"nsviz_container_memory_limit_reached_in_seconds", Gauge, []string{"container"},
			"When a live container reaches its memory limit, or one above, if its working set goes on growing at this pace; absent unless that is within ten minutes."},
		swapUsage: {"nsviz_container_swap_usage_bytes", Gauge, []string{"container"},
			"Swapped memory that a live container's cgroup is charged for."},
		cpuUsage: {"nsviz_container_cpu_usage_seconds_total", Counter, []string{"container"},
			"CPU time that a container took."},
		cpuThrottled: {"nsviz_container_cpu_throttled_seconds_total", Counter, []string{"container"},
			"Time for which a container had to wait because its CPU quota was used up, over all CPUs."},
		cpuPeriods: {"nsviz_container_cpu_periods_total", Counter, []string{"container"},
			"Periods of a container's CPU quota in which something wanted to run."},
		cpuThrottledPeriods: {"nsviz_container_cpu_throttled_periods_total", Counter, []string{"container"},
			"Those periods in which the quota was used up."},
		pressureWaiting: {"nsviz_container_pressure_waiting_seconds_total", Counter, []string{"container", "resource"},
			"Time in which some task of a container waited for a resource (some, in the kernel's pressure files)."},
		pressureStalled: {"nsviz_container_pressure_stalled_seconds_total", Counter, []string{"container", "resource"},
			"Time in which all tasks of a container that were not idle waited for a resource (full, in the kernel's pressure files)."},
		pids: {"nsviz_container_pids", Gauge, []string{"container"},
			"Processes and threads of a live container."},
		pidsLimit: {"nsviz_container_pids_limit", Gauge, []string{"container"},
			"Limit of processes and threads of a live container's own cgroup; +Inf where there is none."},
		startTime: {"nsviz_container_start_time_seconds", Gauge, []string{"container"},
			"When the program of a live container started, as Unix time."},
		restarts: {"nsviz_container_restarts", Gauge, []string{"container"},
			"How often a live container was started again: as nsviz saw or as its engine counts, whichever is more."},
		findings: {"nsviz_container_findings", Gauge, []string{"container", "severity"},
			"Holes in the walls of a live container, by severity, as nsviz inspect lists them; up to ten minutes old."},
		stuckAtLimit: {"nsviz_container_stuck_at_memory_limit", Gauge, []string{"container"},
			"Whether processes of a live container wait for memory at its limit, or at one above, for which the OOM killer is off (1) or not (0); cgroup v1 only."},
		paused: {"nsviz_container_paused", Gauge, []string{"container"},
			"Whether the kernel's freezer stops the processes of a live container, as docker pause does (1) or not (0)."},
		outsideCgroup: {"nsviz_container_outside_cgroup", Gauge, []string{"container"},
			"Whether the PID 1 of a live container is in a cgroup that is not the container's own, so that its limits do not hold (1) or not (0)."},
		pidsRefused: {"nsviz_container_pids_refused_total", Counter, []string{"container"},
			"Processes and threads that the kernel refused a container, since a limit of processes was reached."},
		containerEntries: {"nsviz_container_entries_total", Counter, []string{"container"},
			"Programs that were run in a container from outside, as docker exec and nsenter do."},
		virtualMachines: {"nsviz_virtual_machines", Gauge, []string{"monitor", "acceleration", "manager", "container"},
			"Running virtual machines, by the program that each is, what runs its guest's code, what manages it and the container that it is in (empty: none)."},
		oomKills: {"nsviz_oom_kills_total", Counter, []string{"container", "scope"},
			"Processes killed by the kernel's OOM killer, by the victim's container (empty: none) and by whose memory ran out."},
		oomKillsUnobserved: {"nsviz_oom_kills_unobserved_total", Counter, []string{"container"},
			"OOM kills that the kernel has counted in a container and that no event reported; not part of nsviz_oom_kills_total."},
		containerStart: {"nsviz_container_start_seconds", Histogram, nil,
			"Time from the making of a container's cgroup to the exec of its own program."},
		containerExits: {"nsviz_container_exits_total", Counter, []string{"container", "cause"},
			"Container ends, by what ended PID 1."},
		containersFolded: {"nsviz_containers_folded_total", Counter, nil,
			"Ended containers whose counts were moved to the container label (folded)."},
		events: {"nsviz_events_total", Counter, []string{"type"},
			"Events that reached nsviz."},
		eventsLost: {"nsviz_events_lost_total", Counter, []string{"reason"},
			"Events that did not reach nsviz."},
		bpfErrors: {"nsviz_bpf_errors_total", Counter, []string{"place"},
			"Failed kernel reads and helper calls in nsviz's BPF programs."},
		sinkDropped: {"nsviz_sink_dropped_total", Counter, []string{"sink"},
			"What a consumer of nsviz did not get, since it took too little: lines of its log."},
		exportDelivered: {"nsviz_export_delivered_total", Counter, []string{"signal"},
			"Log records, spans and metric samples of --export that the receiver has accepted."},
		exportRejected: {"nsviz_export_rejected_total", Counter, []string{"signal"},
			"Log records, spans and metric samples of --export that the receiver refused, or that could not be sent in the end."},
		exportFailures: {"nsviz_export_failures_total", Counter, []string{"signal"},
			"Requests of --export that failed; most of them are sent again."},
		connectionsDropped: {"nsviz_web_connections_dropped_total", Counter, []string{"reason"},
			"Connections to this server that were not kept, since there were too many: idle ones that made room for others, or refused ones."},
		memorySaving: {"nsviz_memory_saving_step", Gauge, nil,
			"What nsviz does without since its own cgroup is nearly full: 0 nothing, 1 most of the past, 2 the search for what keeps a namespace, too."},
		memorySavings: {"nsviz_memory_saving_steps_total", Counter, []string{"step"},
			"How often nsviz began to do without something since its own cgroup was nearly full."},
		panics: {"nsviz_panics_total", Counter, []string{"work"},
			"Mistakes in nsviz itself that ended a piece of its work; the log has the stack of the first one of each kind of work."},
	}
}
