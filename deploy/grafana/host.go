package grafana

import "fmt"

// hostBoard is the dashboard of single hosts: everything that nsviz serves of one is in it.
func hostBoard() *board {
	b := newBoard(hostUID, "nsviz: host",
		"Namespaces being made and joined, cgroups filling up, the OOM killer choosing: container isolation as the kernel makes it.",
		workloadVariables(), workloadAnnotations())
	b.section("At a glance", glance()...)
	b.section("Memory and the OOM killer", memory()...)
	b.section("Processes and CPU", processes()...)
	b.section("Namespaces: what a container sees", sharing()...)
	b.section("Lives of containers", lives()...)
	b.section("nsviz itself", itself()...)
	b.onward("These workloads, closely", workloadUID, "instance", "runtime", "namespace", "pod", "project", "container")
	return b
}

func glance() []*panel {
	return []*panel{
		stat("Containers running", "A container is no machine: it is ordinary processes of the host that the kernel shows a world of their own.", "short").
			now(`sum(nsviz_containers{` + host + `}) or vector(0)`).next(),
		stat("OOM kills", "Processes that the kernel killed for want of memory in the time shown, on the whole host. A container may live on after one and say nothing in its log.", "short").
			whole().colors("green", 0.5, "red").
			now(`sum(increase(nsviz_events_total{`+host+`, type="oom_kill"}[$__range]))`).next("NsvizOOMKill", "NsvizHostOOMKill"),
		stat("In the host's pid or net", "Live containers that are in the host's own pid or network namespace (--pid=host, --network=host). They see its processes or its interfaces as the host itself does.", "short").
			colors("green", 1.0, "orange").
			now(`count(sum by (instance, container) (nsviz_container_namespace_shared_with_host{` + host + `, type=~"pid|net"}) > 0 unless on (instance, container) nsviz_container_info{` + host + `, kind=~"sandbox|service"}) or vector(0)`).
			next("NsvizContainerSharesHostNamespace"),
		stat("Namespaces alive", "Namespaces of all types that exist now, the host's own among them. A namespace lives as long as a process, a bind mount, an open file or a child namespace holds it.", "short").
			now(`sum(nsviz_namespaces{` + host + `})`).next(),
		stat("Median start", "Half of the containers started in the time shown needed no longer than this from the making of their cgroup to their own program. No kernel boots, hence milliseconds.", "s").
			noValue("none started").now(quantile(0.5, "$__range")).next(),
		stat("Events lost", "Events that did not reach nsviz in the time shown. Where this is not 0 the counts below are too low.", "short").
			whole().colors("green", 0.5, "red").
			now(counted("", "nsviz_events_lost_total", host, "$__range")+" or vector(0)").
			next("NsvizEventsLost", "NsvizEventsThrottled"),
		alertsTable(`instance=~"$instance|"`, 24),
	}
}

