package grafana

// fleetBoard is the dashboard of all hosts. It asks for what the recording rules of nsviz.fleet.rules.yml have made, never for series of
// single containers: with thousands of hosts those would be millions.
func fleetBoard() *board {
	b := newBoard(fleetUID, "nsviz: fleet",
		"All hosts: where the OOM killer strikes, which hosts are nearly full, what is privileged, and where nsviz is blind. It needs the recording rules of nsviz.fleet.rules.yml.",
		fleetVariables(), fleetAnnotations())
	const grouped = `namespace=~"$namespace", project=~"$project"`
	kills := `increase(instance_type:nsviz_events_total:sum{type="oom_kill", ` + host + `}[$__range])`
	events := func(typ string) string {
		return `instance_type:nsviz_events:increase10m{type="` + typ + `", ` + host + `}`
	}
	b.section("The fleet",
		stat("Hosts watched", "Hosts with nsviz that Prometheus can scrape.", "short").now(`sum(up{job="nsviz", `+host+`})`).next("NsvizDown"),
		stat("Hosts down", "Hosts on which nobody watches.", "short").colors("green", 1.0, "red").
			now(`count(up{job="nsviz", `+host+`} == 0) or vector(0)`).next("NsvizDown"),
		stat("Hosts half blind", "Hosts on which nsviz lacks a probe that matters, or the right to look into all processes.", "short").colors("green", 1.0, "orange").
			now(`count(instance:nsviz_blind:count{`+host+`}) or vector(0)`).next("NsvizProbeMissing", "NsvizProcessesUnseen"),
		stat("Containers", "Live containers on all hosts.", "short").now(`sum(instance:nsviz_containers:sum{`+host+`})`).next(),
		stat("OOM kills", "On all hosts, in the time shown.", "short").whole().colors("green", 0.5, "red").
			now(`sum(`+kills+`)`).next("NsvizOOMKill", "NsvizHostOutOfMemory"),
		stat("Critical holes", "Findings of nsviz inspect that let a container take over its host.", "short").colors("green", 1.0, "orange").
			now(`sum(instance_severity:nsviz_container_findings:sum{severity="critical", `+host+`}) or vector(0)`).next("NsvizContainerCriticalFinding"),
		alertsTable(`instance=~"$instance|"`, 24),
	)
	b.section("Hosts",
		bars("OOM kills by host", "The twenty hosts with most, within 10 minutes before each point.", 12, 9).
			custom("stacking", map[string]any{"mode": "none", "group": "A"}).
			over(`topk(20, `+events("oom_kill")+` > 0.5)`, "{{instance}}").
			each(toHost(itsInstance)).next("NsvizOOMKill", "NsvizHostOutOfMemory"),
		lines("Nearest to a limit", "The container of each host that is nearest to its memory limit; the twenty highest.", "percentunit", 12, 9).
			most(1).colors("transparent", 0.9, "red").custom("thresholdsStyle", map[string]any{"mode": "dashed"}).
			over(`topk(20, instance:nsviz_container_memory_limit_ratio:max{`+host+`})`, "{{instance}}").
			each(toHost(itsInstance)).next("NsvizContainerNearMemoryLimit"),
		lines("Waiting most", "The share of the time in which the container that waits most waited for memory, a CPU or disks; the twenty highest.", "percentunit", 8, 8).
			over(`topk(20, instance_resource:nsviz_container_pressure_waiting_seconds:max_rate5m{`+host+`})`, "{{instance}}, {{resource}}").
			each(toHost(itsInstance)).next("NsvizContainerThrottled"),
		lines("Starts and ends", "Containers started and ended within 10 minutes, on all hosts.", "short", 8, 8).
			over(`sum by (type) (instance_type:nsviz_events:increase10m{type=~"container_started|container_exited", `+host+`})`, "{{type}}").
			next("NsvizContainerRestartLoop"),
		lines("Memory and CPU in use", "Working sets of all containers (left) and their CPU time in CPUs (right).", "bytes", 8, 8).
			over(`sum(instance:nsviz_container_memory_working_set_bytes:sum{`+host+`})`, "working sets").
			over(`sum(instance:nsviz_container_cpu_usage_seconds:rate5m{`+host+`})`, "CPU").
			override("byFrameRefID", "B", property{"unit", "short"}, property{"custom.axisPlacement", "right"}).next("NsvizContainerThrottled"),
		table("All hosts", "One row for each host; a click leads to it. Kills are those in the time shown.", 24, 10).
			row(`sum by (instance) (instance:nsviz_containers:sum{`+host+`})`).
			row(`sum by (instance) (`+kills+`)`).
			row(`max by (instance) (instance:nsviz_container_memory_limit_ratio:max{`+host+`})`).
			row(`sum by (instance) (instance:nsviz_container_near_memory_limit:count{`+host+`})`).
			row(`sum by (instance) (instance:nsviz_container_memory_working_set_bytes:sum{`+host+`})`).
			row(`sum by (instance) (instance_severity:nsviz_container_findings:sum{severity="critical", `+host+`})`).
			row(`sum by (instance) (instance:nsviz_container_in_host_namespace:count{`+host+`})`).
			row(`sum by (instance) (instance:nsviz_blind:count{`+host+`})`).
			merged().columns("instance", "Value #A=containers", "Value #B=OOM kills", "Value #C=nearest to a limit", "Value #D=near a limit",
			"Value #E=working sets", "Value #F=critical holes", "Value #G=in host's pid or net", "Value #H=blind to").
			sortedBy("OOM kills").
			field("OOM kills", property{"decimals", 0}).
			field("nearest to a limit", property{"unit", "percentunit"}).
			field("working sets", property{"unit", "bytes"}).
			column("instance", toHost("${__value.text}")).next(),
	)
	b.section("Namespaces and projects",
		bars("OOM kills by pod and project", "Within 10 minutes before each point; the twenty with most. What is in no pod and no project is together.", 12, 9).
			custom("stacking", map[string]any{"mode": "none", "group": "A"}).
			over(`topk(20, sum by (namespace, pod, project) (namespace_pod_project:nsviz_oom_kills:increase10m{`+grouped+`}) > 0.5)`, "{{namespace}}/{{pod}} {{project}}").
			next("NsvizOOMKill"),
		lines("Working sets", "The twenty namespaces and projects with most.", "bytes", 12, 9).
			over(`topk(20, sum by (namespace, project) (namespace_project:nsviz_container_memory_working_set_bytes:sum{`+grouped+`}))`, "{{namespace}} {{project}}").
			next("NsvizContainerNearMemoryLimit"),
		table("Namespaces and projects", "One row for each Kubernetes namespace and compose project. The row without either is the containers that are in none.", 24, 9).
			row(`sum by (namespace, project) (namespace_project:nsviz_containers:count{`+grouped+`})`).
			row(`sum by (namespace, project) (namespace_project:nsviz_container_memory_working_set_bytes:sum{`+grouped+`})`).
			row(`sum by (namespace, project) (namespace_project:nsviz_container_cpu_usage_seconds:rate5m{`+grouped+`})`).
			row(`sum by (namespace, project) (namespace_project:nsviz_container_near_memory_limit:count{`+grouped+`})`).
			row(`sum by (namespace, project) (namespace_project_severity:nsviz_container_findings:sum{severity="critical", `+grouped+`})`).
			row(`max by (namespace, project) (max_over_time(namespace_pod_project:nsviz_oom_kills:increase10m{`+grouped+`}[$__range]))`).
			merged().columns("namespace", "project", "Value #A=containers", "Value #B=working sets", "Value #C=CPUs", "Value #D=near a limit",
			"Value #E=critical holes", "Value #F=OOM kills in 10 minutes, at most").
			sortedBy("OOM kills in 10 minutes, at most").
			field("OOM kills in 10 minutes, at most", property{"decimals", 0}).
			field("working sets", property{"unit", "bytes"}).
			field("CPUs", property{"decimals", 2}).
			column("namespace", leadsTo("Its workloads", "/d/"+hostUID+"?var-namespace=${__data.fields.namespace}&"+kept)).
			column("project", leadsTo("Its workloads", "/d/"+hostUID+"?var-project=${__data.fields.project}&"+kept)).next(),
	)
	b.section("nsviz itself",
		bars("Events lost by host", "Within 10 minutes before each point, without what users were throttled for.", 8, 8).
			over(`topk(20, instance:nsviz_events_lost:increase10m{`+host+`})`, "{{instance}}").
			each(toHost(itsInstance)).next("NsvizEventsLost"),
		table("Which hosts are down", "Prometheus cannot scrape nsviz there.", 8, 8).
			row(`up{job="nsviz", `+host+`} == 0`).columns("instance").noValue("none").
			column("instance", toHost("${__value.text}")).next("NsvizDown"),
		lines("Versions", "How many hosts run which nsviz.", "short", 8, 8).
			whole().custom("stacking", map[string]any{"mode": "normal", "group": "A"}).
			over(`sum by (version) (job_version:nsviz_build_info:count)`, "{{version}}").next("NsvizDown"),
	)
	b.onward("These hosts, closely", hostUID, "instance")
	return b
}
