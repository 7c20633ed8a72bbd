package grafana

// workloadBoard is the dashboard of one workload, or of a few that are compared.
func workloadBoard() *board {
	b := newBoard(workloadUID, "nsviz: workload",
		"One workload from its start to its end: its memory and the kills in it, its processes and CPU, and the walls around it.",
		workloadVariables(), workloadAnnotations())
	b.section("Its life",
		stat("OOM kills", "Processes that the OOM killer took from it in the time shown.", "short").
			whole().colors("green", 0.5, "red").
			now(`sum(`+counted("instance, container, scope", "nsviz_oom_kills_total", chosen, "$__range")+`) or vector(0)`).
			next("NsvizOOMKill", "NsvizKillUnnoticed"),
		stat("Ends", "How often its PID 1 ended in the time shown.", "short").
			whole().colors("blue", 2.5, "orange").
			now(`sum(`+counted("instance, container, cause", "nsviz_container_exits_total", chosen, "$__range")+`) or vector(0)`).
			next("NsvizContainerRestartLoop"),
		stat("Memory against the limit", "The highest of the working set now, as a share of its limit.", "percentunit").
			colors("green", 0.9, "red").noValue("no limit").
			now(`max(nsviz_container_memory_working_set_bytes{`+chosen+`} / (nsviz_container_memory_limit_bytes{`+chosen+`} < +Inf))`).
			next("NsvizContainerNearMemoryLimit"),
		stat("Waiting for memory", "The share of the last minutes in which something in it waited for memory.", "percentunit").
			colors("green", 0.1, "orange").noValue("not known").
			now(`max(rate(nsviz_container_pressure_waiting_seconds_total{`+chosen+`, resource="memory"}[`+window+`]))`).
			next("NsvizContainerNearMemoryLimit"),
		stat("Critical holes", "Findings of nsviz inspect that let it take over the host.", "short").
			colors("green", 1.0, "red").noValue("not known").
			now(`sum(nsviz_container_findings{`+chosen+`, severity="critical"})`).
			next("NsvizContainerCriticalFinding"),
		stat("Runs since", "When the youngest of its programs started.", "dateTimeFromNow").
			noValue("it does not run").now(`max(nsviz_container_start_time_seconds{`+chosen+`}) * 1000`).
			next("NsvizContainerRestartLoop"),
		timeline(24),
		alertsTable(`instance=~"$instance", container=~"$container"`, 24),
	)
	b.section("Memory",
		lines("Memory", "Usage is all that its cgroup is charged for; the working set is without the cached files that the kernel drops before it kills. It is killed when the working set reaches the limit.", "bytes", 16, 9).
			over(`max by (instance, container) (nsviz_container_memory_usage_bytes{`+chosen+`})`, "{{container}}, usage").
			over(`max by (instance, container) (nsviz_container_memory_working_set_bytes{`+chosen+`})`, "{{container}}, working set").
			over(`max by (instance, container) (nsviz_container_memory_limit_bytes{`+chosen+`} < +Inf)`, "{{container}}, limit").
			over(`max by (instance, container) (nsviz_container_swap_usage_bytes{`+chosen+`})`, "{{container}}, swap").
			override("byFrameRefID", "C", property{"color", map[string]any{"mode": "fixed", "fixedColor": "red"}}, property{"custom.fillOpacity", 0},
				property{"custom.lineStyle", map[string]any{"fill": "dash", "dash": []int{10, 10}}}).
			next("NsvizContainerNearMemoryLimit", "NsvizContainerReachesMemoryLimitSoon"),
		bars("OOM kills", "By whose memory ran out: \"cgroup\" is a limit of its own or above, \"system\" the host. A point may have exemplars with the id of the kill: nsviz why ID.", 8, 9).
			kills(counted("instance, container, scope", "nsviz_oom_kills_total", chosen, window)+" > 0", "{{container}} · {{scope}}").
			over(counted("instance, container", "nsviz_oom_kills_unobserved_total", chosen, window)+" > 0", "{{container}} · only the kernel counted it").
			next("NsvizOOMKill", "NsvizKillUnnoticed", "NsvizOOMKillsUnobserved"),
		lines("Memory limit reached in", "If it goes on growing as in the last seconds.", "s", 8, 8).
			whole().over(`min by (instance, container) (nsviz_container_memory_limit_reached_in_seconds{`+chosen+`})`, "{{container}}").
			next("NsvizContainerReachesMemoryLimitSoon"),
		lines("Waiting", "The share of the time in which something in it waited for memory, for a CPU, or for reads and writes (pressure, some).", "percentunit", 8, 8).
			over(waiting("memory"), "{{container}}, memory").over(waiting("cpu"), "{{container}}, CPU").over(waiting("io"), "{{container}}, disks").
			next("NsvizContainerNearMemoryLimit"),
		lines("Standing still", "The share of the time in which all of it that had work waited (pressure, full).", "percentunit", 8, 8).
			over(`max by (instance, container, resource) (rate(nsviz_container_pressure_stalled_seconds_total{`+chosen+`}[`+window+`]))`, "{{container}}, {{resource}}").
			next("NsvizContainerNearMemoryLimit"),
	)
	b.section("Processes and CPU",
		lines("CPU in use", "In CPUs.", "short", 8, 8).
			over(`max by (instance, container) (rate(nsviz_container_cpu_usage_seconds_total{`+chosen+`}[`+window+`]))`, "{{container}}").
			next("NsvizContainerThrottled"),
		lines("Held back by its CPU limit", "The share of the periods in which it had used up its limit and waited.", "percentunit", 8, 8).
			over(`clamp_max(max by (instance, container) (rate(nsviz_container_cpu_throttled_periods_total{`+chosen+`}[`+window+`]) / (rate(nsviz_container_cpu_periods_total{`+chosen+`}[`+window+`]) > 0)), 1)`, "{{container}}").
			next("NsvizContainerThrottled"),
		lines("Processes and threads", "What it has, what it may have, and what the kernel refused it.", "short", 8, 8).
			whole().
			over(`max by (instance, container) (nsviz_container_pids{`+chosen+`})`, "{{container}}").
			over(`max by (instance, container) (nsviz_container_pids_limit{`+chosen+`} < +Inf)`, "{{container}}, limit").
			over(counted("instance, container", "nsviz_container_pids_refused_total", chosen, window)+" > 0", "{{container}}, refused").
			next("NsvizContainerNearPidsLimit", "NsvizContainerProcessesRefused"),
		bars("Ends by cause", "What ended its PID 1.", 8, 8).
			over(counted("instance, container, cause", "nsviz_container_exits_total", chosen, window)+" > 0", "{{container}} · {{cause}}").
			next("NsvizContainerRestartLoop"),
		bars("Entered from outside", "Programs that were run in it from outside, as docker exec and nsenter do.", 8, 8).
			over(counted("instance, container", "nsviz_container_entries_total", chosen, window)+" > 0", "{{container}}").next(),
		lines("Restarts", "How often it was started again: as nsviz saw, or as its engine counts, whichever is more.", "short", 8, 8).
			whole().over(`max by (instance, container) (nsviz_container_restarts{`+chosen+`})`, "{{container}}").
			next("NsvizContainerRestartLoop"),
	)
	b.section("Its walls",
		shares(12),
		lines("Holes", "Findings of nsviz inspect by how much they matter, at most ten minutes old.", "short", 12, 8).
			whole().over(`sum by (container, severity) (nsviz_container_findings{`+chosen+`})`, "{{container}}, {{severity}}").
			next("NsvizContainerCriticalFinding"),
		table("What it is", "Image, runtime, id, and the pod or project that it is a member of.", 24, 6).
			row(`nsviz_container_info{`+chosen+`}`).
			columns("container", "namespace", "pod", "project", "image", "runtime", "kind", "id", "instance").next(),
	)
	b.onward("Its host", hostUID, "instance")
	return b
}