func memory() []*panel {
	return []*panel{
		bars("OOM kills by container", "Processes killed by the kernel's OOM killer, by the victim's container; \"(host)\" is processes in no container. Each point counts one rate interval. Scope \"cgroup\" means that a cgroup reached its own limit while the host may have had memory to spare; scope \"system\" that the host had none left, which may hit a container far below its limit. A point may have exemplars with the id of the kill, for nsviz why.", 12, 9).
			kills(counted("instance, container, scope", "nsviz_oom_kills_total", chosen, window)+" > 0", "{{container}} · {{scope}}").
			kills(`label_replace(`+counted("instance, container, scope", "nsviz_oom_kills_total", outside, window)+` > 0, "container", "(host)", "container", "")`, "{{container}} · {{scope}}").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizOOMKill", "NsvizHostOOMKill", "NsvizKillUnnoticed"),
		lines("Memory against the limit", "The working set divided by the limit of the container's cgroup; containers without a limit are not here. It is the usage without the cached files that the kernel takes back before it kills: with those a container can sit at 100 % in good health.", "percentunit", 12, 9).
			most(1).colors("transparent", 0.9, "red").custom("thresholdsStyle", map[string]any{"mode": "dashed+area"}).
			over(`max by (instance, container) (nsviz_container_memory_working_set_bytes{`+chosen+`} / (nsviz_container_memory_limit_bytes{`+chosen+`} < +Inf))`, "{{container}}").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerNearMemoryLimit"),
		lines("Memory in use", "What the kernel charges each live container's cgroup for: anonymous memory, page cache, kernel memory. The working set is without the cached files that it drops before it kills. A gap means that it could not be read.", "bytes", 12, 8).
			option("legend", map[string]any{"displayMode": "table", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull", "max"}}).
			over(`max by (instance, container) (nsviz_container_memory_usage_bytes{`+chosen+`})`, "{{container}}").
			over(`max by (instance, container) (nsviz_container_memory_working_set_bytes{`+chosen+`})`, "{{container}}, working set").
			over(`max by (instance, container) (nsviz_container_swap_usage_bytes{`+chosen+`}) > 0`, "{{container}}, swap").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerNearMemoryLimit"),
		table("OOM kills since nsviz started", "Every container that had a kill and was still known in the time shown, ended ones included. Then ask the host: nsviz why NAME.", 12, 8).
			row(`label_replace(sum by (instance, container, scope) (max_over_time(nsviz_oom_kills_total{`+host+`, container!="(folded)"}[$__range])) > 0, "container", "(host)", "container", "")`).
			columns("container", "scope", "Value=kills", "instance").sortedBy("kills").
			column("container", toWorkload(rowInstance, rowContainer)).next("NsvizOOMKill"),
		lines("Memory limit reached in", "How soon a container reaches its memory limit, or one above, if its working set goes on growing as in the last seconds. Only what is within ten minutes is here.", "s", 8, 8).
			whole().
			over(`min by (instance, container) (nsviz_container_memory_limit_reached_in_seconds{`+chosen+`})`, "{{container}}").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerReachesMemoryLimitSoon"),
		lines("Waiting for memory", "The share of the time in which something in a container waited for memory (pressure, some). It rises before the OOM killer comes: the kernel is busy taking pages back.", "percentunit", 8, 8).
			over(waiting("memory"), "{{container}}").
			over(`max by (instance, container) (rate(nsviz_container_pressure_stalled_seconds_total{`+chosen+`, resource="memory"}[`+window+`])) > 0`, "{{container}}, all of it").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerNearMemoryLimit"),
		lines("Outside its limits, or stuck at them", "Containers whose PID 1 was moved out of their cgroup, so that its limits do not hold, containers that wait for memory at a limit for which the OOM killer is off, and paused ones.", "short", 8, 8).
			whole().
			over(`max by (instance, container) (nsviz_container_outside_cgroup{`+chosen+`}) > 0`, "{{container}} is outside").
			over(`max by (instance, container) (nsviz_container_stuck_at_memory_limit{`+chosen+`}) > 0`, "{{container}} is stuck").
			over(`max by (instance, container) (nsviz_container_paused{`+chosen+`}) > 0`, "{{container}} is paused").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerOutsideCgroup", "NsvizContainerStuckAtMemoryLimit"),
	}
}

func waiting(resource string) string {
	return `max by (instance, container) (rate(nsviz_container_pressure_waiting_seconds_total{` + chosen + `, resource="` + resource + `"}[` + window + `]))`
}

func processes() []*panel {
	return []*panel{
		lines("CPU in use", "CPU time that each container takes, in CPUs.", "short", 8, 8).
			over(`max by (instance, container) (rate(nsviz_container_cpu_usage_seconds_total{`+chosen+`}[`+window+`]))`, "{{container}}").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerThrottled"),
		lines("Held back by a CPU limit", "The share of the periods in which a container had used up its CPU limit, and the time it had to wait for that, in seconds a second. It waits though the host may be idle.", "percentunit", 8, 8).
			over(`clamp_max(max by (instance, container) (rate(nsviz_container_cpu_throttled_periods_total{`+chosen+`}[`+window+`]) / (rate(nsviz_container_cpu_periods_total{`+chosen+`}[`+window+`]) > 0)), 1)`, "{{container}}").
			over(`max by (instance, container) (rate(nsviz_container_cpu_throttled_seconds_total{`+chosen+`}[`+window+`])) > 0`, "{{container}}, waited").
			override("byFrameRefID", "B", property{"unit", "short"}, property{"custom.axisPlacement", "right"}).
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerThrottled"),
		lines("Waiting for CPU and disks", "The share of the time in which something in a container waited for a CPU, or for reads and writes (pressure, some).", "percentunit", 8, 8).
			over(waiting("cpu"), "{{container}}, CPU").
			over(waiting("io"), "{{container}}, disks").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerThrottled"),
		lines("Processes and threads", "How many each container has, threads included: that is what the limit counts.", "short", 8, 8).
			whole().
			over(`max by (instance, container) (nsviz_container_pids{`+chosen+`})`, "{{container}}").
			over(`max by (instance, container) (nsviz_container_pids_limit{`+chosen+`} < +Inf)`, "{{container}}, limit").
			override("byFrameRefID", "B", property{"custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}}, property{"custom.fillOpacity", 0}).
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerNearPidsLimit"),
		bars("Processes refused", "New processes and threads that the kernel refused a container, since a limit of processes was reached.", 8, 8).
			over(counted("instance, container", "nsviz_container_pids_refused_total", chosen, window)+" > 0", "{{container}}").
			each(toWorkload(itsInstance, itsContainer)).next("NsvizContainerProcessesRefused"),
		table("Holes in the walls", "What nsviz inspect finds: ways out of a container, by how much they matter. At most ten minutes old.", 8, 8).
			row(`sum by (instance, container, severity) (nsviz_container_findings{`+chosen+`, severity=~"critical|high|medium"}) > 0`).
			columns("container", "severity", "Value=findings", "instance").sortedBy("findings").
			column("container", toWorkload(rowInstance, rowContainer)).
			field("severity", property{"custom.cellOptions", map[string]any{"type": "color-text"}},
				property{"mappings", []mapping{texts("critical", "critical", "red", "high", "high", "orange", "medium", "medium", "yellow")}}).
			next("NsvizContainerCriticalFinding"),
	}
}

func sharing() []*panel {
	return []*panel{
		bars("Namespaces made", "Births by type and by what made them: a clone that came with new namespaces, or an unshare by a process that already ran (runc makes a container's in one unshare). \"reconcile\" were found in /proc without their birth having been seen.", 8, 9).
			over(counted("type, via", "nsviz_namespace_created_total", host, window)+" > 0", "{{type}} · {{via}}").next("NsvizEventsThrottled"),
		bars("Namespaces joined", "Joins by setns: docker exec, nsenter, and the engine itself, which steps into a container's network namespace and back several times at each start.", 8, 9).
			over(`sum by (type) (increase(nsviz_namespace_joined_total{`+host+`}[`+window+`])) > 0`, "{{type}}").next(),
		lines("Namespaces alive", "By type. A line that only climbs is a leak: something holds namespaces that no process lives in. nsviz ns shows what pins them.", "short", 8, 9).
			whole().
			over(`sum by (type) (nsviz_namespaces{`+host+`})`, "{{type}}").
			over(`sum(nsviz_processes_unseen{`+host+`}) > 0`, "processes that may be in others").
			over(`sum(nsviz_sandboxes_unlisted{`+host+`}) > 0`, "sandboxes that are not listed").next("NsvizProcessesUnseen"),
		shares(24),
	}
}

// shares has a row for each container and a column for each type of namespace.
func shares(width int) *panel {
	p := table("Who shares what", "One row for each live container, one column for each namespace type: its own, shared with another container (a pod, --network=container:NAME), or the host's. User and time namespaces are the host's by default, others only where someone asked for it. Empty is unknown.", width, 8).
		row(`max by (container, type) (nsviz_container_namespace_shared{`+chosen+`} + on (job, instance, container, type) nsviz_container_namespace_shared_with_host{`+chosen+`})`).
		custom("align", "center").custom("cellOptions", map[string]any{"type": "color-text"}).custom("filterable", false).
		texts("0", "own", "green", "1", "shared", "yellow", "2", "host", "orange").
		field(`container\type`, property{"displayName", "container"}, property{"custom.align", "left"},
			property{"custom.cellOptions", map[string]any{"type": "auto"}}, property{"mappings", []mapping{}},
			property{"links", []link{leadsTo("Workload ${__value.text}", "/d/"+workloadUID+"?var-container=${__value.text}&${instance:queryparam}&"+kept)}})
	p.Transformations = []transformation{{"groupingToMatrix", map[string]any{
		"columnField": "type", "rowField": "container", "valueField": "Value", "emptyValue": "null",
	}}}
	return p.next("NsvizContainerSharesHostNamespace")
}

func lives() []*panel {
	return []*panel{
		timeline(24),
		lines("Containers running", "Live containers by runtime, and virtual machines by their monitor: from the host each of these is one process. One that is in a container, as Kata's are, counts as both.", "short", 8, 8).
			whole().custom("stacking", map[string]any{"mode": "normal", "group": "A"}).custom("lineInterpolation", "stepAfter").
			over(`label_replace(sum by (runtime) (nsviz_containers{`+host+`}), "runtime", "(not known yet)", "runtime", "")`, "{{runtime}}").
			over(`sum by (monitor) (nsviz_virtual_machines{`+host+`})`, "VM: {{monitor}}").next("NsvizContainerRestartLoop"),
		lines("Start time", "From the making of the cgroup to the exec of the container's own program: the part of a start that is the container itself. Pulling the image is not in it. Points only where containers started.", "s", 8, 8).
			custom("showPoints", "always").custom("pointSize", 6).
			over(quantile(0.5, window), "p50").over(quantile(0.9, window), "p90").over(quantile(0.99, window), "p99").next(),
		spread(),
		bars("Exits by cause", "What ended PID 1: its own exit, a signal, or the OOM killer. Exit code 137 alone cannot tell the last two apart.", 6, 8).
			over(counted("cause", "nsviz_container_exits_total", chosen, window)+" > 0", "{{cause}}").next("NsvizContainerRestartLoop"),
		bars("Entered from outside", "Programs that were run in a container from outside, as docker exec and nsenter do.", 6, 8).
			over(counted("instance, container", "nsviz_container_entries_total", chosen, window)+" > 0", "{{container}}").
			each(toWorkload(itsInstance, itsContainer)).next(),
		table("Live containers", "Name, image, runtime and id. The name is the label that every other panel uses; until the engine reports it, it is the short id.", 12, 8).
			row(`nsviz_container_info{`+chosen+`}`).
			columns("container", "namespace", "pod", "project", "image", "runtime", "kind", "id", "instance").
			column("container", toWorkload(rowInstance, rowContainer)).next(),
		table("Started again", "How often a live container was started again: as nsviz saw, or as its engine counts, whichever is more.", 12, 8).
			row(`nsviz_container_restarts{`+chosen+`} > 0`).
			columns("container", "Value=restarts", "instance").sortedBy("restarts").
			column("container", toWorkload(rowInstance, rowContainer)).noValue("none").next("NsvizContainerRestartLoop"),
		table("Youngest programs", "When the program of each live container started.", 12, 8).
			row(`topk(50, nsviz_container_start_time_seconds{`+chosen+`} * 1000)`).
			columns("container", "Value=started", "instance").sortedBy("started").
			field("started", property{"unit", "dateTimeAsIso"}).
			column("container", toWorkload(rowInstance, rowContainer)).next("NsvizContainerRestartLoop"),
	}
}

func quantile(q float64, window string) string {
	return fmt.Sprintf(`histogram_quantile(%v, sum by (le) (increase(nsviz_container_start_seconds_bucket{%s}[%s])))`, q, host, window)
}

// timeline draws the life of each workload as a bar: what is most worth knowing of each moment.
func timeline(width int) *panel {
	state := func(number int, expr string) string {
		return fmt.Sprintf("(max by (instance, container) (%s)) * 0 + %d", expr, number)
	}
	happened := func(metric, matchers string) string {
		return counted("instance, container", metric, chosen+matchers, window) + " > 0.5"
	}
	p := newPanel("state-timeline", "Lives of workloads", "Each bar is the life of a workload. It is empty before it began and after it ended.", width, 10)
	p.FieldConfig.Defaults = fieldDefaults{
		Color:  map[string]any{"mode": "thresholds"},
		Custom: map[string]any{"lineWidth": 0, "fillOpacity": 80, "spanNulls": false},
	}
	p.Options = map[string]any{
		"showValue": "auto", "rowHeight": 0.9, "mergeValues": true, "alignValue": "left", "perPage": 30,
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "single", "sort": "none"},
	}
	return p.colors("green").
		texts("1", "runs", "green", "2", "paused", "blue", "3", "stuck at its memory limit", "orange",
			"4", "OOM kill in it", "red", "5", "ended by the OOM killer", "dark-red", "6", "ended", "text").
		over(state(5, happened("nsviz_container_exits_total", `, cause="oom_kill"`))+
			" or "+state(6, happened("nsviz_container_exits_total", `, cause!="oom_kill"`))+
			" or "+state(4, happened("nsviz_oom_kills_total", ""))+
			" or "+state(3, `nsviz_container_stuck_at_memory_limit{`+chosen+`} == 1`)+
			" or "+state(2, `nsviz_container_paused{`+chosen+`} == 1`)+
			" or "+state(1, `nsviz_container_info{`+chosen+`}`), "{{container}}").
		each(toWorkload(itsInstance, itsContainer)).next("NsvizOOMKill", "NsvizContainerRestartLoop")
}

func spread() *panel {
	p := newPanel("heatmap", "Start time, spread", "How many containers started within each span of time. Two bands often mean two kinds of start, for example with and without a network to set up.", 8, 8)
	p.FieldConfig.Defaults.Custom = map[string]any{
		"hideFrom": map[string]any{"legend": false, "tooltip": false, "viz": false}, "scaleDistribution": map[string]any{"type": "linear"},
	}
	p.Options = map[string]any{
		"calculate": false, "cellGap": 1, "showValue": "never",
		"color":        map[string]any{"mode": "scheme", "scheme": "Oranges", "steps": 64, "fill": "dark-orange", "exponent": 0.5, "reverse": false},
		"exemplars":    map[string]any{"color": "rgba(255,0,255,0.7)"},
		"filterValues": map[string]any{"le": 1e-9},
		"legend":       map[string]any{"show": true},
		"rowsFrame":    map[string]any{"layout": "auto"},
		"tooltip":      map[string]any{"mode": "single", "showColorScale": false, "yHistogram": false},
		"yAxis":        map[string]any{"axisPlacement": "left", "reverse": false, "unit": "s"},
	}
	p.over(`sum by (le) (increase(nsviz_container_start_seconds_bucket{`+host+`}[`+window+`]))`, "{{le}}")
	p.Targets[0].Format = "heatmap"
	return p.next()
}

func itself() []*panel {
	return []*panel{
		lines("Events", "Events that reached nsviz, by type, and the log records, spans and samples that the receiver of --export has accepted.", "cps", 8, 8).
			over(`sum by (type) (rate(nsviz_events_total{`+host+`}[`+window+`]))`, "{{type}}").
			over(`sum by (signal) (rate(nsviz_export_delivered_total{`+host+`}[`+window+`]))`, "exported: {{signal}}").next(),
		bars("Events lost and failed reads", "Lost events by reason, failed kernel reads by the place in the BPF programs, OOM kills that only the kernel has counted, what those who read from nsviz did not get, what could not be exported, mistakes in nsviz itself, and what nsviz does without since its own cgroup is nearly full. Nothing here is good news.", 8, 8).
			over(counted("reason", "nsviz_events_lost_total", host, window), "lost: {{reason}}").
			over(counted("place", "nsviz_bpf_errors_total", host, window), "failed read: {{place}}").
			over(counted("instance, container", "nsviz_oom_kills_unobserved_total", host, window), "unobserved OOM kill: {{container}}").
			over(`sum by (sink) (increase(nsviz_sink_dropped_total{`+host+`}[`+window+`]))`, "not read: {{sink}}").
			over(`sum by (reason) (increase(nsviz_web_connections_dropped_total{`+host+`}[`+window+`]))`, "connections dropped: {{reason}}").
			over(`sum by (step) (increase(nsviz_memory_saving_steps_total{`+host+`}[`+window+`]))`, "nsviz began to save memory: {{step}}").
			over(`max by (instance) (nsviz_memory_saving_step{`+host+`}) > 0`, "nsviz saves memory, step").
			over(`sum by (signal) (increase(nsviz_export_rejected_total{`+host+`}[`+window+`]))`, "not exported: {{signal}}").
			over(`sum by (signal) (increase(nsviz_export_failures_total{`+host+`}[`+window+`]))`, "failed requests of the export: {{signal}}").
			over(`sum by (work) (increase(nsviz_panics_total{`+host+`}[`+window+`]))`, "mistake in nsviz: {{work}}").
			next("NsvizEventsLost", "NsvizReadsFail", "NsvizOOMKillsUnobserved", "NsvizSavesMemory"),
		lines("What watching costs", "CPU of the nsviz process as a share of one core (left) and its resident memory (right). The BPF programs' own time is charged to the processes that they watch and is not in it.", "percentunit", 8, 8).
			over(`rate(process_cpu_seconds_total{`+host+`}[`+window+`]) and on (job, instance) nsviz_build_info`, "CPU {{instance}}").
			over(`process_resident_memory_bytes{`+host+`} and on (job, instance) nsviz_build_info`, "memory {{instance}}").
			override("byFrameRefID", "B", property{"unit", "bytes"}, property{"custom.axisPlacement", "right"}).next("NsvizSavesMemory"),
		table("Probe methods", "How nsviz learns each kind of fact on each host, the best that the host allows. \"none\" means that this goes unseen there. nsviz doctor says why.", 14, 9).
			row(`nsviz_probe_info{`+host+`}`).columns("probe", "method", "instance").
			field("method", property{"custom.cellOptions", map[string]any{"type": "color-text"}},
				property{"mappings", []mapping{{"value", map[string]any{"none": map[string]any{"index": 0, "color": "red"}}}}}).
			next("NsvizProbeMissing"),
		table("Builds", "Which nsviz runs where.", 6, 9).
			row(`nsviz_build_info{`+host+`}`).columns("instance", "version", "revision", "goversion").next("NsvizDown"),
		lines("Containers folded away", "Ended containers whose counts were moved to the label \"(folded)\", at least 15 minutes after their death, so that the number of series stays bounded.", "short", 4, 9).
			whole().over(`nsviz_containers_folded_total{`+host+`}`, "{{instance}}").next(),
	}
}
